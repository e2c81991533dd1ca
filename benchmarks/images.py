"""Images: features, samples, faces, denoising and speed of convolutional models.

`choice` compares candidates for the features on held-out training images; what it found is what `probes` runs. All
other sections are judged on images that neither training nor any choice has seen. Training takes one thread, except in
`throughput`. Seconds are processor time. Squared errors are summed over the pixels of an image, in [0, 1]. Fréchet
distances depend on the classifier in whose features they are measured, and on the number of rows: compare within a
table only. images.jsonl holds one line for each run; what is in it is not run again.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import harness
import image_denoising
import image_density
import image_faces
import image_features
import image_generation
import image_throughput
import torch

SECTIONS: dict[str, Any] = {
    "choice": image_features.Choice,
    "probes": image_features.Probes,
    "generation": image_generation.Generation,
    "frey": image_faces.Frey,
    "denoising": image_denoising.Denoising,
    "throughput": image_throughput.Throughput,
    "density": image_density.Density,
}
ON_REQUEST = ("density",)


def lines_of(runs: Mapping[str, Mapping[str, Any]], section: str) -> dict[tuple[str, int], dict[str, Any]]:
    """The results of a section by contender and seed."""
    named = [(json.loads(key), dict(result)) for key, result in runs.items()]
    return {(name["contender"], name["seed"]): result for name, result in named if name["section"] == section}


def main() -> None:
    """Run what is missing in the file, one seed of everything first; then write the tables."""
    options = harness.parser(__doc__, rounds=9)
    usual = [name for name in SECTIONS if name not in ON_REQUEST]
    options.add_argument("--sections", nargs="+", choices=list(SECTIONS), default=usual)
    options.add_argument("--seeds", type=int, default=3, help="how many seeds: seed, seed + 1, …")
    options.add_argument("--threads", nargs="+", type=int, default=[1, 2], help="of throughput only")
    options.add_argument("--epochs", type=int, help="of density only: instead of the published length")
    options.add_argument("--hours", type=float, help="of density only: stop a run after so many hours")
    options.add_argument("--rows", type=int, help="of density only: so many training images")
    options.add_argument("--samples", type=int, default=5000, help="of density only: codes drawn per test image")
    options.add_argument("--checkpoints", type=Path, help="of density only: a folder from which a run goes on")
    options.add_argument("--device", default="auto", help="of density only")
    options.add_argument("--render", action="store_true", help="run nothing, only write the tables")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    path: Path = chosen.output / "images.jsonl"
    sections = {name: SECTIONS[name](chosen) for name in chosen.sections}
    for offset, (name, section) in itertools.product(range(0 if chosen.render else chosen.seeds), sections.items()):
        seed = chosen.seed + offset
        for contender in section.contenders if offset < section.most_seeds else ():
            key = harness.run_key(section=name, contender=contender, seed=seed)
            runs = harness.read_runs(path)
            if key in runs:
                continue
            earlier = {other: line for (other, one), line in lines_of(runs, name).items() if one == seed}
            began = time.perf_counter()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                result = section.measure(contender, seed, earlier)
            told = sorted({str(one.message) for one in caught if "isthmus" in one.category.__module__})
            harness.append_run(path, key, {**result, "warnings": told, "wall_seconds": time.perf_counter() - began})
            print(f"  {name}, seed {seed}, {contender}: {result}", file=sys.stderr, flush=True)
    report = harness.Report("images", __doc__, chosen)
    done = harness.read_runs(path)
    for name, section_type in SECTIONS.items():
        lines = lines_of(done, name)
        if lines:
            for table in section_type(chosen).tables(lines):
                report.add(table)
    report.write()


if __name__ == "__main__":
    main()
