"""One frozen record of a pass through the composition: what penalties and objectives may look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from .batch import Batch
from .context import Context
from .noise import Noise

NO_NOISE = Noise()


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
    z : Tensor, shape (n, latent_dim) or (samples, n, latent_dim)
        The code that was decoded: a sample in a stochastic latent, the code itself otherwise.
    prior : Distribution
        p(z).
    likelihood : Distribution
        p(x|z).
    encode, decode : callables
        ``encode(features) -> Posterior`` and ``decode(z) -> Distribution`` in the context of these rows, for penalties
        that need them again.
    inputs : Tensor, shape (n, d), optional
        What the encoder saw: the corrupted rows, or ``features`` themselves.
    noise : Noise
        What was drawn for the step.
    context : Context, optional
        The rows' condition and exposure.
    networks : dict of str to Module
        "encoder" and "decoder", for penalties that look at parameters.
    """

    batch: Batch
    features: Tensor
    posterior: Any
    z: Tensor
    prior: Any
    likelihood: Any
    encode: Callable[[Tensor], Any]
    decode: Callable[[Tensor], Any]
    inputs: Tensor | None = None
    noise: Noise = NO_NOISE
    context: Context | None = None
    networks: Mapping[str, nn.Module] = field(default_factory=dict)
