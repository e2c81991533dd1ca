"""One layer of an architecture in plain words: what tables and diagrams of a model are drawn from."""

from __future__ import annotations

import math
from dataclasses import dataclass

STAGES = ("input", "encoder", "latent", "decoder", "output")


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer on the way from input to output.

    Activation, normalisation and dropout belong into the ``detail`` of the layer that they follow. A Gaussian latent
    has three rows: its heads "Mean" and "Standard deviation", which are drawn side by side, and last the code "z" that
    they feed; a point latent has one.

    Attributes
    ----------
    stage : str
        "input", "encoder", "latent", "decoder" or "output": the part of the model that the layer belongs to.
    name : str
        What the layer is ("Linear", "Mean", "Standard deviation", "z").
    detail : str
        The rest in a few words ("GELU", "N(0, I) prior"); may be empty.
    output_shape : tuple of int
        The shape of one row after the layer.
    parameters : int
        How many numbers the layer learns.

    Examples
    --------
    >>> LayerRow("encoder", "Linear", "ReLU", (5,), 35).size
    5
    """

    stage: str
    name: str
    detail: str
    output_shape: tuple[int, ...]
    parameters: int

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise ValueError(f"`stage` must be one of {', '.join(STAGES)}; got {self.stage!r}.")

    @property
    def size(self) -> int:
        """The number of values in one row after the layer."""
        return math.prod(self.output_shape)
