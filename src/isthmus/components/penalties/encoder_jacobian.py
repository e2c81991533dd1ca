"""The Jacobian of shallow encoders, squared and summed, without a pass per unit of the code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.core.forward_pass import ForwardPass

ELEMENTWISE = (nn.Identity, nn.ReLU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.ELU)
ROWS = 128


def closed_form(forward_pass: ForwardPass, whatever_it_costs: bool = False) -> Tensor | None:
    """Σ_rows ‖∂code/∂x‖²_F at the clean rows, a scalar; None if no closed form is known, or none that is cheap.

    Rifai et al. (2011) for one layer h = s(Wx + b): Σ_j s'_j² ‖W_j‖². For one hidden layer a(W₁x + b₁) and the code
    W₂a + b₂ the Jacobian is W₂ diag(a') W₁, so that its squared norm is Σ_jk a'_j a'_k (W₁W₁ᵀ)_jk (W₂ᵀW₂)_jk.
    """
    layers = _layers(forward_pass.networks["encoder"])
    if layers is None or not (whatever_it_costs or _is_cheap(layers)):
        return None
    with _shown_to(layers) as shown:
        posterior = forward_pass.encode(forward_pass.features)
    # Counts and conditions change what the encoder is shown.
    if shown[0] is not forward_pass.features:
        return None
    slope = getattr(posterior, "slope", None)
    if slope is None:
        return None
    first: Tensor = layers[0].weight
    if len(layers) == 1:
        return (slope.square().sum(0) * first.square().sum(1)).sum()
    if posterior.activation != "identity" or posterior.passed is not None:
        return None
    _, activation, last = layers
    units, pull_back = torch.func.vjp(activation, shown[1])[:2]
    (derivative,) = pull_back(torch.ones_like(units))
    return (_gram(derivative.T) * _gram(first) * _gram(last.weight.T)).sum()


def _layers(encoder: nn.Module) -> list[Any] | None:
    """The layers of an encoder with a closed form: linear, or linear, elementwise, linear."""
    layers: list[Any] = list(encoder) if isinstance(encoder, nn.Sequential) else [encoder]
    kinds: list[type | tuple[type, ...]] = [nn.Linear, ELEMENTWISE, nn.Linear]
    if any(hasattr(layer, "pending") for layer in layers):  # not the weights alone make the map
        return None
    if len(layers) not in (1, 3) or not all(isinstance(*pair) for pair in zip(layers, kinds, strict=False)):
        return None
    return layers


def _is_cheap(layers: list[Any]) -> bool:
    """Whether the closed form takes no more multiplications than about a training step, in batches of 128 rows.

    With h hidden units and d + q features and codes, a step takes 6 · rows · h · (d + q), the closed form
    h² · (3 · rows + 2 · (d + q)).
    """
    if len(layers) == 1:
        return True
    hidden, features = layers[0].weight.shape
    around = features + layers[2].weight.shape[0]
    return bool(hidden * (3 * ROWS + 2 * around) <= 6 * ROWS * around)


def _gram(rows: Tensor) -> Tensor:
    """All inner products of rows, (m, k) -> (m, m), whose gradient takes one product instead of two.

    It is that of the true one where the gradient by the result is symmetric, as it is in a sum over products of Gram
    matrices; it cannot be differentiated twice.
    """
    products = rows @ rows.detach().T
    return 2 * products - products.detach()


@contextmanager
def _shown_to(layers: list[Any]) -> Iterator[dict[int, Tensor]]:
    """Records what the layers are called with, by their position."""
    shown: dict[int, Tensor] = {}
    handles = [
        layer.register_forward_pre_hook(lambda _, inputs, number=number: shown.update({number: inputs[0]}))
        for number, layer in enumerate(layers)
    ]
    try:
        yield shown
    finally:
        for handle in handles:
            handle.remove()
