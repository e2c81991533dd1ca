"""The divergence of the posterior from the prior: the rate of a variational autoencoder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.constraints import Constraint, Interval
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.progress import Progress
from isthmus.core.registry import register
from isthmus.distributions import kl_divergence

from .base import NOTHING, WEIGHT, Penalty


@register("penalty", "kl")
@dataclass(frozen=True)
class KL(Penalty):
    """weight · KL(q(z|x)‖p(z)), with a linear warm-up from 0.

    With weight 1 it makes the loss minus the evidence lower bound (Kingma & Welling 2014, arXiv:1312.6114); with a
    larger one, a β-VAE (Higgins et al. 2017). Warm-up: Sønderby et al. (2016), arXiv:1602.02282.

    Parameters
    ----------
    weight : float or Schedule
        β.
    warmup_epochs : float
        The weight grows from 0 to ``weight`` over this many epochs.

    Examples
    --------
    >>> from isthmus.core.progress import Progress
    >>> KL(weight=4.0, warmup_epochs=10).weight_at(Progress(epoch=2.5, fraction=0.1))
    1.0
    """

    matches_prior: ClassVar[bool] = True
    needs_stochastic_latent: ClassVar[bool] = True
    trains_prior: ClassVar[bool] = True

    warmup_epochs: float = 0.0

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "weight": WEIGHT,
        "warmup_epochs": (Interval(0, None),),
    }

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        return kl_divergence(forward_pass.posterior, forward_pass.prior, forward_pass.z).sum()

    def weight_at(self, progress: Progress) -> float:
        weight = super().weight_at(progress)
        return weight if progress.epoch >= self.warmup_epochs else weight * progress.epoch / self.warmup_epochs

    def settled(self, progress: Progress) -> bool:
        return progress.epoch >= self.warmup_epochs and super().settled(progress)
