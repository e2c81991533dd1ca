"""Inference: `transform` of a million rows beside the bare matrix products, and the memory that it takes.

The bare contender multiplies chunks of the rows with the encoder's weight matrices into preallocated buffers: no
biases, no activations, no checks, at the chunk size that turns out best. Both run in turn in one process. Memory is
measured in a fresh process per input, which loads a saved model and the rows: the peak during its first `transform`,
sampled from outside every millisecond, minus what it held before and minus the output.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import harness
import numpy as np
import torch
from child_memory import MIB, done, ready, watched
from torch import Tensor

WIDTH = 64
CODES = 8
SIZES = (256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536)
RATE_TARGET = 0.8
MEMORY_TARGET = 64.0


def write_rows(path: Path, rows: int, seed: int) -> None:
    """A .npy file of standard normal float32 rows, written piece by piece."""
    random = np.random.default_rng(seed)
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, WIDTH))
    for start in range(0, rows, 100_000):
        piece = array[start : start + 100_000]
        piece[:] = random.standard_normal(piece.shape, dtype=np.float32)
    array.flush()


def fitted(hidden: str, seed: int) -> Any:
    """An Autoencoder after one short epoch: its speed does not depend on what it learned."""
    import isthmus

    network: dict[str, Any] = (
        {} if hidden == "default" else {"network": isthmus.MLP(hidden=tuple(map(int, hidden.split("-"))))}
    )
    X = np.random.default_rng(seed).standard_normal((2_000, WIDTH), dtype=np.float32)
    return isthmus.Autoencoder(CODES, **network, max_epochs=1, device="cpu", random_state=seed, verbose=0).fit(X)


def encoder_weights(model: Any) -> list[Tensor]:
    """The encoder's weight matrices, transposed for rows on the left, found by following the widths to the code."""
    weights, width = [], WIDTH
    for parameter in model.module_.parameters():
        if parameter.ndim == 2 and parameter.shape[1] == width:
            weights.append(parameter.detach().t().contiguous())
            width = parameter.shape[0]
            if width == CODES:
                return weights
    raise SystemExit("The weights of the encoder were not found in module_.")


def bare(X: Tensor, weights: list[Tensor], size: int) -> float:
    """Rows per second of the products alone."""
    buffers = [torch.empty(size, weight.shape[1]) for weight in weights[:-1]]
    out = torch.empty(len(X), weights[-1].shape[1])
    out.zero_()  # touch the pages, as they are for a preallocated result
    began = time.perf_counter()
    for start in range(0, len(X), size):
        rows = X[start : start + size]
        for weight, buffer in zip(weights, buffers, strict=False):
            rows = torch.mm(rows, weight, out=buffer[: len(rows)])
        torch.mm(rows, weights[-1], out=out[start : start + size])
    return len(X) / (time.perf_counter() - began)


def rate(rows: int, call: Callable[[], object]) -> float:
    """Rows per second of one call."""
    began = time.perf_counter()
    call()
    return rows / (time.perf_counter() - began)


def child(options: argparse.Namespace) -> None:
    """What runs in the fresh process: load model and rows, wait for "go", transform, say how large the result is."""
    import isthmus

    kind, rows, file = options.child
    torch.set_num_threads(options.threads)
    model = isthmus.load(file)
    X = np.load(rows, mmap_mode="r" if kind == "mapped" else None)
    ready()
    codes = model.transform(X)
    done(codes.nbytes)


def extra_memory(kind: str, rows: Path, model: Path, options: argparse.Namespace) -> float:
    """Peak anonymous memory in MiB during ``transform`` beyond input and output, of a child process."""
    command = [sys.executable, __file__, "--child", kind, str(rows), str(model), "--threads", str(options.threads)]
    before, peak, (output,) = watched(command, every_seconds=0.001)
    return (peak - before - int(output)) / MIB


def measure(path: Path, options: argparse.Namespace, report: harness.Report) -> None:
    """Rates and memory, and their tables."""
    torch.set_num_threads(options.threads)
    model = fitted(options.hidden, options.seed)
    weights = encoder_weights(model)
    widths = "-".join(str(width) for width in (WIDTH, *(weight.shape[1] for weight in weights)))
    array, mapped = np.load(path), np.load(path, mmap_mode="r")
    X = torch.from_numpy(array)
    by_size = {size: max(bare(X, weights, size) for _ in range(2)) for size in SIZES}
    best = max(by_size, key=lambda size: by_size[size])
    names = (f"bare products, {best} rows at a time", "transform, array", "transform, memory-mapped .npy")
    measured = harness.interleave(
        {
            names[0]: lambda: bare(X, weights, best),
            names[1]: lambda: rate(len(array), lambda: model.transform(array)),
            names[2]: lambda: rate(len(mapped), lambda: model.transform(mapped)),
        },
        options.rounds,
    )
    rows = []
    for name in names:
        share, low, high = harness.ratio(measured, name, names[0])
        judged = harness.verdict(share, RATE_TARGET) if name == names[1] else ""
        rows.append((name, harness.median(measured[name]), share, f"{low:.2f} to {high:.2f}", judged))
    title = f"{widths}, {len(array):,} × {WIDTH} float32 rows, {options.threads} threads"
    columns = ("contender", "rows per second", "share of bare", "range", "target")
    report.add(harness.Table(f"{title}: rate", columns, rows), rates=measured, bare_by_size=by_size)
    file = path.with_name("model.safetensors")
    model.save(file)
    memory = {kind: extra_memory(kind, path, file, options) for kind in ("array", "mapped")}
    found = [(k, v, harness.verdict(v, MEMORY_TARGET, at_least=False)) for k, v in memory.items()]
    report.add(harness.Table(f"{title}: extra memory", ("input", "peak extra MiB", "target"), found))


def main() -> None:
    """Make the rows, measure, and write the tables."""
    options = harness.parser(__doc__, rounds=7)
    options.add_argument("--rows", type=int, default=1_000_000, help="rows to transform")
    options.add_argument("--threads", type=int, default=2, help="threads of PyTorch")
    options.add_argument("--hidden", default="default", help="hidden widths such as 256-128, or the default network")
    options.add_argument("--child", nargs=3, metavar=("KIND", "ROWS", "MODEL"), help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.child:
        child(chosen)
        return
    report = harness.Report("inference_speed", __doc__, chosen)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        write_rows(path, chosen.rows, chosen.seed)
        measure(path, chosen, report)
    report.write()


if __name__ == "__main__":
    main()
