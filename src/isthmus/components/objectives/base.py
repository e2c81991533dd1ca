"""The contract of objectives."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import LossTerms, Weight
from isthmus.core.spec import Spec


@dataclass(frozen=True)
class Objective(Spec):
    """How a forward pass and penalties become a loss.

    To add one: subclass, implement :meth:`terms`, register it on the axis "objective".
    """

    @abstractmethod
    def terms(
        self, forward_pass: ForwardPass, penalties: Mapping[str, object], weights: Mapping[str, Weight]
    ) -> LossTerms:
        """Named parts as sums over rows, with the weights that apply now."""
