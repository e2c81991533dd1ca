"""The Gaussian likelihood: squared error, calibrated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.core.constraints import Constraint, Interval, OneOf
from isthmus.core.registry import register
from isthmus.distributions import IsotropicNormal

from .accepted_kinds import require_real_numbers
from .base import Likelihood, LikelihoodModule
from .per_feature_gaussian import PerFeatureGaussianLikelihood
from .running_scale import MOMENTUM, UNKNOWN_STEP, is_logistic, mean_of_present


@register("likelihood", "gaussian")
@dataclass(frozen=True)
class Gaussian(Likelihood):
    """p(x|z) = N(x; mean(z), σ² I): minus its log-likelihood is the squared error / 2σ², plus a constant.

    For real numbers: continuous, unit-interval or binary. Counts are refused, for they are not scaled: declare them
    continuous to have squared errors of standardised columns.

    Parameters
    ----------
    sigma : "shared", "per-feature" or float
        "shared": one σ for all features, the maximum-likelihood value (Rybkin, Daniilidis & Levine 2021, Simple and
        effective VAE training with calibrated decoders, arXiv:2006.13202). It follows the data in a running buffer,
        constant within a step, and is recomputed exactly after training; never below half the step in which the
        data were measured. "per-feature": a σ for each feature, found and bounded in the same way: every feature then
        counts in units of its own noise. A number fixes σ, in the units of the scaled features (``sigma=1`` is plain
        squared error).
    mean : "auto", "identity" or "logistic"
        How the decoder's output becomes a mean; "auto" is logistic for data in [0, 1] and the identity elsewhere.

    Examples
    --------
    >>> Gaussian(sigma=0.5).build(Block("continuous", 0, 2, (2,)))(torch.zeros(1, 2)).variance
    tensor(0.2500)
    """

    sigma: str | float = "shared"
    mean: str = "auto"

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "sigma": (OneOf("shared", "per-feature"), Interval(0, None, closed="neither")),
        "mean": (OneOf("auto", "identity", "logistic"),),
    }

    def parameter_shape(self, block: Block) -> int:
        return block.width

    def build(self, block: Block) -> LikelihoodModule:
        require_real_numbers("Gaussian", block)
        logistic = is_logistic(self.mean, block)
        if self.sigma == "per-feature":
            return PerFeatureGaussianLikelihood(logistic, block)
        return GaussianLikelihood(self.sigma, logistic, block)


class GaussianLikelihood(LikelihoodModule):
    """Decoder output (n, d) as means, with a shared variance in a buffer."""

    variance: Tensor

    def __init__(self, sigma: str | float, logistic: bool, block: Block) -> None:
        super().__init__()
        self.logistic = logistic
        self.width = block.width
        self.learnt = isinstance(sigma, str)
        step = block.step if block.step > 0 else UNKNOWN_STEP
        self.floor = (step / 2) ** 2
        start = max(block.variance, self.floor) if isinstance(sigma, str) else sigma**2
        self.register_buffer("variance", torch.tensor(float(start)))

    def forward(self, parameters: Tensor) -> IsotropicNormal:
        return IsotropicNormal(torch.sigmoid(parameters) if self.logistic else parameters, self.variance)

    def updates(  # type: ignore[override]
        self, distribution: IsotropicNormal, target: Tensor, present: Tensor | None = None
    ) -> dict[str, Tensor]:
        if not self.learnt:
            return {}
        with torch.no_grad():
            if present is None:
                error = distribution.squared_error(target).mean() / self.width
            else:
                error = mean_of_present((target - distribution.mean).square(), present, self.variance)
            return {"variance": torch.lerp(self.variance, error, MOMENTUM).clamp_min(self.floor)}

    def statistics(  # type: ignore[override]
        self, distribution: IsotropicNormal, target: Tensor, present: Tensor | None = None
    ) -> Tensor | None:
        if not self.learnt:
            return None
        squared = (target.double() - distribution.mean.double()).square()
        if present is not None:
            squared = torch.where(present, squared, 0.0)
        # A row with several draws counts once.
        return squared.sum((-2, -1)).mean()

    @torch.no_grad()
    def calibrate(self, statistics: Tensor, rows: int, cells: Tensor | None = None) -> None:
        if not self.learnt:
            return
        count = rows * self.width if cells is None else float(cells.sum())
        if count:
            # The maximum-likelihood variance is the mean squared error per feature.
            self.variance.copy_((statistics / count).clamp_min(self.floor))

    @property
    def sigma(self) -> float:
        """The noise scale in the units of the scaled features."""
        return float(self.variance.sqrt())

    def describe(self) -> str:
        scale = "shared σ" if self.learnt else f"σ = {self.sigma:g}"
        return f"Gaussian, {scale}, {'logistic' if self.logistic else 'linear'} mean"

    def diagnose(self) -> str | None:
        if self.learnt and float(self.variance) <= self.floor * (1 + 1e-6):
            return (
                f"the noise scale σ reached its floor {self.floor**0.5:.3g} (half the step in which the data were "
                "measured): the model reproduces the data to measurement precision, and its likelihood would grow "
                "without bound. Use a smaller `latent_dim` or set likelihood=Gaussian(sigma=...)."
            )
        return None
