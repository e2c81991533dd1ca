"""The contract of penalties."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from isthmus.core.constraints import Constraint, InstanceOf, Interval
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.progress import Progress
from isthmus.core.schedule import Schedule, settled, value_at
from isthmus.core.spec import Spec

WEIGHT: tuple[Constraint, ...] = (
    Interval(0, None),
    InstanceOf(Schedule, "a schedule such as isthmus.LinearSchedule(0, 1, until=0.1)"),
)
NOTHING: Mapping[str, Weight] = {}


@dataclass(frozen=True)
class Penalty(Spec):
    """What is added to the reconstruction loss, with a weight.

    To add one: subclass, set :attr:`scope`, implement :meth:`value`, register it on the axis "penalty". A penalty
    with tensors of its own (a critic, a running mean, the number of training rows) implements :meth:`build` instead
    of :meth:`value`.

    Attributes
    ----------
    scope : str
        "row": one value per row, so that batches can be split. "batch": needs the whole batch at once. "parameters":
        does not look at rows.
    needs_stochastic_latent : bool
        A deterministic code has nothing for this penalty to act on.
    needs_gaussian_posterior : bool
        It is computed from the means and standard deviations of a diagonal Gaussian.
    code_spaces : tuple of str
        The spaces of codes (:attr:`Latent.code_space`) on which it is defined.
    takes_draws : bool
        It does not mind several codes per row (it looks at the posterior, the features or parameters only).
    beta_offset : float or None
        An estimator's ``beta`` sets the weight to beta minus this; None: it does not.
    matches_prior : bool
        It pulls the codes towards the prior.
    trains_prior : bool
        Its gradient moves the parameters of a learnt prior.
    differentiable : bool
        Its gradient by the encoder's output is the derivative of its value; False where a paper stops or replaces it.
    looks_at_reconstruction : bool
        It looks at what was decoded: where codes are rounded to symbols, its gradient goes past the rounding.
    """

    scope: ClassVar[str] = "row"
    needs_stochastic_latent: ClassVar[bool] = False
    needs_gaussian_posterior: ClassVar[bool] = False
    takes_draws: ClassVar[bool] = False
    beta_offset: ClassVar[float | None] = None
    matches_prior: ClassVar[bool] = False
    trains_prior: ClassVar[bool] = False
    differentiable: ClassVar[bool] = True
    looks_at_reconstruction: ClassVar[bool] = False
    code_spaces: ClassVar[tuple[str, ...]] = ("euclidean", "sphere", "symbols")
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {"weight": WEIGHT}

    weight: float | Schedule = 1.0

    @abstractmethod
    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        """The unweighted penalty in nats, summed over the rows: a scalar.

        ``noise`` (n, :meth:`noise_width`) are the standard normal numbers that it asked for, ``at`` the values of
        :meth:`scheduled` now.
        """

    def noise_width(self, latent_dim: int, width: int) -> int:
        """How many standard normal numbers the penalty needs for each row of ``width`` features; 0 by default."""
        return 0

    def build(self, latent_dim: int, width: int) -> PenaltyModule:
        """The module that evaluates the penalty for codes of ``latent_dim`` and rows of ``width`` features."""
        return PenaltyModule(self)

    def weight_at(self, progress: Progress) -> float:
        """The weight now."""
        return value_at(self.weight, progress.fraction)

    def scheduled(self, progress: Progress) -> Mapping[str, float]:
        """Other numbers that change over the run, by name; none by default."""
        return NO_NUMBERS

    def settled(self, progress: Progress) -> bool:
        """Whether the weight, and all that is scheduled, changes no more."""
        return settled(self.weight, progress.fraction)


NO_NUMBERS: Mapping[str, float] = {}
NO_UPDATES: dict[str, Tensor] = {}


class PenaltyModule(nn.Module):
    """Evaluates a penalty; the base for those that keep tensors.

    Its parameters, if it has any, are those of a critic: it sets :attr:`has_critic` and implements
    :meth:`critic_loss`, which they alone minimise, at ``rate_factor`` times the run's learning rate.

    Parameters
    ----------
    spec : Penalty
    """

    has_critic: ClassVar[bool] = False
    rate_factor: float = 1.0
    betas: tuple[float, float] = (0.9, 0.999)

    def __init__(self, spec: Penalty) -> None:
        super().__init__()
        self.spec = spec
        self.is_scheduled = type(spec).scheduled is not Penalty.scheduled

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        """As :meth:`Penalty.value`: what the model's own parameters are asked to make small."""
        return self.spec.value(forward_pass, noise, at)

    def critic_loss(self, forward_pass: ForwardPass, noise: Tensor | None = None) -> Tensor:
        """What the critic's parameters are asked to make small: a sum over rows in nats. Codes come in detached."""
        raise TypeError(f"{type(self).__name__} has no critic")

    def updates(self, forward_pass: ForwardPass, noise: Tensor | None = None) -> dict[str, Tensor]:
        """New values of buffers after a step in training; none by default."""
        return NO_UPDATES

    @torch.no_grad()
    def begin(self, rows: int) -> None:
        """Told once, before training: the number of training rows."""


Penalties = Mapping[str, PenaltyModule]
