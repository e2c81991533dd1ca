"""Poisson, negative binomial and zero-inflated: exposures, library sizes, where they begin, and their closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import special, stats
from torch import Tensor

from isthmus.components.likelihoods.base import Likelihood, LikelihoodModule
from isthmus.components.likelihoods.count_rates import LARGEST_LOG_RATE
from isthmus.components.likelihoods.negative_binomial import NegativeBinomial
from isthmus.components.likelihoods.poisson import Poisson
from isthmus.components.likelihoods.zero_inflated_negative_binomial import ZeroInflatedNegativeBinomial
from isthmus.core.blocks import Block
from isthmus.core.random import torch_generator

BLOCK = Block("count", 0, 3, (3,), variance=9.0, mean=2.0)
ROWS = torch.tensor([[0, 4, 2], [1, 3, 0], [2, 5, 0], [0, 8, 0], [9, 1, 0]], dtype=torch.float64)
EXPOSURE = torch.tensor([[1.0], [2.0], [0.5], [4.0], [10.0]], dtype=torch.float64)
LIBRARIES = ("none", "observed")
SPECS: list[Likelihood] = [
    Poisson(),
    NegativeBinomial(),
    NegativeBinomial(dispersion="shared"),
    NegativeBinomial(dispersion="decoded"),
    ZeroInflatedNegativeBinomial(),
    ZeroInflatedNegativeBinomial(dispersion="decoded"),
]
ALL = [spec.replace(library=library) for spec in SPECS for library in LIBRARIES]
each_spec = pytest.mark.parametrize("spec", ALL, ids=repr)


def built(spec: Likelihood, seed: int = 0) -> LikelihoodModule:
    """With an offset and dispersions that are not trivial."""
    module = spec.build(BLOCK).double()
    with torch.no_grad():
        module.offset.copy_(torch.tensor([0.3, -1.0, 0.5]))
        if hasattr(module, "log_inverse_dispersion"):
            module.log_inverse_dispersion.copy_(normal(*module.log_inverse_dispersion.shape, seed=seed))
    return module


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch_generator(seed + sum(shape)), dtype=torch.float64)


def parameters(spec: Likelihood, *leading: int) -> Tensor:
    return normal(*leading, len(ROWS), spec.parameter_shape(BLOCK))


def means(library: str, output: np.ndarray, exposure: np.ndarray) -> np.ndarray:
    scores = output + np.array([0.3, -1.0, 0.5])
    return exposure * (np.exp(scores) if library == "none" else special.softmax(scores, -1))


def theta(spec: Likelihood, module: LikelihoodModule, output: np.ndarray) -> np.ndarray:
    own = module.log_inverse_dispersion.detach().numpy()
    return np.exp(output[:, 3:6] + own if spec.dispersion == "decoded" else own)


# Closed forms


@pytest.mark.parametrize("library", LIBRARIES)
def test_poisson_is_that_of_scipy(library):
    spec = Poisson(library=library)
    output = parameters(spec)
    wanted = stats.poisson.logpmf(ROWS, means(library, output.numpy(), EXPOSURE.numpy())).sum(-1)
    np.testing.assert_allclose(built(spec)(output, EXPOSURE).log_prob(ROWS), wanted, rtol=1e-6)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("dispersion", ["per-feature", "shared", "decoded"])
@pytest.mark.parametrize("cls", [NegativeBinomial, ZeroInflatedNegativeBinomial])
def test_negative_binomials_are_those_of_scipy(cls, dispersion, library):
    spec = cls(dispersion=dispersion, library=library)
    module, output = built(spec), parameters(spec)
    mean = means(library, output.numpy()[:, :3], EXPOSURE.numpy())
    shape = theta(spec, module, output.numpy())
    mass = stats.nbinom.pmf(ROWS, shape, shape / (shape + mean))
    if cls is ZeroInflatedNegativeBinomial:
        lost = special.expit(output.numpy()[:, -3:] - 2)
        mass = lost * (ROWS == 0).numpy() + (1 - lost) * mass
    found = module(output, EXPOSURE).log_prob(ROWS).detach()
    np.testing.assert_allclose(found, np.log(mass).sum(-1), rtol=1e-6)


def test_widths_of_the_decoders_output():
    widths = {spec: spec.parameter_shape(BLOCK) for spec in SPECS}
    assert list(widths.values()) == [3, 3, 3, 6, 6, 9]
    assert NegativeBinomial(dispersion="shared").build(BLOCK).log_inverse_dispersion.shape == ()
    assert NegativeBinomial().build(BLOCK).log_inverse_dispersion.shape == (3,)
    assert list(NegativeBinomial(dispersion="decoded").build(BLOCK).parameters()) == []


# Exposures and library sizes


@each_spec
def test_twice_the_exposure_doubles_the_mean(spec):
    module, output = built(spec), parameters(spec)
    single, double = module(output, EXPOSURE).mean, module(output, 2 * EXPOSURE).mean
    torch.testing.assert_close(double, 2 * single, rtol=1e-12, atol=0)
    torch.testing.assert_close(module(output, torch.ones(5, 1)).mean * EXPOSURE, single, rtol=1e-12, atol=0)


@each_spec
def test_samples_of_a_row_share_its_exposure(spec):
    module, output = built(spec), parameters(spec, 4)
    found = module(output, EXPOSURE).log_prob(ROWS)
    wanted = torch.stack([module(one, EXPOSURE).log_prob(ROWS) for one in output])
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=0)


def test_library_sizes_are_totals_of_rows():
    module = Poisson(library="observed").build(BLOCK).double()
    assert module.observed_exposure(ROWS).tolist() == [[6.0], [4.0], [7.0], [8.0], [10.0]]
    empty = module.observed_exposure(torch.zeros(2, 3))
    assert empty.tolist() == [[1.0], [1.0]], "an empty row must not make its means 0"
    assert module(normal(2, 3), empty).log_prob(torch.zeros(2, 3)).isfinite().all()
    assert Poisson().build(BLOCK).observed_exposure(ROWS) is None


@pytest.mark.parametrize("cls", [Poisson, NegativeBinomial])
def test_means_add_up_to_the_library_size(cls):
    spec = cls(library="observed")
    torch.testing.assert_close(built(spec)(parameters(spec), EXPOSURE).mean.sum(-1, keepdim=True), EXPOSURE)


@each_spec
def test_rows_without_exposure_get_the_typical_one(spec):
    module, output = built(spec), parameters(spec)
    module.begin(ROWS, EXPOSURE)
    assert float(module.typical_exposure) == 2.0
    torch.testing.assert_close(module(output).mean, module(output, torch.full((5, 1), 2.0)).mean)
    module.begin(ROWS, None)
    assert float(module.typical_exposure) == (7.0 if spec.library == "observed" else 1.0)


# Where they begin


@pytest.mark.parametrize("exposure", [None, EXPOSURE])
@pytest.mark.parametrize("spec", ALL[:8], ids=repr)
def test_an_untrained_decoder_gives_the_training_means(spec, exposure):
    module = spec.build(BLOCK).double()
    module.begin(ROWS, exposure)
    exposures = module.observed_exposure(ROWS) if exposure is None else exposure
    if exposures is None:
        exposures = torch.ones(5, 1, dtype=torch.float64)
    mean = module(torch.zeros(5, spec.parameter_shape(BLOCK)).double(), exposures).mean.detach()
    if spec.library == "none" or exposure is None:
        torch.testing.assert_close(mean.sum(0), ROWS.sum(0))
    torch.testing.assert_close(mean / mean.sum(-1, keepdim=True), (ROWS.sum(0) / ROWS.sum()).expand(5, 3))


def test_before_any_data_the_means_are_those_of_the_block():
    for spec in (Poisson(), Poisson(library="observed")):
        torch.testing.assert_close(spec.build(BLOCK)(torch.zeros(1, 3)).mean, torch.full((1, 3), 2.0))


def test_a_feature_without_counts_begins_with_half_a_count():
    module = Poisson().build(BLOCK).double()
    module.begin(torch.tensor([[0.0, 1, 2], [0, 3, 0]]), None)
    assert module.offset.exp().tolist() == pytest.approx([0.25, 2.0, 1.0])
    module = Poisson(library="observed").build(BLOCK).double()
    module.begin(torch.tensor([[0.0, 1, 2], [0, 3, 0]]), None)
    assert module.offset.exp().tolist() == pytest.approx([0.5 / 6.5, 4 / 6.5, 2 / 6.5])


@pytest.mark.parametrize("dispersion", ["per-feature", "shared", "decoded"])
def test_dispersions_begin_at_the_method_of_moments(dispersion):
    generator = np.random.default_rng(0)
    shape = np.array([0.5, 2.0, 8.0]) if dispersion != "shared" else np.full(3, 2.0)
    exposure = generator.uniform(0.5, 2.0, (200_000, 1))
    mean = exposure * np.array([3.0, 10.0, 20.0])
    rows = torch.from_numpy(generator.negative_binomial(shape, shape / (shape + mean)).astype(float))
    spec = NegativeBinomial(dispersion=dispersion)
    module = spec.build(BLOCK).double()
    module.begin(rows, torch.from_numpy(exposure))
    found = module.log_theta(torch.zeros(1, spec.parameter_shape(BLOCK)).double()).detach().exp().flatten()
    wanted = shape if dispersion != "shared" else shape[:1]
    np.testing.assert_allclose(found, wanted, rtol=0.05)


def test_dispersions_begin_within_bounds():
    module = NegativeBinomial().build(BLOCK).double()
    module.begin(torch.tensor([[3.0, 0, 0], [3, 0, 0], [3, 0, 600]]).repeat(100, 1), None)
    theta = module.log_inverse_dispersion.detach().exp()
    assert theta[0] == pytest.approx(100.0)  # less varied than a Poisson
    # Mean 200: the moments are (400² + 2 · 200²)/3 − 200 over 200².
    assert float(theta[2]) == pytest.approx(200**2 / ((400**2 + 2 * 200**2) / 3 - 200))
    module.begin(torch.cat([torch.zeros(999, 3), torch.full((1, 3), 1000.0)]), None)
    assert module.log_inverse_dispersion.detach().exp().tolist() == pytest.approx([0.01] * 3)


# Bounds


@each_spec
@pytest.mark.parametrize("size", [1e2, 1e30])
def test_absurd_outputs_stay_finite_in_float32(spec, size):
    module = spec.build(BLOCK)
    output = (size * parameters(spec).float().sign()).requires_grad_(True)
    distribution = module(output, EXPOSURE.float())
    log_prob = distribution.log_prob(ROWS.float())
    log_prob.sum().backward()
    assert log_prob.isfinite().all()
    assert output.grad.isfinite().all()
    assert distribution.mean.isfinite().all()
    assert distribution.mean.max() <= math.exp(LARGEST_LOG_RATE) * (1 + 1e-5)
    assert distribution.draw(5, torch_generator(0)).isfinite().all()


def test_descriptions():
    assert Poisson().build(BLOCK).describe() == "Poisson, log rate"
    words = NegativeBinomial(library="observed").build(BLOCK).describe()
    assert words == "negative binomial, shares of the observed total, per-feature dispersion"
    words = ZeroInflatedNegativeBinomial(dispersion="decoded").build(BLOCK).describe()
    assert words == "zero-inflated negative binomial, log rate, decoded dispersion"
