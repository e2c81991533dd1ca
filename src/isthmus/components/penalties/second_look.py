"""Run a network once more in a step, without leaving a trace in its running statistics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def second_look(network: nn.Module) -> Iterator[None]:
    """What the layers of ``network`` have left in ``pending`` for the loop is again there at the end.

    A penalty evaluates the network besides the step's own pass; only that pass updates running statistics.

    Examples
    --------
    >>> layer = nn.Identity()
    >>> layer.pending = {"mean": 1.0}
    >>> with second_look(nn.Sequential(layer)):
    ...     layer.pending = {"mean": 2.0}
    >>> layer.pending
    {'mean': 1.0}
    """
    layers: Any = [layer for layer in network.modules() if hasattr(layer, "pending")]
    pending = [layer.pending for layer in layers]
    try:
        yield
    finally:
        for layer, left in zip(layers, pending, strict=True):
            layer.pending = left
