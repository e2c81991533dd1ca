"""The Student-t likelihood: an error measure that a few wild values cannot dominate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from isthmus.core.blocks import Block
from isthmus.core.constraints import Constraint, Interval, OneOf
from isthmus.core.registry import register
from isthmus.distributions import Distribution, IndependentStudentT

from .accepted_kinds import require_real_numbers
from .base import Likelihood
from .residual_histogram import BINS, best_squared_scale, residual_histogram
from .running_scale import RunningScaleLikelihood, half_step, is_logistic

LEARNT = "learnt"
INITIAL_FREEDOM = 4.0


@register("likelihood", "student-t")
@dataclass(frozen=True)
class StudentT(Likelihood):
    """p(x|z) = Π t_ν((x − location(z)) / s) / s: like a Gaussian in the middle, with tails that forgive outliers.

    Takahashi, Iwata, Yamanaka, Yamada & Yagi (2018), Student-t variational autoencoder for robust density
    estimation, doi:10.24963/ijcai.2018/374, with one scale for all features and rows. The pull of a cell on its
    location is the error r weighted by (ν + 1) / (ν + r²/s²), which falls as the error grows. For real numbers:
    continuous, unit-interval or binary.

    Parameters
    ----------
    degrees_of_freedom : float or "learnt"
        ν > 2, so that there is a variance; the smaller, the heavier the tails. 4 is the usual choice for robustness
        (Lange, Little & Taylor 1989, Robust statistical modeling using the t distribution,
        doi:10.1080/01621459.1989.10478852). "learnt": one ν, trained along with the decoder; it begins at 4.
    scale : "shared" or float
        "shared": the maximum-likelihood s for the given ν. During training a running buffer follows the update of the
        EM algorithm, s² ← mean of (ν + 1) / (ν + r²/s²) · r², whose fixed point it is (Lange et al., section 3). After
        training it is recomputed from a histogram of the errors, to 6 digits. It never goes below half the step in
        which the data were measured. A number fixes s, in the units of the scaled features.
    mean : "auto", "identity" or "logistic"
        How the decoder's output becomes a location; "auto" is logistic for data in [0, 1] and the identity elsewhere.

    Examples
    --------
    The cost of an error of 10 over one of 1, in nats; for a Gaussian it is 49.5:

    >>> p = StudentT(scale=1.0).build(Block("continuous", 0, 1, (1,)))(torch.zeros(2, 1))
    >>> near, far = p.log_prob(torch.tensor([[1.0], [10.0]]))
    >>> near - far
    tensor(7.5874)
    """

    degrees_of_freedom: float | str = INITIAL_FREEDOM
    scale: str | float = "shared"
    mean: str = "auto"

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "degrees_of_freedom": (OneOf(LEARNT), Interval(2, None, closed="neither")),
        "scale": (OneOf("shared"), Interval(0, None, closed="neither")),
        "mean": (OneOf("auto", "identity", "logistic"),),
    }

    def parameter_shape(self, block: Block) -> int:
        return block.width

    def build(self, block: Block) -> StudentTLikelihood:
        require_real_numbers("StudentT", block)
        return StudentTLikelihood(self.degrees_of_freedom, self.scale, is_logistic(self.mean, block), block)


class StudentTLikelihood(RunningScaleLikelihood):
    """Decoder output (n, d) as locations, with the squared scale s² in a buffer."""

    buffer = "squared_scale"
    title = "StudentT"
    squared_scale: Tensor

    def __init__(self, degrees_of_freedom: float | str, scale: str | float, logistic: bool, block: Block) -> None:
        freedom = INITIAL_FREEDOM if isinstance(degrees_of_freedom, str) else float(degrees_of_freedom)
        learnt = isinstance(scale, str)
        # The variance of the data is s² ν/(ν − 2) under this distribution.
        start = block.variance * (freedom - 2) / freedom if isinstance(scale, str) else scale**2
        floor = half_step(block) ** 2
        super().__init__(block, start, floor, learnt=learnt, per_feature=False, logistic=logistic)
        self.statistics_width = 2 * BINS
        self.log_excess_freedom: nn.Parameter | None = None
        if isinstance(degrees_of_freedom, str):
            self.log_excess_freedom = nn.Parameter(torch.tensor(math.log(freedom - 2)))
        self.register_buffer("fixed_freedom", torch.tensor(freedom), persistent=False)

    @property
    def freedom(self) -> Tensor:
        """ν, a scalar."""
        learnt = self.log_excess_freedom
        return self.get_buffer("fixed_freedom") if learnt is None else 2 + learnt.exp()

    def forward(self, parameters: Tensor) -> IndependentStudentT:
        return IndependentStudentT(self.location(parameters), self.squared_scale.sqrt(), self.freedom)

    def deviation(self, error: Tensor) -> Tensor:
        squared, freedom = error.square(), self.freedom
        return squared * (freedom + 1) / (freedom + squared / self.squared_scale)

    def statistics(self, distribution: Distribution, target: Tensor, present: Tensor | None = None) -> Tensor | None:
        if not self.learnt:
            return None
        error = target.double() - distribution.mean.double()  # type: ignore[attr-defined]
        draws = error[..., 0, 0].numel()  # a row with several draws counts once
        return residual_histogram(error if present is None else error[present.expand(error.shape)]) / draws

    @torch.no_grad()
    def calibrate(self, statistics: Tensor, rows: int, cells: Tensor | None = None) -> None:
        if self.learnt and (cells is None or bool(cells.any())):
            self.squared_scale.fill_(best_squared_scale(statistics, float(self.freedom.detach()), self.floor))

    @property
    def sigma(self) -> float:
        """The standard deviation s √(ν/(ν − 2)) in the units of the scaled features."""
        return float((self.squared_scale * self.freedom / (self.freedom - 2)).detach().sqrt())

    def fixed_scale(self) -> str:
        return f"{self.symbol} = {float(self.squared_scale.sqrt()):g}"

    def describe(self) -> str:
        return f"{super().describe()}, ν = {float(self.freedom.detach()):.3g}"
