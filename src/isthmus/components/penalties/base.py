"""The contract of penalties."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.forward_pass import ForwardPass
from isthmus.core.spec import Spec


@dataclass(frozen=True)
class Penalty(Spec):
    """What is added to the reconstruction loss, with a weight.

    To add one: subclass, set :attr:`scope`, implement :meth:`value`, register it on the axis "penalty".

    Attributes
    ----------
    scope : str
        "row": one value per row, so that batches can be split. "batch": needs the whole batch at once. "parameters":
        does not look at rows.
    needs_stochastic_latent : bool
        A deterministic code has nothing for this penalty to act on.
    """

    scope: ClassVar[str] = "row"
    needs_stochastic_latent: ClassVar[bool] = False

    weight: float = 1.0

    @abstractmethod
    def value(self, forward_pass: ForwardPass) -> Tensor:
        """The unweighted penalty in nats, summed over the rows: a scalar."""

    def weight_at(self, epoch: float) -> float:
        """The weight after ``epoch`` epochs (fractions count); constant unless a schedule says otherwise."""
        return float(self.weight)

    @property
    def warmup(self) -> float:
        """The epoch from which the weight is at its full value."""
        return 0.0


Penalties = Mapping[str, Penalty]
