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
from .codebook import AUTO, MAP_WIDTH, Codebook, check_tokens
from .vector_quantised import CODES, SHARE, TOKENS


@register("latent", "residual-quantised")
@dataclass(frozen=True)
class ResidualQuantised(Latent):
    """A first codebook replaces the encoder's output, a second one what is left of it, and so on.

    Zeghidour et al. (2021), SoundStream, arXiv:2107.03312, section III-C. ``stages`` symbols of ``n_codes`` name
    n_codes^stages vectors. The codebooks are moving averages. It wants a :class:`Commitment` penalty. Codes may be
    divided into parts, each with its own symbols: Lee et al. (2022), arXiv:2203.01941.

    Parameters
    ----------
    n_codes : int
        The size of each codebook.
    stages : int
        How many there are.
    tokens : "auto" or int
        Into how many neighbouring parts a code is divided, each of ``stages`` symbols; they share the codebooks. It
        must divide ``latent_dim``. "auto": one for each position of a code that is a map, elsewhere 1.
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
    has_codebook: ClassVar[bool] = True
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "n_codes": CODES,
        "stages": (Interval(1, None, integer=True),),
        "tokens": TOKENS,
        "decay": SHARE,
        "reset_below": SHARE,
    }

    n_codes: int = 256
    stages: int = 4
    tokens: int | str = AUTO
    decay: float = 0.99
    reset_below: float = 0.1

    def parameter_shape(self, latent_dim: int) -> int:
        check_tokens("ResidualQuantised", self._tokens, latent_dim)
        return latent_dim

    def completed(self, latent_dim: int, positions: int | None) -> ResidualQuantised:
        return self.replace(tokens=positions or self._tokens) if self.tokens == AUTO else self

    @property
    def _tokens(self) -> int:
        return 1 if isinstance(self.tokens, str) else self.tokens

    def noise_width(self, latent_dim: int) -> int:
        """One number per row says which rows dead codes are reset to."""
        return 1 if self.reset_below > 0 else 0

    def symbol_levels(self, latent_dim: int) -> tuple[int, ...]:
        return (self.n_codes,) * (self._tokens * self.stages)

    def suitable_dim(self, latent_dim: int) -> int:
        return -(-latent_dim // self._tokens) * self._tokens

    def suitable_channels(self) -> int:
        return MAP_WIDTH

    def build(self, latent_dim: int) -> ResidualQuantisedLatent:
        width, tokens = latent_dim // self._tokens, self._tokens
        return ResidualQuantisedLatent(
            [
                Codebook(self.n_codes, width, per_row=tokens, decay=self.decay, reset_below=self.reset_below)
                for _ in range(self.stages)
            ]
        )


class ResidualQuantisedLatent(LatentModule):
    """Encoder output (n, tokens · width) -> for each part, the sum of one vector of each codebook.

    The symbols (n, tokens · stages) of a part stand side by side, in the order of the stages.
    """

    def __init__(self, codebooks: list[Codebook]) -> None:
        super().__init__()
        self.codebooks = nn.ModuleList(codebooks)
        self.log_levels = sum(codebook.per_row * math.log(codebook.n_codes) for codebook in codebooks)

    def describe(self) -> str:
        first = self._stages()[0]
        parts = f"{first.per_row} parts, " if first.per_row > 1 else ""
        return f"{parts}{len(self.codebooks)} stages of {first.n_codes} vectors"

    def forward(self, parameters: Tensor) -> QuantisedPosterior:
        remainder, symbols = self._parts(parameters.detach()), []
        for codebook in self._stages():
            symbols.append(codebook.choose(remainder))
            remainder = remainder - codebook.vectors[symbols[-1]]
        stacked = torch.stack(symbols, -1).flatten(-2)
        return QuantisedPosterior(parameters, self.vectors(stacked), stacked, self.log_levels)

    def vectors(self, symbols: Tensor) -> Tensor:
        pieces = [
            functional.embedding(chosen, codebook.vectors)
            for chosen, codebook in zip(self._by_stage(symbols), self._stages(), strict=True)
        ]
        return torch.stack(pieces).sum(0).flatten(-2)

    def updates(self, posterior: QuantisedPosterior, noise: Tensor | None) -> dict[str, Tensor]:  # type: ignore[override]
        keys = None if noise is None else noise[:, 0]
        remainder, updates = self._parts(posterior.encoded.detach()), {}
        for number, (codebook, symbols) in enumerate(
            zip(self._stages(), self._by_stage(posterior.symbols), strict=True)
        ):
            found = codebook.updates(remainder, symbols, keys)
            updates.update({f"codebooks.{number}.{name}": value for name, value in found.items()})
            remainder = remainder - codebook.vectors[symbols]
        return updates

    @torch.no_grad()
    def begin(self, encoded: Tensor, generator: Generator) -> None:
        remainder = self._parts(encoded).flatten(0, 1)
        for codebook in self._stages():
            codebook.begin(remainder, generator)
            remainder = remainder - codebook.vectors[codebook.choose(remainder)]

    def diagnose(self, posterior: QuantisedPosterior) -> str | None:  # type: ignore[override]
        for number, (codebook, symbols) in enumerate(
            zip(self._stages(), self._by_stage(posterior.symbols), strict=True), 1
        ):
            found = codebook.diagnose(symbols)
            if found is not None:
                return f"Stage {number}: {found}"
        return None

    def _parts(self, encoded: Tensor) -> Tensor:
        return encoded.unflatten(-1, (self._stages()[0].per_row, -1))

    def _by_stage(self, symbols: Tensor) -> tuple[Tensor, ...]:
        """For each stage its symbols (..., tokens)."""
        return symbols.unflatten(-1, (-1, len(self.codebooks))).unbind(-1)

    def _stages(self) -> list[Codebook]:
        return list(self.codebooks)  # type: ignore[arg-type]
