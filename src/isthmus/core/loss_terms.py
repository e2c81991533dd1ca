"""The loss of some rows, as named parts that keep their names all the way into the history."""

from __future__ import annotations

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
        What each part is multiplied by; a part that is not listed counts once.
    rows : int
        How many rows the sums cover.
    updates : dict of str to Tensor
        New values for buffers of the model; the loop applies them only if it accepts the step.
    """

    parts: dict[str, Tensor]
    weights: dict[str, Weight]
    rows: int
    updates: dict[str, Tensor] = field(default_factory=dict)

    @property
    def total(self) -> Tensor:
        """The weighted loss in nats per row: what is minimised."""
        total: Tensor | None = None
        for name, part in self.parts.items():
            weight = self.weights.get(name, 1.0)
            term = part if isinstance(weight, float) and weight == 1.0 else part * weight
            total = term if total is None else total + term
        if total is None:
            raise ValueError("a loss needs at least one part")
        return total / self.rows
