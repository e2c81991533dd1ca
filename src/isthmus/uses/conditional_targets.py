"""p(z|what is asked) up to a factor, in coordinates in which steps can be taken."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Generator, Tensor

from isthmus.core.context import Context
from isthmus.distributions import Distribution
from isthmus.models.autoencoder import ComposedAutoencoder

from .conditional_cells import AskedCells
from .conditional_codes import Codes
from .imputation_target import CodeTarget


class DecodedCodes(Codes, Protocol):
    """Codes that can be decoded."""

    def decode(self, y: Tensor) -> Any:
        """p(x|z) at coordinates (count, q)."""


def codes_for(
    model: ComposedAutoencoder, density: Distribution, cells: AskedCells, context: Context | None
) -> DecodedCodes:
    """The codes of a model, of rows with some cells that are asked for."""
    if model.code_space == "symbols":
        return SymbolCodes(model, density, cells, context)
    return PointCodes(model, density, cells, context)


class SymbolCodes:
    """Sequences of symbols: there are no steps between them."""

    walks = False

    def __init__(
        self, model: ComposedAutoencoder, density: Distribution, cells: AskedCells, context: Context | None
    ) -> None:
        self._model, self._density, self._cells, self._context = model, density, cells, context

    def draw(self, count: int, generator: Generator) -> Tensor:
        return self._density.draw(count, generator)

    def log_density(self, y: Tensor) -> Tensor:
        """Of no use to trials that are new draws of it."""
        return torch.zeros(len(y), dtype=torch.float64, device=y.device)

    def decode(self, y: Tensor) -> Any:
        vectors: Any = self._model.latent.vectors(y)
        return self._model.decode(vectors.to(self._model.scale), self._context)

    def log_likelihood(self, y: Tensor) -> Tensor:
        return self._cells.log_likelihood(self.decode(y), len(y))


class PointCodes:
    """Points of R^d or of the sphere, in the coordinates of :class:`~.imputation_target.CodeTarget`."""

    walks = True

    def __init__(
        self, model: ComposedAutoencoder, density: Distribution, cells: AskedCells, context: Context | None
    ) -> None:
        nothing = torch.zeros(1, sum(block.columns for block in model.blocks), dtype=torch.bool)
        row = torch.zeros(1, model.width).to(model.scale)
        self._target = CodeTarget(model, density, row, nothing.to(row.device), context)
        self._cells, self._context = cells, context

    def draw(self, count: int, generator: Generator) -> Tensor:
        y = self._target.coordinates(self._target.density.draw(count, generator))
        if self._target.on_sphere:  # directions get the lengths of standard normal points
            lengths = torch.randn(y.shape, generator=generator, device=y.device, dtype=y.dtype).norm(
                dim=-1, keepdim=True
            )
            y = torch.nn.functional.normalize(y, dim=-1) * lengths
        return y

    def log_density(self, y: Tensor) -> Tensor:
        return self._target.log_density(y).double()

    def decode(self, y: Tensor) -> Any:
        model = self._target.model
        return model.decode(self._target.codes(y).to(model.scale), self._context)

    def log_likelihood(self, y: Tensor) -> Tensor:
        return self._cells.log_likelihood(self.decode(y), len(y))
