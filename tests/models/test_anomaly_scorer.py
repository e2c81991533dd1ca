"""From costs and distances to scores: against the definitions, written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.random import torch_generator
from isthmus.models.anomaly_scorer import AnomalyScorer
from isthmus.models.ensemble import EnsembleSpec
from isthmus.models.ensemble_neighbours import Neighbours

BLOCKS = [Block("continuous", 0, 3, (3,))]


def rows(n: int, d: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(n, d, generator=torch_generator(seed))


def scorer(hidden_blocks: bool = True, blocks=BLOCKS, training_rows: int = 40) -> AnomalyScorer:
    ensemble = EnsembleSpec(2, (8, 8)).build(blocks, torch_generator(0))
    made = AnomalyScorer(ensemble, training_rows, hidden_blocks)
    made.shown_costs.copy_(rows(*made.shown_costs.shape, seed=5).abs() + 0.5)
    made.hidden_costs.copy_(
        rows(made.hidden_costs.shape.numel(), 1, seed=6).abs().reshape(made.hidden_costs.shape) + 0.5
    )
    made.medians.copy_(torch.tensor([0.3, 0.7, 1.1]))
    width = ensemble.width
    made.ensemble.low.fill_(-4.0)
    made.ensemble.high.fill_(4.0)
    made.draw_neighbours(rows(training_rows, width, seed=7), torch_generator(1))
    return made.eval()


def test_the_score_is_what_its_definition_says() -> None:
    made = scorer()
    model, given = made.ensemble, rows(6, 3)
    with torch.inference_mode():
        found = made(Batch(given)).numpy()
        shown = model.costs(model(given).double(), given.double()) / made.shown_costs[:, None]
        r = shown.mean((0, 2)).numpy()
        totals, counts = np.zeros((6, 3)), np.zeros(3)
        for hides, means in zip(made.hiding.hides, made.hidden_costs, strict=True):
            for member in range(2):
                visible = (~hides[member])[None].expand(6, -1)
                costs = model.costs(model(given, visible).double(), given.double())[member] / means[member]
                totals += np.where(hides[member], costs, 0.0)
                counts += hides[member].numpy()
        h = (totals / counts).mean(1)
        k = made.neighbours(given).numpy()
    k0, r0, h0 = made.medians.tolist()
    expected = np.log1p(k / k0) + 0.5 * np.log1p(r / r0) + 0.5 * np.log1p(h / h0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.dtype == np.float64


def test_without_hidden_cells_the_reconstruction_counts_for_both() -> None:
    made = scorer(hidden_blocks=False)
    with torch.inference_mode():
        oddities = made.oddities(Batch(rows(4, 3)))
    assert torch.equal(oddities.hidden, oddities.reconstruction)
    assert made.hidden_costs.shape == (0, 2, 3)


def squares_to(sample: np.ndarray, given: np.ndarray) -> np.ndarray:
    return ((given[:, None].astype(np.float64) - sample) ** 2).sum(-1).min(1)


@pytest.mark.parametrize("training_rows", [1, 40, 64, 65, 200])
def test_the_distance_is_that_to_the_nearest_training_row(training_rows: int) -> None:
    training, given = rows(training_rows, 3, seed=7), rows(7, 3)
    neighbours = Neighbours(training_rows, 3)
    neighbours.fill(training, torch_generator(1))
    np.testing.assert_allclose(neighbours(given), squares_to(training.numpy(), given.numpy()), rtol=1e-6)


@pytest.mark.parametrize(("training_rows", "size"), [(3, 1), (40, 10), (63, 15), (200, 16)])
def test_among_mixed_rows_it_is_the_mean_over_samples(training_rows: int, size: int) -> None:
    training, given = rows(training_rows, 3, seed=7), rows(7, 3)
    # Some lie so near to a training row, or so far from all, that a difference of squares would not tell.
    given = torch.cat([given, training[:3] + 1e-4, given * 1e6])
    neighbours = Neighbours(training_rows, 3, mixed=True)
    neighbours.fill(training, torch_generator(1))
    samples = neighbours.rows.numpy()
    assert samples.shape == (32, size, 3)
    assert all(len(np.unique(sample, axis=0)) == size for sample in samples)
    expected = np.mean([squares_to(sample, given.numpy()) for sample in samples], 0)
    np.testing.assert_allclose(neighbours(given), expected, rtol=1e-5)


def test_a_row_is_its_own_neighbour_only_if_training_had_it_twice() -> None:
    training = torch.tensor([[0.0], [0.0], [1.0], [5.0]])
    neighbours = Neighbours(4, 1)
    neighbours.fill(training, torch_generator(0))
    assert neighbours(torch.tensor([[0.0], [1.0], [5.0], [6.0]])).tolist() == [0.0, 1.0, 16.0, 1.0]


def test_among_samples_a_row_is_never_its_own_neighbour() -> None:
    training = rows(100, 2, seed=7)
    neighbours = Neighbours(100, 2, mixed=True)
    neighbours.fill(training, torch_generator(1))
    samples = neighbours.rows.numpy()
    chosen = samples[3, 5]
    mean = 0.0
    for sample in samples:
        others = sample[(sample != chosen).any(1)]
        mean += squares_to(others, chosen[None])[0] / len(samples)
    assert float(neighbours(torch.from_numpy(chosen[None]))) == pytest.approx(mean, rel=1e-5)


def test_a_single_training_row_leaves_distances_finite() -> None:
    neighbours = Neighbours(1, 1)
    neighbours.fill(torch.tensor([[2.0]]), torch_generator(0))
    assert neighbours(torch.tensor([[2.0], [3.0]])).tolist() == [0.0, 1.0]


def test_far_rows_are_measured_in_float64() -> None:
    made = scorer()
    far = torch.zeros(3, 3)
    far[:, 0] = torch.tensor([1e10, 1e20, 3e38])
    with torch.inference_mode():
        found = made(Batch(far)).numpy()
    assert np.isfinite(found).all()
    assert (np.diff(found) > 10).all()


def test_an_unknown_level_costs_what_a_row_that_was_never_there_does() -> None:
    blocks = [Block("continuous", 0, 1, (1,)), Block("categorical", 1, 4, (3,), cardinality=3)]
    made = scorer(blocks=blocks, training_rows=99)
    levels = torch.tensor([[0], [-1]], dtype=torch.int32)
    present = torch.tensor([[True, True], [True, False]])
    visible = torch.tensor([[True, True], [True, True]])
    with torch.inference_mode():
        costs = made.costs(Batch(torch.zeros(2, 1), present, visible, levels=levels))
    for one in (costs.shown, costs.hidden):
        assert one[:, 1, 1].tolist() == pytest.approx([math.log(100)] * len(one))
        assert float(one[:, 0, 1].abs().max()) != pytest.approx(math.log(100))


def test_missing_cells_count_as_much_as_the_others_of_their_row() -> None:
    made = scorer()
    given, present = rows(2, 3), torch.tensor([[True, True, True], [True, False, True]])
    with torch.inference_mode():
        oddities = made.oddities(Batch(given, present))
    others = oddities.reconstruction[1, [0, 2]].mean()
    assert float(oddities.reconstruction[1, 1]) == pytest.approx(float(others))
    assert float(oddities.reconstruction[1].mean()) == pytest.approx(float(others))
