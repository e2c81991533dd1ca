"""What the code alone says of a row, where the decoder may look at the row itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.registry import register

from .base import NOTHING, Penalty


@register("penalty", "code-alone")
@dataclass(frozen=True)
class CodeAlone(Penalty):
    """weight · −E_q[Σ_j log p(x_j | z)]: each column by the code alone, beside a likelihood that goes column by column.

    A decoder that is told the columns before each one can do without the code, and then the code says nothing of the
    row (Chen et al. 2017, Variational lossy autoencoder, arXiv:1611.02731; Bowman et al. 2016, arXiv:1511.06349). This
    is what it is asked besides, by the same network: the columns with nothing of the row before them. It is the
    reconstruction loss of an ordinary autoencoder, and keeps the code as informative as that one's.

    Where columns are independent given the code anyway it is the reconstruction loss once more.

    Parameters
    ----------
    weight : float or Schedule

    Examples
    --------
    >>> CodeAlone(weight=0.5).to_json()["params"]
    {'weight': 0.5}
    """

    looks_at_reconstruction: ClassVar[bool] = True

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        likelihood: Any = forward_pass.likelihood
        alone = getattr(likelihood, "independent_log_prob", likelihood.log_prob)
        total: Tensor = -alone(forward_pass.features).sum()
        return total
