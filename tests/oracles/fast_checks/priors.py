"""Priors: what they were fitted to, learnt mixtures, and samples shared by all rows."""

from __future__ import annotations

import numpy as np
import torch
from scipy import stats

from isthmus.components.priors.categorical_mixture import CategoricalMixture
from isthmus.components.priors.full_gaussian import FullGaussian
from isthmus.components.priors.mixture import Mixture
from isthmus.components.priors.vamp import VampPrior
from isthmus.distributions import (
    DiagonalMixture,
    DiagonalNormal,
    FullNormal,
    NormalMixture,
    QuantisedPosterior,
    StandardNormal,
    SymbolMixture,
    kl_divergence,
)

from .known_numbers import close, triangle, values


def fitted_priors_are_what_they_were_fitted_to() -> None:
    center, factor = values(2), triangle(2, 2)
    x = values(5, 2, seed=3)
    full = FullGaussian().build(2).double()
    full.assign(center, factor @ factor.T)
    close(full().log_prob(x).detach(), FullNormal(center, factor).log_prob(x), 1e-11)
    weights, centers, factors = torch.tensor([0.3, 0.7]).double(), values(2, 2), triangle(2, 2, 2)
    mixture = Mixture(n_components=2).build(2).double()
    mixture.assign(weights, centers, factors @ factors.mT)
    close(mixture().log_prob(x).detach(), NormalMixture(weights.log(), centers, factors).log_prob(x), 1e-11)


def mixtures_add_weighted_densities() -> None:
    log_weights = torch.tensor([0.2, 0.5, 0.3]).double().log()
    means, log_stds, z = values(3, 2), 0.4 * values(3, 2, seed=1), values(5, 2, seed=2)
    each = stats.norm.pdf(z[:, None], means, log_stds.exp()).prod(-1)
    wanted = np.log((each * log_weights.exp().numpy()).sum(-1))
    mixture = DiagonalMixture(log_weights, means, log_stds)
    close(mixture.log_prob(z), wanted)
    close(mixture.responsibilities(z).sum(-1), np.ones(5))
    symbols = torch.tensor([[0, 1], [2, 0], [1, 1]])
    tables = torch.softmax(values(3, 2, 3), -1)
    masses = tables[:, 0, symbols[:, 0]] * tables[:, 1, symbols[:, 1]]
    wanted = (log_weights.exp()[:, None] * masses).sum(0).log()
    classes = SymbolMixture(log_weights, tables.log())
    close(classes.log_prob(symbols), wanted)
    chosen = QuantisedPosterior(values(3, 4), values(3, 4), symbols, 0.0)
    close(kl_divergence(chosen, classes), -wanted)
    module = CategoricalMixture(n_components=3).build(4, levels=(3, 2)).double()
    module.assign(log_weights.exp(), [tables[:, 0], torch.softmax(values(3, 2), -1)])
    close(module().log_probs.detach().exp().sum(-1), np.ones((3, 2)))


def pseudo_inputs_are_encoded_and_averaged() -> None:
    module = VampPrior(n_components=4).build(2, width=3).double()
    pseudo, log_std, z = values(4, 3), 0.3 * values(4, 2, seed=1), values(5, 2)
    module.lowest.fill_(-0.8)
    module.highest.fill_(0.8)
    with torch.no_grad():
        module.pseudo_inputs.copy_(pseudo)
        prior = module(lambda seen: DiagonalNormal(seen[:, :2] * 2, log_std))
    each = stats.norm.pdf(z[:, None], 2 * pseudo[:, :2].clamp(-0.8, 0.8), log_std.exp()).prod(-1)
    close(prior.log_prob(z), np.log(each.mean(-1)))
    learnt = VampPrior(n_components=4, learn_weights=True).build(2, width=3)
    assert learnt.weight_logits.requires_grad


def shared_samples_are_those_of_the_prior() -> None:
    noise, center, factor = values(5, 3), values(2), triangle(2, 2)
    close(FullNormal(center, factor).sample_shared(noise), center + noise[:, :2] @ factor.T)
    close(StandardNormal(2).sample_shared(noise), noise[:, :2])
    log_weights, centers = torch.tensor([0.2, 0.8]).double().log(), values(2, 2, seed=1)
    factors, log_stds = triangle(2, 2, 2), 0.3 * values(2, 2, seed=2)
    component = (stats.norm.cdf(noise[:, 2]) > 0.2).astype(int)
    assert set(component) == {0, 1}
    found = NormalMixture(log_weights, centers, factors).sample_shared(noise)
    moved = torch.stack([factors[k] @ one for k, one in zip(component, noise[:, :2], strict=True)])
    close(found, centers[component] + moved)
    found = DiagonalMixture(log_weights, centers, log_stds).sample_shared(noise)
    close(found, centers[component] + log_stds[component].exp() * noise[:, :2])
