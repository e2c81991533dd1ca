"""The divergence from the prior, of which some nats are free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.constraints import Constraint, Interval
from isthmus.core.errors import ParameterError
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.registry import register
from isthmus.distributions import kl_per_dimension

from .base import NOTHING, WEIGHT, Penalty


@register("penalty", "free-bits")
@dataclass(frozen=True)
class FreeBits(Penalty):
    """weight · Σ_j max(λ, KL_j), with KL_j = KL(q(z_j|x)‖p(z_j)) averaged over the batch: in nats per row.

    A dimension that tells less than λ = ``nats`` is not asked to tell even less, so that it does not collapse while
    the decoder is still learning: Kingma et al. (2016), Improving variational inference with inverse autoregressive
    flow, arXiv:1606.04934. It stands in place of the KL penalty: ``penalties={"kl": FreeBits(nats=0.25)}``; the loss
    is then larger than minus the evidence lower bound by what is free. It needs the whole batch, a Gaussian
    posterior, and a prior with independent dimensions.

    Parameters
    ----------
    nats : float
        λ, per dimension. The paper tries 0.125 to 8 per group of dimensions.
    weight : float or Schedule

    Examples
    --------
    >>> FreeBits(nats=0.25).to_json()["params"]
    {'weight': 1.0, 'nats': 0.25}
    """

    matches_prior: ClassVar[bool] = True
    scope: ClassVar[str] = "batch"
    needs_stochastic_latent: ClassVar[bool] = True
    needs_gaussian_posterior: ClassVar[bool] = True
    code_spaces: ClassVar[tuple[str, ...]] = ("euclidean",)

    nats: float = 0.1

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {"weight": WEIGHT, "nats": (Interval(0, None),)}

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        try:
            divergence = kl_per_dimension(forward_pass.posterior, forward_pass.prior)
        except TypeError as error:
            raise ParameterError(f"FreeBits frees nats of each dimension by itself, but {error}") from error
        return divergence.shape[0] * divergence.mean(0).clamp_min(self.nats).sum()
