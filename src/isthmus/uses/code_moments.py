"""Where a density of codes is, and how wide."""

from __future__ import annotations

from functools import singledispatch

import torch
from torch import Tensor

from isthmus.core.random import torch_generator
from isthmus.distributions import DiagonalMixture, Distribution, FullNormal, NormalMixture, StandardNormal

DRAWS = 10_000


@singledispatch
def moments(density: Distribution) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each dimension of a density over R^d, each (d,) float64 on the CPU.

    Exact for normals and their mixtures; of 10,000 draws, always the same, for others.

    Examples
    --------
    >>> moments(StandardNormal(2))
    (tensor([0., 0.], dtype=torch.float64), tensor([1., 1.], dtype=torch.float64))
    """
    anchor = getattr(getattr(density, "base", density), "device", None) or "cpu"
    drawn = density.draw(DRAWS, torch_generator(0, anchor)).double().cpu()
    return drawn.mean(0), drawn.std(0)


@moments.register
def _standard(density: StandardNormal) -> tuple[Tensor, Tensor]:
    return torch.zeros(density.dim).double(), torch.ones(density.dim).double()


@moments.register
def _full(density: FullNormal) -> tuple[Tensor, Tensor]:
    return density.mean.double().cpu(), density.scale_tril.double().cpu().square().sum(-1).sqrt()


@moments.register
def _mixture(density: NormalMixture) -> tuple[Tensor, Tensor]:
    return _mixed(density.log_weights, density.means, density.scale_trils.double().square().sum(-1))


@moments.register
def _diagonal_mixture(density: DiagonalMixture) -> tuple[Tensor, Tensor]:
    return _mixed(density.log_weights, density.means, (2 * density.log_stds.double()).exp())


def _mixed(log_weights: Tensor, means: Tensor, variances: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (k,), and the means and variances (k, d) of the components: the law of total variance."""
    weights = log_weights.double().exp()
    mean = weights @ means.double()
    variance = weights @ (variances + (means.double() - mean).square())
    return mean.cpu(), variance.sqrt().cpu()
