"""What the sections of ``images.py`` share: images by name, spans over the seeds, the network of the small images."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import harness
import numpy as np

Line = dict[str, Any]
Lines = Mapping[tuple[str, int], Line]

CODES = 32
# Half as wide as the layout "small": half of its time, at nearly its quality.
NETWORK: dict[str, Any] = {"layout": "small", "channels": (16, 32)}


class Section:
    """One question: its contenders, the measurement of one of them, and the tables of all."""

    contenders: Sequence[str] = ()
    most_seeds = 1_000

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options

    def measure(self, contender: str, seed: int, earlier: Mapping[str, Line]) -> Line:
        """The numbers of one run; ``earlier`` are those of the same seed by contender."""
        raise TypeError(f"{type(self).__name__} measures nothing")

    def tables(self, lines: Lines) -> list[harness.Table]:
        """The tables of all runs that there are."""
        raise TypeError(f"{type(self).__name__} has no tables")


def load(name: str, split: str = "train", **options: Any) -> Any:
    """A data set of images, from the folder that ISTHMUS_DATA names."""
    import isthmus

    if "ISTHMUS_DATA" not in os.environ:
        raise SystemExit("This benchmark reads the folder that the environment variable ISTHMUS_DATA names.")
    return isthmus.datasets.load(name, split, download=False, **options)


def flat(images: np.ndarray) -> np.ndarray:
    """uint8 images as float64 rows in [0, 1]."""
    return images.reshape(len(images), -1) / 255.0


def squared_error(images: np.ndarray, others: np.ndarray) -> float:
    """Per image, summed over its pixels in [0, 1]."""
    return float(np.square(flat(images) - flat(others)).sum(1).mean())


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """The result, and the processor seconds that it took."""
    began = time.process_time()
    return function(), time.process_time() - began


def column(lines: Lines, contender: str, name: str) -> str:
    """Mean ± standard deviation over the seeds of one number; empty where there is none."""
    values = [line[name] for (other, _), line in lines.items() if other == contender and line.get(name) is not None]
    return harness.spread(values)


def values(lines: Lines, contender: str, name: str) -> dict[int, float]:
    """One number by seed."""
    return {seed: line[name] for (other, seed), line in lines.items() if other == contender and name in line}


def seeds(lines: Lines, contender: str) -> int:
    """How many seeds there are of a contender."""
    return sum(other == contender for other, _ in lines)
