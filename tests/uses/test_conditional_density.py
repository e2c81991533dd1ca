"""The density of codes under a condition: which one is chosen, and what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus.components.priors.conditional_mixture import ConditionalMixture, ConditionalMixturePrior
from isthmus.uses.conditional_density import fit_conditional_density, free_parameters
from isthmus.uses.euclidean_density import fit_euclidean_density


def levels(random, n, count=3):
    return np.eye(count)[random.integers(0, count, n)]


def shifted(random, conditions):
    """A normal whose mean goes with the condition."""
    return conditions @ [[-1.5, 1], [1.5, 0], [0, -2]] + random.normal(size=(len(conditions), 2))


def clustered(random, conditions):
    """Two clusters for each level, of which the other level has one, too: no shift says so."""
    places = np.array([[[-4, 0], [4, 0]], [[-4, 0], [0, 4]], [[0, 4], [0, -4]]])
    chosen = places[conditions.argmax(1), random.integers(0, 2, len(conditions))]
    return chosen + 0.4 * random.normal(size=chosen.shape)


def unrelated(random, conditions):
    return random.normal(size=(len(conditions), 2)) @ np.array([[2.0, 1.5], [0.0, 0.3]])


def mean_log_density(module, codes, conditions) -> float:
    return float(module.given(torch.from_numpy(conditions)).log_prob(torch.from_numpy(codes).float()).mean())


@pytest.mark.parametrize("held_out", [True, False], ids=["held-out", "criterion"])
@pytest.mark.parametrize(("draw", "components"), [(shifted, 1), (clustered, 10)])
def test_codes_that_depend_on_the_condition_get_a_density_that_knows_it(draw, components, held_out) -> None:
    random = np.random.default_rng(0)
    conditions, others = levels(random, 1000), levels(random, 500)
    codes, fresh = draw(random, conditions), draw(random, others)
    chosen = (fresh, others) if held_out else (None, None)
    spec, module = fit_conditional_density(codes, conditions, *chosen, seed=0)
    assert isinstance(spec, ConditionalMixture)
    assert spec.condition_width == 3
    if not held_out or components == 10:
        assert spec.n_components == components
    _, plain = fit_euclidean_density(codes, fresh, seed=0)
    assert mean_log_density(module, fresh, others) > mean_log_density(plain, fresh, others) + 0.3


def test_codes_that_do_not_lose_nothing() -> None:
    random = np.random.default_rng(1)
    conditions, others = levels(random, 600), levels(random, 600)
    codes, fresh = unrelated(random, conditions), unrelated(random, others)
    _, plain = fit_euclidean_density(codes, fresh, seed=0)
    _, module = fit_conditional_density(codes, conditions, fresh, others, seed=0)
    assert mean_log_density(module, fresh, others) >= mean_log_density(plain, fresh, others) - 1e-4
    spec, _ = fit_conditional_density(codes, conditions, None, None, seed=0)
    assert not isinstance(spec, ConditionalMixture)


def test_numbers_bend_and_move_codes() -> None:
    """A curve: the mixture follows it piece by piece."""
    random = np.random.default_rng(2)
    ages = random.uniform(-2, 2, size=(900, 1))
    codes = np.column_stack([np.sin(2 * ages[:, 0]), ages[:, 0]]) + 0.1 * random.normal(size=(900, 2))
    spec, module = fit_conditional_density(codes[:800], ages[:800], codes[800:], ages[800:], seed=0)
    assert spec == ConditionalMixture(n_components=10, condition_width=1)
    asked = torch.tensor([[-1.0], [0.0], [1.5]])
    np.testing.assert_allclose(module.given(asked).mean[:, 0], np.sin([-2.0, 0, 3.0]), atol=0.25)
    np.testing.assert_allclose(
        module.given(torch.tensor([[2.0]])).mean, module.given(torch.tensor([[99.0]])).mean, atol=0.1
    )


@pytest.mark.parametrize("what", ["hundreds of levels", "one condition", "two rows"])
def test_where_there_is_nothing_to_know(what) -> None:
    random = np.random.default_rng(3)
    n = 2 if what == "two rows" else 300
    conditions = {
        "hundreds of levels": np.eye(300)[np.arange(n) % 300],
        "one condition": np.ones((n, 1)),
        "two rows": np.eye(2),
    }[what]
    spec, module = fit_conditional_density(random.normal(size=(n, 2)), conditions, None, None, seed=0)
    assert what == "two rows" or not isinstance(spec, ConditionalMixture)
    drawn = module.given(torch.from_numpy(conditions)).draw(n, torch.Generator().manual_seed(0))
    assert drawn.shape == (n, 2)
    assert bool(torch.isfinite(drawn).all())


def test_collapsed_codes_do_not_stop_the_fit() -> None:
    random = np.random.default_rng(4)
    conditions = levels(random, 300)
    codes = np.zeros((300, 4))
    codes[:, 0] = random.normal(size=300) + 5 * conditions[:, 0]
    _, module = fit_conditional_density(codes[:200], conditions[:200], codes[200:], conditions[200:], seed=0)
    drawn = module.given(torch.from_numpy(conditions)).draw(300, torch.Generator().manual_seed(0))
    assert bool(torch.isfinite(drawn).all())
    assert drawn[:, 1:].abs().max() < 0.1
    _, module = fit_conditional_density(np.zeros((60, 2)), conditions[:60], None, None, seed=0)
    assert bool(torch.isfinite(module.given(torch.from_numpy(conditions[:5])).draw(5)).all())


def test_free_parameters_are_counted_as_the_criterion_wants_them() -> None:
    one, four = (ConditionalMixturePrior(k, 3, 2) for k in (1, 4))
    assert free_parameters(one) == 3 + 6 + 3 * 2
    assert free_parameters(four) == 4 * (3 + 6 + 3 * 2) + 4 * (1 + 2 + 3) - 1
