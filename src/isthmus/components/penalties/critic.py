"""What penalties with a critic share: a network that looks at codes and is trained beside the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from isthmus.core.constraints import Constraint, Interval, OneOf
from isthmus.core.errors import ParameterError
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.spec import Spec

from .base import NOTHING, WEIGHT, Penalty, PenaltyModule

AUTO = "auto"


class NetworkSpec:
    """A spec of a network."""

    def accepts(self, value: Any) -> bool:
        return isinstance(value, Spec) and value.axis == "network"

    def describe(self) -> str:
        return "a network such as isthmus.MLP(hidden=(256, 256), activation='relu')"


@dataclass(frozen=True)
class CriticPenalty(Penalty):
    """A penalty whose critic tells two kinds of codes apart by one number per code.

    Attributes
    ----------
    critic : "auto" or a network
        From latent_dim to one number. "auto" is filled in by :mod:`isthmus.models.defaults`, before the model is
        built.
    rate_factor : float
        The critic's learning rate, as a factor of the model's.
    """

    critic: Any = AUTO
    # At the model's own rate, which is high, the encoder flees from the critic: an adversarial autoencoder of the
    # digits (8 codes, weight 1, 60 epochs) then has a squared error of 1,262 instead of 497.
    rate_factor: float = 0.3

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "weight": WEIGHT,
        "critic": (OneOf(AUTO), NetworkSpec()),
        "rate_factor": (Interval(0, None, closed="neither"),),
    }

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        raise TypeError(f"{type(self).__name__} has a critic: build() gives the module that evaluates it")


class CriticModule(PenaltyModule):
    """A critic (n, latent_dim) -> (n, 1), trained with Adam of decay rates (0.5, 0.9).

    These are the rates of Kim & Mnih (2018), arXiv:1802.05983: a critic chases codes that move.
    """

    has_critic: ClassVar[bool] = True
    betas = (0.5, 0.9)
    critic: nn.Module

    def __init__(self, spec: CriticPenalty, latent_dim: int) -> None:
        super().__init__(spec)
        if isinstance(spec.critic, str):
            raise ParameterError(
                f"{type(spec).__name__}: `critic` must be a network before the model is built; got {spec.critic!r}."
            )
        self.rate_factor = float(spec.rate_factor)
        self.critic = spec.critic.build(latent_dim, 1)

    def logits(self, z: Tensor) -> Tensor:
        """How much each code looks like one of the first kind, as a logit: (n, latent_dim) -> (n,)."""
        return self.critic(z).squeeze(-1)
