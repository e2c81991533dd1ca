"""Ablation: which network, activation, batch size, learning rate, schedule and initialisation are good defaults.

Every configuration trains an Autoencoder and a VAE on three quarters of each data set (at most 10,000 rows) with the
same compute: multiply-adds of the layers, plus a fixed price per step. The first table changes one thing at a time from
the reference. For the Autoencoder a cell is how far the held-out squared error lies below that of PCA with as many
components, in per cent; for the VAE it is how far the held-out bound lies above the log-likelihood of probabilistic
PCA, in nats per row. ablation.jsonl holds one line for each run; what is in it is not run again.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ablation_data
import harness
import numpy as np
import torch

STEP_PRICE = 40_000_000  # multiply-adds that take as long as what a step costs however small its batch and network


@dataclasses.dataclass(frozen=True)
class Configuration:
    """What is varied; the values here are the reference."""

    hidden: tuple[int, ...] = (512, 256)
    activation: str = "gelu"
    batch_size: int = 128
    learning_rate: float = 3e-3
    learning_rate_schedule: str = "one-cycle"
    initialisation: str = "Glorot"

    def text(self) -> str:
        """One readable line."""
        words = "-".join(map(str, self.hidden)), self.activation, f"batch {self.batch_size}"
        return ", ".join((*words, f"{self.learning_rate:g} {self.learning_rate_schedule}", self.initialisation))


REFERENCE = Configuration()
GRID: dict[str, tuple[Any, ...]] = {
    "hidden": ((512,), (512, 256), (256, 256), (256, 128), (128, 128)),
    "activation": ("relu", "gelu", "silu"),
    "batch_size": (64, 128, 256),
    "learning_rate": (1e-3, 3e-3, 1e-2),
}
ALSO: dict[str, tuple[Any, ...]] = {
    "learning_rate_schedule": ("one-cycle", "cosine", "constant"),
    "initialisation": ("Glorot", "PyTorch's"),
}


def one_at_a_time() -> list[Configuration]:
    """The reference and everything that differs from it in one thing."""
    found = [REFERENCE]
    for name, values in (GRID | ALSO).items():
        changed = [dataclasses.replace(REFERENCE, **{name: value}) for value in values]
        found += [configuration for configuration in changed if configuration != REFERENCE]
    return found


def whole_grid() -> list[Configuration]:
    """All combinations of the grid, behind those that change one thing."""
    every = (Configuration(**dict(zip(GRID, values, strict=True))) for values in itertools.product(*GRID.values()))
    return list(dict.fromkeys([*one_at_a_time(), *every]))


def epoch_price(configuration: Configuration, data: ablation_data.Data) -> float:
    """Multiply-adds of one epoch (forward and backward: three products a layer), with the price of its steps."""
    widths = (data.train.shape[1], *configuration.hidden, data.codes)
    products = 2 * sum(first * second for first, second in itertools.pairwise(widths))
    steps = -(-len(data.train) // configuration.batch_size)
    return 3 * products * len(data.train) + steps * STEP_PRICE


def epochs_for(configuration: Configuration, data: ablation_data.Data, steps: int) -> int:
    """The epochs that cost as much as ``steps`` steps of the reference."""
    reference_epochs = steps / -(-len(data.train) // REFERENCE.batch_size)
    return max(1, round(reference_epochs * epoch_price(REFERENCE, data) / epoch_price(configuration, data)))


@contextlib.contextmanager
def initialised(how: str) -> Iterator[None]:
    """Within it, linear layers begin as PyTorch's own do, if ``how`` says so."""
    from isthmus.components.networks.layers import Linear

    def like_pytorch(layer: Linear, generator: torch.Generator) -> None:
        torch.nn.init.kaiming_uniform_(layer.weight, a=5**0.5, generator=generator)
        bound = layer.in_features**-0.5
        torch.nn.init.uniform_(layer.bias, -bound, bound, generator=generator)

    own = Linear.initialise
    if how != "Glorot":
        Linear.initialise = like_pytorch  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        Linear.initialise = own  # type: ignore[method-assign]


def run(model: str, configuration: Configuration, data: ablation_data.Data, steps: int, seed: int) -> dict[str, Any]:
    """Train once; the score relative to PCA, the epochs and the seconds."""
    import isthmus

    epochs = epochs_for(configuration, data, steps)
    estimator = getattr(isthmus, model)(
        latent_dim=data.codes,
        network=isthmus.MLP(hidden=configuration.hidden, activation=configuration.activation),
        batch_size=configuration.batch_size,
        learning_rate=configuration.learning_rate,
        learning_rate_schedule=configuration.learning_rate_schedule,
        max_epochs=epochs,
        validation_fraction=None,
        patience=None,
        device="cpu",
        random_state=seed,
        verbose=0,
    )
    began = time.perf_counter()
    with initialised(configuration.initialisation):
        estimator.fit(data.train)
    seconds = time.perf_counter() - began
    if model == "VAE":
        score = float(estimator.score(data.held_out)) - data.pca_log_likelihood
    else:
        error = np.square(estimator.reconstruct(data.held_out) - data.held_out).sum() / len(data.held_out)
        score = 100 * (1 - float(error) / data.pca_error)
    return {"score": round(score, 3), "epochs": epochs, "seconds": round(seconds, 2)}


def key(model: str, configuration: Configuration, data: str, steps: int, seed: int) -> dict[str, Any]:
    """What names a run in the file."""
    fields = dataclasses.asdict(configuration) | {"hidden": list(configuration.hidden)}
    return {"model": model, "data": data, "steps": steps, "seed": seed, **fields}


def render(done: dict[str, dict[str, Any]], options: argparse.Namespace, report: harness.Report) -> None:
    """A table of single changes and, where the grid was run, of its ten best, for each model."""
    for model in options.models:

        def scores(configuration: Configuration, model: str = model) -> list[Any]:
            keys = (key(model, configuration, data, options.steps, options.seed) for data in options.data)
            found = [done.get(json.dumps(name, sort_keys=True)) for name in keys]
            return [round(result["score"], 1) if result else "–" for result in found]

        unit = "% below PCA's error" if model == "Autoencoder" else "nats per row above probabilistic PCA"
        head = ("configuration", *options.data, "mean")
        rows = [(c.text(), *scores(c), _mean(scores(c))) for c in one_at_a_time()]
        report.add(harness.Table(f"{model}, one change at a time: {unit}", head, rows))
        if not options.quick:
            rows = [(c.text(), *scores(c), _mean(scores(c))) for c in whole_grid()]
            complete = [row for row in rows if "–" not in row]
            best = sorted(complete, key=lambda row: -row[-1])[:10]
            report.add(harness.Table(f"{model}, the ten best of the grid: {unit}", head, best))


def _mean(values: list[Any]) -> Any:
    return "–" if "–" in values else round(sum(values) / len(values), 1)


def main() -> None:
    """Run what is missing in the file, then write the tables."""
    known = ablation_data.available()
    options = harness.parser(__doc__)
    options.add_argument("--quick", action="store_true", help="change one thing at a time instead of the whole grid")
    options.add_argument("--models", nargs="+", choices=["Autoencoder", "VAE"], default=["Autoencoder", "VAE"])
    options.add_argument("--data", nargs="+", choices=known, default=known, help="which data sets")
    options.add_argument("--steps", type=int, help="compute of a run in the reference's steps (quick: 1000, else 2000)")
    options.add_argument("--threads", type=int, default=2, help="threads of PyTorch")
    options.add_argument("--rounds", type=int, default=1, help="seeds: seed, seed + 1, …; the tables show the first")
    chosen = options.parse_args()
    chosen.steps = chosen.steps or (1000 if chosen.quick else 2000)
    torch.set_num_threads(chosen.threads)
    report = harness.Report("ablation", __doc__, chosen)
    chosen.output.mkdir(parents=True, exist_ok=True)
    path: Path = chosen.output / "ablation.jsonl"
    done = harness.read_runs(path)
    configurations = one_at_a_time() if chosen.quick else whole_grid()
    with path.open("a", encoding="utf-8") as stream:
        for data_name, seed in itertools.product(chosen.data, range(chosen.seed, chosen.seed + chosen.rounds)):
            data = ablation_data.load(data_name, seed)
            for configuration, model in itertools.product(configurations, chosen.models):
                name = key(model, configuration, data_name, chosen.steps, seed)
                if json.dumps(name, sort_keys=True) in done:
                    continue
                result = run(model, configuration, data, chosen.steps, seed)
                done[json.dumps(name, sort_keys=True)] = result
                stream.write(json.dumps({"run": name, "result": result}) + "\n")
                stream.flush()
                print(f"  {data_name}, {model}, {configuration.text()}: {result}", file=sys.stderr, flush=True)
    render(done, chosen, report)
    report.write()


if __name__ == "__main__":
    main()
