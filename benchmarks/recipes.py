"""Every recipe with its defaults, on digits and on 10,000 rows of MNIST: what is it good for, and is it sound?

The size of the code is the same for all (8 for digits, 32 for MNIST) unless a recipe sets its own. Everything is
measured on rows that were not trained on (a quarter of digits; 2,000 test images): the squared error per row (pixels in
[0, 1], summed); the bound on the negative log-likelihood in nats per row (of models that have a likelihood); latent
dimensions in use; 2,000 samples against the held-out rows by the Fréchet distance, precision and recall in the features
of a small classifier, drawn from the density that was fitted to the codes, and from the prior; and the accuracy of a
linear classifier on the codes. Seconds are processor time of the training, with one thread.

The Fréchet distance depends on the classifier and on the number of rows: compare within a table only. The row "real
rows" shows what training rows reach in place of samples; "PCA" has as many components, and a Gaussian over them.
recipes.jsonl holds one line for each run; what is in it is not run again, so delete the lines of a recipe that changed.
"""

from __future__ import annotations

import argparse
import collections
import functools
import itertools
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import harness
import labelled
import numpy as np
import torch

SAMPLES = 2_000
REFERENCES = ("real rows", "PCA")
# A code that explains less than this share of what PCA's explains counts as collapsed, and so does a variational one
# with fewer than this share of its dimensions in use.
LEAST_EXPLAINED, LEAST_ACTIVE = 0.5, 0.25
TIE = 0.01  # of explained variance: a model that lies further behind PCA is named as weak

Line = dict[str, Any]


def kinds() -> dict[str, list[str]]:
    """The recipes of each kind, behind what stands beside them for reference."""
    from isthmus.models.deterministic_recipes import DETERMINISTIC
    from isthmus.models.importance_weighted_recipes import IMPORTANCE_WEIGHTED
    from isthmus.models.quantised_recipes import QUANTISED
    from isthmus.models.recipes import RECIPES
    from isthmus.models.variational_recipes import VARIATIONAL

    groups = {
        "deterministic": DETERMINISTIC,
        "variational": VARIATIONAL,
        "importance-weighted": IMPORTANCE_WEIGHTED,
        "quantised": QUANTISED,
    }
    found = {"reference": list(REFERENCES)} | {kind: [one.name for one in group] for kind, group in groups.items()}
    grouped = {name for names in found.values() for name in names}
    found["other"] = [name for name in RECIPES if name not in grouped]
    return {kind: names for kind, names in found.items() if names}


@functools.lru_cache(maxsize=1)
def prepared(data_name: str, seed: int) -> tuple[labelled.Labelled, labelled.Classifier]:
    """The data and the classifier of one seed."""
    data = labelled.SOURCES[data_name](seed)
    return data, labelled.Classifier(data, labelled.FEATURES[data_name], seed)


def sample_quality(rows: np.ndarray, data: labelled.Labelled, classifier: labelled.Classifier) -> dict[str, float]:
    """How near generated rows are to the held-out ones."""
    from isthmus.metrics.generation import frechet_distance, precision_recall

    if not np.isfinite(rows).all():
        return {"frechet": float("nan"), "precision": 0.0, "recall": 0.0}
    real, generated = classifier.features(data.held_out), classifier.features(rows)
    found = precision_recall(real, generated)
    return {"frechet": frechet_distance(generated, real), "precision": found.precision, "recall": found.recall}


def reference(name: str, data_name: str, seed: int) -> Line:
    """What real rows, or PCA with a Gaussian over its components, reach."""
    from sklearn.decomposition import PCA

    from isthmus.metrics.probes import linear_probe_accuracy
    from isthmus.metrics.reconstruction import squared_error

    data, classifier = prepared(data_name, seed)
    generator = np.random.default_rng(seed)
    if name == "real rows":
        chosen = data.train[generator.permutation(len(data.train))[:SAMPLES]]
        probe = linear_probe_accuracy(data.train, data.train_labels, data.held_out, data.held_out_labels)
        return {**sample_quality(chosen, data, classifier), "probe": probe, "classifier": classifier.accuracy}
    began = time.process_time()
    pca = PCA(labelled.CODES[data_name], svd_solver="full").fit(data.train.astype(np.float64))
    seconds = time.process_time() - began
    codes, held_out_codes = pca.transform(data.train), pca.transform(data.held_out)
    drawn = generator.normal(size=(SAMPLES, codes.shape[1])) * codes.std(axis=0)
    return {
        "squared_error": squared_error(data.held_out, pca.inverse_transform(held_out_codes)),
        "nll": -float(pca.score(data.held_out.astype(np.float64))),
        **sample_quality(pca.inverse_transform(drawn), data, classifier),
        "probe": linear_probe_accuracy(codes, data.train_labels, held_out_codes, data.held_out_labels),
        "seconds": seconds,
    }


def measure(name: str, data_name: str, seed: int) -> Line:
    """Fit one recipe; what it reaches, and the warnings and errors on the way."""
    from isthmus.errors import MissingDependencyError

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = fitted(name, data_name, seed)
        except MissingDependencyError as error:
            raise SystemExit(f"{name}: {error}") from error
        except Exception as error:  # a recipe that fails must not keep the others from being measured
            traceback.print_exc()
            found = {"failed": f"{type(error).__name__}: {error}"}
    messages = [f"{one.category.__name__}: {one.message}" for one in caught]
    return found | {"warnings": list(dict.fromkeys(messages))}


def fitted(name: str, data_name: str, seed: int) -> Line:
    """Fit one recipe and measure it."""
    import isthmus
    from isthmus.metrics.probes import linear_probe_accuracy
    from isthmus.metrics.reconstruction import squared_error
    from isthmus.models.recipes import RECIPES

    data, classifier = prepared(data_name, seed)
    width = data.train.shape[1]
    params: dict[str, Any] = {"random_state": seed, "device": "cpu", "verbose": 0}
    if "latent_dim" not in RECIPES[name].params:
        params["latent_dim"] = labelled.CODES[data_name]
    train, held_out, given = data.train, data.held_out, None
    if RECIPES[name].needs:  # the label is the condition, and the samples have the classes of training rows
        params["schema"] = {width: "condition"}
        train = np.column_stack([data.train, data.train_labels])
        held_out = np.column_stack([data.held_out, data.held_out_labels])
        given = {width: np.random.default_rng(seed).choice(data.train_labels, SAMPLES).tolist()}
    estimator = isthmus.recipe(name, **params)
    began = time.process_time()
    estimator.fit(train)
    seconds = time.process_time() - began
    samples = {
        prior: np.asarray(estimator.sample(SAMPLES, given=given, prior=prior, random_state=seed))[:, :width]
        for prior in (False, True)
    }
    rebuilt = np.asarray(estimator.reconstruct(held_out))[:, :width]
    codes, held_out_codes = estimator.transform(train), estimator.transform(held_out)
    return {
        "squared_error": squared_error(data.held_out, rebuilt),
        "error_of_the_mean": squared_error(data.held_out, np.tile(data.train.mean(0), (len(held_out), 1))),
        "nll": -estimator.score(held_out) if estimator.module_.bounded else None,
        "rate": estimator.rate_,
        "active": estimator.active_units_,
        "latent_dim": estimator.latent_dim_,
        **sample_quality(samples[False], data, classifier),
        "density": type(estimator.density_spec_).__name__,
        "frechet_prior": sample_quality(samples[True], data, classifier)["frechet"],
        "probe": linear_probe_accuracy(codes, data.train_labels, held_out_codes, data.held_out_labels),
        "seconds": seconds,
        "epochs": estimator.n_iter_,
        "events": dict(collections.Counter(event["kind"] for event in estimator.history_.events)),
    }


def verdict(line: Line, pca: Line | None) -> str:
    """What is wrong with a run, or nothing."""
    if "failed" in line:
        return f"FAILED: {line['failed'].splitlines()[0][:160]}"
    numbers = [line[name] for name in ("squared_error", "nll", "frechet", "frechet_prior") if line[name] is not None]
    if not np.isfinite(numbers).all():
        return "DIVERGED: not everything is finite"
    nothing = line["error_of_the_mean"]
    if line["squared_error"] > 1.05 * nothing:
        return f"DIVERGED: squared error {line['squared_error']:.3g}, that of the mean is {nothing:.3g}"
    explained = 1 - line["squared_error"] / nothing
    linear = explained if pca is None else 1 - pca["squared_error"] / nothing
    words = f"{line['active']} of {line['latent_dim']} dimensions, {explained:.0%} explained (PCA {linear:.0%})"
    # The threshold of "active" is meant for posteriors; the codes of other models have any scale.
    few_active = line["rate"] is not None and line["active"] < LEAST_ACTIVE * line["latent_dim"]
    if explained < LEAST_EXPLAINED * linear or few_active:
        reported = any(message.startswith("CollapseWarning") for message in line["warnings"])
        return f"collapsed, with a warning: {words}" if reported else f"COLLAPSED WITHOUT A WARNING: {words}"
    return f"weak: {words}" if explained < linear - TIE else ""


def key(name: str, data: str, seed: int) -> str:
    """What names a run in the file."""
    return harness.run_key(recipe=name, data=data, seed=seed)


COLUMNS = {
    "squared error": "squared_error",
    "NLL bound": "nll",
    "rate": "rate",
    "active": "active",
    "Fréchet": "frechet",
    "…, prior": "frechet_prior",
    "precision": "precision",
    "recall": "recall",
    "probe": "probe",
    "seconds": "seconds",
}


def render(done: dict[str, Line], options: argparse.Namespace, report: harness.Report) -> None:
    """A table for each data set, and the verdicts."""
    seeds = range(options.seed, options.seed + options.seeds)
    verdicts, runs = [], 0
    for data in options.data:
        rows = []
        for kind, name in [(kind, name) for kind, names in kinds().items() for name in names]:
            lines = {seed: done[key(name, data, seed)] for seed in seeds if key(name, data, seed) in done}
            good = [line for line in lines.values() if "failed" not in line]
            remarks = sorted({message.split(":")[0] for line in lines.values() for message in line["warnings"]})
            cells = [
                harness.spread([line[column] for line in good if line.get(column) is not None])
                for column in COLUMNS.values()
            ]
            rows += [(kind, name, *cells, len(lines), ", ".join(remarks))] if lines else []
            if kind != "reference":
                runs += len(lines)
                judged = {seed: verdict(line, done.get(key("PCA", data, seed))) for seed, line in lines.items()}
                verdicts += [(data, name, seed, words) for seed, words in judged.items() if words]
        head = ("kind", "recipe", *COLUMNS, "seeds", "warnings")
        title = f"{data}, {labelled.CODES[data]} codes: mean ± standard deviation over the seeds"
        if rows:
            report.add(harness.Table(title, head, rows))
    bad = [row for row in verdicts if not row[-1].startswith("weak")]
    title = f"Verdicts: {runs - len(bad)} of {runs} runs are sound"
    report.add(
        harness.Table(title, ("data", "recipe", "seed", "verdict"), verdicts or [("all", "all", "all", "sound")])
    )


def shard(text: str) -> tuple[int, int]:
    """ "1/2" as (0, 2)."""
    number, _, count = text.partition("/")
    if not (number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise argparse.ArgumentTypeError(f"a shard is written 1/2, 2/2, …; got {text!r}")
    return int(number) - 1, int(count)


def main() -> None:
    """Run what is missing in the file, then write the tables."""
    known = [name for names in kinds().values() for name in names]
    options = harness.parser(__doc__)
    options.add_argument("--recipes", nargs="+", choices=known, default=known, metavar="NAME", help="which recipes")
    options.add_argument("--data", nargs="+", choices=labelled.available(), default=labelled.available())
    options.add_argument("--seeds", type=int, default=3, help="how many seeds: seed, seed + 1, …")
    options.add_argument("--threads", type=int, default=1, help="threads of PyTorch")
    options.add_argument("--shard", type=shard, default=(0, 1), metavar="I/N", help="every N-th run only")
    options.add_argument("--render", action="store_true", help="run nothing, only write the tables")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    report = harness.Report("recipes", __doc__, chosen)
    path: Path = chosen.output / "recipes.jsonl"
    # First one seed of everything, so that a run that is stopped leaves whole tables.
    later = range(chosen.seed + 1, chosen.seed + chosen.seeds)
    rounds = [(data, seed) for seed in [chosen.seed] if chosen.seeds for data in chosen.data]
    rounds += [(data, seed) for data in chosen.data for seed in later]
    names = [name for name in known if name in chosen.recipes]
    jobs = list(itertools.product(rounds, names))[chosen.shard[0] :: chosen.shard[1]]
    for (data, seed), name in [] if chosen.render else jobs:
        if key(name, data, seed) in harness.read_runs(path):
            continue
        began = time.perf_counter()
        result = reference(name, data, seed) if name in REFERENCES else measure(name, data, seed)
        result = {"warnings": [], **result, "wall_seconds": time.perf_counter() - began}
        harness.append_run(path, key(name, data, seed), result)
        print(f"  {data}, seed {seed}, {name}: {result}", file=sys.stderr, flush=True)
    render(harness.read_runs(path), chosen, report)
    report.write()


if __name__ == "__main__":
    main()
