"""Oracle 10, in order: nested dropout turns a linear autoencoder into principal component analysis.

Rippel, Gelbart & Adams (2014), arXiv:1402.0915: a linear autoencoder that must do as well as possible with each number
of leading codes has the principal directions themselves as its columns, not only their span.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from linear_models import Data, known_data
from scipy import stats

from isthmus.components.latents.base import Latent
from isthmus.components.latents.ordered import Ordered
from isthmus.components.latents.point import Point
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.networks.mlp import MLP
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.noise import Noise
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.defaults import Parts, complete

DATA = known_data(60)
LATENT_DIM = 4


def trained(latent: Latent, data: Data = DATA) -> ComposedAutoencoder:
    """The model's own loss, with the mean over prefix lengths taken exactly, minimised by L-BFGS."""
    width = data.width
    parts = Parts(latent_dim=LATENT_DIM, network=MLP(hidden=()), latent=latent, likelihood=Gaussian(sigma=1.0))
    block = Block("continuous", 0, width, (width,))
    model = complete(parts, [block]).build([block], torch.Generator().manual_seed(0)).double()
    # One noise number in the middle of each length's share of the unit interval: every row meets every length once.
    middles = torch.from_numpy(stats.norm.ppf((np.arange(LATENT_DIM) + 0.5) / LATENT_DIM))
    batch = Batch(data.rows.repeat(LATENT_DIM, 1))
    noise = Noise(middles.repeat_interleave(len(data.rows))[:, None]) if isinstance(latent, Ordered) else None
    optimiser = torch.optim.LBFGS(
        model.parameters(),
        max_iter=600,
        history_size=20,
        tolerance_grad=1e-11,
        tolerance_change=1e-15,
        line_search_fn="strong_wolfe",
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = model.loss(batch, noise, {}).total
        loss.backward()
        return loss

    optimiser.step(closure)
    return model


def cosines(model: ComposedAutoencoder, data: Data = DATA) -> np.ndarray:
    """|cos| between each column of the decoder and the principal direction of the same number."""
    columns = model.decoder[0].weight.detach().numpy()
    columns = columns / np.linalg.norm(columns, axis=0)
    return np.abs((columns * data.eigenvectors[:, : columns.shape[1]]).sum(0))


@pytest.fixture(scope="module")
def ordered() -> ComposedAutoencoder:
    return trained(Ordered())


def test_each_code_is_a_principal_component_in_order(ordered: ComposedAutoencoder) -> None:
    assert (cosines(ordered) > 0.9999).all()
    encoder = ordered.encoder[0].weight.detach().numpy()
    decoder = ordered.decoder[0].weight.detach().numpy()
    for code in range(LATENT_DIM):
        direction = DATA.eigenvectors[:, code]
        outer = np.outer(decoder[:, code], encoder[code])
        np.testing.assert_allclose(outer, np.outer(direction, direction), atol=2e-3)


@torch.no_grad()
def test_every_shorter_code_is_as_good_as_principal_components(ordered: ComposedAutoencoder) -> None:
    code = ordered.encode(DATA.rows).code
    for length in range(1, LATENT_DIM + 1):
        prefix = torch.where(torch.arange(LATENT_DIM) < length, code, 0.0)
        error = (ordered.decode(prefix).mean - DATA.rows).square().sum(-1).mean()
        assert float(error) == pytest.approx(DATA.eigenvalues[length:].sum(), rel=1e-4)


def test_the_loss_at_the_optimum_is_the_mean_over_lengths(ordered: ComposedAutoencoder) -> None:
    middles = torch.from_numpy(stats.norm.ppf((np.arange(LATENT_DIM) + 0.5) / LATENT_DIM))
    noise = Noise(middles.repeat_interleave(len(DATA.rows))[:, None])
    loss = float(ordered.loss(Batch(DATA.rows.repeat(LATENT_DIM, 1)), noise, {}).total.detach())
    left = np.mean([DATA.eigenvalues[length:].sum() for length in range(1, LATENT_DIM + 1)])
    assert loss == pytest.approx(0.5 * left + 0.5 * DATA.width * math.log(2 * math.pi), rel=1e-6)


def test_without_nested_dropout_only_the_span_is_found() -> None:
    assert cosines(trained(Point())).min() < 0.99
