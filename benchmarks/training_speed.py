"""Training speed: Isthmus beside a hand-written loop, pythae and PyOD, on the same networks.

All contenders run in one process, in turn (A B C D, then D C B A, …), on the same standardised float32 rows, with ReLU,
Adam at a constant 1e-3 and no validation. Rows per second are those of a run's median epoch, from the end of one epoch
to the end of the next on one clock, with whatever a library does once an epoch; set-up, the first epoch (warm-up,
compilation), saving and scoring are excluded for all alike. Medians over the rounds; the ratios are medians of the
ratio within a round, with their range. PyOD's AutoEncoder is shown as it comes, with the same widths and batch, and
without the batch normalisation, dropout, weight decay and preprocessing that its defaults add.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import itertools
import sys
import time
from collections.abc import Callable

import harness
import peers
import torch
from torch import Tensor

HAND, ISTHMUS, PYTHAE, PYOD = "hand-written", "Isthmus", "pythae 0.1.2", "PyOD 3.6.7"
PYOD_BARE = "PyOD 3.6.7, only the layers"
HAND_VAE, ISTHMUS_VAE, COMPILED = "hand-written VAE", "Isthmus VAE", "Isthmus, compiled"


@dataclasses.dataclass(frozen=True)
class Case:
    """One network, its batch, the rows and the targets of the ratios (Isthmus to the others)."""

    name: str
    width: int
    hidden: tuple[int, ...]
    latent_dim: int
    batch_size: int
    rows: int
    threads: int
    epochs: int
    targets: dict[str, float]


LARGE = {HAND: 0.95, PYTHAE: 1.6, PYOD: 3.0}
SMALL = {HAND: 0.90, PYTHAE: 1.8, PYOD: 4.0}
CASES = {
    "large": Case("784-512-256-32", 784, (512, 256), 32, 128, 20_000, 2, 4, LARGE),
    "small-1": Case("16-32-16-8", 16, (32, 16), 8, 64, 50_000, 1, 4, SMALL),
    "small-2": Case("16-32-16-8", 16, (32, 16), 8, 64, 50_000, 2, 4, SMALL),
}


def rows_like(case: Case, seed: int) -> Tensor:
    """Standardised rows with a low-dimensional structure and noise."""
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randn(case.rows, case.latent_dim, generator=generator)
    mixing = torch.randn(case.latent_dim, case.width, generator=generator) / case.latent_dim**0.5
    X = torch.tanh(codes @ mixing) + 0.1 * torch.randn(case.rows, case.width, generator=generator)
    return (X - X.mean(0)) / X.std(0)


def rows_per_second(case: Case, train: Callable[[], list[float]], whole: list[float]) -> float:
    """Steady rate: that of the median epoch among all but the first. The rate of the whole call goes to ``whole``."""
    begin = time.perf_counter()
    ends = train()
    whole.append(case.rows * case.epochs / (time.perf_counter() - begin))
    return case.rows / harness.median([end - begin for begin, end in itertools.pairwise(ends)])


def isthmus_seconds(X: Tensor, case: Case, seed: int, vae: bool = False, compiled: bool = False) -> list[float]:
    """Isthmus' estimator on the same network, with constant learning rate and on all rows."""
    import isthmus
    from isthmus.training.callbacks import Callback, EpochEnd

    ends: list[float] = []

    class Ends(Callback):
        def on_epoch_end(self, event: EpochEnd) -> None:
            ends.append(time.perf_counter())

    estimator = isthmus.VAE if vae else isthmus.Autoencoder
    estimator(
        latent_dim=case.latent_dim,
        network=isthmus.MLP(hidden=case.hidden, activation="relu"),
        batch_size=case.batch_size,
        max_epochs=case.epochs,
        learning_rate=1e-3,
        learning_rate_schedule="constant",
        validation_fraction=None,
        patience=None,
        callbacks=[Ends()],
        device="cpu",
        precision="float32",
        compile=compiled,
        random_state=seed,
        verbose=0,
    ).fit(X.numpy())
    return ends


def contenders(
    case: Case, X: Tensor, options: argparse.Namespace, whole: dict[str, list[float]]
) -> dict[str, Callable[[], float]]:
    """By name, what returns the rows per second of one run; ``whole`` collects those of the whole call."""
    shape = (X, case.hidden, case.latent_dim, case.batch_size, case.epochs, options.seed)
    trains: dict[str, Callable[[], list[float]]] = {
        HAND: functools.partial(peers.by_hand_seconds, *shape),
        ISTHMUS: functools.partial(isthmus_seconds, X, case, options.seed),
    }
    if options.compile:
        trains[COMPILED] = functools.partial(isthmus_seconds, X, case, options.seed, compiled=True)
    if options.vae:
        trains[HAND_VAE] = functools.partial(peers.by_hand_seconds, *shape, vae=True)
        trains[ISTHMUS_VAE] = functools.partial(isthmus_seconds, X, case, options.seed, vae=True)
    trains[PYTHAE] = functools.partial(peers.pythae_seconds, *shape)
    trains[PYOD] = functools.partial(peers.pyod_seconds, *shape, bare=False)
    trains[PYOD_BARE] = functools.partial(peers.pyod_seconds, *shape, bare=True)
    skipped = set(options.skip)
    return {
        name: functools.partial(rows_per_second, case, train, whole.setdefault(name, []))
        for name, train in trains.items()
        if not any(word in name.lower() for word in skipped)
    }


def comparisons(case: Case, names: list[str]) -> list[tuple[str, str, float | None]]:
    """Which ratios are shown: numerator, denominator, target."""
    wanted: list[tuple[str, str, float | None]] = [(ISTHMUS, other, target) for other, target in case.targets.items()]
    wanted += [
        (ISTHMUS, PYOD_BARE, None),
        (COMPILED, HAND, 1.1),
        (COMPILED, ISTHMUS, None),
        (ISTHMUS_VAE, HAND_VAE, case.targets[HAND]),
    ]
    return [(above, below, target) for above, below, target in wanted if above in names and below in names]


def measure(case: Case, options: argparse.Namespace, report: harness.Report) -> None:
    """Run one case and add its two tables."""
    print(f"{case.name}, {case.threads} thread(s)", file=sys.stderr)
    torch.set_num_threads(case.threads)
    X = rows_like(case, options.seed)
    whole: dict[str, list[float]] = {}
    measured = harness.interleave(contenders(case, X, options, whole), options.rounds)
    title = f"{case.name}, batch {case.batch_size}, {case.rows:,} rows, {case.threads} thread(s)"
    report.add(
        harness.Table(
            f"{title}: rows per second",
            ("contender", "steady epochs, median", "slowest round", "fastest round", "whole call, median"),
            [
                (name, harness.median(values), min(values), max(values), harness.median(whole[name]))
                for name, values in measured.items()
            ],
        ),
        rows_per_second=measured,
        rows_per_second_of_the_whole_call=whole,
    )
    rows = []
    for above, below, target in comparisons(case, list(measured)):
        middle, low, high = harness.ratio(measured, above, below)
        total = harness.ratio(whole, above, below)[0]
        judged = ("", "") if target is None else (harness.verdict(middle, target), harness.verdict(total, target))
        rows.append((f"{above} / {below}", middle, f"{low:.2f} to {high:.2f}", judged[0], total, judged[1]))
    if rows:
        columns = ("ratio", "steady, median", "range", "target", "whole call, median", "target")
        report.add(harness.Table(f"{title}: ratios", columns, rows))


def main() -> None:
    """Run the chosen cases and write the tables."""
    options = harness.parser(__doc__, rounds=7)
    options.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES), help="which networks")
    options.add_argument("--epochs", type=int, help="epochs of each run (default: the case's own)")
    options.add_argument("--compile", action="store_true", help="add Isthmus with compile=True")
    options.add_argument("--vae", action="store_true", help="add the VAE, by hand and of Isthmus")
    options.add_argument("--skip", nargs="+", default=[], metavar="NAME", help="leave out contenders named like this")
    chosen = options.parse_args()
    report = harness.Report("training_speed", __doc__, chosen)
    for name in chosen.cases:
        case = CASES[name]
        measure(dataclasses.replace(case, epochs=chosen.epochs or case.epochs), chosen, report)
    report.write()


if __name__ == "__main__":
    main()
