"""Codes that are sums of codebook vectors, each of what the ones before have left."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from isthmus.core.constraints import Constraint, Interval
from isthmus.core.registry import register
from isthmus.distributions import QuantisedPosterior

from .base import Latent, LatentModule
from .codebook import Codebook
from .vector_quantised import CODES, SHARE


@register("latent", "residual-quantised")
@dataclass(frozen=True)
class ResidualQuantised(Latent):
    """A first codebook replaces the encoder's output, a second one what is left of it, and so on.

    Zeghidour et al. (2021), SoundStream, arXiv:2107.03312, section III-C. ``stages`` symbols of ``n_codes`` name
    n_codes^stages vectors. The codebooks are moving averages. It wants a :class:`Commitment` penalty.

    Parameters
    ----------
    n_codes : int
        The size of each codebook.
    stages : int
        How many there are.
    decay : float
        What an average keeps of itself in a step.
    reset_below : float
        A code chosen less often than this share of the uniform frequency becomes a random remainder of the batch; 0:
        never.

    Examples
    --------
    >>> ResidualQuantised(n_codes=256, stages=3).symbol_levels(8)
    (256, 256, 256)
    """

    stochastic: ClassVar[bool] = False
    code_space: ClassVar[str] = "symbols"
    straight_through: ClassVar[bool] = True
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "n_codes": CODES,
        "stages": (Interval(1, None, integer=True),),
        "decay": SHARE,
        "reset_below": SHARE,
    }

    n_codes: int = 256
    stages: int = 4
    decay: float = 0.99
    reset_below: float = 0.1

    def parameter_shape(self, latent_dim: int) -> int:
        return latent_dim

    def noise_width(self, latent_dim: int) -> int:
        """One number per row says which rows dead codes are reset to."""
        return 1 if self.reset_below > 0 else 0

    def symbol_levels(self, latent_dim: int) -> tuple[int, ...]:
        return (self.n_codes,) * self.stages

    def build(self, latent_dim: int) -> ResidualQuantisedLatent:
        return ResidualQuantisedLatent(
            [
                Codebook(self.n_codes, latent_dim, decay=self.decay, reset_below=self.reset_below)
                for _ in range(self.stages)
            ]
        )


class ResidualQuantisedLatent(LatentModule):
    """Encoder output (n, latent_dim) -> the sum of one vector of each codebook."""

    def __init__(self, codebooks: list[Codebook]) -> None:
        super().__init__()
        self.codebooks = nn.ModuleList(codebooks)
        self.log_levels = sum(math.log(codebook.n_codes) for codebook in codebooks)

    def describe(self) -> str:
        sizes = {codebook.n_codes for codebook in self._stages()}
        return f"{len(self.codebooks)} stages of {max(sizes)} vectors"

    def forward(self, parameters: Tensor) -> QuantisedPosterior:
        remainder, symbols = parameters.detach(), []
        for codebook in self._stages():
            symbols.append(codebook.choose(remainder))
            remainder = remainder - codebook.vectors[symbols[-1]]
        stacked = torch.stack(symbols, -1)
        return QuantisedPosterior(parameters, self.vectors(stacked), stacked, self.log_levels)

    def vectors(self, symbols: Tensor) -> Tensor:
        pieces = [
            functional.embedding(chosen, codebook.vectors)
            for chosen, codebook in zip(symbols.unbind(-1), self._stages(), strict=True)
        ]
        return torch.stack(pieces).sum(0)

    def updates(self, posterior: QuantisedPosterior, noise: Tensor | None) -> dict[str, Tensor]:  # type: ignore[override]
        keys = None if noise is None else noise[:, 0]
        remainder, updates = posterior.encoded.detach(), {}
        for number, (codebook, symbols) in enumerate(zip(self._stages(), posterior.symbols.unbind(-1), strict=True)):
            found = codebook.updates(remainder[:, None], symbols[:, None], keys)
            updates.update({f"codebooks.{number}.{name}": value for name, value in found.items()})
            remainder = remainder - codebook.vectors[symbols]
        return updates

    @torch.no_grad()
    def begin(self, encoded: Tensor, generator: Generator) -> None:
        for codebook in self._stages():
            codebook.begin(encoded, generator)
            encoded = encoded - codebook.vectors[codebook.choose(encoded)]

    def diagnose(self, posterior: QuantisedPosterior) -> str | None:  # type: ignore[override]
        for number, (codebook, symbols) in enumerate(zip(self._stages(), posterior.symbols.unbind(-1), strict=True), 1):
            found = codebook.diagnose(symbols)
            if found is not None:
                return f"Stage {number}: {found}"
        return None

    def _stages(self) -> list[Codebook]:
        return list(self.codebooks)  # type: ignore[arg-type]
