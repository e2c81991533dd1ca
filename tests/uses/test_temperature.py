"""Temperatures: what they multiply and divide, for every kind of density."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from isthmus.core.errors import ParameterError
from isthmus.distributions import (
    DiagonalMixture,
    DiagonalNormal,
    FlowDistribution,
    FullNormal,
    NormalMixture,
    SphericalMixture,
    StandardNormal,
    SymbolMixture,
    SymbolSequence,
    UniformCodes,
    UniformSphere,
    VonMisesFisher,
)
from isthmus.distributions.autoregressive_flow import AutoregressiveFlow
from isthmus.uses.temperature import tempered

LOG_WEIGHTS = torch.tensor([0.25, 0.75], dtype=torch.float64).log()
MEANS = torch.tensor([[-1.0, 2.0], [3.0, 0.5]], dtype=torch.float64)
FACTORS = torch.tensor([[[1.0, 0.0], [0.5, 2.0]], [[0.3, 0.0], [0.1, 0.2]]], dtype=torch.float64)


def drawn(density, rows=5):
    return density.draw(rows, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("temperature", [0.3, 1.7])
@pytest.mark.parametrize(
    ("density", "mean"),
    [
        (StandardNormal(2, dtype=torch.float64), torch.zeros(2)),
        (FullNormal(MEANS[0], FACTORS[0]), MEANS[0]),
        (NormalMixture(torch.zeros(1).double(), MEANS[:1], FACTORS[:1]), MEANS[0]),
        (DiagonalMixture(torch.zeros(1).double(), MEANS[:1], FACTORS[:1, 0].add(1).log()), MEANS[0]),
    ],
    ids=["standard", "full", "mixture", "diagonal mixture"],
)
def test_draws_of_normals_are_so_much_farther_from_the_mean(density, mean, temperature):
    expected = mean + temperature * (drawn(density) - mean)
    torch.testing.assert_close(drawn(tempered(density, temperature)), expected)


def test_each_component_keeps_its_place_and_its_weight():
    density = tempered(NormalMixture(LOG_WEIGHTS, MEANS, FACTORS), 1e-6)
    rows = drawn(density, 4000)
    nearest = (rows - MEANS[1]).norm(dim=1) < 1e-3
    torch.testing.assert_close(rows[nearest], MEANS[1].expand(int(nearest.sum()), 2), atol=1e-5, rtol=0)
    assert nearest.double().mean().item() == pytest.approx(0.75, abs=0.03)


def test_a_flow_bends_a_narrower_normal():
    flow = AutoregressiveFlow(2, 2, (8,), "affine").double()
    for number, layer in enumerate(flow.modules()):
        if hasattr(layer, "initialise"):
            layer.initialise(torch.Generator().manual_seed(number))
    density = FlowDistribution(flow, dtype=torch.float64)
    noise = drawn(StandardNormal(2, dtype=torch.float64))
    with torch.no_grad():
        found = drawn(tempered(density, 0.5))
        torch.testing.assert_close(found, flow.inverse(0.5 * noise))
        image, log_det = flow(found)
        expected = DiagonalNormal(torch.zeros(2).double(), torch.full((2,), math.log(0.5)).double()).log_prob(image)
        torch.testing.assert_close(tempered(density, 0.5).log_prob(found), expected + log_det)
        assert not torch.allclose(drawn(density), found)


def test_concentrations_are_divided():
    density = SphericalMixture(torch.zeros(1), torch.tensor([[0.0, 1.0]]), torch.tensor([6.0]))
    value = torch.nn.functional.normalize(torch.tensor([[1.0, 2.0], [-1.0, 0.0]]), dim=1)
    expected = VonMisesFisher(torch.tensor([[0.0, 1.0]]), torch.tensor([[3.0]])).log_prob(value)
    torch.testing.assert_close(tempered(density, 2.0).log_prob(value), expected)


def test_logits_of_symbols_are_divided():
    probabilities = torch.tensor([[[0.2, 0.8], [0.5, 0.5]]], dtype=torch.float64)
    density = tempered(SymbolMixture(torch.zeros(1).double(), probabilities.log()), 0.5)
    found = density.log_prob(torch.tensor([[1, 0]])).exp().item()
    assert found == pytest.approx(0.8**2 / (0.2**2 + 0.8**2) * 0.5)


def test_symbols_that_a_place_does_not_have_stay_impossible():
    density = tempered(SymbolMixture(torch.zeros(1), torch.tensor([[[0.5, 0.5, 0.0]]]).log()), 3.0)
    assert density.log_prob(torch.tensor([[2]])).item() == -math.inf
    assert density.log_prob(torch.tensor([[0]])).exp().item() == pytest.approx(0.5)


def test_logits_of_sequences_are_divided():
    logits = torch.tensor([0.2, 0.8], dtype=torch.float64).log()
    density = SymbolSequence(lambda symbols: logits.expand(*symbols.shape, 2), 3)
    found = tempered(density, 0.5).log_prob(torch.tensor([[1, 1, 0]])).exp().item()
    share = 0.8**2 / (0.2**2 + 0.8**2)
    assert found == pytest.approx(share**2 * (1 - share))


def test_uniform_densities_and_temperature_one_change_nothing():
    sphere, codes = UniformSphere(3), UniformCodes(math.log(4), (4,), lambda symbols: symbols)
    assert tempered(sphere, 0.2) is sphere
    assert tempered(codes, 5.0) is codes
    mixture = NormalMixture(LOG_WEIGHTS, MEANS, FACTORS)
    assert tempered(mixture, 1) is mixture


@pytest.mark.parametrize("temperature", [0, -1.0, math.inf, math.nan, "hot", None, True])
def test_other_temperatures_are_refused(temperature):
    with pytest.raises(ParameterError, match=r"`temperature` must be a number in \(0, inf\); got "):
        tempered(StandardNormal(2), temperature)


def test_a_density_without_a_temperature_is_named():
    odd = DiagonalNormal(torch.zeros(1, 2), torch.zeros(1, 2))
    assert tempered(odd, 1.0) is odd
    with pytest.raises(ParameterError, match=r"drawn from DiagonalNormal have no temperature; got 0\.5"):
        tempered(odd, np.float64(0.5))
