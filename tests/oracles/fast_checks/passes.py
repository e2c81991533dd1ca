"""Forward passes of which a penalty or an objective sees no more than it should."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from isthmus.core.batch import Batch
from isthmus.core.forward_pass import ForwardPass
from isthmus.distributions import StandardNormal


def pass_with(
    posterior: Any = None,
    z: Tensor | None = None,
    prior: Any = None,
    features: Tensor | None = None,
    likelihood: Any = None,
) -> ForwardPass:
    """A pass with some of its parts; the code is decoded, and the prior is N(0, I), unless it is said otherwise."""
    z = posterior.code if z is None else z
    features = z if features is None else features
    prior = StandardNormal(z.shape[-1], dtype=z.dtype) if prior is None else prior
    unused: Any = None
    return ForwardPass(Batch(features), features, posterior, z, prior, likelihood, unused, unused)
