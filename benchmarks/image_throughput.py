"""Training speed of convolutional VAEs."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any

import harness
import image_peers
import image_section
import peers
import torch

HAND, ISTHMUS, PYTHAE = "hand-written", "Isthmus", "pythae"
TARGETS = {HAND: 0.95, PYTHAE: 1.15}
CODES, BATCH, EPOCHS = 32, 128, 3


@dataclasses.dataclass(frozen=True)
class Case:
    """One network and its images."""

    side: int
    channels: tuple[int, ...]
    rows: int
    hidden: int = 256


CASES = {
    "28 × 28, 32-64": Case(28, (32, 64), 2_560),
    "64 × 64, 32-32-64-64": Case(64, (32, 32, 64, 64), 1_280),
}


class Throughput(image_section.Section):
    """Images per second of processor time, beside a hand-written loop and pythae with the same network."""

    most_seeds = 1

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        self.contenders = tuple(f"{name}, {threads} thread(s)" for threads in options.threads for name in CASES)

    def measure(self, contender: str, seed: int, earlier: Mapping[str, Any]) -> image_section.Line:
        name, _, threads = contender.rpartition(", ")
        case = CASES[name]
        generator = torch.Generator().manual_seed(seed)
        images = torch.randint(0, 256, (case.rows, case.side, case.side), dtype=torch.uint8, generator=generator)
        trains: dict[str, Callable[[], list[float]]] = {
            HAND: lambda: _by_hand(case, images, seed),
            ISTHMUS: lambda: _isthmus(case, images, seed),
            PYTHAE: lambda: _pythae(case, images, seed),
        }
        torch.set_num_threads(int(threads.split()[0]))
        try:
            measured = harness.interleave(
                {one: lambda train=train: _rate(case, train()) for one, train in trains.items()}, self.options.rounds
            )
        finally:
            torch.set_num_threads(1)
        return {"rates": measured, "rounds": self.options.rounds}

    def tables(self, lines: image_section.Lines) -> list[harness.Table]:
        rows = []
        for (contender, _), line in lines.items():
            rates = line["rates"]
            for other, target in TARGETS.items():
                middle, low, high = harness.ratio(rates, ISTHMUS, other)
                both = (harness.median(rates[ISTHMUS]), harness.median(rates[other]))
                words = (f"{low:.2f} to {high:.2f}", harness.verdict(middle, target))
                rows.append((contender, f"{ISTHMUS} / {other}", *both, middle, *words, line["rounds"]))
        head = ("network", "ratio", "images per second, Isthmus", "…, the other", "ratio, median", "range", "target")
        note = (
            f"VAEs with codes of {CODES}, one fully connected layer of 256, transposed convolutions, ReLU, "
            f"batches of {BATCH}, squared error; images of noise, as the numbers do not matter. Contenders take "
            f"turns in blocks of {EPOCHS} short epochs, of which the first does not count; the ratio is the "
            "median of those within a round. Seconds are the processor's, of all threads together: on a machine "
            "with busy neighbours the clock on the wall says less. With two threads they contain the time that "
            "one thread waits for the other."
        )
        return [harness.Table("Training throughput", (*head, "rounds"), rows, note)]


def _rate(case: Case, ends: list[float]) -> float:
    """Images per second of the median epoch among all but the first."""
    return case.rows / harness.median([end - begin for begin, end in itertools.pairwise(ends)])


def _networks(case: Case) -> tuple[torch.nn.Module, torch.nn.Module]:
    return (
        image_peers.plain_encoder(case.side, case.channels, case.hidden, 2 * CODES),
        image_peers.plain_decoder(case.side, case.channels, case.hidden, CODES),
    )


def _by_hand(case: Case, images: torch.Tensor, seed: int) -> list[float]:
    torch.manual_seed(seed)
    scaled = images[:, None].float() / 255
    return image_peers.by_hand_vae_seconds(scaled, *_networks(case), BATCH, EPOCHS, seed)


def _pythae(case: Case, images: torch.Tensor, seed: int) -> list[float]:
    torch.manual_seed(seed)
    shape = (1, case.side, case.side)
    model = image_peers.pythae_model(*_networks(case), shape, CODES, vae=True)
    _, clock = peers.pythae_train(
        images[:, None].float() / 255, model, EPOCHS, seed, per_device_train_batch_size=BATCH, learning_rate=1e-3
    )
    return clock.processor[1:]


def _isthmus(case: Case, images: torch.Tensor, seed: int) -> list[float]:
    import isthmus
    from isthmus.training.callbacks import Callback, EpochEnd

    ends: list[float] = []

    class Ends(Callback):
        def on_epoch_end(self, event: EpochEnd) -> None:
            ends.append(time.process_time())

    network = isthmus.Convolutional(
        channels=case.channels, hidden=(case.hidden,), upsampling="transposed", activation="relu"
    )
    isthmus.VAE(
        CODES,
        network=network,
        likelihood=isthmus.Gaussian(sigma=1.0),
        batch_size=BATCH,
        max_epochs=EPOCHS,
        learning_rate=1e-3,
        learning_rate_schedule="constant",
        warmup_epochs=0,
        validation_fraction=None,
        patience=None,
        callbacks=[Ends()],
        device="cpu",
        precision="float32",
        random_state=seed,
    ).fit(images.numpy())
    return ends
