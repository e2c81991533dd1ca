"""Codes made of vectors of a learnt codebook."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor
from torch.nn import functional

from isthmus.core.constraints import Constraint, Interval, OneOf
from isthmus.core.registry import register
from isthmus.distributions import QuantisedPosterior

from .base import Latent, LatentModule
from .codebook import AUTO, MAP_WIDTH, Codebook, check_tokens

CODES = (Interval(2, None, integer=True),)
SHARE = (Interval(0, 1, closed="left"),)
TOKENS = (OneOf(AUTO), Interval(1, None, integer=True))
AUTOMATIC_TOKENS = 4


@register("latent", "vector-quantised")
@dataclass(frozen=True)
class VectorQuantised(Latent):
    """Each part of the encoder's output is replaced by the nearest vector of a codebook.

    van den Oord, Vinyals & Kavukcuoglu (2017), Neural discrete representation learning, arXiv:1711.00937; moving
    averages: Razavi et al. (2019), arXiv:1906.00446. The gradient goes straight through to the encoder. It wants a
    :class:`Commitment` penalty, and with ``update="gradient"`` a :class:`CodebookLoss` besides.

    Parameters
    ----------
    n_codes : int
        The size of the codebook.
    tokens : "auto" or int
        Into how many neighbouring parts a code is divided; they share the codebook. It must divide ``latent_dim``.
        "auto": one for each position of a code that is a map, elsewhere 4 (or 2, or 1, where that does not divide it).
    update : str
        "ema": the codebook is a moving average of the vectors that chose it. "gradient": it is trained.
    decay : float
        What the average keeps of itself in a step; 0 is k-means on the last batch.
    reset_below : float
        A code chosen less often than this share of the uniform frequency becomes a random vector of the batch; 0:
        never. Only with "ema".

    Examples
    --------
    >>> VectorQuantised(n_codes=256, tokens=2).symbol_levels(8)
    (256, 256)
    """

    stochastic: ClassVar[bool] = False
    code_space: ClassVar[str] = "symbols"
    straight_through: ClassVar[bool] = True
    has_codebook: ClassVar[bool] = True
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "n_codes": CODES,
        "tokens": TOKENS,
        "update": (OneOf("ema", "gradient"),),
        "decay": SHARE,
        "reset_below": SHARE,
    }

    n_codes: int = 512
    tokens: int | str = AUTO
    update: str = "ema"
    decay: float = 0.99
    reset_below: float = 0.1

    def parameter_shape(self, latent_dim: int) -> int:
        check_tokens("VectorQuantised", self._tokens(latent_dim), latent_dim)
        return latent_dim

    def completed(self, latent_dim: int, positions: int | None) -> VectorQuantised:
        return self.replace(tokens=positions or self._tokens(latent_dim)) if self.tokens == AUTO else self

    def _tokens(self, latent_dim: int) -> int:
        return math.gcd(AUTOMATIC_TOKENS, latent_dim) if isinstance(self.tokens, str) else self.tokens

    def noise_width(self, latent_dim: int) -> int:
        """One number per row says which rows dead codes are reset to."""
        return 1 if self.update == "ema" and self.reset_below > 0 else 0

    def symbol_levels(self, latent_dim: int) -> tuple[int, ...]:
        return (self.n_codes,) * self._tokens(latent_dim)

    def suitable_dim(self, latent_dim: int) -> int:
        tokens = AUTOMATIC_TOKENS if isinstance(self.tokens, str) else self.tokens
        return -(-latent_dim // tokens) * tokens

    def suitable_channels(self) -> int:
        return MAP_WIDTH

    def build(self, latent_dim: int) -> VectorQuantisedLatent:
        tokens = self._tokens(latent_dim)
        return VectorQuantisedLatent(
            Codebook(
                self.n_codes,
                latent_dim // tokens,
                per_row=tokens,
                decay=self.decay if self.update == "ema" else None,
                reset_below=self.reset_below if self.update == "ema" else 0.0,
            )
        )


class VectorQuantisedLatent(LatentModule):
    """Encoder output (n, tokens · width) -> the nearest vectors of one codebook, side by side."""

    def __init__(self, codebook: Codebook) -> None:
        super().__init__()
        self.codebook = codebook
        self.log_levels = codebook.per_row * math.log(codebook.n_codes)

    def describe(self) -> str:
        return f"{self.codebook.per_row} of {self.codebook.n_codes} vectors"

    def forward(self, parameters: Tensor) -> QuantisedPosterior:
        symbols = self.codebook.choose(self._parts(parameters))
        return QuantisedPosterior(parameters, self.vectors(symbols), symbols, self.log_levels)

    def vectors(self, symbols: Tensor) -> Tensor:
        return functional.embedding(symbols, self.codebook.vectors).flatten(-2)

    def updates(self, posterior: QuantisedPosterior, noise: Tensor | None) -> dict[str, Tensor]:  # type: ignore[override]
        keys = None if noise is None else noise[:, 0]
        found = self.codebook.updates(self._parts(posterior.encoded), posterior.symbols, keys)
        return {f"codebook.{name}": value for name, value in found.items()}

    @torch.no_grad()
    def begin(self, encoded: Tensor, generator: Generator) -> None:
        self.codebook.begin(self._parts(encoded).flatten(0, 1), generator)

    def diagnose(self, posterior: QuantisedPosterior) -> str | None:  # type: ignore[override]
        return self.codebook.diagnose(posterior.symbols)

    def _parts(self, encoded: Tensor) -> Tensor:
        return encoded.unflatten(-1, (self.codebook.per_row, self.codebook.width))
