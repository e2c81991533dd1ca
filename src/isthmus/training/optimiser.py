"""Fused Adam, with the parameters of a small model laid out as one tensor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

# Up to this many parameters, copying them to and fro costs less than handling each of them apart (measured on
# 16-32-16-8: 93 µs a step instead of 156; break-even lies near 100,000).
FLAT_LIMIT = 1 << 15
EPSILON = 1e-8


class Optimiser:
    """Adam (Kingma & Ba 2015, arXiv:1412.6980) over some parameters of a model.

    An optimiser's cost per tensor outweighs its cost per number in small models. There, gradients and parameters are
    copied into one flat tensor, stepped, and copied back: the same arithmetic on the same numbers. The update is
    PyTorch's own function: its optimiser class costs as much again per step, and loads the compiler when it is made.

    Parameters
    ----------
    parameters : sequence of Parameter
    rate_factor : float
        What the rate of :meth:`step` is multiplied by.
    betas : pair of float
        The decay rates of the two moments.
    """

    def __init__(
        self, parameters: Sequence[nn.Parameter], rate_factor: float = 1.0, betas: tuple[float, float] = (0.9, 0.999)
    ) -> None:
        self.parameters: list[Tensor] = list(parameters)
        self.rate_factor, self.betas = rate_factor, betas
        sizes = [parameter.numel() for parameter in self.parameters]
        kinds = {(parameter.device, parameter.dtype) for parameter in self.parameters}
        self._flat = None
        if sum(sizes) <= FLAT_LIMIT and len(kinds) == 1:
            self._flat = torch.cat([parameter.detach().flatten() for parameter in self.parameters])
            self._flat_gradient = torch.zeros_like(self._flat)
            self._values = _views(self._flat, self.parameters)
            self._gradients = _views(self._flat_gradient, self.parameters)
        self.stepped: list[Tensor] = self.parameters if self._flat is None else [self._flat]
        self._fused = all(parameter.device.type in ("cpu", "cuda") for parameter in self.stepped)
        # The state is made now, not at the first step: snapshots and checkpoints then always find the same tensors.
        self._steps = [
            torch.zeros((), dtype=torch.float32, device=one.device if self._fused else "cpu") for one in self.stepped
        ]
        self._means = [torch.zeros_like(one) for one in self.stepped]
        self._squares = [torch.zeros_like(one) for one in self.stepped]

    def state_tensors(self) -> dict[str, Tensor]:
        """Moments and step counts by name, live."""
        named = {"step": self._steps, "exp_avg": self._means, "exp_avg_sq": self._squares}
        return {
            f"{number}.{name}": tensors[number]
            for number in range(len(self.stepped))
            for name, tensors in named.items()
        }

    def forget_gradients(self) -> None:
        """Before a backward pass."""
        for parameter in self.parameters:
            parameter.grad = None

    def gradients(self) -> list[Tensor]:
        """After a backward pass: the gradients that :meth:`step` will use; they may be changed in place."""
        if self._flat is None:
            return [gradient for parameter in self.parameters if (gradient := parameter.grad) is not None]
        found = [gradient for parameter in self.parameters if (gradient := parameter.grad) is not None]
        if len(found) < len(self.parameters):  # a parameter that the loss does not reach
            found = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        torch._foreach_copy_(self._gradients, found)
        return [self._flat_gradient]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Change the parameters by one step at ``rate`` times :attr:`rate_factor`."""
        if self._flat is None:
            reached = [number for number, parameter in enumerate(self.parameters) if parameter.grad is not None]
            if len(reached) == len(self.parameters):
                gradients: list[Tensor] = [parameter.grad for parameter in self.parameters]  # type: ignore[misc]
                self._update(rate, self.parameters, gradients, self._means, self._squares, self._steps)
            elif reached:
                chosen = ([tensors[i] for i in reached] for tensors in (self._means, self._squares, self._steps))
                values = [self.parameters[i] for i in reached]
                self._update(rate, values, [value.grad for value in values], *chosen)  # type: ignore[misc]
            return
        # The model's own tensors are what counts: they may have been restored since the last step.
        torch._foreach_copy_(self._values, self.parameters)
        self._update(rate, self.stepped, [self._flat_gradient], self._means, self._squares, self._steps)
        torch._foreach_copy_(self.parameters, self._values)

    def _update(
        self,
        rate: float,
        values: list[Tensor],
        gradients: list[Tensor],
        means: list[Tensor],
        squares: list[Tensor],
        steps: list[Tensor],
    ) -> None:
        adam(
            values,
            gradients,
            means,
            squares,
            [],
            steps,
            foreach=False if self._fused else None,
            fused=self._fused or None,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=rate * self.rate_factor,
            weight_decay=0.0,
            eps=EPSILON,
            maximize=False,
        )


def _views(flat: Tensor, parameters: Sequence[Tensor]) -> list[Tensor]:
    pieces = flat.split([parameter.numel() for parameter in parameters])
    return [piece.view(parameter.shape) for piece, parameter in zip(pieces, parameters, strict=True)]
