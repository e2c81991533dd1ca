"""The numbers of a model and its optimiser, copied aside and put back."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


@torch.no_grad()
def copied(live: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies of the live tensors. They are new, so that older copies stay whole until these are."""
    return {name: tensor.detach().clone() for name, tensor in live.items()}


@torch.no_grad()
def restore(live: Mapping[str, Tensor], copies: Mapping[str, Tensor]) -> None:
    """Write copies back into the live tensors of the same names."""
    for name, copy in copies.items():
        live[name].copy_(copy)


def model_part(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The model's tensors among those of model and optimiser."""
    return {name: tensor for name, tensor in tensors.items() if name.startswith("model.")}


def all_finite(copies: Mapping[str, Tensor]) -> bool:
    """Whether no copy holds NaN or infinity."""
    return all(bool(torch.isfinite(copy).all()) for copy in copies.values() if copy.is_floating_point())
