"""The derivative of a network along one direction per row, by forward-mode differentiation."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from .second_look import second_look


def directional_derivative(
    function: Callable[[Tensor], Tensor], point: Tensor, direction: Tensor, network: nn.Module | None = None
) -> Tensor:
    """J(x)·v of each row, at the cost of about one more evaluation of ``function``.

    With v ~ N(0, I) its squared norm is an unbiased estimate of ‖J‖²_F (Hutchinson 1990).

    Parameters
    ----------
    function : callable
        (n, p) -> (n, d).
    point, direction : Tensor, shape (n, p)
    network : Module, optional
        The network that ``function`` runs. What its layers have left in ``pending`` for the loop stays as it is: the
        second evaluation is no part of the step.

    Returns
    -------
    Tensor, shape (n, d)

    Examples
    --------
    >>> import torch
    >>> at, along = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 0.0]])
    >>> directional_derivative(lambda x: x.square(), at, along)
    tensor([[2., 0.]])
    """
    with nullcontext() if network is None else second_look(network):
        return torch.func.jvp(function, (point,), (direction,))[1]
