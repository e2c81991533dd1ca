"""The size of the weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.constraints import Constraint, OneOf
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.registry import register

from .base import NOTHING, WEIGHT, Penalty


@register("penalty", "weight-decay")
@dataclass(frozen=True)
class WeightDecay(Penalty):
    """weight · ½ Σ ‖W‖²_F over the weight matrices of a network; biases and scales go free.

    It is added once to the loss *per row*, so that batch size changes nothing. On the decoder of a deterministic
    autoencoder it is the regulariser of RAE-L2: Ghosh et al. (2020), From variational to deterministic autoencoders,
    arXiv:1903.12436. With linear networks and weight decay on both, the codes are the principal components, each
    shrunk by its eigenvalue: Kunin et al. (2019), Loss landscapes of regularized linear autoencoders, arXiv:1901.08168.

    Parameters
    ----------
    weight : float or Schedule
    on : str
        "decoder", "encoder" or "both".

    Examples
    --------
    >>> WeightDecay(weight=1e-3, on="both").to_json()["params"]
    {'weight': 0.001, 'on': 'both'}
    """

    scope: ClassVar[str] = "parameters"
    takes_draws: ClassVar[bool] = True

    on: str = "decoder"

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "weight": WEIGHT,
        "on": (OneOf("decoder", "encoder", "both"),),
    }

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        names = ("encoder", "decoder") if self.on == "both" else (self.on,)
        total = forward_pass.features.new_zeros(())
        for name in names:
            for parameter in forward_pass.networks[name].parameters():
                if parameter.ndim >= 2:
                    total = total + parameter.square().sum()
        return 0.5 * forward_pass.features.shape[0] * total
