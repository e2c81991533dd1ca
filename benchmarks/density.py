"""Log-likelihoods of binarised MNIST: VAE, VampPrior and importance weighting with the published network.

Protocol of Tomczak & Welling (2018, arXiv:1705.07120) and Norouzi et al. (2020): training images binarised anew in
every step; 10,000 of them, here drawn at random (the protocol takes the last of the file), for early stopping; the
10,000 test images binarised once (numpy RandomState(777)). Encoder and decoder have two gated layers of 300, the code
40 dimensions; the divergence is warmed up over 100 epochs. The test log-likelihood is the importance-weighted bound
with 5,000 samples. Published: 84.45 ± .12 (VAE) and 82.43 ± .06 (VampPrior) nats. Hours are the clock's, summed over
resumed parts (not kept of runs before that was so), on a machine that other work shared at times. density.jsonl holds
one line for each finished run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import harness
import mnist
import numpy as np
import torch

import isthmus

MODELS: dict[str, dict[str, Any]] = {
    "vae": {},
    "vamp-vae": {"prior": isthmus.VampPrior(n_components=500)},
    "iwae-50": {"objective": isthmus.ImportanceWeighted(samples=50)},
}


def main() -> None:
    """Train what is missing in the file, then write the table."""
    options = harness.parser(__doc__)
    options.add_argument("--models", nargs="+", choices=list(MODELS), default=["vae", "vamp-vae"])
    options.add_argument("--epochs", type=int, default=300)
    options.add_argument("--warmup", type=float, default=100.0, help="epochs until the divergence counts fully")
    options.add_argument("--batch-size", type=int, default=100)
    options.add_argument("--learning-rate", type=float, default=5e-4)
    options.add_argument("--schedule", default="constant", choices=["constant", "cosine", "one-cycle"])
    options.add_argument("--hours", type=float, help="stop a run after so many hours")
    options.add_argument("--samples", type=int, default=5000, help="codes drawn per test row")
    options.add_argument("--test-rows", type=int, default=10_000)
    options.add_argument("--checkpoints", type=Path, help="a folder from which long runs are resumed")
    options.add_argument("--threads", type=int, default=2, help="threads of PyTorch")
    options.add_argument("--device", default="auto")
    options.add_argument("--compile", action="store_true")
    options.add_argument("--render", action="store_true", help="run nothing, only write the table")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    report = harness.Report("density", __doc__, chosen)
    path: Path = chosen.output / "density.jsonl"
    for name in [] if chosen.render else chosen.models:
        key = harness.run_key(
            model=name,
            seed=chosen.seed,
            epochs=chosen.epochs,
            schedule=chosen.schedule,
            rate=chosen.learning_rate,
            batch=chosen.batch_size,
        )
        if key not in harness.read_runs(path):
            harness.append_run(path, key, run(name, chosen))
    render(harness.read_runs(path), report)
    report.write()


def run(name: str, chosen: argparse.Namespace) -> dict[str, Any]:
    """Train one model and measure it."""
    training = mnist.images("train")
    grey = mnist.images("test")
    test = (np.random.RandomState(777).uniform(size=grey.shape) < grey).astype(np.float32)[: chosen.test_rows]
    print(f"{name}: {len(training):,} images", file=sys.stderr, flush=True)
    parts = MODELS[name]
    if "objective" not in parts:  # importance weighting knows no warm-up
        parts = {**parts, "warmup_epochs": chosen.warmup}
    model = isthmus.VAE(
        40,
        network=isthmus.MLP(hidden=(300, 300), activation="gated"),
        corruption=isthmus.Binarisation(),
        schema="unit-interval",
        batch_size=chosen.batch_size,
        max_epochs=chosen.epochs,
        max_seconds=None if chosen.hours is None else 3600 * chosen.hours,
        learning_rate=chosen.learning_rate,
        learning_rate_schedule=chosen.schedule,
        validation_fraction=1 / 6,
        patience=50,
        checkpoint=None if chosen.checkpoints is None else chosen.checkpoints / f"{name}-{chosen.seed}",
        device=chosen.device,
        compile=chosen.compile,
        random_state=chosen.seed,
        verbose=1,
        **parts,
    ).fit(training)
    density = model.density(test, samples=chosen.samples)
    return {
        "epochs": model.n_iter_,
        "stopped": model.stopped_,
        "bound": model.score(test),
        "log_likelihood": density.mean,
        "standard_error": density.mean_standard_error,
        "samples": chosen.samples,
        "rows": len(test),
        "active_units": model.active_units_,
        "seconds": model.history_.rows[-1]["seconds"],
        "curve": [round(value, 3) for value in model.history_.column("validation/total")],
    }


def render(runs: Mapping[str, Mapping[str, Any]], report: harness.Report) -> None:
    """The table of all finished runs."""
    rows = []
    for key, result in runs.items():
        named = json.loads(key)
        rows.append(
            [
                named["model"],
                f"{named['epochs']} epochs of batches of {named['batch']}, {named['schedule']} {named['rate']:g}",
                named["seed"],
                f"{result['rows']:,}",
                f"{-result['log_likelihood']:.2f} ± {result['standard_error']:.2f}",
                f"{-result['bound']:.2f}",
                f"{result['active_units']} of 40",
                f"{result['epochs']}",
                "" if result["seconds"] is None else f"{result['seconds'] / 3600:.2f}",
            ]
        )
    columns = [
        "model",
        "training",
        "seed",
        "test images",
        "test NLL, nats",
        "minus the bound",
        "active",
        "epochs run",
        "hours",
    ]
    report.add(harness.Table("Binarised MNIST", columns, rows), runs=dict(runs))


if __name__ == "__main__":
    main()
