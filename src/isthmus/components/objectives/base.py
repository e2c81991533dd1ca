"""The contract of objectives."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import LossTerms, Weight
from isthmus.core.progress import Progress
from isthmus.core.spec import Spec

NO_WEIGHTS: Mapping[str, float] = {}
CRITIC = "_critic"
"""The suffix of the loss part, and of the parameter group, of a penalty's critic."""


@dataclass(frozen=True)
class Objective(Spec):
    """How a forward pass and penalties become a loss.

    To add one: subclass, implement :meth:`terms` (with :func:`penalty_parts` for the penalties), register it on the
    axis "objective".

    Attributes
    ----------
    needs_stochastic_latent : bool
        A deterministic code has no density that the objective could weigh samples with.
    includes_divergence : bool
        The loss contains the divergence from the prior already: a KL penalty would count it twice.
    own_parts : tuple of str
        The names of the parts that are not penalties'.
    """

    needs_stochastic_latent: ClassVar[bool] = False
    includes_divergence: ClassVar[bool] = False
    own_parts: ClassVar[tuple[str, ...]] = ("reconstruction",)

    @property
    def draws(self) -> int | None:
        """How many codes are drawn per row, as a leading axis of ``ForwardPass.z``; None: one, without such an axis."""
        return None

    @abstractmethod
    def terms(
        self, forward_pass: ForwardPass, penalties: Mapping[str, Any], weights: Mapping[str, Weight]
    ) -> LossTerms:
        """Named parts as sums over rows, with the weights that apply now.

        One part is called "reconstruction": −log p(x|z), averaged over draws, whatever is minimised; the loop watches
        it for divergence.
        """

    def weights_at(self, progress: Progress) -> Mapping[str, float]:
        """The weights of its own parts that are not 1 (0 for those that are only told)."""
        return NO_WEIGHTS

    def settled(self, progress: Progress) -> bool:
        """Whether :meth:`weights_at` changes no more."""
        return True


def penalty_parts(
    forward_pass: ForwardPass, penalties: Mapping[str, Any], weights: Mapping[str, Weight]
) -> tuple[dict[str, Tensor], dict[str, dict[str, Weight]]]:
    """The penalties' parts by name, and the weights of parameter groups that minimise something else: the critics."""
    parts: dict[str, Tensor] = {}
    groups: dict[str, dict[str, Weight]] = {}
    for name, penalty in penalties.items():
        noise = forward_pass.noise.penalties.get(name)
        at = _scheduled(name, weights) if penalty.is_scheduled else NO_WEIGHTS
        parts[name] = penalty.value(forward_pass, noise, at)
        if penalty.has_critic:
            critic = name + CRITIC
            parts[critic] = penalty.critic_loss(forward_pass, noise)
            groups[critic] = {critic: 1.0}
    return parts, groups


def _scheduled(name: str, weights: Mapping[str, Weight]) -> dict[str, Weight]:
    """The numbers called ``name.something``, by something."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
