"""The MNIST images for the benchmarks, from a folder that the environment variable ISTHMUS_DATA names."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np

FILES = {"train": "train-images-idx3-ubyte.gz", "test": "t10k-images-idx3-ubyte.gz"}
LABELS = {"train": "train-labels-idx1-ubyte.gz", "test": "t10k-labels-idx1-ubyte.gz"}
HEADER = 16  # magic number, count, height, width: four big-endian 32-bit integers
LABELS_HEADER = 8  # magic number, count


def folder(name: str) -> Path:
    """``$ISTHMUS_DATA/name``; ends the program with a hint if it is not there."""
    found = Path(os.environ.get("ISTHMUS_DATA", "")) / name
    if "ISTHMUS_DATA" not in os.environ or not found.is_dir():
        raise SystemExit(
            f"This benchmark needs {name}/ below the folder that the environment variable ISTHMUS_DATA names. "
            "benchmarks/README.md says which files go there."
        )
    return found


def images(part: str) -> np.ndarray:
    """The images of "train" or "test" as float32 rows of 784 values in [0, 1]."""
    path = folder("mnist") / FILES[part]
    with gzip.open(path) as stream:
        head = np.frombuffer(stream.read(HEADER), dtype=">u4")
        pixels = np.frombuffer(stream.read(), dtype=np.uint8)
    if head[0] != 2051 or pixels.size != int(head[1]) * 784:
        raise SystemExit(f"{path.name} is not the IDX file of 28 × 28 images that MNIST is published as.")
    return pixels.reshape(-1, 784).astype(np.float32) / 255


def labels(part: str) -> np.ndarray:
    """The digits that the images of "train" or "test" show, as int64."""
    path = folder("mnist") / LABELS[part]
    with gzip.open(path) as stream:
        head = np.frombuffer(stream.read(LABELS_HEADER), dtype=">u4")
        found = np.frombuffer(stream.read(), dtype=np.uint8)
    if head[0] != 2049 or found.size != int(head[1]):
        raise SystemExit(f"{path.name} is not the IDX file of labels that MNIST is published as.")
    return found.astype(np.int64)
