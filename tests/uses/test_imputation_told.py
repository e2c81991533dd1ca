"""Cells filled by a decoder that is told of the others, against all rows counted one by one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from isthmus.components.corruptions.hiding import Hiding
from isthmus.components.latents.gaussian import GaussianLatent
from isthmus.components.likelihoods.autoregressive import Autoregressive
from isthmus.components.networks.mlp import MLP
from isthmus.components.objectives.penalised_likelihood import PenalisedLikelihood
from isthmus.components.penalties.completion import Completion
from isthmus.components.penalties.kl import KL
from isthmus.components.priors.standard_normal import StandardNormal
from isthmus.core.blocks import Block
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.composition import Composition
from isthmus.uses.imputation import completed
from isthmus.uses.imputation_rows import Holes, Piece, pieces
from isthmus.uses.imputation_told import is_told, told_draws, told_means

from .plain_source import Source

# Two columns of 0/1 and two of three levels: 36 rows in all.
BLOCKS = (Block("binary", 0, 2, (2,)), Block("categorical", 2, 8, (6,), cardinality=3))
SIZES = (2, 2, 3, 3)
MISSING = np.array(
    [
        [False, True, False, True],
        [True, False, True, False],
        [True, True, True, True],
        [False, False, False, True],
        [True, False, False, False],
    ]
)
ALONE = [3, 4]


def as_features(cells) -> Tensor:
    first, second, *levels = cells
    return torch.cat([torch.tensor([first, second]).float(), *(torch.eye(3)[level] for level in levels)])


@pytest.fixture(scope="module")
def model() -> ComposedAutoencoder:
    """Columns that depend on each other strongly, and on what is visible, but not on the code."""
    composition = Composition(
        latent_dim=2,
        encoder=MLP(hidden=()),
        decoder=MLP(hidden=()),
        latent=GaussianLatent(),
        prior=StandardNormal(),
        likelihoods=(Autoregressive(width=16),) * len(BLOCKS),
        penalties={"kl": KL(), "completion": Completion()},
        objective=PenalisedLikelihood(),
        corruption=Hiding(),
    )
    generator = torch.Generator().manual_seed(0)
    model = composition.build(BLOCKS, generator).eval()
    with torch.no_grad():
        for parameter in model.likelihood.parameters():
            parameter.copy_(0.6 * torch.randn(parameter.shape, generator=generator))
        model.decoder[0].weight.zero_()
    return model.double()


@pytest.fixture(scope="module")
def holes() -> Holes:
    random = np.random.default_rng(2)
    rows = torch.stack([as_features([random.integers(size) for size in SIZES]) for _ in MISSING]).double()
    return Holes(Source(rows), MISSING, torch.full((8,), 0.5))


@torch.no_grad()
def counted(model: ComposedAutoencoder, holes: Holes, row: int) -> Tensor:
    """E[features | visible cells] of a row: the sum over all rows that agree with it where it is visible."""
    seen, gone = holes.rows.values[row], torch.from_numpy(MISSING[row])
    visible = torch.cat([~gone[:2], (~gone[2:]).repeat_interleave(3)])
    total, mean = 0.0, torch.zeros(8, dtype=torch.float64)
    for cells in itertools.product(*(range(size) for size in SIZES)):
        features = as_features(cells).double()
        if not torch.equal(features[visible], seen[visible]):
            continue
        told = model.decode(torch.zeros(1, 2).double()).conditioned(~gone[None], seen[None])
        chance = float(torch.where(gone, told.log_prob_by_column(features[None])[0], 0.0).sum().exp())
        total, mean = total + chance, mean + chance * features
    assert total == pytest.approx(1, abs=1e-9)  # hidden cells have a distribution, visible ones no factor
    return mean


def piece_of(model: ComposedAutoencoder, holes: Holes) -> Piece:
    return next(iter(pieces(model, holes, len(holes))))


@torch.no_grad()
def test_means_are_those_of_all_rows_that_agree_with_what_is_visible(model: ComposedAutoencoder, holes: Holes) -> None:
    assert is_told(model)
    expected = torch.stack([counted(model, holes, row) for row in range(len(holes))])
    assert (expected - expected.mean(0)).abs().max() > 0.3  # what is visible matters
    means = told_means(model, piece_of(model, holes), 0, 150)
    np.testing.assert_allclose(means, expected, atol=0.08)
    draws = told_draws(model, piece_of(model, holes), 1, 250)
    assert set(draws.unique().tolist()) == {0.0, 1.0}
    np.testing.assert_allclose(draws.mean(0), expected, atol=0.12)


@torch.no_grad()
def test_a_cell_that_is_hidden_alone_has_its_exact_mean(model: ComposedAutoencoder, holes: Holes) -> None:
    expected = torch.stack([counted(model, holes, row) for row in ALONE])
    for seed in range(3):
        np.testing.assert_allclose(told_means(model, piece_of(model, holes), seed, 1)[ALONE], expected, atol=1e-9)
    found = completed(model, StandardNormal().build(2), holes, seed=0)
    np.testing.assert_allclose(found[ALONE], expected, atol=1e-6)


@torch.no_grad()
def test_draws_keep_how_hidden_cells_depend_on_each_other(model: ComposedAutoencoder, holes: Holes) -> None:
    row = 2  # nothing is visible
    draws = told_draws(model, piece_of(model, holes), 0, 300)[:, row]
    told = model.decode(torch.zeros(1, 2).double())
    rows = torch.stack([as_features(cells).double() for cells in itertools.product(*(range(size) for size in SIZES))])
    chances = told.conditioned(torch.zeros(1, 4, dtype=torch.bool), rows[:1]).log_prob(rows).exp()
    second = torch.einsum("n,ni,nj->ij", chances, rows, rows)
    np.testing.assert_allclose(draws.T @ draws / len(draws), second, atol=0.12)
