"""Von Mises–Fisher distributions, whose constants are elementary in three dimensions and Bessel functions elsewhere."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import special, stats
from torch import Tensor
from torch.nn import functional

from isthmus.components.latents.hyperspherical import HypersphericalLatent
from isthmus.components.priors.von_mises_fisher_mixture import VonMisesFisherMixture
from isthmus.distributions import SphericalMixture, UniformSphere, VonMisesFisher, kl_divergence

from .known_numbers import close, values

AREAS = {2: 2 * math.pi, 3: 4 * math.pi, 4: 2 * math.pi**2}
KAPPA = torch.tensor([[0.3], [2.0], [40.0]]).double()


def _log_constant(kappa: np.ndarray, dim: int) -> np.ndarray:
    order = dim / 2 - 1
    return order * np.log(kappa) - dim / 2 * np.log(2 * np.pi) - np.log(special.ive(order, kappa)) - kappa


def _mean_cosine(kappa: np.ndarray, dim: int) -> np.ndarray:
    return special.ive(dim / 2, kappa) / special.ive(dim / 2 - 1, kappa)


def _unit(rows: Tensor) -> Tensor:
    return functional.normalize(rows, dim=-1)


def densities_on_the_sphere() -> None:
    kappa = KAPPA[:, 0].numpy()
    for dim, area in AREAS.items():
        direction, z = _unit(values(3, dim)), _unit(values(3, dim, seed=1))
        q, uniform = VonMisesFisher(direction, KAPPA), UniformSphere(dim)
        constant = _log_constant(kappa, dim)
        close(q.log_prob(z), constant + kappa * (direction * z).sum(-1).numpy(), 1e-9)
        close(q.log_normaliser, constant, 1e-9)
        close(uniform.log_prob(z), np.full(3, -math.log(area)))
        cosine = _mean_cosine(kappa, dim)
        close(q.entropy(), -constant - kappa * cosine, 1e-9)
        close(kl_divergence(q, uniform), constant + kappa * cosine + math.log(area), 1e-9)
        close(q.mean, cosine[:, None] * direction.numpy(), 1e-9)
        along, across = 1 - cosine**2 - (dim - 1) * cosine / kappa, cosine / kappa
        squares = direction.numpy() ** 2
        close(q.stddev**2, along[:, None] * squares + across[:, None] * (1 - squares), 1e-9)


def samples_on_the_sphere_are_quantiles() -> None:
    kappa = KAPPA.clone().requires_grad_()
    noise, direction = values(3, 3), _unit(values(3, 3, seed=1))
    z = VonMisesFisher(direction, kappa).sample(noise)
    # In three dimensions the cosine has an exponential distribution on [-1, 1]; the angle grows with the noise.
    above = torch.from_numpy(stats.norm.cdf(noise[:, :1]))
    cosine = 1 + torch.log1p(-above * -torch.expm1(-2 * kappa)) / kappa
    close((z * direction).sum(-1, keepdim=True).detach(), cosine.detach(), 1e-8)
    close(z.square().sum(-1).detach(), np.ones(3), 1e-10)
    wanted = torch.autograd.grad(cosine.sum(), kappa)[0]
    found = torch.autograd.grad((z * direction).sum(), kappa)[0]
    close(found, wanted, 1e-7)
    # Around the direction, all sides are alike: the noise's own direction, mirrored.
    aside = z.detach() - (z.detach() * direction).sum(-1, keepdim=True) * direction
    turned = VonMisesFisher(direction, KAPPA).sample(noise * torch.tensor([1.0, -1.0, -1.0]))
    back = turned - (turned * direction).sum(-1, keepdim=True) * direction
    close(back, -aside, 1e-9)


def encoders_give_directions_and_concentrations() -> None:
    raw = values(4, 4)
    q = HypersphericalLatent().build(3)(raw)
    close(q.direction, _unit(raw[:, :3]), 1e-12)
    close(q.concentration, 1 + 3 * raw[:, 3:].exp(), 1e-12)


def clusters_on_the_sphere() -> None:
    weights, means, kappas = torch.tensor([0.3, 0.7]).double(), _unit(values(2, 3)), torch.tensor([2.0, 5.0]).double()
    z = _unit(values(5, 3, seed=1))
    log_each = _log_constant(kappas.numpy(), 3) + kappas.numpy() * (z @ means.T).numpy()
    wanted = special.logsumexp(log_each, 1, b=weights.numpy())
    close(SphericalMixture(weights.log(), means, kappas).log_prob(z), wanted, 1e-9)
    module = VonMisesFisherMixture(n_components=2).build(3).double()
    module.assign(weights, 4 * means, kappas)
    close(module().log_prob(z).detach(), wanted, 1e-9)
    drawn = UniformSphere(3).sample_shared(torch.cat([3 * z, z[:, :1]], 1))
    close(drawn, z, 1e-12)
