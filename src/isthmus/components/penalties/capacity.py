"""A divergence from the prior that is asked to have a certain size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.constraints import Constraint, InstanceOf, Interval
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.progress import Progress
from isthmus.core.registry import register
from isthmus.core.schedule import LinearSchedule, Schedule, settled, value_at
from isthmus.distributions import kl_divergence

from .base import NOTHING, WEIGHT, Penalty

GROWING = LinearSchedule(0.0, 25.0, until=0.5)


@register("penalty", "capacity")
@dataclass(frozen=True)
class Capacity(Penalty):
    """weight · abs(KL(q(z|x)‖p(z)) − C(t)), with the divergence averaged over the batch: in nats per row.

    The code may hold C nats and no more or less; as C grows over the run, one factor of variation after the other
    finds its place: Burgess et al. (2018), Understanding disentangling in β-VAE, arXiv:1804.03599 (weight γ =
    1000, C up to 25 nats for images). It stands in place of the KL penalty: ``penalties={"kl": Capacity(...)}``. It
    needs the whole batch.

    Parameters
    ----------
    weight : float or Schedule
        γ.
    capacity : float or Schedule
        C, in nats per row; by default from 0 to 25 over the first half of the run.

    Examples
    --------
    >>> from isthmus.core.progress import Progress
    >>> Capacity().scheduled(Progress(epoch=5, fraction=0.1))
    {'target': 5.0}
    """

    matches_prior: ClassVar[bool] = True
    scope: ClassVar[str] = "batch"
    needs_stochastic_latent: ClassVar[bool] = True
    trains_prior: ClassVar[bool] = True

    weight: float | Schedule = 1000.0
    capacity: float | Schedule = GROWING

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "weight": WEIGHT,
        "capacity": (Interval(0, None), InstanceOf(Schedule, "a schedule such as isthmus.LinearSchedule(0, 25)")),
    }

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        target = at["target"] if at else value_at(self.capacity, 1.0)
        divergence = kl_divergence(forward_pass.posterior, forward_pass.prior, forward_pass.z)
        return divergence.shape[0] * (divergence.mean() - target).abs()

    def scheduled(self, progress: Progress) -> Mapping[str, float]:
        return {"target": value_at(self.capacity, progress.fraction)}

    def settled(self, progress: Progress) -> bool:
        return settled(self.capacity, progress.fraction) and super().settled(progress)
