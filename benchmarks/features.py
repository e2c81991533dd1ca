"""Denoising and contractive autoencoders as feature extractors, beside plain ones, on MNIST.

Vincent et al. (2010), JMLR 11, and Rifai et al. (2011), ICML: one hidden layer of 1,000 sigmoid units is the code, with
a logistic output and, as there, weights that encoder and decoder share: a decoder of its own would undo by its size
what contraction asks of the encoder's. What is compared is the test error of a linear classifier on the codes, without
fine-tuning; the papers' order is contractive ≤ denoising < plain. The last 10,000 training images are set aside: they
choose the strength of each model's regularisation (with the first seed) and of the classifier's; the test images choose
nothing. Contraction is the exact Jacobian. The classifier is multinomial logistic regression on centred codes, with an
L2 penalty. "pixels" has no code at all, "random" an untrained encoder. features.jsonl holds one line for each run; what
is in it is not run again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import harness
import mnist
import numpy as np
import torch
from torch.nn import functional

VALIDATION = 10_000
PENALTIES = (1e-3, 1e-4, 1e-5, 1e-6)  # of the classifier, beside its mean loss; each starts from the one before
PLAIN, DECAY, GAUSSIAN, MASKING, CONTRACTIVE = (
    "plain",
    "weight decay",
    "denoising, Gaussian",
    "denoising, masking",
    "contractive",
)
REFERENCES = ("pixels", "random")
GRIDS: dict[str, tuple[float, ...]] = {
    PLAIN: (0.0,),
    DECAY: (1e-3, 1e-2, 1e-1),
    GAUSSIAN: (0.8, 1.2, 1.6),
    MASKING: (0.5, 0.7, 0.85),
    CONTRACTIVE: (0.03, 0.1, 0.3, 1.0),
}
Parts = Mapping[str, tuple[np.ndarray, np.ndarray]]


def data(rows: int) -> Parts:
    """Images and labels: "train" (the first ``rows``), "validation" (the last 10,000 of the training set), "test"."""
    images, labels = mnist.images("train"), mnist.labels("train")
    rows = min(rows, len(images) - VALIDATION)
    return {
        "train": (images[:rows], labels[:rows]),
        "validation": (images[-VALIDATION:], labels[-VALIDATION:]),
        "test": (mnist.images("test"), mnist.labels("test")),
    }


def regularised(model: str, strength: float) -> dict[str, Any]:
    """The estimator's parameters of one model."""
    from isthmus.components.corruptions.gaussian_noise import GaussianNoise
    from isthmus.components.corruptions.masking import Masking
    from isthmus.components.penalties.contraction import Contraction
    from isthmus.components.penalties.weight_decay import WeightDecay

    if model == DECAY:
        return {"penalties": {"decay": WeightDecay(weight=strength, on="both")}}
    if model == CONTRACTIVE:
        return {"penalties": {"contraction": Contraction(weight=strength, estimator="exact")}}
    if model == PLAIN:
        return {}
    return {"corruption": GaussianNoise(scale=strength) if model == GAUSSIAN else Masking(rate=strength)}


def fitted_codes(
    model: str, strength: float, seed: int, parts: Parts, options: argparse.Namespace
) -> tuple[dict[str, np.ndarray], float]:
    """The codes of all parts, and the squared error per test image."""
    import isthmus
    from isthmus.components.latents.point import Point

    estimator = isthmus.Autoencoder(
        latent_dim=options.units,
        network=isthmus.MLP(hidden=(), tied=True),
        latent=Point(activation="sigmoid"),
        schema="unit-interval",
        max_epochs=options.epochs,
        validation_fraction=None,
        patience=None,
        device=options.device,
        precision="float32",
        random_state=seed,
        verbose=0,
        **regularised(model, strength),
    ).fit(parts["train"][0])
    test = parts["test"][0]
    error = float(np.square(estimator.reconstruct(test) - test).sum() / len(test))
    return {name: estimator.transform(images) for name, (images, _) in parts.items()}, error


def reference_codes(model: str, seed: int, parts: Parts, units: int) -> dict[str, np.ndarray]:
    """The pixels themselves, or sigmoid units with the weights that training begins with."""
    if model == "pixels":
        return {name: images for name, (images, _) in parts.items()}
    width = parts["train"][0].shape[1]
    limit = (6 / (width + units)) ** 0.5
    weights = np.random.default_rng(seed).uniform(-limit, limit, size=(width, units)).astype(np.float32)
    return {name: 1 / (1 + np.exp(-(images @ weights))) for name, (images, _) in parts.items()}


def classification_errors(codes: Mapping[str, np.ndarray], parts: Parts, device: str) -> dict[str, float]:
    """Validation and test error in per cent, for the penalty that is best on the validation part."""
    centre = codes["train"].mean(axis=0)
    scale = float((codes["train"] - centre).std())
    rows = {name: torch.from_numpy((part - centre) / scale).to(device) for name, part in codes.items()}
    labels = {name: torch.from_numpy(label).to(device) for name, (_, label) in parts.items()}
    found = []
    weight = torch.zeros(int(labels["train"].max()) + 1, rows["train"].shape[1], device=device)
    bias = torch.zeros(len(weight), device=device)
    for penalty in PENALTIES:
        minimise_cross_entropy(weight, bias, rows["train"], labels["train"], penalty)
        errors = {}
        for name in ("validation", "test"):
            wrong = functional.linear(rows[name], weight, bias).argmax(1) != labels[name]
            errors[name] = round(100 * int(wrong.sum()) / len(wrong), 3)
        found.append(errors | {"classifier_penalty": penalty})
    return min(found, key=lambda errors: errors["validation"])


def minimise_cross_entropy(
    weight: torch.Tensor, bias: torch.Tensor, rows: torch.Tensor, labels: torch.Tensor, penalty: float
) -> None:
    """Change weights and biases to those that minimise the mean cross-entropy + ½ penalty ‖W‖², by L-BFGS."""
    weight.requires_grad_(True)
    bias.requires_grad_(True)
    solver = torch.optim.LBFGS([weight, bias], max_iter=100, history_size=20, line_search_fn="strong_wolfe")

    def objective() -> torch.Tensor:
        solver.zero_grad()
        loss = functional.cross_entropy(functional.linear(rows, weight, bias), labels)
        loss = loss + 0.5 * penalty * weight.square().sum()
        loss.backward()
        return loss

    solver.step(objective)
    weight.requires_grad_(False)
    bias.requires_grad_(False)


def run(model: str, strength: float, seed: int, parts: Parts, options: argparse.Namespace) -> dict[str, Any]:
    """Train one model and one classifier on its codes."""
    began = time.perf_counter()
    if model in REFERENCES:
        codes, error = reference_codes(model, seed, parts, options.units), None
    else:
        codes, error = fitted_codes(model, strength, seed, parts, options)
    trained = time.perf_counter()
    return {
        **classification_errors(codes, parts, options.device),
        "squared_error": error,
        "seconds": round(trained - began, 1),
        "seconds_of_the_classifier": round(time.perf_counter() - trained, 1),
    }


class Runs:
    """The runs of one invocation: those in the file, and those that it lacks."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.path: Path = options.output / "features.jsonl"
        self.done = harness.read_runs(self.path)
        self.parts = data(options.rows)

    def get(self, model: str, strength: float, seed: int) -> dict[str, Any]:
        """One run, made if it is not in the file."""
        options = self.options
        key = harness.run_key(
            model=model, strength=strength, seed=seed, rows=options.rows, epochs=options.epochs, units=options.units
        )
        if key not in self.done:
            self.done[key] = run(model, strength, seed, self.parts, options)
            harness.append_run(self.path, key, self.done[key])
            print(f"  {model}, {strength:g}, seed {seed}: {self.done[key]}", file=sys.stderr, flush=True)
        return self.done[key]


def main() -> None:
    """Choose the strengths, run all seeds, and write the tables."""
    options = harness.parser(__doc__)
    options.add_argument("--models", nargs="+", choices=[*REFERENCES, *GRIDS], default=[*REFERENCES, *GRIDS])
    options.add_argument("--seeds", type=int, default=3, help="how many seeds: seed, seed + 1, …")
    options.add_argument("--rows", type=int, default=50_000, help="training images")
    options.add_argument("--epochs", type=int, default=30, help="epochs of each autoencoder")
    options.add_argument("--units", type=int, default=1000, help="size of the code")
    options.add_argument("--threads", type=int, default=1, help="threads of PyTorch")
    options.add_argument("--device", default="cpu", help="where training and the classifier run")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    report = harness.Report("features", __doc__, chosen)
    runs = Runs(chosen)
    rows, choices = [], []
    for model in chosen.models:
        grid = GRIDS.get(model, (0.0,))
        tried = {strength: runs.get(model, strength, chosen.seed) for strength in grid}
        best = min(grid, key=lambda strength: tried[strength]["validation"])
        choices += [
            (model, strength, result["validation"], "chosen" if strength == best else "")
            for strength, result in tried.items()
            if len(grid) > 1
        ]
        seeds = range(chosen.seed, chosen.seed + (1 if model == "pixels" else chosen.seeds))
        found = [runs.get(model, best, seed) for seed in seeds]
        errors = [result["squared_error"] for result in found if result["squared_error"] is not None]
        cells = [harness.spread([result[name] for result in found]) for name in ("test", "validation")]
        rows.append((model, best or "", *cells, harness.spread(errors), sum(result["seconds"] for result in found)))
    columns = ("features", "strength", "test error %", "validation error %", "squared error", "seconds")
    title = f"A linear classifier on {chosen.units:,} units, {chosen.rows:,} training images, {chosen.seeds} seeds"
    report.add(harness.Table(title, columns, rows), results=[{"key": k, **result} for k, result in runs.done.items()])
    report.add(harness.Table("Strengths, by the validation part", ("features", "strength", "error %", ""), choices))
    print(ordering({row[0]: float(str(row[2]).split(" ±")[0]) for row in rows}))
    report.write()


def ordering(errors: Mapping[str, float]) -> str:
    """Whether contractive ≤ denoising < plain holds."""
    if not {PLAIN, GAUSSIAN, MASKING, CONTRACTIVE} <= set(errors):
        return "The ordering needs the plain, denoising and contractive models."
    denoising = min(errors[GAUSSIAN], errors[MASKING])
    holds = errors[CONTRACTIVE] <= denoising < errors[PLAIN]
    words = f"{errors[CONTRACTIVE]:.3g} ≤ {denoising:.3g} < {errors[PLAIN]:.3g}"
    return f"contractive ≤ denoising < plain: {words}: {'holds' if holds else 'DOES NOT HOLD'}"


if __name__ == "__main__":
    main()
