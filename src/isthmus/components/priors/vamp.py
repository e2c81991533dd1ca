"""The aggregated posterior of learnt pseudo-inputs as prior."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn

from isthmus.core.constraints import Boolean, Constraint, Interval
from isthmus.core.errors import ParameterError
from isthmus.core.registry import register
from isthmus.distributions import DiagonalMixture, DiagonalNormal

from .base import Encode, Prior, PriorModule

# How far pseudo-inputs begin from the rows they are copied from, as a share of each column's range.
SPREAD = 0.01


@register("prior", "vamp")
@dataclass(frozen=True)
class VampPrior(Prior):
    """p(z) = Σ_k w_k q(z|u_k): the mixture of the posteriors of pseudo-inputs u_k, which are learnt with the model.

    Tomczak & Welling (2018), VAE with a VampPrior, arXiv:1705.07120. The pseudo-inputs begin at training rows, and stay
    within the range of each column that training showed: for pixels this is the paper's clipping to [0, 1]. It needs a
    Gaussian latent.

    Parameters
    ----------
    n_components : int
        K, the number of pseudo-inputs; each step encodes them.
    learn_weights : bool
        Learn w_k too, in place of 1/K.

    Examples
    --------
    >>> VampPrior(n_components=3).build(2, width=5).pseudo_inputs.shape
    torch.Size([3, 5])
    """

    learnt: ClassVar[bool] = True
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "n_components": (Interval(1, None, integer=True),),
        "learn_weights": (Boolean(),),
    }

    n_components: int = 500
    learn_weights: bool = False

    def build(self, latent_dim: int, width: int = 0, levels: tuple[int, ...] = ()) -> VampPriorModule:
        return VampPriorModule(self.n_components, width, self.learn_weights)


class VampPriorModule(PriorModule):
    """Pseudo-inputs (n_components, width) in the space of what the encoder is shown."""

    lowest: Tensor
    highest: Tensor
    weight_logits: Tensor

    def __init__(self, n_components: int, width: int, learn_weights: bool) -> None:
        super().__init__()
        self.pseudo_inputs = nn.Parameter(torch.zeros(n_components, width))
        anything = torch.finfo(torch.float32).max
        self.register_buffer("lowest", torch.full((width,), -anything))
        self.register_buffer("highest", torch.full((width,), anything))
        if learn_weights:
            self.weight_logits = nn.Parameter(torch.zeros(n_components))
        else:
            self.register_buffer("weight_logits", torch.zeros(n_components), persistent=False)

    def initialise(self, generator: Generator) -> None:
        """Draw the pseudo-inputs from N(0, I), until :meth:`begin` has seen rows."""
        nn.init.normal_(self.pseudo_inputs, generator=generator)

    @torch.no_grad()
    def begin(self, inputs: Tensor, generator: Generator) -> None:
        """Copy random rows, each once before any twice, with a little noise that keeps them within their range."""
        count = len(self.pseudo_inputs)
        order = torch.randperm(len(inputs), generator=generator, device=generator.device).to(inputs.device)
        rows = inputs[order.repeat(-(-count // len(order)))[:count]]
        self.lowest.copy_(inputs.amin(0))
        self.highest.copy_(inputs.amax(0))
        noise = torch.randn(rows.shape, generator=generator, device=generator.device).to(rows)
        moved = rows + SPREAD * (self.highest - self.lowest) * noise
        # Reflected at the bounds: at a bound, or beyond it, a pseudo-input would get no gradient.
        moved = self.lowest + (moved - self.lowest).abs()
        moved = self.highest - (self.highest - moved).abs()
        self.pseudo_inputs.copy_(moved)

    def describe(self) -> str:
        return f"VampPrior of {len(self.pseudo_inputs)} pseudo-inputs"

    def forward(self, encode: Encode | None = None) -> DiagonalMixture:
        if encode is None:
            raise ParameterError("prior `vamp` encodes pseudo-inputs: call it with the model's `encode_inputs`.")
        posterior = encode(torch.clamp(self.pseudo_inputs, self.lowest, self.highest))
        if not isinstance(posterior, DiagonalNormal):
            raise ParameterError(
                "prior `vamp` mixes the Gaussian posteriors of its pseudo-inputs; this latent gives a "
                f"{type(posterior).__name__}. Use latent=GaussianLatent(), or leave `prior` at 'auto'."
            )
        return DiagonalMixture(self.weight_logits.log_softmax(0), posterior.mean, posterior.log_std)
