"""Images: the memory that training takes beside the data, and large images within a given memory.

Each measurement is a fresh process that makes the images, or maps a .npy file, and fits an estimator. Memory is what is
sampled from outside every few milliseconds: the peak of anonymous memory during `fit`, minus what the process held
before with the libraries and the data in it. Pages of a mapped file are not counted: the system takes them back when
it needs them. What resident images cost is the growth of the whole process from a quarter of the images to all, over
the size of the images in between, so that what a run needs whatever its data does not count.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import harness
import numpy as np
from child_memory import MIB, done, ready, watched

RESIDENT_TARGET = 1.2
MAPPED_TARGET = 512.0
LARGE_TARGET = 24 * 1024.0
PIECE = 10_000


def some_images(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Images that can be learnt: a bright bar each, at its own place, over noise."""
    images = random.integers(0, 40, shape, dtype=np.uint8)
    places = random.integers(0, shape[1], len(images))
    images[np.arange(len(images)), places] = 220
    return images


def write_images(path: Path, count: int, side: int, seed: int) -> None:
    """A .npy file of uint8 images, written piece by piece."""
    random = np.random.default_rng(seed)
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, side, side))
    for start in range(0, count, PIECE):
        array[start : start + PIECE] = some_images(random, (min(PIECE, count - start), side, side))
    array.flush()


def child(options: argparse.Namespace) -> None:
    """What runs in the fresh process: load, wait for "go", fit, say what it came to."""
    import torch

    import isthmus

    torch.set_num_threads(options.threads)
    source, shape, estimator, arguments = options.child
    sizes = tuple(map(int, shape.split("x")))
    random = np.random.default_rng(options.seed)
    X = some_images(random, sizes) if source == "made" else np.load(source, mmap_mode="r")[: sizes[0]]
    parameters: dict[str, Any] = dict(pair.split("=") for pair in arguments.split(",") if pair)
    parameters = {name: float(value) if "." in value else int(value) for name, value in parameters.items()}
    model = getattr(isthmus, estimator)(**parameters, random_state=options.seed, device="cpu", verbose=0)
    ready()
    began = time.perf_counter()
    model.fit(X)
    done(f"{time.perf_counter() - began:.1f}", len(model.history_.rows))


def measured(source: str, shape: str, estimator: str, arguments: str, options: argparse.Namespace) -> dict[str, float]:
    """Anonymous memory before and at its peak in MiB, and seconds, of one fit in a child process."""
    command = [sys.executable, "-W", "ignore", __file__, "--child", source, shape, estimator, arguments]
    command += ["--threads", str(options.threads), "--seed", str(options.seed)]
    before, peak, words = watched(command)
    found = {"before": before / MIB, "peak": peak / MIB, "seconds": float(words[0]), "epochs": int(words[1])}
    print(f"  {shape} {estimator} {arguments}: {found}", file=sys.stderr, flush=True)
    return found


def resident(options: argparse.Namespace, report: harness.Report) -> None:
    """Images in memory."""
    rows: list[tuple[Any, ...]] = []
    runs = {}
    for name in ("Autoencoder", "VAE"):
        counts = (options.images // 4, options.images)
        few, many = (
            measured("made", f"{count}x28x28", name, f"max_seconds={options.seconds}", options) for count in counts
        )
        data = (counts[1] - counts[0]) * 784 / MIB
        share = (many["peak"] - few["peak"]) / data
        beside = many["peak"] - many["before"]
        rows.append((name, counts[1] * 784 / MIB, beside, share, harness.verdict(share, RESIDENT_TARGET, False)))
        runs[name] = [few, many]
    columns = ("estimator", "images in MiB", "fit beside them in MiB", "growth per byte of images", "target")
    title = f"{options.images:,} uint8 images of 28 × 28 in memory, {options.seconds:g} s of training"
    report.add(harness.Table(title, columns, rows), runs=runs)


def mapped(options: argparse.Namespace, report: harness.Report) -> None:
    """Images in a memory-mapped file."""
    rows: list[tuple[Any, ...]] = []
    runs = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        write_images(path, options.mapped, 28, options.seed)
        for count in (options.mapped // 5, options.mapped):
            found = measured(str(path), f"{count}x28x28", "Autoencoder", f"max_seconds={options.seconds}", options)
            beside = found["peak"] - found["before"]
            judged = harness.verdict(beside, MAPPED_TARGET, at_least=False)
            rows.append((f"{count:,}", count * 784 / MIB, beside, found["seconds"], judged))
            runs[str(count)] = found
    columns = ("images", "file in MiB", "fit in MiB", "seconds in all", "target")
    title = f"Memory-mapped uint8 images of 28 × 28, Autoencoder, {options.seconds:g} s of training"
    report.add(harness.Table(title, columns, rows), runs=runs)


def large(options: argparse.Namespace, report: harness.Report) -> None:
    """Large images with the default network."""
    rows: list[tuple[Any, ...]] = []
    runs = {}
    for side, count in ((128, options.large), (256, options.large)):
        steps = -(-count // 32)
        found = measured("made", f"{count}x{side}x{side}x3", "VAE", "max_epochs=1,batch_size=32", options)
        beside = found["peak"] - found["before"]
        judged = harness.verdict(found["peak"], LARGE_TARGET, at_least=False)
        rows.append((f"{side} × {side} × 3", count, steps, beside, found["seconds"], judged))
        runs[str(side)] = found
    columns = ("size", "images", "steps", "fit beside them in MiB", "seconds in all", "target for the process")
    report.add(harness.Table("VAE with default network, batches of 32", columns, rows), runs=runs)


def main() -> None:
    """Measure and write the tables."""
    options = harness.parser(__doc__)
    options.add_argument("--images", type=int, default=240_000, help="images held in memory")
    options.add_argument("--mapped", type=int, default=1_000_000, help="images in a memory-mapped file")
    options.add_argument("--large", type=int, default=64, help="images of 128 × 128 × 3 and 256 × 256 × 3")
    options.add_argument("--seconds", type=float, default=10.0, help="seconds of training of small images")
    options.add_argument("--threads", type=int, default=2, help="threads of PyTorch")
    options.add_argument(
        "--child", nargs=4, metavar=("SOURCE", "SHAPE", "ESTIMATOR", "ARGUMENTS"), help=argparse.SUPPRESS
    )
    chosen = options.parse_args()
    if chosen.child:
        child(chosen)
        return
    report = harness.Report("image_memory", __doc__, chosen)
    resident(chosen, report)
    mapped(chosen, report)
    large(chosen, report)
    report.write()


if __name__ == "__main__":
    main()
