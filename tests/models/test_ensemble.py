"""The ensemble: what its members are shown, what they learn from, and what a cell costs."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from isthmus.components.networks.batched import BatchedLinear
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.noise import Noise
from isthmus.core.random import torch_generator
from isthmus.models.ensemble import Ensemble, EnsembleSpec

NUMBERS = [Block("continuous", 0, 4, (4,))]
MIXED = [
    Block("continuous", 0, 2, (2,)),
    Block("categorical", 2, 8, (6,), cardinality=3),
    Block("missing", 8, 9, (1,), of=(1,)),
]


def ensemble(blocks=NUMBERS, **changes) -> Ensemble:
    return EnsembleSpec(**{"members": 3, "hidden": (8, 8), **changes}).build(blocks, torch_generator(0)).double()


def rows(n: int, d: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(n, d, generator=torch_generator(seed), dtype=torch.float64)


def test_a_spec_survives_json() -> None:
    spec = EnsembleSpec(4, (16, 16), trim=0.1, hiding=0.3)
    assert EnsembleSpec.from_json(spec.to_json()) == spec


def test_training_rows_say_where_and_how_wide_columns_are() -> None:
    model = ensemble()
    values = torch.tensor([[1.0, 5.0, 0.0, 1e6], [3.0, 5.0, 0.0, 1e6 + 0.1], [2.0, 5.0, 0.0, 1e6]])
    present = torch.ones(3, 4, dtype=torch.bool)
    present[2, 0] = False
    model.begin(Batch(values, present))
    np.testing.assert_allclose(model.centre, [2.0, 5.0, 0.0, 1e6 + 0.1 / 3], rtol=1e-6)
    # Constants keep their unit, and so does what varies in its last digits only.
    np.testing.assert_allclose(model.spread, [1.0, 1.0, 1.0, 1.0], rtol=1e-6)
    # The range of the training rows, its width, and half a standard deviation.
    np.testing.assert_allclose(model.low[:3], [-1 - 2 - 0.5, -0.5, -0.5], atol=1e-6)
    np.testing.assert_allclose(model.high[:3], [1 + 2 + 0.5, 0.5, 0.5], atol=1e-6)


def test_what_lies_beyond_the_range_is_reconstructed_as_its_end() -> None:
    model = ensemble().eval()
    model.begin(Batch(rows(50, 4)))
    end = torch.stack([model.high, model.low])
    torch.testing.assert_close(model(end * 1e9), model(end), rtol=0, atol=0)
    assert not torch.equal(model(end * 0.9), model(end))


def test_members_are_shown_their_own_cells_and_noise() -> None:
    model = ensemble(hiding=0.5, noise=0.2)
    noise = model.draw_noise(2000, torch_generator(2)).corruption.double()
    clean = rows(2000, 4)
    shown, visible = model.corrupted(clean, None, noise)
    assert shown.shape == visible.shape == (3, 2000, 4)
    for member in range(3):
        rate = 0.5 * torch.special.ndtr(noise[:, member])
        for column in range(4):
            # Member m reads the pools from the m-th number on.
            uniform = torch.special.ndtr(noise[:, 3 + member + column])
            assert torch.equal(visible[member, :, column] == 1, uniform >= rate)
            moved = clean[:, column] + 0.2 * noise[:, 3 + 6 + member + column]
            torch.testing.assert_close(shown[member, :, column], moved)
    assert float(1 - visible.mean()) == pytest.approx(0.25, abs=0.01)
    assert noise.shape[1] == 3 + 6 + 6


def test_levels_and_indicators_get_no_noise_and_absent_cells_are_never_shown() -> None:
    model = ensemble(MIXED)
    present = torch.ones(5, 5, dtype=torch.bool)
    present[0, 1] = False
    clean = torch.zeros(5, 9, dtype=torch.float64)
    noise = model.draw_noise(5, torch_generator(2)).corruption.double()
    shown, visible = model.corrupted(clean, present, noise)
    assert shown[..., 2:].abs().max() == 0 < shown[..., :2].abs().min()
    assert not visible[:, 0, 1].any()


def test_numbers_cost_half_a_square_and_levels_minus_log_p() -> None:
    model = ensemble(MIXED).eval()
    one = torch.tensor([[0.5, -1.0, 0, 1, 0, 0, 0, 0, 1.0]], dtype=torch.float64)  # the second level is unknown
    given = model(one)
    costs = model.costs(given, one)
    assert costs.shape == (3, 1, 5)
    probabilities = given[..., 2:8].unflatten(-1, (2, 3)).exp().sum(-1)
    torch.testing.assert_close(probabilities, torch.ones_like(probabilities))
    torch.testing.assert_close(costs[..., 0], 0.5 * (given[..., 0] - 0.5).square())
    torch.testing.assert_close(costs[..., 2], -given[..., 3])
    assert costs[..., 3].abs().max() == 0
    torch.testing.assert_close(costs[..., 4], 0.5 * (given[..., 8] - 1).square())


def test_the_loss_is_the_mean_over_members_and_counts_hidden_cells_more() -> None:
    model = ensemble(hidden_weight=5.0)
    values, noise = rows(6, 4), Noise(corruption=rows(6, 3 + 6 + 6, seed=3))
    shown, visible = model.corrupted(values, None, noise.corruption)
    expected = 0.0
    for member in range(3):
        given = model(shown, visible)[member].detach()
        weight = torch.where(visible[member] == 1, 1.0, 5.0)
        expected += float((weight * 0.5 * (given - values).square()).sum()) / 3
    terms = model.loss(Batch(values), noise, model.weights(None))
    assert float(terms.parts["reconstruction"].detach()) == pytest.approx(expected, rel=1e-12)
    assert terms.rows == 6
    assert float(terms.total.detach()) == pytest.approx(expected / 6, rel=1e-12)


def test_units_that_a_narrow_member_does_not_have_stay_out_of_it() -> None:
    model = ensemble(members=2)
    layers = [layer for layer in model.network if isinstance(layer, BatchedLinear)]
    noise = Noise(corruption=rows(6, 12, seed=3))
    model.loss(Batch(rows(6, 4)), noise, {}).total.backward()
    for before, after in pairwise(layers):
        for tensor in (before.weight, before.bias, before.weight.grad, before.bias.grad):
            assert not tensor[0, 4:].any()  # of the narrow member, which has 4 of 8 units
            assert tensor[1, 4:].any() or tensor is before.bias
        assert not after.weight[0, :, 4:].any()
        assert not after.weight.grad[0, :, 4:].any()


def test_nothing_is_learnt_from_trimmed_rows() -> None:
    model = ensemble(trim=0.25)
    values = rows(8, 4)
    values[5] *= 100
    values[2] *= 80
    noise = Noise(corruption=torch.zeros(8, 15, dtype=torch.float64))
    trimmed = model.loss(Batch(values), noise, {})
    kept = torch.tensor([0, 1, 3, 4, 6, 7])
    alone = ensemble(trim=0.0)
    alone.load_state_dict(model.state_dict())
    rest = alone.loss(Batch(values[kept]), Noise(corruption=noise.corruption[kept]), {})
    assert float(trimmed.parts["reconstruction"].detach()) == pytest.approx(
        float(rest.parts["reconstruction"].detach())
    )
    # Early stopping looks at all of them.
    assert float(model.eval().loss(Batch(values), noise, {}).parts["reconstruction"].detach()) > 100


def test_absent_cells_cost_nothing_and_their_content_changes_nothing() -> None:
    model = ensemble()
    values, present = rows(4, 4), torch.ones(4, 4, dtype=torch.bool)
    present[1, 2] = False
    noise = Noise(corruption=rows(4, 15, seed=3))
    first = model.loss(Batch(values, present), noise, {}).parts["reconstruction"].detach()
    changed = values.clone()
    changed[1, 2] = 77.0
    assert torch.equal(model.loss(Batch(changed, present), noise, {}).parts["reconstruction"].detach(), first)


def test_expected_rows_come_back_in_the_scale_of_the_schema() -> None:
    blocks = [
        Block("continuous", 0, 1, (1,)),
        Block("count", 1, 2, (1,), mean=3.0),
        Block("categorical", 2, 4, (2,), cardinality=2),
    ]
    model = ensemble(blocks)
    model.begin(Batch(torch.tensor([[1.0, 0.0, 1.0, 0.0], [3.0, 8.0, 0.0, 1.0]])))
    given = torch.tensor([[1.0, 1.0, math.log(0.25), math.log(0.75)]], dtype=torch.float64)
    np.testing.assert_allclose(model.as_features(given), [[3.0, 8.0, 0.25, 0.75]], rtol=1e-5)
