"""What the likelihoods of counts share: from the decoder's output to rates, by exposure or by library size."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from isthmus.core.blocks import Block

from .accepted_kinds import require_kind
from .base import LikelihoodModule

LIBRARIES = ("none", "observed")
LARGEST_LOG_RATE = 30.0
"""Log-means (and log-dispersions) are clamped to ±30: beyond 1e13 counts float32 could not go on."""

# A feature without a single count begins as if half of one had been seen.
FEWEST_COUNTS = 0.5


def require_counts(likelihood: str, block: Block) -> None:
    """Refuse what was not declared as counts."""
    require_kind(likelihood, block, ("count",), "counts", "declare schema='count' if they are counts")


class CountLikelihood(LikelihoodModule):
    """The first d columns of the decoder's output become the logarithms of mean counts.

    With ``library="none"`` a mean is ``exposure · exp(output + offset)``; with ``"observed"`` it is
    ``exposure · softmax(output + offset)``, a share of the row's total (Lopez et al. 2018, Deep generative modeling
    for single-cell transcriptomics, doi:10.1038/s41592-018-0229-2). Logarithms of means are clamped to ±30.

    Attributes
    ----------
    offset : Tensor, shape (d,)
        The logarithms of the training rows' mean rates (or shares): an output of zeros means them.
    typical_exposure : Tensor, scalar
        The exposure of rows that have none, as new ones: the median of the training rows' (the lower of two).
    """

    is_density = False
    uses_exposure = True
    offset: Tensor
    typical_exposure: Tensor

    def __init__(self, library: str, block: Block) -> None:
        super().__init__()
        self.width = block.width
        self.library = library
        observed = library == "observed"
        mean = block.mean if block.mean > 0 else 1.0
        self.register_buffer("offset", torch.full((self.width,), 0.0 if observed else math.log(mean)))
        self.register_buffer("typical_exposure", torch.tensor(mean * self.width if observed else 1.0))

    def log_mean(self, output: Tensor, exposure: Tensor | None) -> Tensor:
        """ln of the mean counts of outputs (..., n, d), with exposures (n, 1) or, for None, the typical one."""
        scores = output + self.offset
        if self.library == "observed":
            scores = torch.log_softmax(scores, -1)
        exposure = self.typical_exposure if exposure is None else exposure
        return (scores + exposure.log()).clamp(-LARGEST_LOG_RATE, LARGEST_LOG_RATE)

    def observed_exposure(self, target: Tensor) -> Tensor | None:
        """The rows' totals (n, 1), at least 1, where the library size is observed."""
        return target.sum(-1, keepdim=True).clamp_min(1) if self.library == "observed" else None

    @torch.no_grad()
    def begin(self, target: Tensor, exposure: Tensor | None, present: Tensor | None = None) -> None:
        target = target.double()
        if exposure is None:
            totals = self.observed_exposure(target)
            exposure = torch.ones_like(target[:, :1]) if totals is None else totals
        exposure = exposure.double()
        counts = target.sum(0).clamp_min(FEWEST_COUNTS)
        if present is None:
            rates = counts / (counts.sum() if self.library == "observed" else exposure.sum())
        else:
            known = (exposure * present).sum(0)
            rates = counts / torch.where(known > 0, known, exposure.sum())
        self.offset.copy_(rates.log())
        self.typical_exposure.copy_(exposure.median())
        mean = rates * exposure
        self.begin_dispersion(target, mean if present is None else torch.where(present, mean, 0.0))

    def begin_dispersion(self, target: Tensor, mean: Tensor) -> None:
        """Told by :meth:`begin`: training rows (m, d) and the means (m, d) that the offset gives them, float64.

        Both are 0 where a cell is absent.
        """

    def library_words(self) -> str:
        """How means come about, in a few words."""
        return "shares of the observed total" if self.library == "observed" else "log rate"
