"""Densities fitted to symbols: exact frequencies, planted classes, and the choice among them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus.components.priors.categorical_mixture import CategoricalMixture
from isthmus.components.priors.uniform_symbols import UniformSymbols
from isthmus.core.random import torch_generator
from isthmus.distributions.symbol_mixture import SymbolMixture
from isthmus.uses.symbol_density import _counts, _maximised, fit_latent_classes, fit_symbol_density

LEVELS = (4, 3, 4, 3)


def planted() -> SymbolMixture:
    """Two classes: low symbols everywhere, or high ones."""
    log_probs = torch.full((2, 4, 4), -torch.inf, dtype=torch.float64)
    for place, size in enumerate(LEVELS):
        low = torch.tensor([0.85] + [0.15 / (size - 1)] * (size - 1), dtype=torch.float64)
        log_probs[0, place, :size], log_probs[1, place, :size] = low.log(), low.flip(0).log()
    return SymbolMixture(torch.tensor([0.35, 0.65], dtype=torch.float64).log(), log_probs)


def rows(count: int, seed: int = 0) -> np.ndarray:
    return planted().draw(count, torch_generator(seed)).numpy()


def test_one_class_has_the_frequencies_with_half_a_row_of_each() -> None:
    symbols = np.array([[0, 2], [1, 2], [0, 0], [0, 2]])
    weights, (first, second) = fit_latent_classes(symbols, (2, 3), 1, seed=0)
    assert weights.tolist() == [1]
    assert first[0].tolist() == pytest.approx([3.5 / 5, 1.5 / 5])
    assert second[0].tolist() == pytest.approx([1.5 / 5.5, 0.5 / 5.5, 3.5 / 5.5])


def test_recovers_planted_classes() -> None:
    weights, tables = fit_latent_classes(rows(4000), LEVELS, 2, seed=0)
    order = weights.argsort()
    assert weights[order].tolist() == pytest.approx([0.35, 0.65], abs=0.03)
    wanted = planted().log_probs.exp()
    for place, table in enumerate(tables):
        torch.testing.assert_close(table[order], wanted[:, place, : LEVELS[place]], rtol=0, atol=0.03)


@pytest.mark.parametrize("common_rows", [1.0, 20.0])
def test_every_step_climbs(common_rows: float) -> None:
    data = torch.from_numpy(rows(300))
    common = [(table + 0.5) / (300 + 0.5 * len(table)) for table in _counts(data, LEVELS, torch.ones(300, 1).double())]
    shares = torch.rand(300, 3, generator=torch_generator(1), dtype=torch.float64)
    mixture = _maximised(data, LEVELS, shares / shares.sum(-1, keepdim=True), common, common_rows)
    reached = []
    for _ in range(15):
        # The rows of common frequencies that each class is given count as well.
        given = sum(
            common_rows * (table.T * mixture.log_probs[:, place, : len(table)]).sum()
            for place, table in enumerate(common)
        )
        joint = mixture.component_log_prob(data)
        reached.append(float(joint.logsumexp(-1).sum() + given))
        mixture = _maximised(data, LEVELS, joint.softmax(-1), common, common_rows)
    assert (np.diff(reached) > -1e-9).all()
    assert reached[-1] - reached[0] > 10


def test_chooses_what_describes_held_out_rows_best() -> None:
    spec, module = fit_symbol_density(rows(600), LEVELS, rows(300, seed=1), seed=0)
    assert spec.name == "categorical-mixture"
    assert spec.n_components > 1
    draws = module().draw(200, torch_generator(0))
    assert (draws < torch.tensor(LEVELS)).all()
    assert not any(parameter.requires_grad for parameter in module.parameters())
    generator = np.random.Generator(np.random.PCG64(0))
    even = np.stack([generator.integers(0, size, 400) for size in LEVELS], 1)
    assert fit_symbol_density(even, LEVELS, None, seed=0)[0] == UniformSymbols()
    uneven = np.minimum(even, 1)
    assert fit_symbol_density(uneven, LEVELS, None, seed=0)[0] == CategoricalMixture(1)


def test_few_rows_of_large_codebooks_get_classes_that_are_smoothed_much() -> None:
    """Eight classes with frequencies of their own for 48 symbols at 4 places: many numbers for 400 rows."""
    generator, levels = np.random.Generator(np.random.PCG64(3)), (48,) * 4
    tables = np.exp(2 * generator.normal(size=(8, 4, 48))).cumsum(-1)
    chosen = tables[generator.integers(0, 8, 1100)]
    data = (generator.random((1100, 4, 1)) * chosen[..., -1:] > chosen).sum(-1)
    spec, module = fit_symbol_density(data[:400], levels, data[400:500], seed=0)
    assert spec.n_components > 1
    fresh = torch.from_numpy(data[500:])
    for others, common_rows in ((1, 0.0), (spec.n_components, 1.0)):
        other = CategoricalMixture(others).build(0, levels=levels)
        other.assign(*fit_latent_classes(data[:400], levels, others, 0, common_rows))
        assert float((module().log_prob(fresh) - other().log_prob(fresh)).detach().mean()) > 0.5


def test_rows_of_one_symbol_need_no_classes() -> None:
    spec, module = fit_symbol_density(np.zeros((200, 1), dtype=np.int64), (5,), None, seed=0)
    assert spec == CategoricalMixture(1)
    assert module().log_prob(torch.zeros(1, 1, dtype=torch.long)).exp().item() == pytest.approx(200.5 / 202.5)
