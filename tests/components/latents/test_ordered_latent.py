"""Nested dropout keeps a prefix whose length has the distribution that was asked for."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from isthmus.components.latents.ordered import Ordered
from isthmus.components.networks.mlp import MLP
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.random import torch_generator
from isthmus.models.defaults import Parts, complete

CODE = torch.tensor([[5.0, -6.0, 7.0, 8.0]], dtype=torch.float64)


def lengths(spec: Ordered, uniform: np.ndarray, latent_dim: int = 4) -> list[int]:
    """How many entries each uniform number keeps, seen in the samples; what is kept must be a prefix."""
    noise = torch.from_numpy(stats.norm.ppf(uniform))[:, None]
    code = torch.ones(len(uniform), latent_dim, dtype=torch.float64)
    sample = spec.build(latent_dim)(code).sample(noise)
    kept = sample.sum(-1).long()
    assert torch.equal(sample, (torch.arange(latent_dim) < kept[:, None]).double())
    return kept.tolist()


def test_uniform_lengths_divide_the_unit_interval_evenly() -> None:
    edges = np.array([0.25, 0.5, 0.75])
    assert lengths(Ordered(), np.array([1e-9, *(edges - 1e-9), *(edges + 1e-9), 1 - 1e-9])) == [1, 1, 2, 3, 2, 3, 4, 4]


def test_geometric_lengths() -> None:
    rate = 0.3
    edges = 1 - (1 - rate) ** np.arange(1, 4)  # P(b <= 1), P(b <= 2), P(b <= 3)
    spec = Ordered(distribution="geometric", rate=rate)
    assert lengths(spec, np.array([1e-9, *(edges - 1e-9), *(edges + 1e-9), 1 - 1e-12])) == [1, 1, 2, 3, 2, 3, 4, 4]


def test_random_lengths_come_as_often_as_they_should() -> None:
    n, rate = 20_000, 0.4
    noise = torch.randn(n, 1, generator=torch_generator(0))
    posterior = Ordered("geometric", rate).build(4).float()(torch.ones(n, 4))
    shares = torch.bincount(posterior.sample(noise).sum(-1).long(), minlength=5)[1:] / n
    expected = torch.tensor([rate, rate * 0.6, rate * 0.36, 0.6**3])
    assert ((shares - expected).abs() <= 5 * (expected * (1 - expected) / n).sqrt()).all()


def test_the_code_is_whole_and_samples_are_its_beginnings() -> None:
    posterior = Ordered().build(4)(CODE)
    assert torch.equal(posterior.code, CODE)
    noise = torch.tensor([[[-3.0]], [[-0.3]], [[0.3]], [[3.0]]], dtype=torch.float64)
    expected = torch.tensor([[5.0, 0, 0, 0], [5, -6, 0, 0], [5, -6, 7, 0], [5, -6, 7, 8]]).double()[:, None]
    assert torch.equal(posterior.sample(noise), expected)
    assert Ordered().noise_width(4) == 1
    assert Ordered().build(1)(CODE[:, :1]).sample(noise[0]).tolist() == [[5.0]]


def test_the_slope_is_that_of_the_encoders_output() -> None:
    slope: Tensor | None = Ordered().build(4)(CODE).slope
    assert slope is not None
    assert slope.tolist() == [[1.0, 1.0, 1.0, 1.0]]


def test_training_cuts_codes_and_everything_else_does_not() -> None:
    block = Block("continuous", 0, 5, (5,))
    parts = Parts(latent_dim=4, network=MLP(hidden=(3,)), latent=Ordered())
    model = complete(parts, [block]).build([block], torch_generator(0)).double()
    rows = torch.randn(50, 5, generator=torch_generator(1), dtype=torch.float64)
    noise = model.draw_noise(50, torch_generator(2))
    assert noise is not None
    assert noise.latent is not None
    assert noise.latent.shape == (50, 1)
    z = model.forward_pass(Batch(rows), noise).z
    kept = (z != 0).sum(-1)
    assert set(kept.tolist()) == {1, 2, 3, 4}
    code = model.encode(rows).code
    assert torch.equal(z, torch.where(torch.arange(4) < kept[:, None], code, 0.0))
    assert torch.equal(model.forward_pass(Batch(rows), None).z, code)
    # The decoder is asked about the cut code.
    expected = 0.5 * (model.decode(z).mean - rows).square().sum() + 50 * 2.5 * math.log(2 * math.pi)
    torch.testing.assert_close(model.loss(Batch(rows), noise, {}).parts["reconstruction"], expected)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_rate_at_its_bounds_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match=r"Ordered: `rate` must be a number in \(0, 1\)"):
        Ordered(rate=rate).validate()
