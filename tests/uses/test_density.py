"""The importance-weighted log-likelihood: exact where the posterior is, within its standard error elsewhere."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from isthmus.components.latents.point import Point
from isthmus.components.likelihoods.bernoulli import Bernoulli
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.networks.mlp import MLP
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.context import Context
from isthmus.core.errors import ParameterError
from isthmus.core.random import torch_generator
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.defaults import Parts, complete
from isthmus.uses.density import DRAWS, RunningWeights, log_likelihood
from isthmus.uses.inference import BATCH_ROWS
from isthmus.uses.scoring import log_likelihood_bound

SIGMA = 0.6
CENTRE = np.array([0.5, -1.0, 0.0, 2.0])
# Columns at right angles: the posterior is diagonal.
WEIGHTS = np.linalg.qr(np.arange(8.0).reshape(4, 2) ** 2 + np.eye(4)[:, :2])[0] * [2.0, 0.5]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class TensorRows:
    """Rows in one tensor, with a condition and extras if there are any."""

    def __init__(self, values: Tensor, condition: Tensor | None = None) -> None:
        self.batch = Batch(values, condition=condition)

    def __len__(self) -> int:
        return len(self.batch)

    def take(self, index: slice | Tensor) -> Batch:
        return self.batch.rows(index)


def build(latent_dim: int, width: int, kind: str = "continuous", condition_width: int = 0, **parts: object):
    block = Block(kind, 0, width, (width,))
    parts = {"network": MLP(hidden=(8,), activation="tanh"), "stochastic": True, **parts}
    composition = complete(Parts(latent_dim, **parts), [block])
    return composition.build([block], torch_generator(1), condition_width).eval()


@torch.no_grad()
def principal_components(spread: float = 1.0) -> ComposedAutoencoder:
    """Probabilistic PCA, with ``spread`` times the true posterior's variances as q."""
    model = build(2, 4, network=MLP(hidden=()), likelihood=Gaussian(sigma=SIGMA, mean="identity")).double()
    model.likelihood.parts[0].variance.fill_(SIGMA**2)
    precision = 1 + (WEIGHTS**2).sum(0) / SIGMA**2
    to_code = WEIGHTS.T / SIGMA**2 / precision[:, None]
    encoder, decoder = model.encoder[0], model.decoder[0]
    encoder.weight.zero_()
    encoder.weight[:2] = torch.from_numpy(to_code)
    encoder.bias[:2] = torch.from_numpy(-to_code @ CENTRE)
    encoder.bias[2:] = torch.from_numpy(0.5 * np.log(spread / precision))
    decoder.weight.copy_(torch.from_numpy(WEIGHTS))
    decoder.bias.copy_(torch.from_numpy(CENTRE))
    return model


def evidence() -> stats.rv_continuous:
    return stats.multivariate_normal(CENTRE, WEIGHTS @ WEIGHTS.T + SIGMA**2 * np.eye(4))


def sampled_rows(count: int) -> Tensor:
    return torch.from_numpy(evidence().rvs(count, random_state=0))


def test_with_the_true_posterior_it_is_the_likelihood_of_probabilistic_pca_without_error() -> None:
    x = sampled_rows(40)
    found, error = log_likelihood(principal_components(), TensorRows(x), seed=0, samples=100)
    np.testing.assert_allclose(found, evidence().logpdf(x.numpy()), atol=1e-10)
    assert error.max() < 1e-10
    assert found.dtype == error.dtype == np.float64


@pytest.mark.parametrize("spread", [0.8, 3.0])
def test_with_another_proposal_it_is_right_within_its_standard_error(spread: float) -> None:
    x = sampled_rows(200)
    found, error = log_likelihood(principal_components(spread), TensorRows(x), seed=0, samples=2000)
    standardised = (found - evidence().logpdf(x.numpy())) / error
    assert np.abs(standardised).max() < 5
    # The standard error is neither too wide nor too narrow, and is what theory says: √(χ²(p‖q) / K) for every row.
    assert 0.85 < standardised.std() < 1.15
    divergence = (spread / math.sqrt(2 * spread - 1)) ** 2 - 1
    np.testing.assert_allclose(np.median(error), math.sqrt(divergence / 2000), rtol=0.1)


def test_a_curved_decoder_against_numerical_integration() -> None:
    model = build(1, 3, likelihood=Gaussian(sigma=0.5, mean="identity")).double()
    x = torch.randn(12, 3, generator=torch_generator(5), dtype=torch.float64)
    found, error = log_likelihood(model, TensorRows(x), seed=3)
    grid = torch.linspace(-10, 10, 8001, dtype=torch.float64)[:, None]
    with torch.no_grad():
        decoded = model.decode(grid[:, None, :].expand(-1, 12, -1)).log_prob(x)  # (grid, rows)
    joint = decoded.numpy() + stats.norm.logpdf(grid.numpy())
    top = joint.max(0)
    exact = top + np.log(np.trapezoid(np.exp(joint - top), grid[:, 0].numpy(), axis=0))
    assert (np.abs(found - exact) < 5 * error).all()
    assert error.max() < 0.1
    bound = log_likelihood_bound(model, TensorRows(x), seed=3, samples=500)
    assert (bound < found + 0.05).all()


@pytest.fixture(scope="module")
def conditional() -> tuple[ComposedAutoencoder, Tensor, Tensor]:
    """A model in float32 of more rows than a batch holds, with widths that round by position."""
    model = build(5, 10, condition_width=3, network=MLP(hidden=(6,)), squared_error=False)
    rows = BATCH_ROWS + 7
    x = torch.randn(rows, 10, generator=torch_generator(2))
    condition = torch.nn.functional.one_hot(torch.arange(rows) % 3, 3).float()
    return model, x, condition


def test_a_row_has_the_same_bits_in_any_company(conditional: tuple[ComposedAutoencoder, Tensor, Tensor]) -> None:
    model, x, condition = conditional
    found, error = log_likelihood(model, TensorRows(x, condition), seed=4, samples=70)
    again = log_likelihood(model, TensorRows(x, condition), seed=4, samples=70)
    assert np.array_equal(found, again[0])
    assert np.array_equal(error, again[1])
    order = torch.randperm(len(x), generator=torch_generator(9))
    for index in (order, torch.tensor([1029]), torch.arange(3, 40)):
        piece = log_likelihood(model, TensorRows(x[index], condition[index]), seed=4, samples=70)
        assert np.array_equal(piece[0], found[index.numpy()])
        assert np.array_equal(piece[1], error[index.numpy()])
    other = log_likelihood(model, TensorRows(x[:5], condition[:5]), seed=5, samples=70)[0]
    assert (other != found[:5]).all()


def test_the_condition_counts(conditional: tuple[ComposedAutoencoder, Tensor, Tensor]) -> None:
    model, x, _ = conditional
    x, conditions = x[:1].expand(3, -1), torch.eye(3)
    found, error = log_likelihood(model, TensorRows(x, conditions), seed=0)
    spreads = []
    for row in range(3):  # plain averages over draws of the prior
        z = torch.randn(200_000, 5, generator=torch_generator(row))
        with torch.no_grad():
            given = Context(conditions[row].expand(len(z), 3))
            likelihood = model.decode(z, given).log_prob(x[row]).double().exp().numpy()
        relative = likelihood.std() / likelihood.mean() / math.sqrt(len(z))
        spreads.append(math.hypot(error[row], relative))
        assert abs(found[row] - math.log(likelihood.mean())) < 5 * spreads[-1]
    assert np.ptp(found) > 10 * max(spreads)


def test_memory_does_not_grow_with_samples_or_rows() -> None:
    model = build(8, 20, "binary", likelihood=Bernoulli())
    x = (torch.rand(300, 20, generator=torch_generator(2)) < 0.4).float()
    log_likelihood(model, TensorRows(x[:1]), seed=0, samples=2)
    tracemalloc.start()
    log_likelihood(model, TensorRows(x), seed=0, samples=640)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6  # the noise of all draws at once: 300 × 640 × 8 numbers, six times as much


def test_every_pass_has_the_shape_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(2, 4)
    shapes = []
    decode = model.decode
    monkeypatch.setattr(model, "decode", lambda z, context: shapes.append(tuple(z.shape)) or decode(z, context))
    log_likelihood(model, TensorRows(torch.zeros(17, 4)), seed=0, samples=2 * DRAWS + 1)
    assert shapes == [(BATCH_ROWS, 2)] * 6  # two groups of 16 rows, three passes each


def test_a_deterministic_code_with_a_cost_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(2, 4, latent=Point(), stochastic=False, squared_error=False)
    monkeypatch.setattr(model, "bounded", True)
    monkeypatch.setattr("isthmus.uses.density.kl_divergence", lambda q, p, z: z.new_full((len(z),), 3 * math.log(5)))
    x = torch.randn(9, 4, generator=torch_generator(2))
    found, error = log_likelihood(model, TensorRows(x), seed=0)
    with torch.no_grad():
        decoded = model.decode(model.encode(x).code).log_prob(x)
    np.testing.assert_allclose(found, decoded.numpy() - 3 * math.log(5), rtol=1e-6)
    assert (error == 0).all()


def test_a_point_without_a_distribution_is_refused_by_name() -> None:
    model = build(2, 4, latent=Point(), stochastic=False)
    with pytest.raises(ParameterError, match=r"the code of this one \(PointLatent\) is a point.*GaussianLatent"):
        log_likelihood(model, TensorRows(torch.zeros(3, 4)), seed=0)


@pytest.mark.parametrize("samples", [1, 0, 2.5, True, "many"])
def test_numbers_of_samples_that_make_no_sense(samples: object) -> None:
    with pytest.raises(ParameterError, match=r"`samples` must be an integer in \[2, inf\); got"):
        log_likelihood(build(2, 4), TensorRows(torch.zeros(3, 4)), seed=0, samples=samples)


@pytest.mark.parametrize("pieces", [(50,), (1, 49), (20, 7, 23), (1,) * 50])
def test_running_weights_are_those_of_all_at_once(pieces: tuple[int, ...]) -> None:
    log_weights = np.random.default_rng(0).normal([0, 900, -900, 5], 3, size=(50, 4))
    log_weights[:30, 3] = -np.inf
    running = RunningWeights(4)
    start = 0
    for size in pieces:
        running.add(log_weights[start : start + size])
        start += size
    top = log_weights.max(0)
    weights = np.exp(log_weights - top)
    np.testing.assert_allclose(running.log_mean(), top + np.log(weights.mean(0)), rtol=1e-13)
    expected = weights.std(0, ddof=1) / weights.mean(0) / math.sqrt(50)
    np.testing.assert_allclose(running.standard_error(), expected, rtol=1e-12)


def test_weights_that_are_equal_or_all_zero() -> None:
    running = RunningWeights(2)
    for _ in range(3):
        running.add(np.stack([np.full(7, -1234.5), np.full(7, -np.inf)], 1))
    assert running.log_mean().tolist() == [-1234.5, -np.inf]
    assert running.standard_error().tolist() == [0.0, np.inf]
