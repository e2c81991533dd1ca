"""Densities that are fitted to codes: closed forms of their maximisation steps."""

from __future__ import annotations

import numpy as np
import torch
from scipy import special

from isthmus.components.priors.conditional_mixture import ConditionalMixturePrior
from isthmus.components.priors.full_gaussian import FullGaussianPrior
from isthmus.components.priors.standard_normal import StandardNormalPrior
from isthmus.core.random import torch_generator
from isthmus.distributions import NormalMixture, RowwiseNormalMixture
from isthmus.uses.euclidean_density import fit_euclidean_density
from isthmus.uses.sphere_density import fit_von_mises_fisher_mixture
from isthmus.uses.symbol_density import fit_latent_classes

from .known_numbers import close, triangle, values


def gaussians_have_the_moments_of_the_codes() -> None:
    codes = (values(12, 2) @ torch.tensor([[1.0, 0.5], [0.0, 0.3]]).double() + 3).numpy()
    _, module = fit_euclidean_density(codes, None, 0)
    assert isinstance(module, FullGaussianPrior)
    density = module()
    close(density.mean, codes.mean(0), 1e-5)
    close(density.scale_tril @ density.scale_tril.T, np.cov(codes.T, bias=True), 1e-4)
    # Of two that fit about as well, the one with fewer parameters.
    white = values(12, 2)
    white = white - white.mean(0)
    white = (white @ torch.linalg.inv(torch.linalg.cholesky(white.T @ white / 12)).T).numpy()
    _, module = fit_euclidean_density(white, None, 0)
    assert isinstance(module, StandardNormalPrior)


def clusters_of_directions_are_weighted_means() -> None:
    rows = np.concatenate([[1.0, 0, 0] + 0.3 * values(6, 3).numpy(), [-1.0, 0, 0] + 0.3 * values(14, 3).numpy()])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    weights, means, concentrations = fit_von_mises_fisher_mixture(rows, 2, 0)
    order = np.argsort(weights.numpy())
    close(weights[order], [0.3, 0.7], 1e-3)
    for place, members in zip(order, (rows[:6], rows[6:]), strict=True):
        resultant = members.sum(0)
        length = np.linalg.norm(resultant)
        close(means[place], resultant / length, 1e-3)
        # One row's weight of the uniform distribution is added; the mean cosine of a vMF in 3 dimensions is
        # coth κ − 1/κ.
        kappa = float(concentrations[place])
        close(1 / np.tanh(kappa) - 1 / kappa, length / (len(members) + 1), 1e-3)
        close(special.ive(1.5, kappa) / special.ive(0.5, kappa), length / (len(members) + 1), 1e-3)


def classes_of_symbols_are_weighted_counts() -> None:
    rows, levels = np.array([[0, 2], [1, 2], [0, 0], [0, 1]]), (2, 3)
    weights, (first, second) = fit_latent_classes(rows, levels, 1, 0)
    close(weights, [1.0], 0)
    close(first, [[3.5 / 5, 1.5 / 5]], 1e-12)  # half a row of each symbol more
    close(second, [[1.5 / 5.5, 1.5 / 5.5, 2.5 / 5.5]], 1e-12)
    # Two classes that nothing confuses: in each, its own counts and one row of the common frequencies.
    apart = np.repeat([[0] * 16, [1] * 16], [6, 14], axis=0)
    weights, tables = fit_latent_classes(apart, (2,) * 16, 2, 0)
    order = np.argsort(weights.numpy())
    close(weights[order], [0.3, 0.7], 1e-9)
    common = np.array([6.5, 14.5]) / 21
    for table in tables:
        close(table[order], [(np.array([6, 0]) + common) / 7, (np.array([0, 14]) + common) / 15], 1e-9)


def codes_under_a_condition_are_bayes_rule() -> None:
    """p(c, z) = p(c) p(z|c) of a mixture over both, whose marginals are mixtures, too."""
    weights, means, factors = torch.tensor([0.3, 0.7]).double(), values(2, 5), triangle(2, 5, 5)
    module = ConditionalMixturePrior(2, 3, 2).double()
    bounds = torch.full((2,), 9.0)
    module.assign(weights, means, factors @ factors.mT, -bounds, bounds)
    both = values(4, 5)
    condition, z = both[:, :2], both[:, 2:]

    def log_density(part: slice) -> torch.Tensor:
        covariances = (factors @ factors.mT)[:, part, part]
        return NormalMixture(weights.log(), means[:, part], torch.linalg.cholesky(covariances)).log_prob(both[:, part])

    wanted = log_density(slice(0, 5)) - log_density(slice(0, 2))
    close(module.given(condition).log_prob(z), wanted, 1e-9)
    close(
        torch.cat([module.given(one).log_prob(row[None]) for one, row in zip(condition, z, strict=True)]), wanted, 1e-9
    )
    close(module().log_prob(z), log_density(slice(2, 5)), 1e-9)
    known = module.given(condition)
    close(known.mean, (known.log_weights.exp()[..., None] * known.means).sum(1), 1e-12)
    noiseless = RowwiseNormalMixture(torch.tensor([[0.0, -40.0]] * 4), known.means, 1e-9 * known.scale_trils)
    close(noiseless.draw(4, torch_generator(0)), known.means[:, 0], 1e-6)
    unit = RowwiseNormalMixture(torch.zeros(20_000, 1), torch.zeros(20_000, 1, 3).double(), factors[:1, :3, :3])
    drawn = unit.draw(20_000, torch_generator(0))
    close(drawn.T @ drawn / 20_000, factors[0, :3, :3] @ factors[0, :3, :3].T, 0.1)
