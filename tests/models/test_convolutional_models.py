"""Convolutional networks in models: every recipe, what is automatic, what is refused, how they are described."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import isthmus
from isthmus.components.likelihoods.discretised_logistic import DiscretisedLogistic
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.networks.convolutional import Convolutional
from isthmus.components.networks.mlp import MLP
from isthmus.components.penalties.contraction import Contraction
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.random import torch_generator
from isthmus.models.architecture import describe_architecture
from isthmus.models.defaults import Parts, complete
from isthmus.models.recipes import RECIPES

SMALL = Convolutional(channels=(4, 8), hidden=(8,))
IMAGES = np.random.Generator(np.random.PCG64(0)).integers(0, 256, (24, 9, 10, 1)).astype(np.uint8)
PIXELS = Block("unit-interval", 0, 90, (9, 10, 1), step=1 / 255, variance=0.1)
FEWER = {"objective__samples": 2, "objective__repeats": 2, "prior__n_components": 4, "latent__n_codes": 8}


def estimator(name: str, **params: Any) -> Any:
    found = isthmus.recipe(name, latent_dim=4, max_epochs=1, network=SMALL, random_state=0)
    known = found.get_params()
    if known["likelihood"] == "auto":  # with a known scale, which saves its calibration
        found.set_params(likelihood=Gaussian(sigma=0.3))
    return found.set_params(**{key: value for key, value in FEWER.items() if key in known}).set_params(**params)


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_fits_images(name: str) -> None:
    fitted = estimator(name).fit(IMAGES)
    stored = fitted.composition_.encoder
    assert stored == SMALL.sized((9, 10, 1))
    assert fitted.transform(IMAGES).shape == (24, 4)
    assert fitted.reconstruct(IMAGES).shape == IMAGES.shape
    drawn = fitted.sample(2, random_state=0)
    assert (drawn.shape, drawn.dtype) == ((2, 9, 10, 1), np.uint8)


@pytest.mark.parametrize("name", ["rae-gp", "contractive-autoencoder"])
@pytest.mark.parametrize("normalisation", ["group", "batch"])
def test_derivatives_of_normalised_networks(name: str, normalisation: str) -> None:
    fitted = estimator(name, network=SMALL.replace(normalisation=normalisation)).fit(IMAGES)
    assert np.isfinite(fitted.transform(IMAGES)).all()


def test_the_closed_form_of_the_contraction_is_not_for_convolutions() -> None:
    exact = estimator("contractive-autoencoder", penalties={"contraction": Contraction(estimator="exact")})
    with pytest.raises(ParameterError, match=r"knows no closed form .* Use estimator='auto'"):
        exact.fit(IMAGES)


def test_flat_images_with_a_condition() -> None:
    rows = np.hstack([IMAGES.reshape(24, 90) / 255, np.arange(24)[:, None] % 3])
    network = SMALL.replace(shape=(9, 10))
    vae = estimator("conditional-vae", network=network, schema={"*": "unit-interval", 90: "condition"}).fit(rows)
    assert vae.module_.encoder[1].in_channels == 1 + 3
    assert vae.module_.decoder[0].in_features == 4 + 3
    assert vae.sample(2, given={90: 1}, random_state=0).shape == (2, 91)
    image = vae.reconstruct(rows)[:, :90]
    other = rows.copy()
    other[:, 90] = (other[:, 90] + 1) % 3
    assert not np.allclose(vae.reconstruct(other)[:, :90], image)


def test_a_saved_model_gives_the_same_bits(tmp_path: Any) -> None:
    vae = estimator("vamp-vae").fit(IMAGES)
    vae.save(tmp_path / "model.safetensors")
    again = isthmus.load(tmp_path / "model.safetensors")
    assert np.array_equal(again.transform(IMAGES), vae.transform(IMAGES))
    order = np.arange(24)[::-1]
    assert np.array_equal(vae.transform(IMAGES[order]), vae.transform(IMAGES)[order])
    assert np.array_equal(vae.reconstruct(IMAGES[:5]), vae.reconstruct(IMAGES)[:5])


@pytest.mark.parametrize("components", [1, 3])
def test_the_parameters_of_a_pixel_come_from_its_place(components: int) -> None:
    """Of every group: moving one pixel of the first map moves the parameters of its neighbourhood alone."""
    likelihood = DiscretisedLogistic(components=components)
    groups = likelihood.parameter_shape(PIXELS) // 90
    assert groups == (2 if components == 1 else 9)
    decoder = Convolutional(channels=(2,), hidden=(), shape=(9, 10, 1)).build(3, 90 * groups, mirrored=True)
    doubling, to_rows = decoder[-2], decoder[-1]
    with torch.no_grad():
        doubling.weight.fill_(1.0)
        maps = torch.zeros(1, 2, 5, 5)
        before = likelihood.build(PIXELS)(to_rows(doubling(maps)))
        maps[0, 0, 2, 1] = 1.0
        after = likelihood.build(PIXELS)(to_rows(doubling(maps)))
    near = torch.zeros(9, 10, dtype=torch.bool)
    near[3:7, 1:5] = True  # two by two pixels, and the 3 × 3 convolution around them
    names = ("locations", "log_scales", *(["mixture_logits"] if components > 1 else []))
    for name in names:
        moved = getattr(after, name) != getattr(before, name)
        assert moved.shape == (1, 90, components)
        assert torch.equal(moved.all(-1).reshape(9, 10), near), name
        assert torch.equal(moved.any(-1).reshape(9, 10), near), name


# What is automatic


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ((28, 28), MLP),
        ((31, 31, 3), MLP),
        ((32, 8), Convolutional),
        ((8, 32, 3), Convolutional),
        ((100, 7), MLP),
        ((64, 64, 3), Convolutional),
        ((4096,), MLP),
    ],
)
def test_larger_images_get_convolutions(shape: tuple[int, ...], kind: type) -> None:
    width = int(np.prod(shape))
    composition = complete(Parts(), [Block("unit-interval", 0, width, shape)])
    assert type(composition.encoder) is type(composition.decoder) is kind
    assert "auto" not in (
        getattr(composition.encoder, name)
        for name in composition.encoder.constraints
        if name not in ("layout", "code_channels")
    )


def test_columns_beside_images_get_fully_connected_layers() -> None:
    blocks = [Block("unit-interval", 0, 1024, (1024,)), Block("binary", 1024, 1026, (2,))]
    assert isinstance(complete(Parts(), blocks).encoder, MLP)


def test_encoder_and_decoder_may_differ() -> None:
    composition = complete(Parts(encoder=SMALL, decoder=MLP(hidden=(6,))), [PIXELS])
    assert composition.encoder == SMALL.sized((9, 10, 1))
    model = composition.build([PIXELS], torch_generator(0))
    assert model(torch.rand(2, 90)).shape == (2, 90)


# What is refused


@pytest.mark.parametrize(
    ("network", "blocks", "words"),
    [
        (
            Convolutional(),
            [Block("continuous", 0, 90, (90,))],
            r"needs rows that are images; these are 90 continuous features\. Pass uint8 images .* schema='images'; say "
            r"Convolutional\(shape=\(height, width\)\) .* or use network=MLP\(\)",
        ),
        (
            Convolutional(),
            [Block("continuous", 0, 2, (2,)), Block("binary", 2, 5, (3,))],
            "these are 2 continuous features and 3 binary features",
        ),
        (
            Convolutional(shape=(8, 8)),
            [Block("continuous", 0, 90, (90,))],
            r"`shape`=\(8, 8\) is 8 × 8 × 1 = 64 features of one kind; the rows are 90 continuous features",
        ),
        (Convolutional(shape=(10, 9)), [PIXELS], r"`shape`=\(10, 9\) is .* the rows are images of 9 × 10 × 1"),
        (
            Convolutional(shape=(8, 8)),
            [Block("categorical", 0, 64, (64,), cardinality=4)],
            "of one kind; the rows are 64 categorical features",
        ),
        (Convolutional(), [Block("unit-interval", 0, 70, (7, 10))], "images of 7 × 10 pixels are too small"),
    ],
)
def test_other_rows_are_refused(network: Convolutional, blocks: list[Block], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        complete(Parts(network=network), blocks)


# How it is described


def test_layers_are_listed_with_the_shapes_of_their_maps() -> None:
    network = Convolutional(channels=(4, 8), hidden=(6,), blocks=1, normalisation="group")
    model = complete(Parts(network=network, latent_dim=3), [PIXELS]).build([PIXELS])
    rows = describe_architecture(model, (9, 10, 1))
    assert [(row.stage, row.name, row.detail, row.output_shape) for row in rows] == [
        ("input", "Input", "", (9, 10, 1)),
        ("encoder", "Conv", "4 × 4, stride 2", (5, 5, 4)),
        ("encoder", "Residual block", "GroupNorm, GELU", (5, 5, 4)),
        ("encoder", "Conv", "4 × 4, stride 2", (3, 3, 8)),
        ("encoder", "Residual block", "GroupNorm, GELU", (3, 3, 8)),
        ("encoder", "Linear", "GELU", (6,)),
        ("latent", "Code", "", (3,)),
        ("decoder", "Linear", "GELU", (6,)),
        ("decoder", "Linear", "", (3, 3, 8)),
        ("decoder", "Residual block", "GroupNorm, GELU", (3, 3, 8)),
        ("decoder", "Resize, conv", "3 × 3", (5, 5, 4)),
        ("decoder", "Residual block", "GroupNorm, GELU", (5, 5, 4)),
        ("output", "Output", "Gaussian, σ = 1, logistic mean", (9, 10, 1)),
    ]
    assert sum(row.parameters for row in rows) == sum(parameter.numel() for parameter in model.parameters())
    assert rows[1].parameters == 4 * 17
    assert rows[-1].parameters == 4 * 9 + 1


def test_gates_take_half_of_the_channels() -> None:
    network = Convolutional(channels=(4,), hidden=(), activation="gated", upsampling="transposed")
    model = complete(Parts(network=network, latent_dim=3), [PIXELS]).build([PIXELS])
    found = [(row.name, row.detail, row.output_shape) for row in describe_architecture(model, (9, 10, 1))]
    assert found[1] == ("Conv", "4 × 4, stride 2, GLU", (5, 5, 4))
    assert found[3] == ("Linear", "GLU", (5, 5, 4))
