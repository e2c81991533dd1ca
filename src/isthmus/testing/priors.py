"""What every prior must do."""

from __future__ import annotations

import torch
from torch import Tensor

from isthmus.components.networks.layers import initialise
from isthmus.components.priors.base import Prior, PriorModule
from isthmus.core.random import torch_generator
from isthmus.distributions import DiagonalNormal, Distribution, Posterior

from .distributions import check_distribution, check_rows_are_independent
from .requirement import global_random_state_untouched, require, require_gradient
from .specs import check_spec

ROWS = 4
LEVELS = (3, 2)


def check_prior(spec: Prior, latent_dim: int = 2) -> None:
    """A normalised density over codes that can be drawn from and learnt.

    Parameters
    ----------
    spec : Prior
    latent_dim : int
        Two to four.

    Raises
    ------
    AssertionError
        Naming the broken rule.

    Examples
    --------
    >>> from isthmus import StandardNormal
    >>> check_prior(StandardNormal())
    """
    check_spec(spec)
    who = type(spec).__name__

    def encode(features: Tensor) -> Posterior:
        return DiagonalNormal(features[:, :latent_dim], 0.3 * features[:, latent_dim:])

    with global_random_state_untouched(f"{who}.build, .initialise and .begin"):
        module, twin = (_initialised(spec, latent_dim) for _ in range(2))
    require(isinstance(module, PriorModule), f"{who}.build must give a PriorModule")
    for name, tensor in module.state_dict().items():
        require(torch.equal(tensor, twin.state_dict()[name]), f"{who}: one seed gives different {name!r}")
    module = module.double()
    generator = torch_generator(1)
    with torch.no_grad():
        for parameter in module.parameters():  # away from the symmetric beginning
            scale = 0.3 / max(1, parameter.shape[-1]) ** 0.5
            parameter.add_(scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    distribution = module(encode)
    require(isinstance(distribution, Distribution), f"{who} must give a Distribution")
    check_distribution(distribution, ROWS, shared=True)
    z = distribution.draw(ROWS, generator).detach()
    symbols = spec.code_space == "symbols"
    shape, kind = (ROWS, len(LEVELS) if symbols else latent_dim), torch.int64 if symbols else torch.float64
    require(z.shape == shape, f"{who}: draws have {tuple(z.shape)}, expected {shape}")
    require(z.dtype == kind, f"{who}: a module in float64 draws {z.dtype}, expected {kind}")
    pieces = [distribution.log_prob(z[i : i + 1]) for i in range(ROWS)]
    log_prob = distribution.log_prob(z)
    check_rows_are_independent(who, log_prob, pieces)
    if symbols:
        require((z >= 0).all() and (z < torch.tensor(LEVELS)).all(), f"{who}: symbols {z} are not within {LEVELS}")
    elif not (log_prob == log_prob[0]).all():  # a uniform density has no gradient
        require_gradient(distribution.log_prob, (z,), f"{who}: log_prob by z")
    _check_parameter_gradients(who, module, encode, z)


def _initialised(spec: Prior, latent_dim: int) -> PriorModule:
    module = spec.build(latent_dim, 2 * latent_dim, LEVELS if spec.code_space == "symbols" else ())
    holder = torch.nn.ModuleList([module])
    initialise(holder, torch_generator(0))
    inputs = torch.randn(3 * ROWS, 2 * latent_dim, generator=torch_generator(2))
    module.begin(inputs, torch_generator(3))
    return module


def _check_parameter_gradients(who: str, module: PriorModule, encode: object, z: Tensor) -> None:
    parameters = dict(module.named_parameters())
    if not parameters:
        return

    def log_prob(*values: Tensor) -> Tensor:
        class Evaluated(torch.nn.Module):
            """Calls the prior's log-density with parameters given from outside."""

            def __init__(self) -> None:
                super().__init__()
                self.prior = module

            def forward(self) -> Tensor:
                return self.prior(encode).log_prob(z)

        named = {f"prior.{name}": value for name, value in zip(parameters, values, strict=True)}
        return torch.func.functional_call(Evaluated(), named, ())

    require_gradient(log_prob, tuple(parameters.values()), f"{who}: log_prob by its parameters")
