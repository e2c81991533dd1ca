"""Models with convolutions work on few images at a time; a row has the same bits all the same."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from isthmus.components.networks.base import Network
from isthmus.components.networks.convolutional import Convolutional
from isthmus.components.networks.mlp import MLP
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.random import torch_generator
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.defaults import Parts, complete
from isthmus.uses import density, inference, scoring


class Held:
    """Rows in memory, as a source."""

    def __init__(self, values: torch.Tensor) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def take(self, index: slice | torch.Tensor) -> Batch:
        return Batch(self.values[index])


def model_for(shape: Sequence[int], network: Network, dim: int = 3, seed: int | None = 0) -> ComposedAutoencoder:
    block = Block("unit-interval", 0, math.prod(shape), tuple(shape), step=1 / 255, variance=0.1)
    parts = Parts(latent_dim=dim, network=network, stochastic=True, squared_error=False)
    return complete(parts, [block]).build([block], None if seed is None else torch_generator(seed))


@pytest.mark.parametrize(
    ("shape", "network", "rows"),
    [
        ((28, 28), MLP(hidden=(4,)), 1024),
        ((256, 256), MLP(hidden=(4,)), 1024),
        ((8, 8), Convolutional(channels=(2,), hidden=()), 64),
        ((64, 64, 3), Convolutional(channels=(2,), hidden=()), 64),
        ((128, 128), Convolutional(channels=(2,), hidden=()), 64),
        ((128, 129), Convolutional(channels=(2,), hidden=()), 32),
        ((181, 181), Convolutional(channels=(2,), hidden=()), 32),
        ((256, 256), Convolutional(channels=(2,), hidden=()), 16),
        ((256, 256, 3), Convolutional(channels=(2,), hidden=()), 16),
    ],
)
def test_rows_of_a_batch_depend_on_the_model_alone(shape: tuple[int, ...], network: Network, rows: int) -> None:
    model = model_for(shape, network, seed=None)
    assert inference.batch_rows(model) == rows
    assert inference.batch_rows(model) == rows


def test_convolutions_in_the_decoder_alone_count() -> None:
    block = Block("unit-interval", 0, 64, (8, 8), variance=0.1)
    parts = Parts(latent_dim=2, encoder=MLP(hidden=(4,)), decoder=Convolutional(channels=(2,), hidden=()))
    assert inference.batch_rows(complete(parts, [block]).build([block])) == 64


def test_one_image_does_not_pay_for_a_thousand(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_for((8, 8), Convolutional(channels=(2,), hidden=()))
    seen: list[int] = []
    encode = ComposedAutoencoder.encode
    monkeypatch.setattr(
        ComposedAutoencoder,
        "encode",
        lambda self, rows, context=None: seen.append(len(rows)) or encode(self, rows, context),
    )
    inference.codes(model, Held(torch.rand(1, 64)))
    inference.codes(model, Held(torch.rand(129, 64)))
    assert seen == [64, 64, 64, 64]


NETWORKS = [((8 + width % 13, 8 + width % 7, (1, 3, 4)[width % 3]), width) for width in (1, 5, 10, 22, 33, 47, 70)]


@pytest.mark.parametrize(("shape", "width"), NETWORKS)
def test_a_row_has_the_same_bits_at_any_place_in_any_company(shape: tuple[int, ...], width: int) -> None:
    network = Convolutional(
        channels=(3 + width % 4, width),
        hidden=(width,) if width % 2 else (width, 33),
        kernel=2 + width % 4,
        blocks=int(width % 3 == 0),
        upsampling=("resize", "transposed")[width % 2],
        normalisation=("none", "group", "batch")[width % 3],
    )
    model = model_for(shape, network, 1 + width % 9)
    rows = torch.rand(150, math.prod(shape), generator=torch_generator(1))
    order = torch.randperm(150, generator=torch_generator(2))
    uses = {
        "codes": lambda held: inference.codes(model, held),
        "reconstructions": lambda held: inference.reconstructions(model, held),
        "scores": lambda held: scoring.log_likelihood_bound(model, held, 0, samples=2),
    }
    for name, use in uses.items():
        apart = use(Held(rows))
        np.testing.assert_array_equal(use(Held(rows[order])), apart[order.numpy()], err_msg=name)
        for place in (0, 63, 64, 149):
            np.testing.assert_array_equal(use(Held(rows[place : place + 1]))[0], apart[place], err_msg=name)
    z = inference.codes(model, Held(rows))
    np.testing.assert_array_equal(inference.decoded(model, z[order]), inference.decoded(model, z)[order.numpy()])


def test_densities_of_images_work_on_as_few() -> None:
    model = model_for((9, 8), Convolutional(channels=(3,), hidden=(5,)))
    rows = torch.rand(67, 72, generator=torch_generator(1))
    together, errors = density.log_likelihood(model, Held(rows), 0, samples=70)
    order = torch.randperm(67, generator=torch_generator(2))
    apart, _ = density.log_likelihood(model, Held(rows[order][:5]), 0, samples=70)
    np.testing.assert_array_equal(apart, together[order.numpy()][:5])
    assert (errors > 0).all()
    bound = scoring.log_likelihood_bound(model, Held(rows), 0, samples=64)
    assert together.mean() > bound.mean() - 0.1
