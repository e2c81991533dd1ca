"""Between the evidence lower bound and the importance-weighted one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.constraints import Constraint, InstanceOf, Interval
from isthmus.core.errors import ParameterError
from isthmus.core.progress import Progress
from isthmus.core.registry import register
from isthmus.core.schedule import Schedule, settled, value_at

from .bounds import COUNT, TOLD, Bounds
from .log_weights import log_mean_exp


@register("objective", "combined-importance-weighted")
@dataclass(frozen=True)
class CombinedImportanceWeighted(Bounds):
    """share · ELBO + (1 − share) · importance-weighted bound, both of the same K samples of z per row: CIWAE.

    Rainforth et al. (2018), Tighter variational bounds are not necessarily better, arXiv:1802.04537. With share 1 it
    is a variational autoencoder with K samples, with share 0 an importance-weighted one. The decoder runs K times per
    row.

    The parts "evidence_bound" and "importance_bound" are minimised; "reconstruction", −log p(x|z) averaged over
    samples, is only told.

    Parameters
    ----------
    samples : int
        K.
    share : float or Schedule
        β of the paper, from 0 to 1.

    Examples
    --------
    >>> from isthmus.core.progress import START
    >>> CombinedImportanceWeighted(share=0.25).weights_at(START)["importance_bound"]
    0.75
    """

    own_parts: ClassVar[tuple[str, ...]] = ("reconstruction", "evidence_bound", "importance_bound")
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "share": (Interval(0, 1), InstanceOf(Schedule, "a schedule such as isthmus.LinearSchedule(1, 0, until=0.5)")),
        "samples": COUNT,
    }

    samples: int = 64
    share: float | Schedule = 0.5

    def validate(self) -> None:
        super().validate()
        for fraction in (0.0, 1.0):
            if not 0 <= value_at(self.share, fraction) <= 1:
                raise ParameterError(
                    f"{type(self).__name__}: `share` must stay between 0 and 1 over the whole run; {self.share!r} is "
                    f"{value_at(self.share, fraction):g} when {fraction:.0%} of it is over."
                )

    def bounds(self, log_w: Tensor) -> dict[str, Tensor]:
        return {"evidence_bound": log_w.mean(0), "importance_bound": log_mean_exp(log_w)}

    def weights_at(self, progress: Progress) -> Mapping[str, float]:
        share = value_at(self.share, progress.fraction)
        return {**TOLD, "evidence_bound": share, "importance_bound": 1.0 - share}

    def settled(self, progress: Progress) -> bool:
        return settled(self.share, progress.fraction)
