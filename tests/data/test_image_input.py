"""Stacks of images: which arrays they are, uint8 all the way, and back in shape."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus.core.errors import InputError
from isthmus.data import Schema

RNG = np.random.default_rng(2)
GREY = RNG.integers(3, 200, size=(12, 6, 5), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, size=(12, 6, 5, 3), dtype=np.uint8)


@pytest.mark.parametrize("images", [GREY, COLOUR], ids=["grey", "colour"])
def test_uint8_stays_uint8_and_comes_back(images):
    schema = Schema.learn(images)
    (block,) = schema.blocks
    assert (schema.container, schema.row_shape, block.shape) == ("images", images.shape[1:], images.shape[1:])
    assert (block.kind, block.step, schema.stored_uint8) == ("unit-interval", 1 / 255, True)
    assert (schema.columns.low == 0).all()
    assert (schema.columns.high == 255).all()
    values = schema.encode(images).values
    assert values.dtype == torch.uint8
    np.testing.assert_array_equal(values.numpy().reshape(images.shape), images)
    features = (values - schema.shift) * schema.scale
    assert 0 <= features.min() <= features.max() <= 1
    np.testing.assert_array_equal(schema.decode(features), images)
    assert schema.decode(features, dtype=float).dtype == np.float64
    assert schema.log_jacobian() == pytest.approx(-images[0].size * np.log(255))


def test_decoded_pixels_are_clipped_and_rounded():
    schema = Schema.learn(GREY)
    decoded = schema.decode(torch.full((1, 30), 1.7))
    assert decoded.dtype == np.uint8
    assert (decoded == 255).all()
    assert (schema.decode(torch.full((1, 30), -3.0)) == 0).all()
    assert (schema.decode(torch.full((1, 30), 0.5)) == 128).all()


def test_float_images_need_to_be_called_images():
    images = GREY / 255.0
    with pytest.raises(InputError, match=r'dim 3 \(shape=\(12, 6, 5\)\) of dtype float64.*schema="images"'):
        Schema.learn(images)
    schema = Schema.learn(images, kind="images")
    assert (schema.columns.low[0], schema.columns.high[0], schema.stored_uint8) == (0.0, 1.0, False)
    np.testing.assert_allclose(schema.decode(schema.encode(images).values), images, atol=1e-7)
    wide = Schema.learn(images * 6 - 3, kind="images")
    assert wide.columns.low[0] == pytest.approx((images * 6 - 3).min())
    assert wide.encode(images * 6 - 3).values.max() == pytest.approx(1.0)


def test_masks_of_zeros_and_ones_are_binary():
    schema = Schema.learn((GREY > 100).astype(np.uint8))
    assert (schema.blocks[0].kind, schema.stored_uint8, schema.row_shape) == ("binary", True, (6, 5))
    assert Schema.learn((GREY > 100).astype(np.uint8), kind="unit-interval").columns.high[0] == 255


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (COLOUR.transpose(0, 3, 1, 2), "auto", r"channels first.*X\.transpose\(0, 2, 3, 1\)"),
        (COLOUR.transpose(0, 3, 1, 2) / 255, "images", r"channels first.*X\.transpose\(0, 2, 3, 1\)"),
        (np.zeros((4, 6, 5, 7), np.uint8), "auto", r"7 channels; expected .* 1, 3 or 4 channels"),
        (np.zeros((4, 30)), "images", r"Images need an array .*got rows of shape \(30,\)"),
        (np.zeros((4, 6, 5), np.uint8), "auto", r"All 30 columns are constant"),
    ],
)
def test_what_is_no_stack_of_images(data, kind, message):
    with pytest.raises(InputError, match=message):
        Schema.learn(data, kind=kind)


def test_images_of_another_size_or_range_are_refused():
    schema = Schema.learn(GREY)
    with pytest.raises(InputError, match=r"VAE is expecting \(n, 6, 5\); got \(n, 5, 6\)"):
        schema.rows(GREY.transpose(0, 2, 1), "VAE")
    with pytest.raises(InputError, match=r"expecting \(n, 6, 5\); got \(n, 30\).*X\.reshape\(-1, 6, 5\)"):
        schema.rows(GREY.reshape(12, 30))
    with pytest.raises(InputError, match=r"images are float64, but were uint8 in training.*range 0 to 255"):
        schema.rows(GREY / 255)
    with pytest.raises(InputError, match=r"images are uint8, but were float64 in training"):
        Schema.learn(GREY / 255, kind="images").rows(GREY)


def test_a_bad_pixel_is_named():
    images = GREY / 255.0
    images[4, 2, 3] = np.nan
    with pytest.raises(InputError, match=r"NaN: 1 cell, first at image 4, pixel \(2, 3\)"):
        Schema.learn(images, kind="images")


def test_uint8_rows_stay_uint8_and_floats_are_scaled_alike():
    flat = GREY.reshape(12, 30)
    schema = Schema.learn(flat)
    assert schema.stored_uint8
    kept = schema.encode(flat).values
    assert kept.dtype == torch.uint8
    assert torch.equal((kept - schema.shift) * schema.scale, schema.encode(flat.astype(np.float32)).values)
