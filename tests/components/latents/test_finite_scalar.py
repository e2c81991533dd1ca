"""Finite scalar quantisation: a grid of Π L codes, each named by its symbols."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from isthmus.components.latents.finite_scalar import FiniteScalar
from isthmus.core.errors import ParameterError


@pytest.mark.parametrize("levels", [2, 3, (8, 5, 5), (2, 4, 7)])
def test_symbols_and_codes_are_a_bijection(levels: int | tuple[int, ...]) -> None:
    """Oracle 17: all Π L codes, and back."""
    spec = FiniteScalar(levels)
    module = spec.build(3).double()
    sizes = spec.symbol_levels(3)
    symbols = torch.tensor(list(itertools.product(*map(range, sizes))))
    codes = module.vectors(symbols)
    assert len(codes.unique(dim=0)) == math.prod(sizes)
    again = module(codes.clamp(-1 + 1e-12, 1 - 1e-12).atanh())
    assert torch.equal(again.symbols, symbols)
    assert torch.equal(again.code, codes)
    assert again.log_levels == pytest.approx(math.log(math.prod(sizes)))


def test_values_are_evenly_spaced_from_minus_one_to_one() -> None:
    module = FiniteScalar(5).build(1).double()
    assert module.vectors(torch.arange(5)[:, None])[:, 0].tolist() == [-1, -0.5, 0, 0.5, 1]
    posterior = module(torch.tensor([[0.26], [0.24]]).double().atanh())
    assert posterior.symbols[:, 0].tolist() == [3, 2]


def test_large_encoder_outputs_end_at_the_last_symbol() -> None:
    posterior = FiniteScalar((8, 5)).build(2)(torch.tensor([[1e4, 1e4], [-1e4, -1e4]]))
    assert posterior.symbols.tolist() == [[7, 4], [0, 0]]


def test_the_gradient_is_that_of_tanh() -> None:
    module = FiniteScalar(5).build(2).double()
    encoded = torch.tensor([[0.3, -1.2]], dtype=torch.float64, requires_grad=True)
    module(encoded).code.sum().backward()
    torch.testing.assert_close(encoded.grad, 1 - encoded.detach().tanh().square())


def test_levels_are_cycled_over_the_dimensions_and_checked() -> None:
    assert FiniteScalar((8, 5, 5, 5)).symbol_levels(6) == (8, 5, 5, 5, 8, 5)
    for levels in (1, (), (8, 1), "many"):
        with pytest.raises(ParameterError, match=r"`levels` must be an integer in \[2, inf\), or a sequence"):
            FiniteScalar(levels).validate()


def test_centre_and_unit_settle_at_mean_and_deviation_of_normal_outputs() -> None:
    """And outputs that are all far off come back to where tanh has a slope."""
    module = FiniteScalar(5, decay=0.9).build(2).double()
    draws = torch.distributions.Normal(0.0, 1.0).icdf((torch.arange(4000, dtype=torch.float64) + 0.5) / 4000)
    outputs = torch.stack([30 + 2 * draws, -7 + 0.1 * draws], 1)
    for _ in range(600):
        module.load_state_dict(module.state_dict() | module.updates(module(outputs), None))
    torch.testing.assert_close(module.centre, torch.tensor([30.0, -7.0]).double(), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(module.scale, torch.tensor([2.0, 0.1]).double(), atol=1e-4, rtol=1e-4)


def test_one_step_is_a_part_of_newtons() -> None:
    """By finite differences of what the steps want to be zero."""
    module, outputs = FiniteScalar(5, decay=0.75).build(1).double(), torch.tensor([[0.4], [-0.2], [1.5]]).double()
    module.scale.fill_(0.7)
    bounded, found = (outputs / 0.7).tanh(), module.updates(module(outputs), None)
    draws = torch.distributions.Normal(0.0, 1.0).icdf((torch.arange(20000, dtype=torch.float64) + 0.5) / 20000)
    step = 1e-4
    slope = ((draws + step).tanh() - (draws - step).tanh()).mean() / (2 * step)
    spreading = ((draws * math.exp(step)).tanh().square() - (draws * math.exp(-step)).tanh().square()).mean() / (
        2 * step
    )
    assert float(found["centre"]) == pytest.approx(float(0.25 * 0.7 * bounded.mean() / slope), rel=1e-3)
    gap = bounded.square().mean() - draws.tanh().square().mean()
    assert float(found["scale"]) == pytest.approx(0.7 * (1 + float(0.25 * gap / spreading)), rel=1e-3)


def test_it_begins_at_the_first_rows_and_survives_constant_outputs() -> None:
    module = FiniteScalar(5).build(2)
    module.begin(torch.tensor([[1.0, 4.0], [3.0, 4.0]]), torch.Generator())
    assert module.centre.tolist() == [2, 4]
    assert module.scale.tolist() == pytest.approx([1, 1e-6])
    outputs = torch.full((3, 2), 4.0)
    for _ in range(3000):
        module.load_state_dict(module.state_dict() | module.updates(module(outputs), None))
    assert module(outputs).code.isfinite().all()
    assert float(module.scale.min()) > 0


def test_without_moving_it_is_the_tanh_of_the_paper() -> None:
    module = FiniteScalar(5, decay=1.0).build(1)
    module.begin(torch.tensor([[1.0], [3.0]]), torch.Generator())
    outputs = torch.tensor([[0.3]])
    assert module.updates(module(outputs), None) == {}
    torch.testing.assert_close(module(outputs).encoded, outputs.tanh())
