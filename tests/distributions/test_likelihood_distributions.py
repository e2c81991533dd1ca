"""What all distributions behind likelihoods share: gradients, leading axes, float32 extremes, draws, modes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from isthmus.core.random import torch_generator
from isthmus.distributions import (
    ContinuousBernoulli,
    DiagonalNormal,
    DiscretisedLogisticMixture,
    Distribution,
    IndependentCategorical,
    IndependentLaplace,
    IndependentNegativeBinomial,
    IndependentPoisson,
    IndependentStudentT,
    ZeroInflatedNegativeBinomial,
)
from isthmus.testing.distributions import check_distribution
from isthmus.testing.requirement import require_gradient

ROWS, WIDTH, SAMPLES = 4, 2, 3


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch_generator(seed + sum(shape)), dtype=torch.float64)


def heavy_tailed(location: Tensor, log_scale: Tensor, log_freedom: Tensor) -> IndependentStudentT:
    return IndependentStudentT(location, log_scale.exp(), log_freedom.exp() + 2)


def sixteenths(logits: Tensor, locations: Tensor, log_scales: Tensor) -> DiscretisedLogisticMixture:
    return DiscretisedLogisticMixture(logits, locations, log_scales - 1, 1 / 16)


@dataclass(frozen=True)
class Case:
    """How to build a distribution from unconstrained parameters, and the shapes of these without their rows."""

    name: str
    build: Callable[..., Distribution]
    shapes: tuple[tuple[int, ...], ...]
    shared: tuple[tuple[int, ...], ...] = ()
    step: float = 1.0


CASES = [
    Case("normal", DiagonalNormal, ((WIDTH,),), ((WIDTH,),)),
    Case("laplace", lambda m, s: IndependentLaplace(m, s.exp()), ((WIDTH,),), ((),)),
    Case("laplace per feature", lambda m, s: IndependentLaplace(m, s.exp()), ((WIDTH,),), ((WIDTH,),)),
    Case("student", heavy_tailed, ((WIDTH,),), ((), ())),
    Case("student per feature", heavy_tailed, ((WIDTH,),), ((WIDTH,), (WIDTH,))),
    Case("continuous bernoulli", ContinuousBernoulli, ((WIDTH,),)),
    Case("categorical", lambda logits: IndependentCategorical(logits, 3), ((3 * WIDTH,),)),
    Case("logistic mixture", sixteenths, ((WIDTH, 2),) * 3, step=1 / 16),
    Case("poisson", IndependentPoisson, ((WIDTH,),)),
    Case("negative binomial", IndependentNegativeBinomial, ((WIDTH,),), ((WIDTH,),)),
    Case("negative binomial per row", IndependentNegativeBinomial, ((WIDTH,), (WIDTH,))),
    Case("zero inflated", ZeroInflatedNegativeBinomial, ((WIDTH,), (WIDTH,), (WIDTH,))),
    Case("zero inflated, shared", ZeroInflatedNegativeBinomial, ((WIDTH,),), ((WIDTH,), (WIDTH,))),
]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def parameters(case: Case, *leading: int) -> tuple[Tensor, ...]:
    own = [normal(*leading, *shape, seed=number) for number, shape in enumerate(case.shapes)]
    return (*own, *(0.5 * normal(*shape, seed=10 + number) for number, shape in enumerate(case.shared)))


@each_case
@pytest.mark.parametrize("seed", range(2))
def test_draws_mean_mode_and_log_prob_agree(case: Case, seed: int) -> None:
    check_distribution(case.build(*parameters(case, ROWS)), ROWS, seed, step=case.step)


@each_case
def test_gradient(case: Case) -> None:
    leaves = parameters(case, ROWS)
    value = case.build(*leaves).draw(ROWS, torch_generator(1))
    require_gradient(lambda *p: case.build(*p).log_prob(value), leaves, f"{case.name}: log_prob")
    if len(leaves) == 1 or case.step != 1:  # elsewhere the mean does not depend on every parameter
        require_gradient(lambda *p: case.build(*p).mean, leaves, f"{case.name}: mean")  # type: ignore[attr-defined]


@each_case
def test_a_leading_axis_of_samples(case: Case) -> None:
    """Parameters (K, n, …) with one value (n, d), with a value per sample, and sample by sample: all the same."""
    leaves = parameters(case, SAMPLES, ROWS)
    distribution = case.build(*leaves)
    own = len(case.shapes)
    singles = [case.build(*(leaf[k] for leaf in leaves[:own]), *leaves[own:]) for k in range(SAMPLES)]
    value = singles[0].draw(ROWS, torch_generator(2))
    together = distribution.log_prob(value)
    assert together.shape == (SAMPLES, ROWS)
    torch.testing.assert_close(together, torch.stack([one.log_prob(value) for one in singles]), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(distribution.log_prob(value.expand(SAMPLES, ROWS, -1)), together)
    for name in ("mean", "mode"):
        wanted = torch.stack([getattr(one, name) for one in singles])
        torch.testing.assert_close(getattr(distribution, name), wanted, rtol=1e-12, atol=1e-12)


# The normal serves as a posterior too, whose noise has the shape (rows, d).
@pytest.mark.parametrize("case", [case for case in CASES if case.name != "normal"], ids=lambda case: case.name)
def test_draws_of_a_leading_axis_are_independent(case: Case) -> None:
    leaves = tuple(leaf.expand(200, *leaf.shape) if leaf.ndim > 1 else leaf for leaf in parameters(case, ROWS))
    distribution = case.build(*leaves)
    drawn = distribution.draw(ROWS, torch_generator(3))
    assert drawn.shape == (200, ROWS, case.build(*parameters(case, ROWS)).mode.shape[-1])  # type: ignore[attr-defined]
    assert not (drawn == drawn[:1]).all(0).all()
    mean = distribution.mean[0]  # type: ignore[attr-defined]
    assert ((drawn.mean(0) - mean).abs() <= 5 * drawn.std(0) / 200**0.5 + 0.05).all()


@each_case
def test_parameters_of_one_row_serve_any_number(case: Case) -> None:
    leaves = parameters(case)
    distribution = case.build(*leaves)
    drawn = distribution.draw(7, torch_generator(4))
    assert drawn.shape[0] == 7
    assert len(drawn.unique(dim=0)) > 1
    assert distribution.log_prob(drawn).shape == (7,)


@each_case
def test_dtype_follows_the_parameters(case: Case) -> None:
    distribution = case.build(*(leaf.float() for leaf in parameters(case, ROWS)))
    drawn = distribution.draw(ROWS, torch_generator(5))
    for tensor in (drawn, distribution.log_prob(drawn), distribution.mean, distribution.mode):  # type: ignore[attr-defined]
        assert tensor.dtype == torch.float32
        assert tensor.isfinite().all()


# Everything a decoder may say in a bad moment, on every value that its data may hold.
EXTREMES = torch.tensor([-80.0, -30.0, -1e-6, 0.0, 1e-6, 30.0, 80.0])
LOGITS = torch.tensor([-1e5, -1e3, -80.0, -1.0, -1e-20, 0.0, 1e-6, 1.0, 80.0, 1e3, 1e5])
EXTREME_CASES: list[tuple[str, Callable[..., Distribution], tuple[Tensor, ...], Tensor]] = [
    ("laplace", lambda m, s: IndependentLaplace(m, s.exp()), (LOGITS, EXTREMES / 3), LOGITS),
    (
        "student",
        lambda m, s, v: IndependentStudentT(m, s.exp(), v.exp()),
        (LOGITS, EXTREMES / 6, EXTREMES.clamp_min(-20)),
        LOGITS,
    ),
    ("continuous bernoulli", ContinuousBernoulli, (LOGITS,), torch.tensor([0.0, 0.3, 1.0])),
    ("poisson", IndependentPoisson, (EXTREMES,), torch.tensor([0.0, 1.0, 1e3, 1e6])),
    (
        "negative binomial",
        IndependentNegativeBinomial,
        (EXTREMES, torch.cat([EXTREMES, torch.tensor([-200.0, 2.0, 200.0])])),
        torch.tensor([0.0, 1.0, 1e3, 1e6]),
    ),
    (
        "zero inflated",
        ZeroInflatedNegativeBinomial,
        (EXTREMES, EXTREMES, LOGITS),
        torch.tensor([0.0, 1.0, 1e3, 1e6]),
    ),
    (
        "logistic mixture",
        lambda m, s: DiscretisedLogisticMixture(
            torch.stack([m, -m], -1), torch.stack([m, 1 - m], -1), torch.stack([s, s + 1], -1), 1 / 255
        ),
        (LOGITS, torch.cat([EXTREMES, torch.tensor([-1e4, -7.0, 1e4])])),
        torch.tensor([0.0, 1.0, 128.0, 254.0, 255.0]) / 255,
    ),
]


@pytest.mark.parametrize(("name", "build", "ranges", "values"), EXTREME_CASES, ids=[case[0] for case in EXTREME_CASES])
def test_float32_extremes_are_finite(
    name: str, build: Callable[..., Distribution], ranges: tuple[Tensor, ...], values: Tensor
) -> None:
    """Log-probability and gradient are numbers, and the drawn rows too, for every combination."""
    grid = torch.cartesian_prod(*ranges, values).reshape(-1, len(ranges) + 1)
    leaves = [grid[:, column : column + 1].clone().requires_grad_(True) for column in range(len(ranges))]
    distribution = build(*leaves)
    log_prob = distribution.log_prob(grid[:, -1:])
    bad = grid[~log_prob.isfinite()]
    assert len(bad) == 0, f"{name}: not finite at (parameters, value) {bad[:5].tolist()}"
    log_prob.sum().backward()
    for leaf in leaves:
        bad = grid[~leaf.grad.isfinite().all(-1)]  # type: ignore[union-attr]
        assert len(bad) == 0, f"{name}: gradient not finite at (parameters, value) {bad[:5].tolist()}"
    with torch.no_grad():
        assert not distribution.draw(len(grid), torch_generator(6)).isnan().any()
        assert not distribution.mean.isnan().any()  # type: ignore[attr-defined]
        assert not distribution.mode.isnan().any()  # type: ignore[attr-defined]


def test_categorical_float32_extremes_are_finite() -> None:
    logits = torch.cartesian_prod(LOGITS, LOGITS, LOGITS).requires_grad_(True)
    distribution = IndependentCategorical(logits, 3)
    log_prob = torch.stack([distribution.log_prob(torch.eye(3)[level]) for level in range(3)])
    log_prob.sum().backward()
    assert log_prob.isfinite().all()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert (distribution.draw(len(logits), torch_generator(7)).sum(-1) == 1).all()
