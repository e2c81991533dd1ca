"""A codebook: vectors that replace the encoder's, and how they move."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from isthmus.core.errors import ParameterError
from isthmus.core.spread import spread_rows
from isthmus.core.steady_linear import steady_linear

# A code that no row has chosen keeps this weight at its last vector, so that it never divides by zero.
FLOOR = 1e-20
LLOYD_STEPS = 10
# Maps have many vectors in each row; k-means sees no more than this number of them.
FIRST_VECTORS = 2**15
# The numbers at each position of a map of codes. Narrow vectors use a codebook better: Yu et al. (2022),
# arXiv:2110.04627, who take 32 for photographs.
MAP_WIDTH = 16
AUTO = "auto"
# How far codes begin from the rows they are copied from, in standard deviations.
APART = 1e-3
# A code chosen this much less often than if all were equally likely counts as dead for diagnosis; or never.
DEAD = 0.01


def check_tokens(name: str, tokens: int, latent_dim: int) -> None:
    """Raise :class:`ParameterError` for codes that are not so many equal parts."""
    if latent_dim % tokens:
        raise ParameterError(
            f"{name}: `tokens` must divide `latent_dim`; got tokens={tokens} and latent_dim={latent_dim}. Use "
            f"latent_dim={tokens * max(1, round(latent_dim / tokens))}."
        )


class Codebook(nn.Module):
    """``n_codes`` vectors of ``width``: moving averages of the rows that chose them, or trained by gradient.

    The averages are those of van den Oord et al. (2017, appendix A.1, arXiv:1711.00937) and Razavi et al. (2019,
    arXiv:1906.00446), kept per row, so that neither the size of a batch nor its division changes them. There is no
    smoothing: a code that nothing chooses stays where it is.

    Parameters
    ----------
    n_codes, width : int
    per_row : int
        How many vectors of each row are replaced.
    decay : float
        What an average keeps of itself in a step; None: the codebook is a parameter.
    reset_below : float
        A code chosen less often than this share of the uniform frequency becomes a vector of the batch; 0: never.
    """

    counts: Tensor
    sums: Tensor

    def __init__(
        self, n_codes: int, width: int, *, per_row: int = 1, decay: float | None = 0.99, reset_below: float = 0.0
    ) -> None:
        super().__init__()
        self.n_codes, self.width, self.per_row = n_codes, width, per_row
        self.decay, self.reset_below = decay, reset_below
        self.uniform = per_row / n_codes
        if decay is None:
            self.weight = nn.Parameter(torch.zeros(n_codes, width))
        else:
            self.register_buffer("counts", torch.full((n_codes,), self.uniform))
            self.register_buffer("sums", torch.zeros(n_codes, width))

    @property
    def vectors(self) -> Tensor:
        """The vectors, (n_codes, width)."""
        return self.weight if self.decay is None else self.sums / self.counts[:, None]

    @torch.no_grad()
    def assign(self, vectors: Tensor) -> None:
        """Take over vectors (n_codes, width), as if all were chosen equally often."""
        if self.decay is None:
            self.weight.copy_(vectors)
        else:
            self.counts.fill_(self.uniform)
            self.sums.copy_(vectors * self.uniform)

    def initialise(self, generator: Generator) -> None:
        """Draw the vectors from N(0, I), until :meth:`begin` has seen rows."""
        self.assign(torch.randn(self.n_codes, self.width, generator=generator, device=generator.device))

    @torch.no_grad()
    def begin(self, rows: Tensor, generator: Generator) -> None:
        """Take over the k-means centres of rows (m, width), or of a random part of them, from well spread ones."""
        if len(rows) > FIRST_VECTORS:
            rows = rows[torch.randperm(len(rows), generator=generator, device=rows.device)[:FIRST_VECTORS]]
        centres = rows[spread_rows(lambda row: (rows - rows[row]).square().sum(-1), self.n_codes, generator)]
        # Where codes outnumber the rows that differ, no two may be equal: only one of them would ever be chosen.
        apart = torch.randn(centres.shape, generator=generator, device=generator.device).to(centres)
        centres = centres + APART * rows.std(0, correction=0) * apart
        for _ in range(LLOYD_STEPS):
            chosen = functional.one_hot(self.choose(rows, centres), self.n_codes).to(rows.dtype)
            counts = chosen.sum(0)[:, None]
            centres = torch.where(counts > 0, chosen.T @ rows / counts.clamp_min(1), centres)
        self.assign(centres)

    @torch.no_grad()
    def choose(self, rows: Tensor, vectors: Tensor | None = None) -> Tensor:
        """The nearest vector of each row (..., width) by squared distance, the first of equals: (...) int64."""
        vectors = self.vectors if vectors is None else vectors
        center = vectors.mean(0)
        vectors = vectors - center
        return steady_linear(rows - center, -2 * vectors, vectors.square().sum(-1)).argmin(-1)

    @torch.no_grad()
    def updates(self, rows: Tensor, symbols: Tensor, keys: Tensor | None = None) -> dict[str, Tensor]:
        """New values of the buffers after a batch.

        Parameters
        ----------
        rows : Tensor, shape (n, per_row, width)
        symbols : Tensor of int64, shape (n, per_row)
            What they chose.
        keys : Tensor, shape (n,), optional
            Random numbers that order the rows: dead codes become the vectors of the first of them. None: no reset.
        """
        if self.decay is None:
            return {}
        chosen = functional.one_hot(symbols.flatten(), self.n_codes).to(rows.dtype) / len(rows)
        found = chosen.sum(0)
        kept = (FLOOR / self.counts).clamp_min(self.decay)
        counts = kept * self.counts + (1 - self.decay) * found
        sums = kept[:, None] * self.sums + (1 - self.decay) * (chosen.T @ rows.flatten(0, 1))
        if keys is not None and self.reset_below > 0:
            dead = self.counts < self.reset_below * self.uniform
            candidates = rows[keys.argsort()].flatten(0, 1)
            replacement = candidates[(dead.cumsum(0) - 1) % len(candidates)]
            counts = counts.masked_fill(dead, self.uniform)
            sums = torch.where(dead[:, None], replacement * self.uniform, sums)
        return {"counts": counts, "sums": sums}

    def diagnose(self, symbols: Tensor) -> str | None:
        """Words for a codebook of which ``symbols`` (any shape) hardly ever choose more than half, or None."""
        counts = torch.bincount(symbols.flatten(), minlength=self.n_codes)
        dead = int((counts < DEAD * symbols.numel() / self.n_codes).sum())
        if 2 * dead <= self.n_codes:
            return None
        return (
            f"{dead} of {self.n_codes} codes of the codebook are hardly ever chosen: lower `n_codes`"
            f"{', set `reset_below`=0.1' if not self.reset_below else ''} or train longer."
        )

    def extra_repr(self) -> str:
        return f"{self.n_codes}, {self.width}, decay={self.decay}"
