"""Sprites: the factors of dSprites, and pictures that obey them exactly."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus.core.errors import InputError
from isthmus.sources import dsprites, dsprites_store
from isthmus.sources.dsprites import classes_at, images_at, images_of, render, values_of

SHAPES = ("square", "ellipse", "heart")
ROWS = np.random.default_rng(0).integers(0, 737_280, size=600)


@pytest.fixture(scope="module")
def sprites():
    """Every shape, scale and orientation at the middle, (3, 6, 40, 64, 64)."""
    return images_at(np.arange(720) * 1024 + 16 * 32 + 16).reshape(3, 6, 40, 64, 64)


def areas(images):
    return (images > 0).sum((-2, -1))


def test_rows_stand_in_the_published_order():
    assert dsprites.ROWS == 737_280 == 3 * 6 * 40 * 32 * 32
    np.testing.assert_array_equal(
        classes_at([0, 1, 32, 1024, 40 * 1024, 6 * 40 * 1024, 737_279]),
        [
            [0] * 5,
            [0, 0, 0, 0, 1],
            [0, 0, 0, 1, 0],
            [0, 0, 1, 0, 0],
            [0, 1, 0, 0, 0],
            [1, 0, 0, 0, 0],
            [2, 5, 39, 31, 31],
        ],
    )


def test_values_of_the_factors():
    np.testing.assert_allclose(values_of(classes_at([0])), [[1, 0.5, 0, 0, 0]], rtol=0)
    np.testing.assert_allclose(values_of(classes_at([737_279])), [[3, 1, 2 * np.pi, 1, 1]], rtol=1e-15)
    np.testing.assert_allclose(values_of(np.array([[1, 2, 3, 4, 5]])), [[2, 0.7, 6 * np.pi / 39, 4 / 31, 5 / 31]])


def test_images_at_rows_are_rendered_values():
    """Pasted from templates and drawn pixel by pixel: two ways to the same picture."""
    np.testing.assert_array_equal(images_at(ROWS), render(*values_of(classes_at(ROWS)).T))


def test_block_of_positions_is_images_at_its_rows():
    block = images_of(333)
    assert block.shape == (1024, 64, 64)
    np.testing.assert_array_equal(block, images_at(np.arange(333 * 1024, 334 * 1024)))


def test_pixels_are_black_or_white():
    images = images_at(ROWS)
    assert images.dtype == np.uint8
    assert set(np.unique(images)) == {0, 255}


def test_shapes_stay_inside_the_frame(sprites):
    """The middle one does not reach farther than 16 pixels, so that no place cuts it off: the area never changes."""
    corners = images_at([sprite * 1024 + place for sprite in range(720) for place in (0, 31, 31 * 32, 1023)])
    np.testing.assert_array_equal(areas(corners).reshape(3, 6, 40, 4), np.repeat(areas(sprites)[..., None], 4, -1))
    # Nothing is cut off at the borders of the template either: drawn on the whole frame, the area is the same.
    grid = np.stack(np.meshgrid(*dsprites.VALUES[:3], indexing="ij"), -1).reshape(-1, 3)
    whole = render(*grid[5::17].T, 16 / 31, 16 / 31)
    np.testing.assert_array_equal(areas(whole), areas(sprites).reshape(-1)[5::17])
    assert (whole[:, [0, -1]].max(), whole[:, :, [0, -1]].max()) == (0, 0)


@pytest.mark.parametrize(
    ("kind", "area"), [(0, (2 * 11.04) ** 2), (1, np.pi * 15.6 * 7.8), (2, 12.5**2 * 3.6610)], ids=SHAPES
)
def test_area_grows_with_the_square_of_the_scale(sprites, kind, area):
    """Averaged over angles, the count of pixels is the area; the heart's is known from numerical integration."""
    measured = areas(sprites[kind]).mean(1)
    np.testing.assert_allclose(measured, area * np.linspace(0.5, 1, 6) ** 2, rtol=0.01)


def test_heart_area_by_integration():
    """The area that the test above takes for granted, from the outline in polar coordinates."""
    x, y = np.meshgrid(np.linspace(-1.3, 1.3, 2601), np.linspace(-1.3, 1.3, 2601))
    inside = (x**2 + y**2 - 1) ** 3 <= x**2 * y**3
    assert inside.mean() * 2.601**2 == pytest.approx(3.6610, rel=1e-3)


def test_quarter_turn_leaves_a_square_and_half_a_turn_an_ellipse():
    angles = np.linspace(0, 1.5, 20)
    np.testing.assert_array_equal(render("square", 0.8, angles), render("square", 0.8, angles + np.pi / 2))
    np.testing.assert_array_equal(render("ellipse", 0.8, angles), render("ellipse", 0.8, angles + np.pi))
    assert (areas(render("ellipse", 0.8, angles) ^ render("ellipse", 0.8, angles + np.pi / 2)) > 50).all()
    assert (areas(render("heart", 0.8, angles) ^ render("heart", 0.8, angles + np.pi)) > 20).all()


def test_turning_the_picture_turns_the_sprite_counter_clockwise():
    for shape in SHAPES:
        upright, turned = render(shape, 0.9, [0.3, 0.3 + np.pi / 2], 16 / 31, 16 / 31)
        middle = slice(16, 49)  # about the sprite's centre, the middle of pixel 32
        np.testing.assert_array_equal(np.rot90(upright[middle, middle]), turned[middle, middle])


def test_heart_stands_on_its_tip():
    image = render("heart", position_x=16 / 31, position_y=16 / 31)[0] > 0
    rows, columns = np.nonzero(image)
    np.testing.assert_array_equal(image[:, 1:], image[:, :0:-1])  # symmetric about column 32
    assert set(columns[rows == rows.max()]) <= {31, 32, 33}
    assert not image[rows.min(), 32]  # the cleft


def test_positions_shift_by_exactly_one_pixel():
    block = images_of(2 * 240 + 5 * 40 + 7).reshape(32, 32, 64, 64)
    np.testing.assert_array_equal(block[1:, :, :, 1:], block[:-1, :, :, :-1])  # x: to the right
    np.testing.assert_array_equal(block[:, 1:, 1:], block[:, :-1, :-1])  # y: downwards
    assert block[0, 0].any(axis=0).argmax() < block[31, 0].any(axis=0).argmax() == 31 + block[0, 0].any(axis=0).argmax()


def test_different_factors_give_different_pictures(sprites):
    """All but the full turn (the last orientation is the first), and squares too small to show 2.3 degrees."""
    np.testing.assert_array_equal(sprites[:, :, 0], sprites[:, :, 39])
    middles = sprites[..., 16:49, 16:49]
    distinct = [[len(np.unique(of[:39].reshape(39, -1), axis=0)) for of in kind] for kind in middles]
    assert distinct == [[30, 36, 39, 38, 39, 38], [39] * 6, [39] * 6]
    of_kind = [len(np.unique(kind[:, :39].reshape(6 * 39, -1), axis=0)) for kind in middles]
    assert of_kind == [220, 234, 234]
    assert len(np.unique(middles[:, :, :39].reshape(-1, 33 * 33), axis=0)) == sum(of_kind)


def test_no_outline_runs_through_the_middle_of_a_pixel(sprites):
    """So that rounding decides no pixel: shapes larger or smaller by one part in 10^9 look the same."""
    grid = np.stack(np.meshgrid(*dsprites.VALUES[:3], indexing="ij"), -1).reshape(-1, 3)[::2]
    for factor in (1 - 1e-9, 1 + 1e-9):
        kinds, scales, angles = grid.T
        offsets = np.broadcast_to(np.arange(-32.0, 32), (len(grid), 64))
        drawn = dsprites._drawn(kinds, scales * factor, angles, offsets, offsets)
        np.testing.assert_array_equal(drawn, sprites.reshape(-1, 64, 64)[::2])


def test_names_and_numbers_of_shapes_and_broadcasting():
    images = render(["square", "heart"], orientation=[0.1, 0.2])
    np.testing.assert_array_equal(images, render([1, 3], 1.0, np.array([0.1, 0.2]), 0.5, 0.5))
    assert render("ellipse").shape == (1, 64, 64)
    assert render("ellipse", [0.5, 0.6]).shape == (2, 64, 64)
    assert render(1, orientation=np.zeros(300)).shape == (300, 64, 64)
    assert render([]).shape == (0, 64, 64)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"shape": "circle"}, "No sprite has the shape 'circle'. Expected 'square', 'ellipse', 'heart', or 1, 2, 3"),
        ({"shape": 0}, "has the shape 0"),
        ({"shape": 1.5}, "has the shape 1.5"),
        ({"scale": 0.0}, r"scale must be in \(0, 1\]; got 0\.0"),
        ({"scale": [0.5, 1.01]}, r"scale must be in \(0, 1\]; got 1\.01"),
        ({"position_x": -0.1}, r"position_x must be in \[0, 1\]; got -0\.1"),
        ({"position_y": np.nan}, r"position_y must be in \[0, 1\]; got nan"),
        ({"orientation": np.inf}, "orientation must be finite; got inf"),
        ({"orientation": "left"}, "orientation must be a number or numbers; got 'left'"),
        ({"scale": [0.5, 0.6], "orientation": [1, 2, 3]}, r"have the shapes \(1,\), \(2,\), \(3,\), \(1,\), \(1,\)"),
        ({"scale": [[0.5, 0.6]]}, r"expected single values, and one value per image"),
    ],
)
def test_wrong_factors_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        render(**{"shape": "square", **given})


def test_all_are_written_to_one_mapped_file(tmp_path, monkeypatch):
    monkeypatch.setattr(dsprites, "COUNTS", (1, 1, 3, 32, 32))
    monkeypatch.setattr(dsprites_store, "SHAPE", (3072, 64, 64))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("ISTHMUS_DATA", raising=False)
    images = dsprites_store.all_images()
    path = tmp_path / "isthmus" / "dsprites" / "sprites-1.npy"
    assert isinstance(images, np.memmap)
    assert [entry.name for entry in path.parent.iterdir()] == ["sprites-1.npy"]
    np.testing.assert_array_equal(np.load(path), np.concatenate([images_of(number) for number in range(3)]))
    monkeypatch.setattr(dsprites_store, "draw_all", lambda path: pytest.fail("drawn again"))
    np.testing.assert_array_equal(dsprites_store.all_images(), images)
    path.unlink()  # never write into a file that is mapped
    np.save(path, np.zeros((5, 64, 64), np.uint8))
    with pytest.raises(
        InputError, match=r"sprites-1\.npy holds uint8 numbers of shape \(5, 64, 64\); expected .*Delete"
    ):
        dsprites_store.all_images()


def test_full_disk_is_told_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(dsprites_store.shutil, "disk_usage", lambda path: type("", (), {"free": 1 << 30}))
    with pytest.raises(OSError, match=r"disk is full.*need 2\.875 GiB, free are 1 GiB.*load\(\"dsprites\", n=50_000\)"):
        dsprites_store.draw_all(tmp_path / "dsprites" / "sprites-1.npy")
    assert list((tmp_path / "dsprites").iterdir()) == []
