"""The log-likelihood of rows under a fitted model, by importance sampling, with its standard error."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from isthmus.core.context import Context
from isthmus.core.errors import ParameterError
from isthmus.core.random import row_noise, spawn_seeds
from isthmus.core.row_source import RowSource
from isthmus.distributions import kl_divergence
from isthmus.models.autoencoder import ComposedAutoencoder

from .inference import feature_batches

SAMPLES = 5000
# A pass through the decoder has as many codes as a batch has rows: this many draws for each of a few rows. Few rows
# then need few passes, many rows no more of them, and every pass has the same shape.
DRAWS = 64


@torch.inference_mode()
def log_likelihood(
    model: ComposedAutoencoder, rows: RowSource, seed: int, samples: int = SAMPLES
) -> tuple[np.ndarray, np.ndarray]:
    """log p(x) of each row in nats, in feature space, estimated with the posterior as proposal.

    log 1/K Σ_k w_k with w_k = p(x|z_k) p(z_k) / q(z_k|x) and K = ``samples`` (Burda, Grosse & Salakhutdinov 2016,
    arXiv:1509.00519). The mean of the weights is unbiased, its logarithm lies below log p(x) by about half the squared
    standard error. The noise depends on a row's content and ``seed`` only: neighbours, place and the number of calls
    change nothing. Memory does not grow with ``samples``.

    A code of symbols is deterministic: its row gets log p(x|z) + log p(z) of that one code, which is exact as a
    bound, with standard error 0.

    Parameters
    ----------
    model : ComposedAutoencoder
    rows : RowSource
    seed : int
    samples : int
        K; at least 2.

    Returns
    -------
    log_likelihood, standard_error : ndarray of float64, each of shape (n,)
        The standard error is that of the logarithm by the delta method: the weights' standard deviation over
        mean · √K. It is inf where all weights are 0, and too small where q misses most of the true posterior.

    Raises
    ------
    ParameterError
        For fewer than 2 samples, and for a model whose code is a point without a prior probability.
    """
    if isinstance(samples, bool) or not isinstance(samples, (int, np.integer)) or samples < 2:
        raise ParameterError(f"density: `samples` must be an integer in [2, inf); got {samples!r}.")
    if not model.bounded:
        raise ParameterError(
            f"density needs a model that gives rows a likelihood; the code of this one ({type(model.latent).__name__}) "
            "is a point, which has none. Fit a VAE (latent=GaussianLatent()), or use score_samples."
        )
    model.eval()
    estimates, errors = np.empty(len(rows), dtype=np.float64), np.zeros(len(rows), dtype=np.float64)
    for piece, features, context in feature_batches(model, rows):
        count = piece.stop - piece.start
        if not model.stochastic:
            estimates[piece] = _of_the_code(model, features, context)[:count].cpu().numpy()
            continue
        for start, few, given in _repeated(features, context, count):
            stop = min(start + len(few) // DRAWS, count)
            estimate, error = _importance_weighted(model, few, given, seed, int(samples))
            here = slice(piece.start + start, piece.start + stop)
            estimates[here], errors[here] = estimate[: stop - start], error[: stop - start]
    return estimates, errors


def _of_the_code(model: ComposedAutoencoder, features: Tensor, context: Context | None) -> Tensor:
    posterior = model.encode(features, context)
    z = posterior.code
    rate = kl_divergence(posterior, model.prior(model.encode_inputs), z)
    return model.decode(z, context).log_prob(features).double() - rate.double()


def _repeated(features: Tensor, context: Context | None, count: int) -> Iterator[tuple[int, Tensor, Context | None]]:
    """A few rows at a time, all of them repeated DRAWS times: (position of the first, features, context)."""
    size = max(1, len(features) // DRAWS)
    for start in range(0, count, size):
        few = slice(start, start + size)
        given = None if context is None else context[few].changed(lambda tensor: tensor.repeat(DRAWS, 1))
        yield start, features[few].repeat(DRAWS, 1), given


def _importance_weighted(
    model: ComposedAutoencoder, features: Tensor, context: Context | None, seed: int, samples: int
) -> tuple[np.ndarray, np.ndarray]:
    """Estimates and their standard errors for rows that are repeated DRAWS times, each (rows / DRAWS,)."""
    posterior = model.encode(features, context)
    prior = model.prior(model.encode_inputs)
    contents = features[: len(features) // DRAWS].cpu().numpy()
    weights = RunningWeights(len(contents))
    for done, chunk_seed in zip(range(0, samples, DRAWS), spawn_seeds(seed, -(-samples // DRAWS)), strict=True):
        noise = torch.from_numpy(row_noise(contents, chunk_seed, DRAWS, model.noise_width)).to(features)
        z = posterior.sample(noise.flatten(0, 1))
        log_weights = model.decode(z, context).log_prob(features) + prior.log_prob(z) - posterior.log_prob(z)
        kept = log_weights.double().cpu().numpy().reshape(DRAWS, -1)[: samples - done]
        weights.add(kept)
    return weights.log_mean(), weights.standard_error()


class RunningWeights:
    """Mean and spread of weights that are known by their logarithms, some at a time.

    Weights are kept relative to the largest so far; means and sums of squared deviations of pieces are merged by Chan,
    Golub & LeVeque (1983), so that equal weights have exactly no spread.

    Parameters
    ----------
    columns : int
        How many sets of weights are followed side by side.

    Examples
    --------
    >>> weights = RunningWeights(1)
    >>> weights.add(np.log([[1.0], [3.0]]) + 1000)
    >>> weights.add(np.log([[2.0], [2.0]]) + 1000)
    >>> float(weights.log_mean()[0] - 1000)  # doctest: +ELLIPSIS
    0.69314...
    """

    def __init__(self, columns: int) -> None:
        self.count = 0
        self.log_scale = np.full(columns, -np.inf)
        self.mean, self.squares = np.zeros(columns), np.zeros(columns)

    def add(self, log_weights: np.ndarray) -> None:
        """Some more logarithms of weights, (m, columns) float64."""
        log_scale = np.maximum(self.log_scale, log_weights.max(0))
        anchor = np.where(np.isneginf(log_scale), 0.0, log_scale)  # no weight so far but zeros
        shrink = np.exp(self.log_scale - anchor)
        weights = np.exp(log_weights - anchor)
        own_mean, mean = weights.mean(0), self.mean * shrink
        total = self.count + len(weights)
        between = (own_mean - mean) ** 2 * (self.count * len(weights) / total)
        self.squares = self.squares * shrink**2 + ((weights - own_mean) ** 2).sum(0) + between
        self.mean = mean + (own_mean - mean) * (len(weights) / total)
        self.log_scale, self.count = log_scale, total

    def log_mean(self) -> np.ndarray:
        """The logarithm of the mean weight, (columns,); -inf if all are 0."""
        with np.errstate(divide="ignore"):
            return np.where(self.mean == 0, -np.inf, self.log_scale + np.log(self.mean))

    def standard_error(self) -> np.ndarray:
        """The standard error of :meth:`log_mean` by the delta method, (columns,); inf if all weights are 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.sqrt(self.squares / (self.count - 1) / self.count) / self.mean
        return np.where(self.mean == 0, np.inf, relative)
