"""What is known of the codes of rows of which some cells are missing: p(z|x_observed), up to a factor."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from isthmus.core.context import Context
from isthmus.distributions import Distribution, log_prob_by_column
from isthmus.distributions.hyperspherical import log_sphere_area
from isthmus.models.autoencoder import ComposedAutoencoder

from .code_moments import moments
from .imputation_curvature import expectation, has_information, local_normal, score_and_information
from .imputation_rows import asked_for, features_of

LOG_2_PI = math.log(2 * math.pi)
# The step of finite differences, in deviations of the codes: float32 keeps five digits of the difference.
STEP = 0.01


class CodeTarget:
    """log p(x_observed|z) + log p(z) of some rows, in coordinates y in which codes have mean 0 and deviation 1.

    Codes on the sphere are z = y/‖y‖ with y in R^d, whose length follows the standard normal: so all codes are points
    of R^d here. Networks run in their own precision, everything else in float64, so that a row's result does not
    depend on its place in the batch.

    Parameters
    ----------
    model : ComposedAutoencoder
    density : Distribution
        p(z) in float64.
    features : Tensor, shape (n, d)
        Missing cells may hold anything finite.
    observed : Tensor of bool, shape (n, columns)
    context : Context, optional
        Condition and exposure of the rows.
    """

    def __init__(
        self,
        model: ComposedAutoencoder,
        density: Distribution,
        features: Tensor,
        observed: Tensor,
        context: Context | None,
    ) -> None:
        self.model, self.density, self.features, self.observed, self.context = (
            model,
            density,
            features,
            observed,
            context,
        )
        self.known = features_of(observed, model.blocks)
        told = Context() if context is None else context
        self._context = Context(told.condition, told.exposure, present=observed)
        self.on_sphere = model.code_space == "sphere"
        if not self.on_sphere:
            mean, deviation = moments(density)
            self._mean = mean.to(features.device)
            self._deviation = deviation.clamp_min(1e-6 * float(deviation.max()) + 1e-30).to(features.device)

    def codes(self, y: Tensor) -> Tensor:
        """z of coordinates y (..., q)."""
        return functional.normalize(y, dim=-1) if self.on_sphere else self._mean + self._deviation * y

    def coordinates(self, codes: Tensor) -> Tensor:
        """The coordinates of codes (..., q), in float64; those of the sphere have a typical length."""
        codes = codes.double()
        return codes * math.sqrt(codes.shape[-1]) if self.on_sphere else (codes - self._mean) / self._deviation

    def decode(self, y: Tensor) -> Distribution:
        """p(x|z) of what is observed at coordinates (k, n, q)."""
        return self.model.decode(self.codes(y).to(self.features.dtype), self._context)

    def clamped(self, likelihood: Any) -> tuple[Any, Tensor]:
        """A likelihood whose columns depend on each other, with the observed cells held; and the row that holds them.

        A cell to be filled is asked for as if it were there: indicators do not say that it is missing.
        """
        row, given = asked_for(self.model, self.features, self.observed)
        held = likelihood.observing(given)
        held.given, held.row = given, row
        return held, row

    def reweighted(self, likelihood: Any, rows: Tensor) -> Tensor:
        """How much likelier completed rows (k, n, d) make the observed cells than unknown ones did: (k, n) nats.

        Terms of indicators do not count: they are asked for as if nothing were missing.
        """
        counted = self.observed.clone()
        if indicators := self.model.inputs.expansion.indicators:
            counted[:, -indicators:] = False
        whole = likelihood.observing(torch.ones_like(self.observed))
        gained = log_prob_by_column(whole, rows) - log_prob_by_column(likelihood, self.features)
        return torch.where(counted, gained, 0.0).double().sum(-1)

    def log_density(self, y: Tensor) -> Tensor:
        """log p(y), (..., n)."""
        log_density = self.density.log_prob(self.codes(y))
        if self.on_sphere:
            dim = y.shape[-1]
            return log_density + log_sphere_area(dim) - 0.5 * (y.square().sum(-1) + dim * LOG_2_PI)
        return log_density + self._deviation.log().sum()

    def log_likelihood(self, likelihood: Distribution) -> Tensor:
        """log p(x_observed|z), float64, (k, n); 0 where nothing is observed."""
        return log_prob_by_column(likelihood, self.features).double().sum(-1)

    def log_joint(self, y: Tensor) -> Tensor:
        """log p(x_observed|y) + log p(y), float64, (k, n); -inf where it is no number."""
        return _finite(self.log_likelihood(self.decode(y)) + self.log_density(y))

    def quadratic(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Gradient (k, n, q) of the logarithm and its expected precision (k, n, q, q): Gauss & Newton, Fisher.

        Where the information of the likelihood is not known, the precision is the sum of squared slopes over columns
        (Berndt, Hall, Hall & Hausman 1974). Slopes are finite differences: passes through networks are forward only.
        """
        directions = torch.cat([y.new_zeros(1, y.shape[-1]), STEP * torch.eye(y.shape[-1]).to(y)])
        around = self.decode((y + directions[:, None, None, :]).flatten(0, 1))  # ((1 + q) · k, n, q)
        gradient, precision = self._density_normal(y)
        likelihood = self.decode(y)
        if not has_information(likelihood):
            slopes = self._slopes(log_prob_by_column(around, self.features), len(y))  # (k, n, q, columns)
            return gradient + slopes.sum(-1), precision + slopes @ slopes.mT
        slopes = self._slopes(expectation(around), len(y))  # (k, n, q, d)
        score, information = score_and_information(likelihood, self.features)
        score = torch.where(self.known, score, 0.0).double()
        weighted = slopes * torch.where(self.known, information, 0.0).double().sqrt().unsqueeze(-2)
        return gradient + (slopes * score.unsqueeze(-2)).sum(-1), precision + weighted @ weighted.mT

    def _slopes(self, around: Tensor, count: int) -> Tensor:
        values = around.double().unflatten(0, (-1, count))
        return (values[1:] - values[0]).div_(STEP).permute(1, 2, 0, 3)

    def _density_normal(self, y: Tensor) -> tuple[Tensor, Tensor]:
        if self.on_sphere:
            return -y, torch.eye(y.shape[-1]).to(y).expand(*y.shape, -1)
        gradient, precision = local_normal(self.density, self.codes(y))
        return gradient * self._deviation, precision * (self._deviation[:, None] * self._deviation)


def _finite(values: Tensor) -> Tensor:
    return torch.nan_to_num(values, nan=-torch.inf, posinf=-torch.inf)
