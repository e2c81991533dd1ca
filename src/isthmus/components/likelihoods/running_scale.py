"""Likelihoods around a location, whose noise scale follows the data."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.distributions import Distribution

from .base import LikelihoodModule

# Half a measurement step where the step is known; elsewhere a thousandth of a standardised column.
UNKNOWN_STEP = 2e-3
MOMENTUM = 0.05


def half_step(block: Block) -> float:
    """Half of the step in which the data were measured: no learnt noise scale goes below it."""
    return (block.step if block.step > 0 else UNKNOWN_STEP) / 2


def is_logistic(mean: str, block: Block) -> bool:
    """Whether the decoder's output becomes a mean through the logistic function."""
    return mean == "logistic" or (mean == "auto" and block.kind != "continuous")


def mean_of_present(cells: Tensor, present: Tensor, otherwise: Tensor) -> Tensor:
    """The mean of cells (..., n, d) over those present, (n, d); ``otherwise`` where there are none.

    A scalar, or (d,) for each feature's, as ``otherwise`` is.
    """
    across = (-2, -1) if otherwise.ndim == 0 else (-2,)
    sums = torch.where(present, cells, 0.0).sum(across)
    sums = sums.reshape(-1, *otherwise.shape).mean(0)  # a row with several draws counts once
    count = present.sum(across)
    return torch.where(count > 0, sums / count.clamp_min(1), otherwise)


class RunningScaleLikelihood(LikelihoodModule):
    """Decoder output (n, d) as locations, with a running measure of how far the data are from them.

    The measure is the mean over cells of a deviation (the absolute error, the squared error, …), of all cells or of
    each feature's. The maximum-likelihood noise scale is a function of it. To add one: subclass, name the buffer
    and implement :meth:`deviation` and :meth:`forward`.

    Parameters
    ----------
    block : Block
    start, floor : float
        Where the measure begins, and what it never goes below.
    learnt : bool
        Whether it follows the data at all.
    per_feature : bool
        One for each feature, (d,), or one for all.
    logistic : bool
        The locations are ``sigmoid(parameters)``.
    """

    buffer: ClassVar[str] = "spread"
    title: ClassVar[str] = ""
    symbol: ClassVar[str] = "scale"
    varies: Tensor

    def __init__(
        self, block: Block, start: float, floor: float, *, learnt: bool, per_feature: bool, logistic: bool
    ) -> None:
        super().__init__()
        self.width = block.width
        self.floor = floor
        self.learnt, self.per_feature, self.logistic = learnt, per_feature, logistic
        self.statistics_width = self.width if per_feature else 1
        value = torch.tensor(max(float(start), floor) if learnt else float(start))
        self.register_buffer(self.buffer, value.repeat(self.width) if per_feature else value)
        # A constant column is reproduced exactly, which is no reason to warn.
        self.register_buffer("varies", torch.ones(self.width, dtype=torch.bool), persistent=False)

    def deviation(self, error: Tensor) -> Tensor:
        """How far each cell is from its location, from the differences (..., n, d): of the same shape."""
        raise TypeError(f"{type(self).__name__} must define deviation(error)")

    @property
    def spread(self) -> Tensor:
        """The running measure: a scalar, or (d,)."""
        return self.get_buffer(self.buffer)

    def location(self, parameters: Tensor) -> Tensor:
        """Where the decoder's output (..., n, d) puts the distributions."""
        return torch.sigmoid(parameters) if self.logistic else parameters

    @torch.no_grad()
    def begin(self, target: Tensor, exposure: Tensor | None, present: Tensor | None = None) -> None:
        if present is None:
            self.varies.copy_((target != target[:1]).any(0))
        else:
            low = torch.where(present, target, torch.inf).amin(0)
            self.varies.copy_(torch.where(present, target, -torch.inf).amax(0) > low)

    def updates(self, distribution: Distribution, target: Tensor, present: Tensor | None = None) -> dict[str, Tensor]:
        if not self.learnt:
            return {}
        with torch.no_grad():
            cells = self.deviation(target - distribution.mean)  # type: ignore[attr-defined]
            if present is not None:
                found = mean_of_present(cells, present, self.spread)
            else:
                found = cells.flatten(0, -2).mean(0) if self.per_feature else cells.mean()
            return {self.buffer: torch.lerp(self.spread, found, MOMENTUM).clamp_min(self.floor)}

    def statistics(self, distribution: Distribution, target: Tensor, present: Tensor | None = None) -> Tensor | None:
        if not self.learnt:
            return None
        cells = self.deviation(target.double() - distribution.mean.double())  # type: ignore[attr-defined]
        if present is not None:
            cells = torch.where(present, cells, 0.0)
        sums = cells.sum(-2).reshape(-1, self.width).mean(0)  # a row with several draws counts once
        return sums if self.per_feature else sums.sum()

    @torch.no_grad()
    def calibrate(self, statistics: Tensor, rows: int, cells: Tensor | None = None) -> None:
        if not self.learnt:
            return
        if cells is None:
            found = statistics / (rows if self.per_feature else rows * self.width)
        else:
            count = cells if self.per_feature else cells.sum()
            # A feature of which there is no cell keeps what it has.
            found = torch.where(count > 0, statistics / count.clamp_min(1), self.spread.to(statistics))
        self.spread.copy_(found.clamp_min(self.floor))

    def describe(self) -> str:
        scale = (
            f"{'per-feature' if self.per_feature else 'shared'} {self.symbol}" if self.learnt else self.fixed_scale()
        )
        return f"{self.title}, {scale}, {'logistic' if self.logistic else 'linear'} mean"

    def fixed_scale(self) -> str:
        """The scale that was given, in words."""
        return f"{self.symbol} = {float(self.spread):g}"

    def diagnose(self) -> str | None:
        at_floor = self.spread <= self.floor * (1 + 1e-6)
        count = int((at_floor & self.varies).sum())
        if not (self.learnt and count):
            return None
        where = f" of {count} of {self.width} features" if self.per_feature else ""
        return (
            f"the noise scale{where} reached its floor (half the step in which the data were measured): the model "
            "reproduces the data to measurement precision, and its likelihood would grow without bound. Use a smaller "
            f"`latent_dim` or fix the scale, as in likelihood={self.advice()}."
        )

    def advice(self) -> str:
        """The same likelihood with a fixed scale, as the user would write it."""
        return f"{self.title}(scale=...)"
