"""Laplace and Student's t against scipy, and their limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from isthmus.core.random import torch_generator
from isthmus.distributions import DiagonalNormal, IndependentLaplace, IndependentStudentT
from isthmus.testing.requirement import require_gradient

VALUE = torch.tensor([[-3.0, 0.2, 40.0], [1.0, 0.0, -0.5]], dtype=torch.float64)
LOCATION = torch.tensor([[0.5, 0.2, -1.0], [1.0, 2.0, 0.0]], dtype=torch.float64)
SCALES = {
    "scalar": torch.tensor(0.7, dtype=torch.float64),
    "per feature": torch.tensor([0.3, 1.0, 20.0], dtype=torch.float64),
    "per cell": torch.tensor([[0.3, 1.0, 20.0], [2.0, 0.01, 5.0]], dtype=torch.float64),
}
each_scale = pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES.keys())


def agree(got: Tensor, wanted: np.ndarray, tolerance: float = 1e-10) -> None:
    np.testing.assert_allclose(got.numpy(), wanted, rtol=tolerance, atol=tolerance)


@each_scale
def test_laplace_is_scipys(scale: Tensor) -> None:
    wanted = stats.laplace(LOCATION.numpy(), scale.numpy()).logpdf(VALUE.numpy()).sum(-1)
    agree(IndependentLaplace(LOCATION, scale).log_prob(VALUE), wanted)


@each_scale
@pytest.mark.parametrize("freedom", [1e-3, 0.5, 1.0, 3.0, 19.9, 20.1, 1e3])
def test_student_is_scipys(scale: Tensor, freedom: float) -> None:
    wanted = stats.t(freedom, LOCATION.numpy(), scale.numpy()).logpdf(VALUE.numpy()).sum(-1)
    got = IndependentStudentT(LOCATION, scale, torch.tensor(freedom, dtype=torch.float64)).log_prob(VALUE)
    agree(got, wanted)


def test_student_with_degrees_of_freedom_per_feature() -> None:
    freedom = torch.tensor([1.0, 4.0, 100.0], dtype=torch.float64)
    wanted = stats.t(freedom.numpy(), LOCATION.numpy(), 0.7).logpdf(VALUE.numpy()).sum(-1)
    agree(IndependentStudentT(LOCATION, SCALES["scalar"], freedom).log_prob(VALUE), wanted)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("freedom", [1e8, 1e15, 1e30])
def test_student_of_many_degrees_of_freedom_is_normal(freedom: float, dtype: torch.dtype) -> None:
    location, value = LOCATION[:, :2].to(dtype), VALUE[:, :2].to(dtype)
    scale = torch.tensor(1.5, dtype=dtype)
    got = IndependentStudentT(location, scale, torch.tensor(freedom, dtype=dtype)).log_prob(value)
    wanted = DiagonalNormal(location, scale.log().expand(2)).log_prob(value)
    torch.testing.assert_close(got, wanted, rtol=3e-7, atol=3e-7)


def test_student_gradient_by_every_parameter_over_the_series_threshold() -> None:
    # The shape ν/2 passes to its series at 10.
    freedom = torch.tensor([0.4, 19.0, 30.0], dtype=torch.float64)
    require_gradient(
        lambda m, s, v: IndependentStudentT(m, s, v).log_prob(VALUE), (LOCATION, SCALES["per cell"], freedom), "Student"
    )


def test_laplace_gradient_by_its_scale() -> None:
    require_gradient(
        lambda s: IndependentLaplace(LOCATION + 0.1, s).log_prob(VALUE), (SCALES["per feature"],), "Laplace"
    )


def test_draws_have_the_moments_of_the_formulas() -> None:
    scale = torch.tensor([0.5, 3.0], dtype=torch.float64)
    location = torch.tensor([1.0, -2.0], dtype=torch.float64)
    rows = 20_000
    laplace = IndependentLaplace(location, scale).draw(rows, torch_generator(0))
    # Mean absolute deviation = scale, variance = 2 scale²; fourth central moment 24 scale⁴.
    deviation = (laplace - location).abs()
    assert ((deviation.mean(0) - scale).abs() < 5 * scale / rows**0.5).all()
    assert (((laplace - location).square().mean(0) - 2 * scale**2).abs() < 5 * (20**0.5) * scale**2 / rows**0.5).all()
    freedom = torch.tensor([9.0, 12.0], dtype=torch.float64)
    student = IndependentStudentT(location, scale, freedom).draw(rows, torch_generator(1))
    variance = scale**2 * freedom / (freedom - 2)
    spread = (3 * (freedom - 2) / (freedom - 4) - 1).sqrt() * variance / rows**0.5
    assert (((student - location).square().mean(0) - variance).abs() < 5 * spread).all()


@pytest.mark.parametrize("freedom", [1.0, 2.5])
def test_heavy_tailed_draws_follow_scipys_distribution(freedom: float) -> None:
    student = IndependentStudentT(torch.zeros(1).double(), torch.tensor(2.0), torch.tensor(freedom))
    drawn = student.draw(4000, torch_generator(2))[:, 0].numpy()
    assert stats.kstest(drawn, stats.t(freedom, 0, 2).cdf).pvalue > 1e-6


def test_mean_and_mode_are_the_location() -> None:
    for distribution in (
        IndependentLaplace(LOCATION, SCALES["scalar"]),
        IndependentStudentT(LOCATION, SCALES["scalar"], torch.tensor(3.0)),
        DiagonalNormal(LOCATION, torch.zeros(3)),
    ):
        assert torch.equal(distribution.mean, LOCATION)
        assert torch.equal(distribution.mode, LOCATION)


def test_normal_with_a_scale_per_feature_is_scipys() -> None:
    log_std = SCALES["per feature"].log()
    wanted = stats.norm(LOCATION.numpy(), SCALES["per feature"].numpy()).logpdf(VALUE.numpy()).sum(-1)
    agree(DiagonalNormal(LOCATION, log_std).log_prob(VALUE), wanted)
    drawn = DiagonalNormal(LOCATION[:1].expand(20_000, 3), log_std).draw(20_000, torch_generator(3))
    assert ((drawn.std(0) / SCALES["per feature"] - 1).abs() < 5 / math.sqrt(2 * 20_000)).all()
