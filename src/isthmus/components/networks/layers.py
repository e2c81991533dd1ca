"""Layers that initialise from the run's own generator, and give a row the same bits wherever it stands in a batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from isthmus.core.steady_linear import FAN_IN_MULTIPLE, steady_linear


class Linear(nn.Linear):
    """A linear layer whose result at inference does not depend on a row's position in the batch.

    In evaluation mode it is :func:`~isthmus.core.steady_linear.steady_linear`.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self._note_fan_in(in_features)

    def _note_fan_in(self, in_features: int) -> None:
        self._steady = in_features % FAN_IN_MULTIPLE == 0

    def reset_parameters(self) -> None:
        # The weights are drawn later, by `initialise`: construction must not touch the global generator.
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    def initialise(self, generator: Generator) -> None:
        """Draw the weights from ``generator`` by Glorot & Bengio (2010), uniform; biases begin at zero.

        Wide rows need it: on MNIST two hidden layers hardly train from PyTorch's own draw within a short budget, while
        small tables do as well with either (``benchmarks/results/ablation.md``).
        """
        nn.init.xavier_uniform_(self.weight, generator=generator)
        nn.init.zeros_(self.bias)

    def forward(self, rows: Tensor) -> Tensor:
        return self.product(rows, self.bias)

    def product(self, rows: Tensor, bias: Tensor | None) -> Tensor:
        """The rows times the weights, plus a bias."""
        if self.training or self._steady:
            return functional.linear(rows, self.weight, bias)
        return steady_linear(rows, self.weight, bias)


class SpectralLinear(Linear):
    """A linear layer whose matrix is divided by its largest singular value, so that it stretches nothing.

    Miyato et al. (2018), Spectral normalization for generative adversarial networks, arXiv:1802.05957. The singular
    vector is exact in the beginning; each training step follows the weights with one power iteration, and leaves its
    result in :attr:`pending`, from where the model hands it to the loop: a skipped step leaves it untouched. The
    gradient takes the singular vectors as constants, as in the paper.
    """

    left: Tensor

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.register_buffer("left", torch.full((out_features,), out_features**-0.5))
        self.pending: dict[str, Tensor] = {}

    @torch.no_grad()
    def initialise(self, generator: Generator) -> None:
        """As for other linear layers; the singular vector is that of the drawn weights."""
        super().initialise(generator)
        self.left.copy_(torch.linalg.svd(self.weight, full_matrices=False).U[:, 0])

    def forward(self, rows: Tensor) -> Tensor:
        # Zero weights, as they are before initialisation, give zeros.
        largest = self.largest_singular_value().clamp_min(torch.finfo(self.weight.dtype).tiny)
        # A batch of results has fewer numbers to divide than a wide matrix.
        return self.product(rows, None) / largest + self.bias

    def largest_singular_value(self) -> Tensor:
        """The estimate of it, a scalar; in training after one more power iteration."""
        left = self.left
        self.pending = {}
        with torch.autocast(self.weight.device.type, enabled=False):
            right = functional.normalize(self.weight.detach().T @ left, dim=0)
            stretched = self.weight @ right
            if self.training:
                left = functional.normalize(stretched.detach(), dim=0)
                self.pending = {"left": left}
            return left @ stretched


class Dropout(nn.Module):
    """Dropout that draws from a generator handed in by the training loop, never from the global one.

    Parameters
    ----------
    rate : float
        The probability that a unit is set to zero; the others are scaled by 1/(1 − rate).
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.generator: Generator | None = None

    def forward(self, rows: Tensor) -> Tensor:
        if not self.training:
            return rows
        kept = torch.rand(rows.shape, generator=self.generator, device=rows.device, dtype=rows.dtype) >= self.rate
        return rows * kept / (1 - self.rate)

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


class BatchNorm(nn.Module):
    """Batch normalisation (Ioffe & Szegedy 2015) with a pure step.

    While training it normalises by the batch's own statistics and leaves the new running statistics in
    :attr:`pending`, from where the model hands them to the loop: a skipped step leaves them untouched.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, features: int, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.epsilon = momentum, epsilon
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("variance", torch.ones(features))
        self.pending: dict[str, Tensor] = {}

    def forward(self, rows: Tensor) -> Tensor:
        self.pending = {}
        if not self.training or rows.shape[0] == 1:  # one row has no batch statistics: use the running ones
            return functional.batch_norm(rows, self.mean, self.variance, self.weight, self.bias, eps=self.epsilon)
        with torch.no_grad():
            variance, mean = torch.var_mean(rows.to(self.mean.dtype), 0)  # bfloat16 rows keep float32 statistics
            self.pending = {
                "mean": torch.lerp(self.mean, mean, self.momentum),
                "variance": torch.lerp(self.variance, variance, self.momentum),
            }
        return functional.batch_norm(rows, None, None, self.weight, self.bias, training=True, eps=self.epsilon)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[0]}, momentum={self.momentum}"


def initialise(module: nn.Module, generator: Generator) -> None:
    """Draw the parameters of every layer that has an ``initialise`` method, in order, from ``generator``."""
    for layer in module.modules():
        draw: Any = getattr(layer, "initialise", None)
        if draw is not None:
            draw(generator)
