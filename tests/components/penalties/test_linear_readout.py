"""What a linear reader of the codes misses: against ridge regressions by least squares."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus import Autoregressive, LinearReadout, VectorQuantised
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.forward_pass import ForwardPass
from isthmus.distributions import DiagonalNormal, PointMass
from isthmus.models.defaults import READOUT, Parts, complete
from isthmus.testing import check_component

ROWS, CODES, FEATURES = 40, 3, 5


def normal(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def seen(posterior, features) -> ForwardPass:
    unused = None
    return ForwardPass(Batch(features), features, posterior, posterior.code, unused, unused, unused, unused)


def missed(codes: np.ndarray, features: np.ndarray, ridge: np.ndarray) -> float:
    """½ Σ ‖x − x̄ − W(c − c̄)‖² + ½ Σ_j ridge_j ‖W_j‖² at its minimum, by least squares with rows for the ridge."""
    codes, features = codes - codes.mean(0), features - features.mean(0)
    codes = np.vstack([codes, np.diag(np.sqrt(ridge))])
    features = np.vstack([features, np.zeros((len(ridge), features.shape[1]))])
    weights = np.linalg.lstsq(codes, features, rcond=None)[0]
    return float(0.5 * ((features - codes @ weights) ** 2).sum())


def test_the_best_reader_by_least_squares():
    mean, log_std = normal(ROWS, CODES, seed=0), 0.3 * normal(ROWS, CODES, seed=1)
    features = 0.3 * normal(ROWS, FEATURES, seed=2) + 0.1 * mean @ normal(CODES, FEATURES, seed=3)
    assert float(features.std(0, correction=0).max()) < 1
    ridge = 0.5 * (2 * log_std).exp().sum(0).numpy()
    found = LinearReadout(noise=0.5, squares=False).value(seen(DiagonalNormal(mean, log_std), features))
    assert float(found) == pytest.approx(missed(mean.numpy(), features.numpy(), ridge), rel=1e-5)


def test_without_noise_the_scale_of_a_code_does_not_matter():
    code, features = normal(ROWS, CODES, seed=0), 0.2 * normal(ROWS, FEATURES, seed=1)
    wanted = missed(code.numpy(), features.numpy(), np.zeros(CODES))
    for scale in (1.0, 1e-3, 1e3):
        found = LinearReadout(noise=0.0, squares=False).value(seen(PointMass(scale * code), features))
        assert float(found) == pytest.approx(wanted, rel=1e-5)


def test_wide_features_are_brought_down_to_a_standard_deviation_of_one():
    code, features = normal(ROWS, CODES, seed=0), normal(ROWS, FEATURES, seed=1)
    features = (features - features.mean(0)) / features.std(0, correction=0)
    plain = LinearReadout(squares=False).value(seen(PointMass(code), features))
    scaled = LinearReadout(squares=False).value(
        seen(PointMass(code), features * torch.tensor([1.0, 7.0, 1e4, 1.0, 30.0]))
    )
    torch.testing.assert_close(scaled, plain)
    narrow = LinearReadout(squares=False).value(seen(PointMass(code), 0.5 * features))
    torch.testing.assert_close(narrow, 0.25 * plain)


def test_squares_are_asked_for_besides():
    code, features = normal(ROWS, CODES, seed=0), 0.2 * normal(ROWS, FEATURES, seed=1)
    both = torch.cat([features, features.square()], 1)
    found = LinearReadout(noise=0.0).value(seen(PointMass(code), features))
    assert float(found) == pytest.approx(missed(code.numpy(), both.numpy(), np.zeros(CODES)), rel=1e-5)


def test_rows_that_are_fewer_than_dimensions_or_alike_are_no_trouble():
    features = normal(2, FEATURES, seed=1)
    for code in (normal(2, CODES, seed=0), torch.zeros(2, CODES, dtype=torch.float64)):
        assert bool(LinearReadout(squares=False).value(seen(PointMass(code), features)).isfinite())
    one = LinearReadout().value(seen(PointMass(normal(1, CODES, seed=0)), features[:1]))
    assert float(one) == 0.0


def test_it_is_there_by_default_where_the_decoder_looks_at_the_row():
    blocks = [Block("continuous", 0, 2, (2,)), Block("categorical", 2, 5, (3,), cardinality=3)]
    assert complete(Parts(stochastic=True), blocks).penalties["linear_readout"] == LinearReadout(weight=READOUT)
    assert "linear_readout" not in complete(Parts(stochastic=True), blocks[:1]).penalties
    symbols = Parts(latent=VectorQuantised(), latent_dim=2, likelihood=Autoregressive())
    assert "linear_readout" not in complete(symbols, blocks).penalties


def test_the_contract():
    for spec in (LinearReadout(), LinearReadout(noise=0.0, weight=3.0)):
        check_component(spec)


def test_a_negative_noise_is_refused():
    with pytest.raises(ParameterError, match="noise"):
        LinearReadout(noise=-1.0).validate()
