"""Codes from a codebook: a deterministic choice of symbols, and uniform symbols as their prior.

van den Oord, Vinyals & Kavukcuoglu (2017), Neural discrete representation learning, arXiv:1711.00937.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from .base import Distribution, Posterior
from .divergence import register_kl


class QuantisedPosterior(Posterior):
    """All the mass on the codebook vectors chosen for a row.

    Parameters
    ----------
    encoded : Tensor, shape (n, d)
        The encoder's output.
    quantised : Tensor, shape (n, d)
        The codebook vectors that replace it, with their own gradient.
    symbols : Tensor of int64, shape (n, t)
        Which ones: t symbols for each row.
    log_levels : float or Tensor
        Σ_t ln K_t: what the symbols of a row cost in nats when all are equally likely.
    """

    __slots__ = ("encoded", "log_levels", "quantised", "symbols")

    def __init__(self, encoded: Tensor, quantised: Tensor, symbols: Tensor, log_levels: float | Tensor) -> None:
        self.encoded, self.quantised, self.symbols, self.log_levels = encoded, quantised, symbols, log_levels

    @property
    def code(self) -> Tensor:
        """The codebook vectors, whose gradient goes straight through to ``encoded`` and not to the codebook."""
        # encoded − encoded is exactly 0, so that the code is the codebook vector to the last bit.
        return self.quantised.detach() + (self.encoded - self.encoded.detach())

    @property
    def mode(self) -> Tensor:
        return self.quantised

    @property
    def mean(self) -> Tensor:
        return self.quantised

    @property
    def stddev(self) -> Tensor:
        """Zeros: there is no spread."""
        return torch.zeros_like(self.quantised)

    def sample(self, noise: Tensor) -> Tensor:
        """The code, whatever the noise (…, n, w): (…, n, d)."""
        return self.code.expand(*noise.shape[:-1], -1)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        return self.quantised.expand(rows, self.quantised.shape[-1])

    def log_prob(self, value: Tensor) -> Tensor:
        """The log-mass: 0 at the codebook vectors, -inf elsewhere."""
        same = (value == self.quantised).all(-1)
        return torch.zeros_like(same, dtype=self.quantised.dtype).masked_fill(~same, -torch.inf)


class UniformCodes(Distribution):
    """Every sequence of symbols is equally likely.

    Parameters
    ----------
    log_levels : float or Tensor
        Σ_t ln K_t in nats; a tensor is a scalar or has one number per row.
    levels : tuple of int
        K_t, the number of symbols to choose from at each of the t places.
    vectors : callable
        From symbols (..., n, t) to their codebook vectors (..., n, d).
    device : torch.device, optional
        Where the symbols are drawn.

    Examples
    --------
    >>> import math
    >>> import torch
    >>> codebook = torch.tensor([[-1.0], [0.0], [1.0]])
    >>> p = UniformCodes(2 * math.log(3), (3, 3), lambda symbols: codebook[symbols].flatten(-2))
    >>> p.sample_shared(torch.tensor([[-2.0, 2.0, 0.0]]))
    tensor([[-1.,  1.]])
    """

    __slots__ = ("device", "levels", "log_levels", "vectors")

    def __init__(
        self,
        log_levels: float | Tensor,
        levels: tuple[int, ...],
        vectors: Callable[[Tensor], Tensor],
        device: torch.device | None = None,
    ) -> None:
        self.log_levels, self.levels, self.vectors, self.device = log_levels, levels, vectors, device

    def log_prob(self, value: Tensor) -> Tensor:
        """The log-mass of codes in the codebook, (..., n); it is not looked up whether they are."""
        return value.new_zeros(value.shape[:-1]) - self.log_levels

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        columns = [torch.randint(k, (rows,), generator=generator, device=self.device) for k in self.levels]
        return self.vectors(torch.stack(columns, -1))

    def sample_shared(self, noise: Tensor) -> Tensor:
        """As documented in the base. A symbol takes a column; where too few, its further digits."""
        uniforms, columns = list(torch.special.ndtr(noise).unbind(-1)), []
        for place, k in enumerate(self.levels):
            source = place % len(uniforms)
            scaled = uniforms[source] * k
            symbol = scaled.long().clamp_max(k - 1)
            uniforms[source] = scaled - symbol
            columns.append(symbol)
        return self.vectors(torch.stack(columns, -1))


@register_kl(QuantisedPosterior, UniformCodes)
def _quantised_uniform(q: QuantisedPosterior, p: UniformCodes) -> Tensor:
    """t symbols of K cost t ln K: the entropy of a point is 0."""
    return q.quantised.new_zeros(q.quantised.shape[:-1]) + p.log_levels
