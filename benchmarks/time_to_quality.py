"""Time to quality: seconds of training until Isthmus' defaults reach the test error of pythae's defaults.

MNIST, 60,000 training rows with values in [0, 1], 32 codes. pythae 0.1.2 trains its AE with its default networks and
training options for 10 epochs. Isthmus trains `Autoencoder(latent_dim=32)` with every other parameter at its default.
Errors are squared errors per test image, summed over the 784 pixels. Evaluation on the test images is excluded from the
seconds, and for pythae its set-up, sanity check and saving too. For Isthmus the time starts when `fit` is called: that
it learns the schema, prepares the rows and validates counts; the time of the whole `fit`, with what it does after
training, stands beside it. PCA with 32 components shows what a linear code gives.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import harness
import mnist
import numpy as np
import peers
import torch
from torch import Tensor

CODES = 32
TARGET = 1 / 5
EPOCHS_OF_PYTHAE = 10


def squared_error(images: np.ndarray, reconstructions: np.ndarray) -> float:
    """Squared error per image, summed over its pixels."""
    difference = images.astype(np.float64) - reconstructions
    return float(np.square(difference).sum() / len(images))


def pca_error(train: np.ndarray, test: np.ndarray, seed: int) -> float:
    """The test error of PCA with as many components."""
    from sklearn.decomposition import PCA

    model = PCA(CODES, random_state=seed).fit(train)
    return squared_error(test, model.inverse_transform(model.transform(test)))


def pythae_run(train: np.ndarray, test: np.ndarray, seed: int) -> tuple[float, float]:
    """Seconds and test error of pythae's defaults."""
    with peers.silence():
        from pythae.models import AE, AEConfig

    torch.manual_seed(seed)
    model = AE(AEConfig(input_dim=(1, 28, 28), latent_dim=CODES))
    rows = torch.from_numpy(train).reshape(-1, 1, 28, 28)
    trainer, clock = peers.pythae_train(rows, model, epochs=EPOCHS_OF_PYTHAE, seed=seed)
    trainer.model.eval()
    with torch.no_grad():
        output: Tensor = trainer.model({"data": torch.from_numpy(test).reshape(-1, 1, 28, 28)}).recon_x
    return clock.ends[-1] - clock.started, squared_error(test, output.reshape(len(test), -1).numpy())


def isthmus_run(train: np.ndarray, test: np.ndarray, seed: int) -> dict[str, Any]:
    """The curve of test errors, the time of the whole ``fit`` and the final error, with defaults."""
    import isthmus
    from isthmus.training.callbacks import Callback, EpochEnd

    test_rows = torch.from_numpy(test)  # values in [0, 1] are features as they are
    points: list[tuple[float, float]] = []
    paused = 0.0

    class TestCurve(Callback):
        def on_epoch_end(self, event: EpochEnd) -> None:
            nonlocal paused
            entered = time.perf_counter()
            event.model.eval()
            with torch.no_grad():
                rebuilt = event.model(test_rows)
            event.model.train()
            points.append((entered - began - paused, squared_error(test, rebuilt.numpy())))
            paused += time.perf_counter() - entered

    model = isthmus.Autoencoder(latent_dim=CODES, random_state=seed, callbacks=[TestCurve()])
    began = time.perf_counter()
    model.fit(train)
    whole = time.perf_counter() - began - paused
    return {"curve": points, "fit_seconds": whole, "error": squared_error(test, model.reconstruct(test))}


def seconds_until(run: dict[str, Any], error: float) -> float:
    """Training seconds at the first epoch whose test error is not above ``error``; infinite if there is none."""
    points = [*run["curve"], (run["fit_seconds"], run["error"])]
    return next((seconds for seconds, reached in points if reached <= error), float("inf"))


def main() -> None:
    """Run both in turn and write the table."""
    options = harness.parser(__doc__, rounds=3)
    options.add_argument("--threads", type=int, default=2, help="threads of PyTorch")
    options.add_argument("--rows", type=int, help="only the first rows of the training images, for a quick try")
    chosen: argparse.Namespace = options.parse_args()
    torch.set_num_threads(chosen.threads)
    report = harness.Report("time_to_quality", __doc__, chosen)
    train, test = mnist.images("train")[: chosen.rows], mnist.images("test")

    theirs: list[tuple[float, float]] = []
    ours: list[dict[str, Any]] = []
    for turn in range(chosen.rounds):
        theirs.append(pythae_run(train, test, chosen.seed + turn))
        print(f"  round {turn + 1}: pythae {theirs[-1][0]:.1f} s, error {theirs[-1][1]:.2f}", file=sys.stderr)
        ours.append(isthmus_run(train, test, chosen.seed + turn))
        print(f"  round {turn + 1}: Isthmus {ours[-1]['curve']}", file=sys.stderr)

    until = [seconds_until(run, error) for run, (_, error) in zip(ours, theirs, strict=True)]
    ratios = [seconds / total for seconds, (total, _) in zip(until, theirs, strict=True)]
    middle = harness.median
    errors = [error for _, error in theirs]
    report.add(
        harness.Table(
            f"MNIST, {CODES} codes, {len(train):,} rows, {chosen.threads} threads, medians of {chosen.rounds} rounds",
            ("contender", "seconds", "test squared error per image"),
            [
                (f"pythae 0.1.2, defaults, {EPOCHS_OF_PYTHAE} epochs", middle([s for s, _ in theirs]), middle(errors)),
                ("Isthmus, defaults, until pythae's error", middle(until), f"≤ {middle(errors):.3g}"),
                (
                    "Isthmus, defaults, the whole fit",
                    middle([run["fit_seconds"] for run in ours]),
                    middle([run["error"] for run in ours]),
                ),
                (f"PCA, {CODES} components", "", pca_error(train, test, chosen.seed)),
            ],
            f"Isthmus' time until pythae's error is {middle(ratios):.3f} of pythae's time "
            f"({min(ratios):.3f} to {max(ratios):.3f}): {harness.verdict(middle(ratios), TARGET, at_least=False)}.",
        ),
        pythae=theirs,
        isthmus=ours,
    )
    report.write()


if __name__ == "__main__":
    main()
