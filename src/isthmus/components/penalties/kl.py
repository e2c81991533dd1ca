"""The divergence of the posterior from the prior: the rate of a variational autoencoder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.constraints import Constraint, Interval
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.registry import register
from isthmus.distributions import kl_divergence

from .base import Penalty


@register("penalty", "kl")
@dataclass(frozen=True)
class KL(Penalty):
    """weight · KL(q(z|x)‖p(z)), with a linear warm-up from 0.

    With weight 1 it makes the loss minus the evidence lower bound (Kingma & Welling 2014, arXiv:1312.6114); with a
    larger one, a β-VAE (Higgins et al. 2017). Warm-up: Sønderby et al. (2016), arXiv:1602.02282.

    Parameters
    ----------
    weight : float
        β.
    warmup_epochs : float
        The weight grows from 0 to ``weight`` over this many epochs.

    Examples
    --------
    >>> KL(weight=4.0, warmup_epochs=10).weight_at(2.5)
    1.0
    """

    needs_stochastic_latent: ClassVar[bool] = True

    warmup_epochs: float = 0.0

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "weight": (Interval(0, None),),
        "warmup_epochs": (Interval(0, None),),
    }

    def value(self, forward_pass: ForwardPass) -> Tensor:
        return kl_divergence(forward_pass.posterior, forward_pass.prior, forward_pass.z).sum()

    def weight_at(self, epoch: float) -> float:
        if epoch >= self.warmup_epochs:
            return float(self.weight)
        return float(self.weight) * epoch / self.warmup_epochs

    @property
    def warmup(self) -> float:
        return float(self.warmup_epochs)
