"""What every latent must do."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

from isthmus.components.latents.base import Latent, LatentModule
from isthmus.components.networks.layers import initialise
from isthmus.core.errors import ParameterError
from isthmus.core.random import torch_generator
from isthmus.distributions import Posterior, QuantisedPosterior

from .distributions import DRAWS, STANDARD_ERRORS, check_distribution, check_draws, check_rows_are_independent
from .requirement import global_random_state_untouched, require, require_close, require_gradient
from .specs import check_spec

ROWS = 4


def check_latent(spec: Latent, latent_dim: int | None = None) -> None:
    """The code is a fixed point, samples are functions of the noise, and both follow ``log_prob``.

    Parameters
    ----------
    spec : Latent
    latent_dim : int, optional
        Two to four; None: one of these that the latent accepts.

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
    latent_dim = _accepted_size(spec) if latent_dim is None else latent_dim
    size = spec.parameter_shape(latent_dim)
    require(isinstance(size, int) and size > 0, f"{who}.parameter_shape gives {size!r}, expected a positive integer")
    generator = torch_generator(0)
    parameters = 0.5 * torch.randn(ROWS, size, generator=generator, dtype=torch.float64)
    width = spec.noise_width(latent_dim)
    noise = torch.randn(DRAWS, ROWS, width or latent_dim, generator=generator, dtype=torch.float64)
    with global_random_state_untouched(who), torch.no_grad():
        module = _initialised(spec, latent_dim)
        posterior = module(parameters)
        code, samples, one = posterior.code, posterior.sample(noise), posterior.sample(noise[0])
    require(isinstance(posterior, Posterior), f"{who} must give a Posterior; got {type(posterior).__name__}")
    require(code.shape == (ROWS, latent_dim), f"{who}: code has shape {tuple(code.shape)}, expected (n, latent_dim)")
    require(torch.equal(code, module(parameters).code), f"{who}: the code differs from call to call")
    require(
        samples.shape == (DRAWS, ROWS, latent_dim),
        f"{who}: sample of noise {tuple(noise.shape)} has {tuple(samples.shape)}",
    )
    require(torch.equal(one, posterior.sample(noise[0])), f"{who}: sample is not a function of the noise")
    require_close(one, samples[0], f"{who}: a sample depends on the other samples", 1e-12)
    _check_gradient(spec, module, parameters, lambda posterior: posterior.code, "the code")
    _check_gradient(spec, module, parameters, lambda posterior: posterior.sample(noise[0]), "a sample")
    _check_updates(who, module, parameters)
    if spec.code_space == "symbols":
        _check_symbols(spec, module, parameters, latent_dim)
    if spec.stochastic:
        _check_samples(who, posterior, samples)
        pieces = [module(parameters[i : i + 1]).log_prob(one[i : i + 1]) for i in range(ROWS)]
        check_rows_are_independent(who, posterior.log_prob(one), pieces)
        require_gradient(lambda p: module(p).log_prob(one), (parameters,), f"{who}: log_prob by the encoder's output")
    else:
        same = samples == code
        if width and not spec.straight_through:  # dropout of the code
            same |= samples == 0
            require(not (samples == samples[:1]).all(), f"{who} asks for noise, but its samples do not vary")
        require(same.all(), f"{who} is not stochastic, so samples must equal the code" + " or 0" * bool(width))
        deviation = getattr(posterior, "stddev", None)
        zero = deviation is not None and (deviation == 0).all()
        require(zero, f"{who} is not stochastic, so its posterior needs `stddev`, all zeros")
    check_distribution(posterior, ROWS)


def _accepted_size(spec: Latent) -> int:
    """The first of a few sizes of code that make sense; the others are refused by name."""
    for latent_dim in (3, 2, 4):
        try:
            spec.parameter_shape(latent_dim)
        except ParameterError as error:
            require("latent_dim" in str(error), f"{type(spec).__name__} refuses a size without naming it: {error}")
            continue
        return latent_dim
    raise AssertionError(f"{type(spec).__name__} accepts no code of 2, 3 or 4 dimensions")


def _initialised(spec: Latent, latent_dim: int) -> LatentModule:
    module = spec.build(latent_dim)
    initialise(torch.nn.ModuleList([module]), torch_generator(1))
    return module.double()


def _check_gradient(
    spec: Latent, module: LatentModule, parameters: Tensor, value: Callable[[Any], Tensor], words: str
) -> None:
    """The gradient is the derivative; of rounded codes, that of what was rounded."""
    words = f"{type(spec).__name__}: {words} by the encoder's output"
    if not spec.straight_through:
        require_gradient(lambda p: value(module(p)), (parameters,), words)
        return
    leaf = parameters.clone().requires_grad_(True)
    posterior: Any = module(leaf)
    upstream = torch.randn(value(posterior).shape, generator=torch_generator(2), dtype=torch.float64)
    for tensor in (value(posterior), posterior.encoded):
        require(tensor.requires_grad, f"{words}: no gradient reaches the inputs; something detaches it")
    (got,) = torch.autograd.grad(value(posterior), leaf, upstream, retain_graph=True)
    (wanted,) = torch.autograd.grad(posterior.encoded, leaf, upstream)
    require_close(got, wanted, f"{words} is not straight through")


def _check_updates(who: str, module: LatentModule, parameters: Tensor) -> None:
    """New values of buffers that exist, average like means over rows, from a pure function."""
    with global_random_state_untouched(f"{who}.begin and .updates"), torch.no_grad():
        module.begin(parameters, torch_generator(3))
        before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
        whole = module.updates(module(parameters), None)
        pieces = [(1, module.updates(module(parameters[:1]), None))]
        pieces.append((ROWS - 1, module.updates(module(parameters[1:]), None)))
    for name, tensor in module.state_dict().items():
        require(torch.equal(tensor, before[name]), f"{who}.updates changed {name!r}: must be pure")
    for name, value in whole.items():
        wanted = dict(module.named_buffers()).get(name)
        require(wanted is not None and wanted.shape == value.shape, f"{who}.updates: {name!r} is no buffer like it")
        average = sum((rows / ROWS * found[name] for rows, found in pieces), torch.zeros_like(value))
        require_close(average, value, f"{who}.updates of a batch must be the average of those of its parts ({name})")


def _check_symbols(spec: Latent, module: LatentModule, parameters: Tensor, latent_dim: int) -> None:
    """Symbols name the codes, and there are as many as the spec says."""
    who, posterior = type(spec).__name__, cast(QuantisedPosterior, module(parameters))
    levels, symbols = spec.symbol_levels(latent_dim), posterior.symbols
    require(symbols.shape == (ROWS, len(levels)), f"{who}: symbols have {tuple(symbols.shape)}, levels are {levels}")
    require((symbols >= 0).all() and (symbols < torch.tensor(levels)).all(), f"{who}: symbols are not within {levels}")
    require_close(module.vectors(symbols), posterior.code, f"{who}: vectors(symbols) must be the code", 0.0)
    cost = torch.tensor(sum(map(math.log, levels)))
    require_close(torch.as_tensor(posterior.log_levels), cost, f"{who}: log_levels must be the sum of ln levels", 1e-6)


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
