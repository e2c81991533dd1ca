"""What every latent must do."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from isthmus.components.latents.base import Latent
from isthmus.core.random import torch_generator
from isthmus.distributions import Posterior

from .distributions import DRAWS, STANDARD_ERRORS, check_distribution, check_draws, check_rows_are_independent
from .requirement import global_random_state_untouched, require, require_close, require_gradient
from .specs import check_spec

ROWS = 4


def check_latent(spec: Latent, latent_dim: int = 3) -> None:
    """The code is a fixed point, samples are functions of the noise, and both follow ``log_prob``.

    Parameters
    ----------
    spec : Latent
    latent_dim : int
        Two to four.

    Raises
    ------
    AssertionError
        Naming the broken rule.

    Examples
    --------
    >>> from isthmus import GaussianLatent
    >>> check_latent(GaussianLatent())
    """
    check_spec(spec)
    who = type(spec).__name__
    size = spec.parameter_shape(latent_dim)
    require(isinstance(size, int) and size > 0, f"{who}.parameter_shape gives {size!r}, expected a positive integer")
    generator = torch_generator(0)
    parameters = 0.5 * torch.randn(ROWS, size, generator=generator, dtype=torch.float64)
    noise = torch.randn(DRAWS, ROWS, latent_dim, generator=generator, dtype=torch.float64)
    with global_random_state_untouched(who), torch.no_grad():
        module = spec.build(latent_dim)
        posterior = module(parameters)
        code, samples, one = posterior.code, posterior.sample(noise), posterior.sample(noise[0])
    require(isinstance(posterior, Posterior), f"{who} must give a Posterior; got {type(posterior).__name__}")
    require(code.shape == (ROWS, latent_dim), f"{who}: code has shape {tuple(code.shape)}, expected (n, latent_dim)")
    require(torch.equal(code, module(parameters).code), f"{who}: the code differs from call to call")
    require(samples.shape == noise.shape, f"{who}: sample of noise {tuple(noise.shape)} has {tuple(samples.shape)}")
    require(torch.equal(one, posterior.sample(noise[0])), f"{who}: sample is not a function of the noise")
    require(torch.equal(one, samples[0]), f"{who}: a sample depends on the other samples")
    require_gradient(lambda p: module(p).code, (parameters,), f"{who}: the code by the encoder's output")
    require_gradient(lambda p: module(p).sample(noise[0]), (parameters,), f"{who}: a sample by the encoder's output")
    if spec.stochastic:
        _check_samples(who, posterior, samples)
        pieces = [module(parameters[i : i + 1]).log_prob(one[i : i + 1]) for i in range(ROWS)]
        check_rows_are_independent(who, posterior.log_prob(one), pieces)
        require_gradient(lambda p: module(p).log_prob(one), (parameters,), f"{who}: log_prob by the encoder's output")
    else:
        require_close(samples, code.expand_as(samples), f"{who} is not stochastic, so samples must equal the code", 0.0)
        deviation = getattr(posterior, "stddev", None)
        zero = deviation is not None and (deviation == 0).all()
        require(zero, f"{who} is not stochastic, so its posterior needs `stddev`, all zeros")
    check_distribution(posterior, ROWS)


def _check_samples(who: str, posterior: Posterior, samples: Tensor) -> None:
    """Samples through noise have the posterior's moments and density."""
    check_draws(f"{who}.sample(noise)", posterior, samples)
    scale = samples.std(0)
    require((scale > 0).all(), f"{who} is stochastic, but its samples do not vary")
    mean = getattr(posterior, "mean", None)
    if mean is not None:
        error = ((samples.mean(0) - mean) / scale).abs().max()
        allowed = STANDARD_ERRORS / math.sqrt(len(samples))
        require(error <= allowed, f"{who}: samples have another mean than the posterior ({error:.3g} deviations off)")
    deviation = getattr(posterior, "stddev", None)
    if deviation is not None:
        error = (scale / deviation - 1).abs().max()
        allowed = STANDARD_ERRORS / math.sqrt(2 * len(samples))
        require(error <= allowed, f"{who}: samples spread {1 + float(error):.3g} times `stddev`")
