"""Normals seen through an invertible map: learnt densities, and posteriors that are not Gaussian."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor

from .autoregressive_flow import AutoregressiveFlow
from .base import Distribution, Posterior
from .normal import DiagonalNormal, StandardNormal


class FlowDistribution(Distribution):
    """The density of z whose image under the flow is N(0, I): log p(z) = log N(f(z)) + log |det f′(z)|.

    Densities are fast, draws take one pass per dimension.

    Parameters
    ----------
    flow : AutoregressiveFlow
    device, dtype
        Of its parameters.
    """

    __slots__ = ("base", "flow")

    def __init__(
        self, flow: AutoregressiveFlow, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> None:
        self.flow = flow
        self.base = StandardNormal(flow.dim, device, dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        image, log_det = self.flow(value)
        return self.base.log_prob(image) + log_det

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        return self.flow.inverse(self.base.draw(rows, generator))

    def sample_shared(self, noise: Tensor) -> Tensor:
        return self.flow.inverse(self.base.sample_shared(noise))


class FlowPosterior(Posterior):
    """The image of a diagonal normal under a flow: log q(f(u)) = log N(u) − log |det f′(u)|.

    Samples are fast, and the density of the last one is remembered; that of other points takes one pass per dimension.

    Parameters
    ----------
    base : DiagonalNormal
        Of the rows.
    flow : AutoregressiveFlow
    context : Tensor, shape (n, c)
        What the flow's networks are told of each row.
    """

    __slots__ = ("_last", "base", "context", "flow")

    def __init__(self, base: DiagonalNormal, flow: AutoregressiveFlow, context: Tensor) -> None:
        self.base, self.flow, self.context = base, flow, context
        self._last: tuple[Tensor, Tensor, bool] | None = None

    @property
    def code(self) -> Tensor:
        """The image of the normal's mean: what zero noise leads to."""
        return self._image(self.base.mean)

    def sample(self, noise: Tensor) -> Tensor:
        value = self.base.sample(noise)
        image: Tensor
        image, log_det = self.flow(value, self.context)
        self._last = image, self.base.log_prob(value) - log_det, torch.is_grad_enabled()
        return image

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        return self._image(self.base.draw(rows, generator))

    def log_prob(self, value: Tensor) -> Tensor:
        # What was sampled without gradients has none to give.
        if self._last is not None and self._last[0] is value and self._last[2] >= torch.is_grad_enabled():
            return self._last[1]
        source = self.flow.inverse(value, self.context)
        log_det: Any = self.flow(source, self.context)[1]
        density: Tensor = self.base.log_prob(source) - log_det
        return density

    def _image(self, value: Tensor) -> Tensor:
        image: Tensor = self.flow(value, self.context)[0]
        return image
