"""Likelihoods side by side: each gets its own columns, statistics and exposures."""

from __future__ import annotations

import pytest
import torch

from isthmus.components.likelihoods.bernoulli import Bernoulli
from isthmus.components.likelihoods.categorical import Categorical
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.likelihoods.laplace import Laplace
from isthmus.components.likelihoods.negative_binomial import NegativeBinomial
from isthmus.components.likelihoods.per_column import PerColumn
from isthmus.components.likelihoods.poisson import Poisson
from isthmus.components.likelihoods.student_t import StudentT
from isthmus.core.blocks import Block
from isthmus.core.random import torch_generator

ROWS = 50


def mixed() -> tuple[PerColumn, torch.Tensor, torch.Tensor]:
    blocks = [
        Block("binary", 0, 2, (2,)),
        Block("continuous", 2, 5, (3,)),
        Block("continuous", 5, 7, (2,)),
        Block("continuous", 7, 8, (1,)),
        Block("categorical", 8, 12, (4,), cardinality=2),
        Block("count", 12, 14, (2,), mean=3.0),
    ]
    specs = [
        Bernoulli(),
        Gaussian(sigma="per-feature"),
        StudentT(),
        Gaussian(sigma=0.3),
        Categorical(),
        NegativeBinomial(library="observed"),
    ]
    module = PerColumn(specs, blocks).double()
    parameters = torch.randn(ROWS, module.parameter_width, generator=torch_generator(0), dtype=torch.float64)
    return module, parameters, module(parameters).draw(ROWS, torch_generator(1)).double()


def test_statistics_of_any_width_find_their_way_back():
    module, parameters, target = mixed()
    found = module(parameters)
    alone = [
        part.statistics(inner, target[:, a:b]) for part, (a, b, inner) in zip(module.parts, found.parts, strict=True)
    ]
    statistics = module.statistics(found, target)
    assert [one is None for one in alone] == [True, False, False, True, True, True]
    assert statistics.shape == (sum(part.statistics_width for part in module.parts),)
    module.calibrate(statistics, ROWS)
    squared = (target[:, 2:5] - parameters[:, 2:5]).square().mean(0)
    torch.testing.assert_close(module.parts[1].variance, squared, rtol=1e-12, atol=0)
    assert float(module.parts[3].sigma) == pytest.approx(0.3), "a fixed scale must survive its neighbours' calibration"
    student = StudentT().build(module.blocks[2]).double()
    student.calibrate(alone[2], ROWS)
    assert torch.equal(module.parts[2].squared_scale, student.squared_scale)
    halves = sum(module.statistics(module(parameters[half]), target[half]) for half in (slice(0, 20), slice(20, ROWS)))
    torch.testing.assert_close(halves, statistics)


def test_one_block_of_per_feature_scales():
    block = Block("continuous", 0, 3, (3,))
    module = PerColumn([Laplace(scale="per-feature")], [block]).double()
    parameters, target = torch.zeros(4, 3).double(), torch.arange(12.0).reshape(4, 3).double()
    module.calibrate(module.statistics(module(parameters), target).reshape(-1), 4)
    assert module.parts[0].scale.tolist() == [4.5, 5.5, 6.5]


def test_exposures_reach_the_counts_only():
    module, parameters, target = mixed()
    exposure = module.observed_exposure(target)
    assert torch.equal(exposure, target[:, 12:].sum(-1, keepdim=True).clamp_min(1))
    mean, doubled = module(parameters, exposure).mean, module(parameters, 2 * exposure).mean
    assert torch.equal(mean[:, :12], doubled[:, :12])
    torch.testing.assert_close(doubled[:, 12:], 2 * mean[:, 12:])
    assert module.shows_exposure
    assert PerColumn([Poisson()], [Block("count", 0, 2, (2,))]).observed_exposure(target[:, 12:]) is None
