"""One frozen record of a pass through the composition: what penalties and objectives may look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from .batch import Batch


@dataclass(frozen=True, slots=True)
class ForwardPass:
    """What happened to a batch on its way through encoder, latent, decoder and likelihood.

    Attributes
    ----------
    batch : Batch
        The rows as they came.
    features : Tensor, shape (n, d)
        The clean rows as floats: what the likelihood is asked about.
    posterior : Posterior
        q(z|x), with ``code``, ``sample(noise)`` and ``log_prob``.
    z : Tensor, shape (n, latent_dim)
        The code that was decoded: a sample in a stochastic latent, the code itself otherwise.
    prior : Distribution
        p(z).
    likelihood : Distribution
        p(x|z).
    encode, decode : callables
        ``encode(features) -> Posterior`` and ``decode(z) -> Distribution``, for penalties that need them again.
    """

    batch: Batch
    features: Tensor
    posterior: Any
    z: Tensor
    prior: Any
    likelihood: Any
    encode: Callable[[Tensor], Any]
    decode: Callable[[Tensor], Any]
