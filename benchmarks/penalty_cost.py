"""What penalties, critics, priors and extra draws cost: the time of a training step, beside the plain model's.

The default network on rows of 784 values with 32 codes, batches of 128, one thread, no rows held out. The time is the
processor's, of the median epoch but the first, from the end of one epoch to the end of the next. All contenders run in
one process, in turn; the ratios are medians of the ratio within a round, with their range.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import sys
import time
from typing import Any

import harness
import numpy as np
import torch

WIDTH, CODES, BATCH = 784, 32, 128
ONE_LAYER = "autoencoder, one hidden layer"
# By label: the recipe, parameters besides its own, and the plain model that it is compared with.
Contender = tuple[str, dict[str, Any], str]
TARGETS = {
    "contractive-autoencoder": 2.5,
    "contractive-autoencoder, Hutchinson": 2.5,
    "adversarial-autoencoder": 2.2,
    "factor-vae": 2.2,
}
# Shown by default: those with a target, and what else adds work to a step.
SHOWN = (
    *TARGETS,
    "contractive-autoencoder, one hidden layer, exact",
    "rae-gp",
    "beta-tc-vae",
    "vamp-vae",
    "flow-prior-vae",
    "iaf-vae",
    "iwae",
)


def contenders() -> dict[str, Contender]:
    """Every recipe that shares the default network, the two ways to contract, and their plain models."""
    from isthmus.components.networks.mlp import MLP
    from isthmus.components.penalties.contraction import Contraction
    from isthmus.models.recipes import RECIPES

    found: dict[str, Contender] = {}
    for name, recipe in RECIPES.items():
        if not (recipe.needs or "network" in recipe.params):
            found[name] = (name, {}, "autoencoder" if recipe.estimator == "autoencoder" else "vae")
    estimated = {"contraction": Contraction(weight=0.1, estimator="hutchinson")}
    exact = {"contraction": Contraction(weight=0.1, estimator="exact")}
    network = MLP(hidden=(512,))
    found["contractive-autoencoder, Hutchinson"] = ("contractive-autoencoder", {"penalties": estimated}, "autoencoder")
    found[ONE_LAYER] = ("autoencoder", {"network": network}, "autoencoder")
    found["contractive-autoencoder, one hidden layer, exact"] = (
        "contractive-autoencoder",
        {"network": network, "penalties": exact},
        ONE_LAYER,
    )
    return found


def rows_like_images(rows: int, seed: int) -> np.ndarray:
    """Rows in [0, 1] with a low-dimensional structure and noise."""
    generator = np.random.default_rng(seed)
    codes = generator.normal(size=(rows, CODES))
    values = codes @ generator.normal(size=(CODES, WIDTH)) / CODES**0.5 + 0.3 * generator.normal(size=(rows, WIDTH))
    return (1 / (1 + np.exp(-2 * values))).astype(np.float32)


def step_milliseconds(X: np.ndarray, contender: Contender, options: argparse.Namespace) -> float:
    """Processor time of a step in the median epoch but the first."""
    import isthmus
    from isthmus.training.callbacks import Callback, EpochEnd

    ends: list[float] = []

    class Ends(Callback):
        def on_epoch_end(self, event: EpochEnd) -> None:
            ends.append(time.process_time())

    name, params, _ = contender
    isthmus.recipe(
        name,
        latent_dim=CODES,
        batch_size=BATCH,
        max_epochs=options.epochs,
        learning_rate=1e-3,
        learning_rate_schedule="constant",
        validation_fraction=None,
        patience=None,
        callbacks=[Ends()],
        device="cpu",
        precision="float32",
        random_state=options.seed,
        verbose=0,
        **params,
    ).fit(X)
    return 1000 * harness.median([end - begin for begin, end in itertools.pairwise(ends)]) / options.steps


def main() -> None:
    """Run the chosen contenders and write the tables."""
    known = contenders()
    options = harness.parser(__doc__, rounds=5)
    options.add_argument("--contenders", nargs="+", choices=list(known), metavar="NAME", default=SHOWN)
    options.add_argument("--steps", type=int, default=50, help="steps of an epoch")
    options.add_argument("--epochs", type=int, default=5, help="epochs of a run; the first is not counted")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    report = harness.Report("penalty_cost", __doc__, chosen)
    names = [name for name in known if name in chosen.contenders]
    names = list(dict.fromkeys([*(known[name][2] for name in names), *names]))
    X = rows_like_images(chosen.steps * BATCH, chosen.seed)
    print(f"{len(names)} contenders", file=sys.stderr)
    measured = harness.interleave(
        {name: functools.partial(step_milliseconds, X, known[name], chosen) for name in names}, chosen.rounds
    )
    rows = []
    for name in names:
        plain = known[name][2]
        middle, low, high = harness.ratio(measured, name, plain)
        target = harness.verdict(middle, TARGETS[name], at_least=False) if name in TARGETS else ""
        times = (harness.median(measured[name]), "", "", "", "")
        compared = (harness.median(measured[name]), plain, middle, f"{low:.2f} to {high:.2f}", target)
        rows.append((name, *(times if name == plain else compared)))
    columns = ("model", "ms per step", "beside", "ratio", "range", "target")
    title = f"{WIDTH} columns, {CODES} codes, batch {BATCH}, one thread"
    report.add(harness.Table(title, columns, rows), milliseconds_per_step=measured)
    report.write()


if __name__ == "__main__":
    main()
