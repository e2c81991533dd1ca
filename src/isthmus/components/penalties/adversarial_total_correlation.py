"""Total correlation by the density-ratio trick: the penalty of FactorVAE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import softplus

from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.registry import register

from .base import NOTHING
from .critic import CriticModule, CriticPenalty


@register("penalty", "adversarial-total-correlation")
@dataclass(frozen=True)
class AdversarialTotalCorrelation(CriticPenalty):
    """weight · KL(q(z)‖Π_j q(z_j)), where a critic gives the logarithm of the ratio.

    Kim & Mnih (2018), Disentangling by factorising, arXiv:1802.05983. A critic tells codes from codes whose dimensions
    are permuted, each by itself, over the rows of the batch; with the best critic its logit is log q(z)/Π_j q(z_j),
    whose sum over the codes of the batch is the penalty. The paper permutes the codes of a second batch; here it is
    the same one, which saves a pass. Needs whole batches.

    Parameters
    ----------
    weight : float or Schedule
        γ of the paper.
    critic : "auto" or a network
        "auto" has two hidden layers of 256; the paper's has six of 1,000.
    rate_factor : float
        The critic's learning rate, as a factor of the model's.

    Examples
    --------
    >>> AdversarialTotalCorrelation(weight=10.0).noise_width(latent_dim=8, width=64)
    8
    """

    scope: ClassVar[str] = "batch"
    code_spaces: ClassVar[tuple[str, ...]] = ("euclidean",)

    def noise_width(self, latent_dim: int, width: int) -> int:
        return latent_dim

    def build(self, latent_dim: int, width: int) -> AdversarialTotalCorrelationModule:
        return AdversarialTotalCorrelationModule(self, latent_dim)


class AdversarialTotalCorrelationModule(CriticModule):
    """Logits of "these dimensions belong together"."""

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        return self.logits(forward_pass.z).sum()

    def critic_loss(self, forward_pass: ForwardPass, noise: Tensor | None = None) -> Tensor:
        own = forward_pass.z.detach()
        order = torch.argsort(noise, 0)  # type: ignore[arg-type]
        of_own, of_permuted = self.logits(torch.cat([own, own.gather(0, order)])).split(len(own))
        return softplus(-of_own).sum() + softplus(of_permuted).sum()
