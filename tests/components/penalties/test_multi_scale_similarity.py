"""The perceptual term is 1 − MS-SSIM of each image, and models fill in what they know of images."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from isthmus import KL, VAE, ImportanceWeighted
from isthmus.components.corruptions.augmentation import Augmentation
from isthmus.components.networks.mlp import MLP
from isthmus.components.penalties.multi_scale_similarity import MultiScaleSimilarity, continued_log
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.random import torch_generator
from isthmus.core.structural_similarity import exponents, similarity_terms
from isthmus.distributions import PointMass
from isthmus.estimators.saving import load
from isthmus.metrics.similarity import multi_scale_similarity
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.defaults import Parts, complete


def pixels(*shape: int, kind: str = "unit-interval") -> Block:
    return Block(kind, 0, math.prod(shape), shape, step=1 / 255, variance=0.1)


def model_of(block: Block, **parts: object) -> ComposedAutoencoder:
    found = Parts(latent_dim=2, network=MLP(hidden=(3,)), penalties={"look": MultiScaleSimilarity()}, **parts)  # type: ignore[arg-type]
    return complete(found, [block]).build([block], torch_generator(0)).double()


def images(n: int, width: int, seed: int = 1) -> Tensor:
    return torch.rand(n, width, generator=torch_generator(seed), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(8, 9), (17, 12, 3), (30, 28, 1)])
def test_it_is_one_minus_the_metric(shape: tuple[int, ...]) -> None:
    model, rows = model_of(pixels(*shape)), images(5, math.prod(shape))
    seen = 0.5 * rows + 0.4 * images(5, math.prod(shape), seed=2)
    found, penalty = model.forward_pass(Batch(rows), None), model.penalties_by_name["look"]
    expected = multi_scale_similarity(rows.reshape(5, *shape).numpy(), seen.reshape(5, *shape).numpy())
    assert 0.05 < 1 - expected.max() < 1 - expected.min() < 0.95
    assert float(penalty.value(replace(found, likelihood=PointMass(seen)))) == pytest.approx(
        (1 - expected).sum(), abs=1e-9
    )
    assert float(penalty.value(replace(found, likelihood=PointMass(rows)))) == pytest.approx(0, abs=1e-12)


def test_several_draws_of_a_row_are_averaged() -> None:
    block = pixels(8, 8)
    model = model_of(block, stochastic=True, objective=ImportanceWeighted(samples=3))
    rows, noise = Batch(images(4, 64)), model.draw_noise(4, torch_generator(3))
    with torch.no_grad():
        found = model.forward_pass(rows, noise)
    assert found.likelihood.mean.shape == (3, 4, 64)
    expected = 0.0
    for draw in found.likelihood.mean:
        terms = similarity_terms(draw.reshape(4, 8, 8), found.features.reshape(4, 8, 8))
        expected += float((1 - (exponents(terms) * continued_log(terms)).sum(-1).exp()).sum()) / 3
    assert float(model.penalties_by_name["look"].value(found)) == pytest.approx(expected, abs=1e-10)


def test_images_with_nothing_in_common_keep_a_gradient() -> None:
    clean = images(2, 256).reshape(2, 16, 16)
    seen = (1 - clean).requires_grad_()
    terms = similarity_terms(seen, clean)
    assert (terms < -0.9).all(), "contrasts of a negative are negative"
    score = (exponents(terms) * continued_log(terms)).sum(-1).exp()
    assert (score < 1e-6).all()
    (gradient,) = torch.autograd.grad(score.sum(), seen)
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0


def test_powers_go_on_smoothly() -> None:
    step = 1e-7
    below, at, above = continued_log(torch.tensor([0.01 - step, 0.01, 0.01 + step], dtype=torch.float64))
    assert float(at) == math.log(0.01)
    assert float(above - at) / step == pytest.approx(100, rel=1e-4)
    assert float(at - below) / step == pytest.approx(100, rel=1e-4)


def test_the_model_compares_with_the_augmented_image() -> None:
    block = pixels(8, 8)
    model = model_of(block, corruption=Augmentation(shift=1))
    rows, noise = Batch(images(6, 64)), model.draw_noise(6, torch_generator(3))
    found = model.forward_pass(rows, noise)
    scores = multi_scale_similarity(
        found.features.reshape(6, 8, 8).numpy(), found.likelihood.mean.detach().reshape(6, 8, 8).numpy()
    )
    assert not torch.equal(found.features, rows.values)
    assert (scores > 0).all()
    assert float(model.loss(rows, noise, {}).parts["look"].detach()) == pytest.approx((1 - scores).sum(), abs=1e-2)


@pytest.mark.parametrize(
    ("penalty", "block", "words"),
    [
        (
            MultiScaleSimilarity(),
            Block("unit-interval", 0, 64, (64,)),
            r"penalty MultiScaleSimilarity needs rows that are images; these are 64 unit-interval features\..* say "
            r"MultiScaleSimilarity\(shape=\(height, width\)\) .* or leave the penalty out",
        ),
        (MultiScaleSimilarity(shape=(8, 8)), pixels(9, 9), r"`shape`=\(8, 8\) is .* the rows are images of 9 × 9"),
        (MultiScaleSimilarity(), pixels(9, 9, kind="continuous"), r"needs images in \[0, 1\]; .* of kind continuous"),
        (MultiScaleSimilarity(), pixels(7, 9), "images of 7 × 9 pixels are too small to compare; at least 8 × 8"),
        (MultiScaleSimilarity(shape=(9,)), pixels(9, 9), "`shape` must be 'auto', or"),
        (MultiScaleSimilarity(weight=-1.0), pixels(9, 9), "`weight` must be a number in"),
    ],
)
def test_other_rows_are_refused(penalty: MultiScaleSimilarity, block: Block, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        complete(Parts(latent_dim=2, network=MLP(hidden=(3,)), penalties={"look": penalty}), [block]).build([block])


def test_without_a_shape_it_cannot_be_built() -> None:
    with pytest.raises(ParameterError, match=r"`shape` must be .* before the penalty is built; got 'auto'"):
        MultiScaleSimilarity().build(2, 64)


def test_it_trains_from_flat_rows_and_survives_a_model_file(tmp_path) -> None:
    rows = np.random.default_rng(0).random((30, 64)).astype(np.float32)
    penalties = {"kl": KL(), "look": MultiScaleSimilarity(weight=20.0, shape=(8, 8))}
    model = VAE(2, network=MLP(hidden=(4,)), penalties=penalties, max_epochs=2, random_state=0).fit(rows)
    assert 0 < model.history_.rows[-1]["train/look"] < 1.1
    model.save(tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    assert again.composition_.penalties["look"].shape == (8, 8, 1)
    np.testing.assert_array_equal(again.reconstruct(rows), model.reconstruct(rows))
