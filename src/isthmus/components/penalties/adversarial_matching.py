"""A critic that tells codes from draws of the prior: the penalty of the adversarial autoencoder."""

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


@register("penalty", "adversarial-matching")
@dataclass(frozen=True)
class AdversarialMatching(CriticPenalty):
    """weight · −Σ log D(z), where a critic D tells draws of the prior from codes.

    Makhzani et al. (2016), Adversarial autoencoders, arXiv:1511.05644. The encoder wants its codes to be taken for
    draws of the prior (the loss that does not saturate); the critic minimises the cross-entropy
    −Σ [log D(prior draw) + log (1 − D(z))]. With the best critic, D(z) = p(z) / (p(z) + q(z)) with the aggregate q of
    the codes: D = ½, and the penalty ln 2 per row, where they agree. A learnt prior is not moved by it.

    Parameters
    ----------
    weight : float or Schedule
    critic : "auto" or a network
        "auto" has two hidden layers of 256.
    rate_factor : float
        The critic's learning rate, as a factor of the model's.

    Examples
    --------
    >>> AdversarialMatching().noise_width(latent_dim=8, width=64)
    9
    """

    matches_prior: ClassVar[bool] = True
    code_spaces: ClassVar[tuple[str, ...]] = ("euclidean", "sphere")

    def noise_width(self, latent_dim: int, width: int) -> int:
        return latent_dim + 1

    def build(self, latent_dim: int, width: int) -> AdversarialMatchingModule:
        return AdversarialMatchingModule(self, latent_dim)


class AdversarialMatchingModule(CriticModule):
    """Logits of "this is a draw of the prior"."""

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        return softplus(-self.logits(forward_pass.z)).sum()

    def critic_loss(self, forward_pass: ForwardPass, noise: Tensor | None = None) -> Tensor:
        own = forward_pass.z.detach()
        drawn = forward_pass.prior.sample_shared(noise).detach()
        of_drawn, of_own = self.logits(torch.cat([drawn, own])).split([len(drawn), len(own)])
        return softplus(-of_drawn).sum() + softplus(of_own).sum()
