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
