"""FreeBits: the largest of λ and the mean divergence, dimension by dimension."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from isthmus.components.penalties.free_bits import FreeBits
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.progress import END
from isthmus.core.random import torch_generator
from isthmus.distributions import DiagonalNormal, FullNormal
from isthmus.models.defaults import Parts, complete
from isthmus.testing.examples import WIDTH, example_model

# KL of N(m, 1) to N(0, 1) is m²/2: dimension 0 has 0.5 and 4.5 nats, dimension 1 has 0 and 0.18.
MEAN = torch.tensor([[1.0, 0.0], [3.0, 0.6]], dtype=torch.float64)


def value_of(spec: FreeBits, mean: Tensor = MEAN) -> Tensor:
    posterior = DiagonalNormal(mean, torch.zeros_like(mean))
    found = example_model(True).pass_of(posterior, Batch(torch.zeros(2, WIDTH, dtype=torch.float64)), None)
    return spec.value(found)


@pytest.mark.parametrize(
    ("nats", "wanted"),
    [
        (0.0, 2.5 + 0.09),
        (0.1, 2.5 + 0.1),  # the mean decides: 0.1 is less than the second row's 0.18
        (1.0, 2.5 + 1.0),  # and more than the first row's 0.5
        (3.0, 3.0 + 3.0),
    ],
)
def test_value_is_rows_times_the_sum_of_maxima(nats: float, wanted: float) -> None:
    assert float(value_of(FreeBits(nats=nats))) == pytest.approx(2 * wanted, rel=1e-14)


def test_no_gradient_below_the_free_nats() -> None:
    mean = MEAN.clone().requires_grad_()
    value_of(FreeBits(nats=1.0), mean).backward()
    assert mean.grad is not None
    torch.testing.assert_close(mean.grad[:, 0], MEAN[:, 0])
    assert (mean.grad[:, 1] == 0).all()


def test_it_stands_in_place_of_the_divergence() -> None:
    block = Block("continuous", 0, 3, (3,))
    model = complete(Parts(stochastic=True, penalties={"kl": FreeBits()}), [block]).build([block], torch_generator(0))
    terms = model.loss(Batch(torch.zeros(4, 3)), model.draw_noise(4, torch_generator(1)), model.weights(END))
    assert set(terms.parts) == {"reconstruction", "kl"}
    assert model.whole_batch_penalties == ["kl"]


def test_a_prior_with_dependent_dimensions_is_refused_by_name() -> None:
    found = example_model(True).pass_of(
        DiagonalNormal(MEAN, torch.zeros_like(MEAN)), Batch(torch.zeros(2, WIDTH, dtype=torch.float64)), None
    )
    with pytest.raises(ParameterError, match=r"FreeBits .* KL\(DiagonalNormal‖FullNormal\) is not a sum"):
        FreeBits().value(replace(found, prior=FullNormal(torch.zeros(2), torch.eye(2))))
