"""Depth: one or two hidden layers for wide rows, at the default length of training.

MNIST, 60,000 training rows with values in [0, 1]; the autoencoder with a code of 8 and of 32 dimensions, and the VAE
with 32, each with one hidden layer of 512 and with two of 512 and 256, every other parameter at its default. Errors are
squared errors per test image, summed over the 784 pixels; bounds are evidence bounds per test image in nats, one code
drawn per image. This is what `isthmus.models.defaults.hidden_widths` goes by; `ablation.py` compares more networks on
shorter runs.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import harness
import mnist
import numpy as np
import torch

NETWORKS = {"512": (512,), "512-256": (512, 256)}
MODELS = (("autoencoder", 8), ("autoencoder", 32), ("vae", 32))


def measured(recipe: str, codes: int, hidden: tuple[int, ...], rows: np.ndarray, test: np.ndarray, seed: int) -> Any:
    """Processor seconds of ``fit``, the test error, and the test bound of a VAE."""
    import isthmus

    model = isthmus.recipe(recipe, latent_dim=codes, network=isthmus.MLP(hidden=hidden), random_state=seed)
    began = time.process_time()
    model.fit(rows)
    seconds = time.process_time() - began
    error = float(np.square(test.astype(np.float64) - model.reconstruct(test)).sum() / len(test))
    bound = model.score(test) if recipe == "vae" else float("nan")
    return {"seconds": seconds, "error": error, "bound": bound}


def main() -> None:
    """Run every network of every model on every seed, and write the table."""
    options = harness.parser(__doc__)
    options.add_argument("--seeds", type=int, default=2, help="how many seeds: seed, seed + 1, …")
    options.add_argument("--threads", type=int, default=2, help="threads of PyTorch")
    options.add_argument("--rows", type=int, help="only the first rows of the training images, for a quick try")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    report = harness.Report("depth", __doc__, chosen)
    rows, test = mnist.images("train")[: chosen.rows], mnist.images("test")
    lines, raw = [], {}
    for recipe, codes in MODELS:
        for name, hidden in NETWORKS.items():
            found = [measured(recipe, codes, hidden, rows, test, chosen.seed + turn) for turn in range(chosen.seeds)]
            print(f"  {recipe}, {codes} codes, {name}: {found}", file=sys.stderr, flush=True)
            bounds = [run["bound"] for run in found if run["bound"] == run["bound"]]
            columns = [[run["error"] for run in found], bounds, [run["seconds"] for run in found]]
            lines.append((recipe, codes, name, *map(harness.spread, columns)))
            raw[f"{recipe}, {codes} codes, {name}"] = found
    report.add(
        harness.Table(
            f"MNIST, {len(rows):,} rows, {chosen.threads} threads, {chosen.seeds} seeds",
            ("model", "codes", "hidden layers", "squared error per image", "bound, nats", "processor seconds of fit"),
            lines,
            "Mean ± standard deviation over the seeds.",
        ),
        runs=raw,
    )
    report.write()


if __name__ == "__main__":
    main()
