"""Oracle: with holes at random, training finds the model that the whole rows would have given.

For a linear model the log-likelihood of the observed cells has a closed form, and so has its maximum's condition: the
EM algorithm below is written without the library.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from linear_models import linear_model
from scipy import stats

from isthmus.components.corruptions.hiding import Hiding
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.networks.mlp import MLP
from isthmus.core.batch import Batch, Index
from isthmus.core.blocks import Block
from isthmus.core.noise import Noise
from isthmus.core.random import torch_generator
from isthmus.distributions import DiagonalNormal
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.defaults import Parts, complete
from isthmus.training.loop import Trainer
from isthmus.training.settings import TrainingSettings
from isthmus.uses.calibration import calibrate_likelihood
from isthmus.uses.density import log_likelihood
from isthmus.uses.inference import codes
from isthmus.uses.scoring import log_likelihood_bound

LOADINGS = np.array([1.0, -0.9, 0.8, 0.7, 0.4])
NOISE = 0.5


class HoledRows:
    """Rows with holes, whole with their indicators."""

    def __init__(self, values: np.ndarray, present: np.ndarray, indicators: bool = False) -> None:
        values, seen = np.where(present, values, 0), present
        if indicators:
            values, seen = np.append(values, ~present, 1), np.append(present, np.ones_like(present), 1)
        self.batch = Batch(torch.from_numpy(values).float(), torch.from_numpy(seen))

    def __len__(self) -> int:
        return len(self.batch)

    def take(self, index: Index) -> Batch:
        return self.batch.rows(index)


def one_factor(rows: int, holes: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, 5) of one factor and noise, and which cells are there: all with the same probability."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(rows, 1)) * LOADINGS + NOISE * generator.normal(size=(rows, len(LOADINGS)))
    return values, generator.random(values.shape) > holes


def posteriors(
    values: np.ndarray, present: np.ndarray, loadings: np.ndarray, mean: np.ndarray, variance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of p(z | observed cells), each (n,)."""
    precision = 1 + present @ loadings**2 / variance
    return np.where(present, values - mean, 0) @ loadings / variance / precision, 1 / precision


def maximum_likelihood(values: np.ndarray, present: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Loadings, mean and noise variance of the likeliest model of the observed cells, by EM (Rubin & Thayer 1982)."""
    loadings, variance = np.ones(values.shape[1]), 1.0
    mean = np.where(present, values, 0).sum(0) / present.sum(0)
    for _ in range(400):
        first, spread = posteriors(values, present, loadings, mean, variance)
        second = first**2 + spread
        # For each column the regression of its cells on (z, 1), in expectation.
        zz, z, n = present.T @ second, present.T @ first, present.sum(0)
        zx, x = np.where(present, values, 0).T @ first, np.where(present, values, 0).sum(0)
        loadings = (n * zx - z * x) / (n * zz - z**2)
        mean = (x - loadings * z) / n
        error = (values - mean - np.outer(first, loadings)) ** 2 + np.outer(spread, loadings**2)
        variance = float(np.where(present, error, 0).sum() / n.sum())
    return loadings, mean, variance


def test_the_likeliest_model_of_the_observed_cells_is_where_the_loss_is_level() -> None:
    values, present = one_factor(200, holes=0.3)
    loadings, mean, variance = maximum_likelihood(values, present)
    model = linear_model(5, 1)
    with torch.no_grad():
        model.decoder[0].weight.copy_(torch.from_numpy(loadings[:, None]))
        model.decoder[0].bias.copy_(torch.from_numpy(mean))
    first, spread = posteriors(values, present, loadings, mean, variance)
    posterior = DiagonalNormal(torch.from_numpy(first[:, None]), torch.from_numpy(0.5 * np.log(spread)[:, None]))
    batch = Batch(torch.from_numpy(values), torch.from_numpy(present))
    statistics, level = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for point in (-1.0, 1.0):  # a quadratic has the expectation of these two
        found = model.pass_of(posterior, batch, Noise(torch.full((200, 1), point, dtype=torch.float64)))
        level = level - found.likelihood.log_prob(found.features).sum() / 2
        one = model.likelihood.statistics(found.likelihood, found.features)
        assert one is not None
        statistics = statistics + one[0] / 2
    level.backward()
    scale = values[present].std() * present.sum() / variance
    for parameter in model.decoder.parameters():
        assert float(parameter.grad.abs().max()) / scale < 1e-6  # type: ignore[union-attr]
    model.likelihood.calibrate(statistics.detach().reshape(1), 200, batch.present.sum(0).double())  # type: ignore[union-attr]
    assert float(model.likelihood.parts[0].variance) == pytest.approx(variance, rel=1e-6)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def trained() -> tuple[ComposedAutoencoder, np.ndarray, HoledRows]:
    """A model of one code, trained on rows without three cells in ten: with indicators, and hidden cells."""
    values, present = one_factor(1500, holes=0.3)
    source = HoledRows(values, present, indicators=True)
    blocks = [Block("continuous", 0, 5, (5,)), Block("missing", 5, 10, (5,), of=(0, 1, 2, 3, 4))]
    parts = Parts(1, encoder=MLP(hidden=(32,)), decoder=MLP(hidden=()), stochastic=True, likelihood=Gaussian())
    composition = complete(parts, blocks)
    assert composition.corruption == Hiding()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model = composition.build(blocks, torch_generator(0))
    index = torch.arange(1500)
    model.begin(source.take(index), 1500, torch_generator(1))
    settings = TrainingSettings(
        max_epochs=30,
        max_seconds=None,
        batch_size=64,
        learning_rate=1e-2,
        learning_rate_schedule="one-cycle",
        patience=None,
    )
    Trainer(model, source, index, index[:0], settings, 0, torch.device("cpu")).run()
    calibrate_likelihood(model, source, index, 0)
    torch.set_num_threads(threads)
    return model.eval(), values, source


def test_training_on_holed_rows_finds_the_model_of_the_whole_ones(
    trained: tuple[ComposedAutoencoder, np.ndarray, HoledRows],
) -> None:
    model, values, _ = trained
    whole = maximum_likelihood(values, np.ones_like(values, dtype=bool))
    loadings = model.decoder[0].weight.detach().numpy()[:5, 0]  # type: ignore[union-attr, index]
    found = np.outer(loadings, loadings)
    wanted = np.outer(whole[0], whole[0])
    assert np.abs(found - wanted).max() < 0.12
    # Filling holes with the mean would have taken 30 % of every loading.
    assert np.linalg.norm(loadings) == pytest.approx(np.linalg.norm(whole[0]), rel=0.06)
    np.testing.assert_allclose(model.decoder[0].bias.detach().numpy()[:5], whole[1], atol=0.06)  # type: ignore[union-attr, index, operator]
    assert float(model.likelihood.parts[0].variance) == pytest.approx(whole[2], rel=0.1)  # type: ignore[arg-type]
    shares = torch.sigmoid(model.decoder[0].bias.detach()[5:])  # type: ignore[union-attr, index]
    np.testing.assert_allclose(shares, 0.3, atol=0.06)


def test_the_encoder_knows_the_code_given_any_cells(
    trained: tuple[ComposedAutoencoder, np.ndarray, HoledRows],
) -> None:
    model, values, _ = trained
    loadings = model.decoder[0].weight.detach().numpy()[:5, 0]  # type: ignore[union-attr, index]
    bias = model.decoder[0].bias.detach().numpy()[:5]  # type: ignore[union-attr, index]
    variance = float(model.likelihood.parts[0].variance)  # type: ignore[arg-type]
    patterns = np.array(
        [[1, 1, 1, 1, 1], [1, 0, 0, 0, 0], [0, 0, 1, 1, 0], [0, 1, 1, 1, 1], [0, 0, 0, 0, 0]], dtype=bool
    )
    for pattern in patterns:
        present = np.broadcast_to(pattern, (400, 5))
        visible = torch.from_numpy(np.append(present, present, 1))
        features = torch.from_numpy(np.append(values[:400], np.zeros((400, 5)), 1)).float()
        batch = Batch(features, visible=visible)
        with torch.inference_mode():
            posterior = model.encode(features, model.context(batch, features))
        mean, spread = posteriors(values[:400], present, loadings, bias, variance)
        error = posterior.code.numpy()[:, 0] - mean
        assert math.sqrt((error**2).mean()) < 0.17
        np.testing.assert_allclose(posterior.stddev.numpy()[:, 0].mean(), np.sqrt(spread).mean(), rtol=0.2)  # type: ignore[attr-defined]
    # Everything is hidden: what the encoder says of nothing, the same for all rows, and nearly the prior.
    assert np.ptp(posterior.code.numpy()) == 0


def test_scores_are_those_of_the_observed_cells(trained: tuple[ComposedAutoencoder, np.ndarray, HoledRows]) -> None:
    model, values, source = trained
    few = HoledRows(values[:60], source.batch.present[:60, :5].numpy(), indicators=True)  # type: ignore[index]
    weight = model.decoder[0].weight.detach().double().numpy()[:, 0]  # type: ignore[union-attr, index]
    bias = model.decoder[0].bias.detach().double().numpy()  # type: ignore[union-attr, index]
    variance = float(model.likelihood.parts[0].variance)  # type: ignore[arg-type]
    z = np.linspace(-7, 7, 1401)[:, None, None]
    features, present = few.batch.values.double().numpy(), few.batch.present.numpy()  # type: ignore[union-attr]
    decoded = bias + z * weight
    cells = np.concatenate(
        [
            stats.norm.logpdf(features[:, :5], decoded[..., :5], math.sqrt(variance)),
            stats.bernoulli.logpmf(features[:, 5:], 1 / (1 + np.exp(-decoded[..., 5:]))),
        ],
        -1,
    )
    logs = np.where(present, cells, 0).sum(-1) + stats.norm.logpdf(z[..., 0])
    exact = np.logaddexp.reduce(logs, 0) + math.log(0.01)
    estimate, error = log_likelihood(model, few, seed=0, samples=512)
    assert np.abs(estimate - exact).max() < 0.05 + 5 * error.max()
    bound = log_likelihood_bound(model, few, seed=0)
    assert (bound < exact + 0.3).all()
    assert np.mean(exact - bound) == pytest.approx(0, abs=0.12)
    # What stands in an absent cell changes nothing.
    other = HoledRows(values[:60], present[:, :5], indicators=True)
    other.batch.values[:, :5][~few.batch.present[:, :5]] = 9.0  # type: ignore[index]
    assert (log_likelihood_bound(model, other, seed=0) == bound).all()
    assert (codes(model, other) == codes(model, few)).all()
