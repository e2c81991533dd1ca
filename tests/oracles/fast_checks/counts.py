"""Likelihoods of counts: rates, exposures, dispersions, and where they begin."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import special, stats

from isthmus.components.likelihoods.negative_binomial import NegativeBinomial
from isthmus.components.likelihoods.poisson import Poisson
from isthmus.components.likelihoods.zero_inflated_negative_binomial import ZeroInflatedNegativeBinomial
from isthmus.core.blocks import Block

from .known_numbers import close, values

BLOCK = Block("count", 0, 3, (3,), variance=5.0, mean=2.0)
TARGET = torch.tensor([[0.0, 2.0, 9.0], [1.0, 0.0, 4.0], [3.0, 1.0, 0.0], [0.0, 5.0, 7.0]]).double()
EXPOSURE = torch.tensor([[0.5], [2.0], [1.0], [4.0]]).double()


def rates_grow_with_the_exposure() -> None:
    output = values(4, 3)
    module = Poisson().build(BLOCK).double()
    close(module(output, EXPOSURE).mean, output.exp() * 2.0 * EXPOSURE, 1e-6)
    close(module(output, None).mean, output.exp() * 2.0, 1e-6)
    assert module.observed_exposure(TARGET) is None
    module = Poisson(library="observed").build(BLOCK).double()
    totals = module.observed_exposure(TARGET)
    close(totals, TARGET.sum(1, keepdim=True), 0)
    close(module.observed_exposure(torch.zeros(1, 3)), [[1.0]], 0)
    close(module(output, totals).mean, special.softmax(output.numpy(), -1) * totals.numpy(), 1e-10)
    close(module(output, None).mean.sum(-1), np.full(4, 6.0), 1e-10)


def rates_begin_at_those_of_the_data() -> None:
    nothing = torch.zeros(4, 3, dtype=torch.float64)
    module = Poisson().build(BLOCK).double()
    module.begin(TARGET, EXPOSURE)
    close(module(nothing, EXPOSURE).mean, EXPOSURE * TARGET.sum(0) / EXPOSURE.sum(), 1e-10)
    close(module.typical_exposure, EXPOSURE.median(), 0)
    module.begin(TARGET, None)
    close(module(nothing, None).mean, TARGET.mean(0).expand(4, 3), 1e-10)
    module = Poisson(library="observed").build(BLOCK).double()
    module.begin(TARGET, None)
    shares = TARGET.sum(0) / TARGET.sum()
    close(module(nothing, EXPOSURE).mean, EXPOSURE * shares, 1e-10)


def dispersions_begin_at_their_moments() -> None:
    target = torch.from_numpy(stats.nbinom.ppf((np.arange(400)[:, None] + 0.5) / 400, 2.0, [0.3, 0.5, 0.8]))
    mean = target.mean(0)
    excess = (target - mean).square().mean(0) - mean
    for dispersion, wanted in (
        ("per-feature", mean.square() / excess),
        ("decoded", mean.square() / excess),
        ("shared", mean.square().sum() / excess.sum()),
    ):
        module = NegativeBinomial(dispersion=dispersion).build(BLOCK).double()
        module.begin(target, None)
        close(module.log_inverse_dispersion.detach().exp(), wanted, 1e-10)


def each_number_of_the_decoder_has_its_place() -> None:
    output = values(4, 9)
    means, own, dropout = output.split(3, -1)
    theta = torch.tensor([0.5, 2.0, 8.0]).double()
    for spec, given, inverse_dispersion in (
        (NegativeBinomial(), means, theta.expand(4, 3)),
        (NegativeBinomial(dispersion="decoded"), output[:, :6], theta * own.exp()),
        (ZeroInflatedNegativeBinomial(), output[:, [0, 1, 2, 6, 7, 8]], theta.expand(4, 3)),
        (ZeroInflatedNegativeBinomial(dispersion="decoded"), output, theta * own.exp()),
    ):
        assert spec.parameter_shape(BLOCK) == given.shape[-1]
        module = spec.build(BLOCK).double()
        with torch.no_grad():
            module.log_inverse_dispersion.copy_(theta.log())
            found = module(given, EXPOSURE).log_prob(TARGET)
        rate, n = (means.exp() * 2.0 * EXPOSURE).numpy(), inverse_dispersion.numpy()
        mass = stats.nbinom.pmf(TARGET, n, n / (n + rate))
        if isinstance(spec, ZeroInflatedNegativeBinomial):
            lost = special.expit(dropout.numpy() - 2)
            mass = lost * (TARGET.numpy() == 0) + (1 - lost) * mass
        close(found, np.log(mass).sum(-1), 1e-6)
        assert math.isfinite(float(found.sum()))
