"""Importance weights of the codes that were drawn: what the importance-weighted objectives share."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from isthmus.core.forward_pass import ForwardPass


def log_weights(forward_pass: ForwardPass) -> tuple[Tensor, Tensor]:
    """log p(x|z_k), and the log-weights log p(x|z_k) + log p(z_k) − log q(z_k|x), each (draws, n) in nats.

    The mean of the weights is an unbiased estimate of p(x). A pass without an axis of draws counts as one draw.
    """
    z, rows = forward_pass.z, forward_pass.features.shape[0]
    log_likelihood = forward_pass.likelihood.log_prob(forward_pass.features)
    rate = forward_pass.posterior.log_prob(z) - forward_pass.prior.log_prob(z)
    return log_likelihood.reshape(-1, rows), (log_likelihood - rate).reshape(-1, rows)


def log_mean_exp(log_weights: Tensor, dim: int = 0) -> Tensor:
    """The logarithm of the mean of exp(``log_weights``) along a dimension.

    >>> log_mean_exp(torch.tensor([[1.0, 3.0], [3.0, 1.0]]).log())
    tensor([0.6931, 0.6931])
    """
    return torch.logsumexp(log_weights, dim) - math.log(log_weights.shape[dim])
