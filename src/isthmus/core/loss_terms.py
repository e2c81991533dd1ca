"""The loss of some rows, as named parts that keep their names all the way into the history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

Weight = float | Tensor


@dataclass(frozen=True, slots=True)
class LossTerms:
    """Named parts of a loss, each a *sum* over rows in nats, with its weight.

    Sums add up over micro-batches and processes, means do not; :attr:`total` divides by the rows once.

    Attributes
    ----------
    parts : dict of str to Tensor
        Scalar sums over the rows ("reconstruction", "kl", …), unweighted.
    weights : dict of str to float or scalar Tensor
        What each part is multiplied by; a part that is not listed counts once, and one with weight 0 is only told.
    rows : int
        How many rows the sums cover.
    updates : dict of str to Tensor
        New values for buffers of the model; the loop applies them only if it accepts the step.
    group_weights : dict of str to dict
        For groups of parameters that minimise something else: the weights of its parts, by the group's name. A part
        that is not listed does not count for the group.
    """

    parts: dict[str, Tensor]
    weights: dict[str, Weight]
    rows: int
    updates: dict[str, Tensor] = field(default_factory=dict)
    group_weights: Mapping[str, Mapping[str, Weight]] = field(default_factory=dict)

    @property
    def total(self) -> Tensor:
        """The weighted loss in nats per row: what is minimised."""
        return self._weighted(self.weights, 1.0)

    def total_of(self, group: str) -> Tensor:
        """What a group of parameters minimises, in nats per row."""
        weights = self.group_weights.get(group)
        return self.total if weights is None else self._weighted(weights, 0.0)

    def _weighted(self, weights: Mapping[str, Weight], unlisted: float) -> Tensor:
        total: Tensor | None = None
        for name, part in self.parts.items():
            weight = weights.get(name, unlisted)
            if isinstance(weight, float):
                if weight == 0.0:
                    continue
                term = part if weight == 1.0 else part * weight
            else:
                term = part * weight
            total = term if total is None else total + term
        if total is None:
            raise ValueError("a loss needs at least one part with a weight")
        return total / self.rows


def weighted_total(means: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """What :attr:`LossTerms.total` is, of parts that are numbers already."""
    counted = {name: weights.get(name, 1.0) for name in means}
    return sum(weight * means[name] for name, weight in counted.items() if weight)
