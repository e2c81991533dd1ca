"""Models whose codes are maps: what is automatic, conditions, files, spectral norms on images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import isthmus
from isthmus.components.latents.gaussian import GaussianLatent
from isthmus.components.latents.residual_quantised import ResidualQuantised
from isthmus.components.latents.vector_quantised import VectorQuantised
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.networks.convolutional import Convolutional
from isthmus.components.networks.mlp import MLP
from isthmus.components.priors.categorical_mixture import CategoricalMixture
from isthmus.core.blocks import Block
from isthmus.models.architecture import describe_architecture
from isthmus.models.defaults import complete
from isthmus.training.settings import TrainingSettings

IMAGES = np.random.Generator(np.random.PCG64(0)).integers(0, 256, (24, 9, 10, 1)).astype(np.uint8)
SETTINGS = TrainingSettings(1, None, 1, 1.0, "constant", None)
SMALL = Convolutional(channels=(4, 8), spatial=True)  # maps of 3 × 3


def composition(model: Any, *shape: int) -> Any:
    block = Block("unit-interval", 0, int(np.prod(shape)), shape, variance=0.1)
    return complete(model._parts(SETTINGS), [block])


def test_large_images_become_maps_of_symbols_by_themselves() -> None:
    found = composition(isthmus.VQVAE(), 64, 64, 3)
    assert found.encoder == Convolutional(spatial=True).sized((64, 64, 3), 8 * 8 * 16)
    assert (found.latent_dim, found.latent.tokens) == (8 * 8 * 16, 64)
    fsq = composition(isthmus.recipe("fsq-autoencoder"), 32, 32)
    assert (fsq.latent_dim, len(fsq.latent.symbol_levels(fsq.latent_dim))) == (8 * 8 * 4, 256)
    residual = composition(isthmus.recipe("residual-vq-vae", latent__stages=2), 32, 32)
    assert len(residual.latent.symbol_levels(residual.latent_dim)) == 8 * 8 * 2


@pytest.mark.parametrize(
    ("model", "shape", "tokens"),
    [
        (isthmus.VQVAE(latent_dim=64), (64, 64), 4),
        (isthmus.VQVAE(tokens=8), (64, 64), 8),
        (isthmus.VQVAE(network=MLP()), (64, 64), 4),
        (isthmus.VQVAE(network=Convolutional()), (64, 64), 4),
        (isthmus.VQVAE(), (28, 28), 4),
        (isthmus.VQVAE(), (4096,), 4),
    ],
)
def test_other_codes_stay_vectors(model: Any, shape: tuple[int, ...], tokens: int) -> None:
    found = composition(model, *shape)
    assert not getattr(found.encoder, "spatial", False)
    assert found.latent.tokens == tokens


def test_deterministic_and_gaussian_codes_of_large_images_stay_vectors() -> None:
    for name in ("autoencoder", "vae", "rae-l2"):
        assert not composition(isthmus.recipe(name), 64, 64).encoder.spatial


@pytest.mark.parametrize(
    ("name", "params", "symbols"),
    [
        ("vq-vae", {"n_codes": 8}, 9),
        ("vq-vae", {"latent": VectorQuantised(n_codes=8, update="gradient")}, 9),
        ("residual-vq-vae", {"latent": ResidualQuantised(n_codes=8, stages=2)}, 18),
        ("fsq-autoencoder", {}, 36),
    ],
)
def test_a_saved_model_gives_the_same_bits(name: str, params: dict[str, Any], symbols: int, tmp_path: Any) -> None:
    common = {"network": SMALL, "likelihood": Gaussian(sigma=0.3), "max_epochs": 1, "random_state": 0}
    model = isthmus.recipe(name, **common, **params).fit(IMAGES)
    codes = model.codes(IMAGES)
    assert codes.shape == (24, symbols)
    model.save(tmp_path / "model.safetensors")
    again = isthmus.load(tmp_path / "model.safetensors")
    assert np.array_equal(again.codes(IMAGES), codes)
    assert np.array_equal(again.transform(IMAGES), model.transform(IMAGES))
    assert np.array_equal(again.sample(3, random_state=1), model.sample(3, random_state=1))
    assert np.array_equal(again.inverse_transform(model.transform(IMAGES)), model.reconstruct(IMAGES))
    order = np.arange(24)[::-1]
    assert np.array_equal(model.codes(IMAGES[order]), codes[order])
    assert np.array_equal(model.reconstruct(IMAGES[:5]), model.reconstruct(IMAGES)[:5])


def test_gaussian_maps_with_a_condition() -> None:
    rows = np.hstack([IMAGES.reshape(24, 90) / 255, np.arange(24)[:, None] % 3])
    network = SMALL.replace(shape=(9, 10), code_channels=2)
    schema = {"*": "unit-interval", 90: "condition"}
    vae = isthmus.VAE(network=network, schema=schema, likelihood=Gaussian(sigma=0.3), max_epochs=1, random_state=0)
    vae.fit(rows)
    assert (vae.latent_dim_, vae.composition_.latent) == (18, GaussianLatent())
    assert vae.module_.encoder[1].in_channels == 1 + 3
    assert vae.module_.encoder[-2].out_channels == 2 * 2
    assert vae.module_.decoder[1].in_channels == 2 + 3
    other = rows.copy()
    other[:, 90] = (other[:, 90] + 1) % 3
    assert not np.allclose(vae.reconstruct(other)[:, :90], vae.reconstruct(rows)[:, :90])
    assert vae.sample(2, given={90: 1}, random_state=0).shape == (2, 91)


def test_the_density_is_over_all_tokens() -> None:
    model = isthmus.VQVAE(n_codes=8, network=SMALL, likelihood=Gaussian(sigma=0.3), max_epochs=1, random_state=0)
    model.fit(IMAGES)
    assert isinstance(model.density_spec_, CategoricalMixture)  # too few rows for a transformer
    assert model.density_().draw(2).shape == (2, 9)
    assert model.rate_ == pytest.approx(9 * np.log(8))


def test_layers_are_listed_with_the_shapes_of_their_maps() -> None:
    block = Block("unit-interval", 0, 90, (9, 10, 1), variance=0.1)
    found = composition(isthmus.VQVAE(n_codes=8, network=SMALL), 9, 10, 1)
    model = found.build([block])
    rows = describe_architecture(model, (9, 10, 1))
    assert [(row.stage, row.name, row.detail, row.output_shape) for row in rows[1:-1]] == [
        ("encoder", "Conv", "4 × 4, stride 2, GELU", (5, 5, 4)),
        ("encoder", "Conv", "4 × 4, stride 2, GELU", (3, 3, 8)),
        ("latent", "z", "9 of 8 vectors, uniform prior over symbols", (144,)),
        ("decoder", "Conv", "3 × 3, GELU", (3, 3, 8)),
        ("decoder", "Resize, conv", "3 × 3, GELU", (5, 5, 4)),
    ]
    assert sum(row.parameters for row in rows) == sum(parameter.numel() for parameter in model.parameters())


def test_the_decoder_of_rae_sn_is_convolutional_where_its_encoder_is(tmp_path: Any) -> None:
    network = Convolutional(channels=(4, 8), hidden=(8,))
    model = isthmus.recipe("rae-sn", network=network, latent_dim=4, max_epochs=2, random_state=0).fit(IMAGES)
    assert model.composition_.decoder == network.sized((9, 10, 1)).replace(spectral_norm=True)
    assert [row.name for row in model.architecture_ if row.stage == "decoder"] == ["Linear", "Linear", "Resize, conv"]
    model.save(tmp_path / "model.safetensors")
    again = isthmus.load(tmp_path / "model.safetensors")
    assert np.array_equal(again.reconstruct(IMAGES), model.reconstruct(IMAGES))
