"""What one does with the codes of a fitted model: temper, interpolate, traverse, map, edit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits

import isthmus
from isthmus import MLP, VAE, VQVAE, Autoencoder, HypersphericalLatent
from isthmus.core.errors import InputError, ParameterError
from isthmus.uses.geodesic import geodesic

DIGITS = load_digits()
IMAGES = (DIGITS.images[:400] * 15).astype(np.uint8)
SMALL = {"network": MLP(hidden=(16,)), "random_state": 0}


@pytest.fixture(scope="module")
def model():
    return VAE(2, max_epochs=15, **SMALL).fit(IMAGES)


@pytest.fixture(scope="module")
def table():
    columns = np.random.default_rng(0).normal(size=(200, 2)) @ np.array([[1.0, 2.0, 0.5], [0.0, 1.0, -1.0]])
    return pd.DataFrame(columns, columns=["a", "b", "c"]).assign(site=np.arange(200) % 2)


@pytest.fixture(scope="module")
def conditional(table):
    return VAE(2, schema={"site": "condition"}, max_epochs=3, **SMALL).fit(table)


@pytest.fixture(scope="module")
def symbols():
    return VQVAE(4, n_codes=4, max_epochs=1, **SMALL).fit(IMAGES[:60])


@pytest.fixture(scope="module")
def sphere():
    return VAE(3, latent=HypersphericalLatent(), max_epochs=2, **SMALL).fit(IMAGES[:100])


# Temperature


def test_a_colder_model_samples_closer_to_its_mean(model):
    codes = {t: model.transform(model.sample(400, temperature=t, random_state=0)) for t in (0.01, 0.5, 1.0)}
    assert codes[0.5].std() < 0.9 * codes[1.0].std()
    np.testing.assert_array_equal(model.sample(3, temperature=1, random_state=0), model.sample(3, random_state=0))
    frozen = model.sample(5, temperature=1e-6, prior=True, random_state=0)
    np.testing.assert_array_equal(frozen, model.inverse_transform(np.zeros((5, 2))))


def test_temperature_reaches_spheres_and_symbols(sphere, symbols):
    for other in (sphere, symbols):
        assert other.sample(4, temperature=0.5, random_state=0).shape == (4, 8, 8)
    with pytest.raises(ParameterError, match=r"`temperature` must be a number in \(0, inf\); got 0"):
        sphere.sample(temperature=0)


# Paths


def test_a_geodesic_joins_the_reconstructions_and_is_no_longer_than_the_line(model):
    strip = model.interpolate(IMAGES[0], IMAGES[1], steps=7, path="geodesic")
    assert strip.shape == (7, 8, 8)
    assert strip.dtype == np.uint8
    np.testing.assert_array_equal(strip[[0, -1]], model.reconstruct(IMAGES[:2]))
    np.testing.assert_array_equal(strip, model.interpolate(IMAGES[:1], IMAGES[1:2], steps=7, path="geodesic"))
    codes = model.code_path(IMAGES[0], IMAGES[1], steps=129, path="geodesic")
    np.testing.assert_array_equal(model.inverse_transform(codes)[::128], strip[[0, -1]])
    bent, straight = (model.path_length(path) for path in (codes, model.transform(IMAGES[:2])))
    assert bent <= straight * 1.0005
    assert len(model.interpolate(IMAGES[0], IMAGES[1], 5, "geodesic")) == 5


def test_a_code_path_is_what_interpolate_decodes(model):
    for path in ("linear", "spherical", "geodesic"):
        codes = model.code_path(IMAGES[3], IMAGES[4], 5, path)
        assert codes.shape == (5, 2)
        np.testing.assert_array_equal(codes[[0, -1]], model.transform(IMAGES[3:5]))
        np.testing.assert_array_equal(model.inverse_transform(codes), model.interpolate(IMAGES[3], IMAGES[4], 5, path))


def test_the_length_of_a_path_is_that_of_its_decoded_rows(model):
    codes = model.code_path(IMAGES[0], IMAGES[1], steps=300)
    module = model.module_
    with torch.no_grad():
        rows = module.decode(torch.from_numpy(codes)).mean.double().numpy()
    expected = np.linalg.norm(np.diff(rows, axis=0), axis=1).sum()
    assert model.path_length(codes) == pytest.approx(expected, rel=1e-3)
    assert model.path_length(codes[[0, -1]]) == pytest.approx(expected, rel=1e-3)
    assert model.path_length(codes[[0, -1, 0]]) == pytest.approx(2 * expected, rel=1e-3)


def test_a_geodesic_is_that_of_the_decoders_mean(model):
    with torch.no_grad():
        ends = model.transform(IMAGES[5:7])
    expected = geodesic(lambda z: model.module_.decode(z.float()).mean, *ends, 5)
    np.testing.assert_allclose(model.code_path(IMAGES[5], IMAGES[6], 5, "geodesic"), expected, atol=1e-5)


def test_geodesics_are_refused_where_codes_cannot_move(sphere, symbols):
    with pytest.raises(ParameterError, match=r"those of this model are unit vectors\. Use path='spherical'"):
        sphere.interpolate(IMAGES[0], IMAGES[1], path="geodesic")
    with pytest.raises(ParameterError, match="those of this model are symbols of a codebook"):
        symbols.interpolate(IMAGES[0], IMAGES[1], path="geodesic")


def test_a_length_needs_two_codes(model):
    with pytest.raises(InputError, match="path_length needs at least two codes; got 1"):
        model.path_length(np.zeros((1, 2)))
    with pytest.raises(InputError, match=r"path_length needs codes of shape \(n, 2\); got \(3,\)"):
        model.path_length([1.0, 2.0, 3.0])


def test_paths_work_beside_pandas_output(model):
    """`set_output` changes what transform gives, not what the uses of a model compute with."""
    strip = model.interpolate(IMAGES[0], IMAGES[1], steps=3)
    try:
        model.set_output(transform="pandas")
        np.testing.assert_array_equal(model.interpolate(IMAGES[0], IMAGES[1], steps=3), strip)
        assert model.attribute(IMAGES[:3], IMAGES[3:5]).shape == (2,)
    finally:
        model.set_output(transform="default")


# Conditions


def test_geodesics_need_one_condition(conditional, table):
    path = conditional.interpolate(table[:1], table[1:2], 4, "geodesic", given={"site": 1})
    assert (path["site"] == 1).all()
    assert conditional.path_length([[0, 0], [1, 1]], given={"site": 0}) > 0
    with pytest.raises(ParameterError, match="need one condition for the whole path"):
        conditional.interpolate(table[:1], table[1:2], 2, "geodesic", given={"site": [0, 1]})
    with pytest.raises(InputError, match="site"):
        conditional.interpolate(table[:1], table[1:2], 4, "geodesic")


def test_grids_and_edits_carry_conditions(conditional, table):
    grid = conditional.traverse(table[:1], dims=[1], steps=3, given={"site": 1})
    assert list(grid["site"]) == [1, 1, 1]
    assert len(conditional.manifold(3, given={"site": 0})) == 9
    back = conditional.edit(table[:6], [0.0, 0.0])
    pd.testing.assert_frame_equal(back, conditional.reconstruct(table[:6]))
    other = conditional.edit(table[:6], [0.0, 0.0], given={"site": 1})
    assert (other["site"] == 1).all()
    expected = conditional.inverse_transform(conditional.transform(table[:6]), given={"site": 1})
    pd.testing.assert_frame_equal(other, expected)


# Traversals and maps


def test_a_traversal_shows_one_dimension_in_each_line(model):
    code = model.transform(IMAGES[:1])[0]
    shown = model.traverse(IMAGES[0], dims=[1, 0], span=2.0, steps=5)
    assert shown.shape == (2, 5, 8, 8)
    assert shown.dtype == np.uint8
    density = model.density_()
    drawn = density.draw(20_000, torch.Generator().manual_seed(0)).detach().numpy()
    codes = np.tile(code, (5, 1))
    codes[:, 1] = drawn[:, 1].mean() + drawn[:, 1].std() * np.linspace(-2, 2, 5)
    difference = shown[0].astype(float) - model.inverse_transform(codes)
    assert np.abs(difference).max() <= 4
    assert np.abs(shown[0].astype(float) - shown[1]).max() > 4


def test_active_dimensions_come_first(model):
    rates = np.array(model.diagnosis_.rate_per_dimension)
    np.testing.assert_array_equal(model.active_dimensions_, np.argsort(-rates))
    shown = model.traverse(steps=3)
    assert shown.shape == (model.active_units_, 3, 8, 8)
    np.testing.assert_array_equal(shown, model.traverse(dims=model.active_dimensions_[: model.active_units_], steps=3))
    # The mean code is the middle of every dimension.
    np.testing.assert_array_equal(shown[0, 1], shown[1, 1])


def test_a_frames_traversal_is_a_frame(table):
    model = Autoencoder(2, max_epochs=2, **SMALL).fit(table)
    found = model.traverse(table[:1], dims=[0, 1], steps=4)
    assert list(found.columns) == list(table.columns)
    assert len(found) == 8


def test_a_map_is_a_picture_of_the_plane(model):
    shown = model.manifold(steps=5, span=1.5)
    assert shown.shape == (5, 5, 8, 8)
    middle = model.traverse(dims=[0], span=1.5, steps=3)
    np.testing.assert_array_equal(shown[2, [0, 2, 4]], middle[0])
    up = model.traverse(dims=[1], span=1.5, steps=3)
    np.testing.assert_array_equal(shown[[4, 2, 0], 2], up[0])


def test_maps_and_traversals_of_other_codes_are_refused(sphere, symbols):
    wide = Autoencoder(3, max_epochs=1, **SMALL).fit(IMAGES[:50])
    with pytest.raises(ParameterError, match=r"those of this model have 3\. Fit it with latent_dim=2"):
        wide.manifold()
    for method in ("manifold", "traverse"):
        with pytest.raises(ParameterError, match=method + " needs codes whose .* are symbols of a codebook"):
            getattr(symbols, method)()
    with pytest.raises(ParameterError, match=r"traverse needs codes whose .* are unit vectors"):
        sphere.traverse()
    assert sphere.active_dimensions_ is None
    with pytest.raises(InputError, match=r"traverse: `x` must be one single row of shape \(8, 8\); got 2 rows"):
        wide.traverse(IMAGES[:2])


# Attributes


def test_an_attribute_is_a_difference_of_mean_codes(model):
    ones, zeros = IMAGES[DIGITS.target[:400] == 1], IMAGES[DIGITS.target[:400] == 0]
    direction = model.attribute(ones, zeros)
    expected = model.transform(ones).mean(0, dtype=float) - model.transform(zeros).mean(0, dtype=float)
    np.testing.assert_allclose(direction, expected, atol=1e-6)
    assert direction.dtype == np.float32
    np.testing.assert_allclose(model.attribute(zeros, ones), -direction)


def test_edited_rows_are_decoded_from_moved_codes(model):
    direction = np.array([0.5, -1.0])
    edited = model.edit(IMAGES[:4], direction, 2.0)
    assert edited.dtype == np.uint8
    np.testing.assert_array_equal(
        edited, model.inverse_transform(model.transform(IMAGES[:4]) + 2 * direction.astype(np.float32))
    )
    np.testing.assert_array_equal(model.edit(IMAGES[:4], direction, 0), model.reconstruct(IMAGES[:4]))
    each = model.edit(IMAGES[:4], direction, [0, 2, 0, 2])
    np.testing.assert_array_equal(each[1::2], edited[1::2])
    np.testing.assert_array_equal(each[::2], model.reconstruct(IMAGES[:4:2]))


def test_edited_unit_vectors_stay_unit_vectors(sphere):
    direction = sphere.attribute(IMAGES[:5], IMAGES[5:10])
    codes = sphere.transform(IMAGES[:4]) + 3 * direction
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    np.testing.assert_allclose(
        sphere.edit(IMAGES[:4], direction, 3.0).astype(float), sphere.inverse_transform(codes), atol=1
    )


def test_impossible_edits_are_refused(model, symbols):
    with pytest.raises(InputError, match=r"`direction` must be 2 finite numbers.*of shape \(3,\)"):
        model.edit(IMAGES[:2], [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match=r"of shape \(2,\) with NaN"):
        model.edit(IMAGES[:2], [1.0, np.nan])
    with pytest.raises(InputError, match=r"`amount` must be a finite number, or one for each of the 2 rows"):
        model.edit(IMAGES[:2], [1.0, 0.0], [1.0, 2.0, 3.0])
    for call in (lambda: symbols.edit(IMAGES[:2], np.ones(4)), lambda: symbols.attribute(IMAGES[:1], IMAGES[1:2])):
        with pytest.raises(ParameterError, match="are symbols of a codebook"):
            call()


def test_loaded_models_do_the_same(model, tmp_path):
    model.save(tmp_path / "model.safetensors")
    loaded = isthmus.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.manifold(3), model.manifold(3))
    np.testing.assert_array_equal(loaded.traverse(IMAGES[0], steps=3), model.traverse(IMAGES[0], steps=3))
