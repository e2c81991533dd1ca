"""Images to PNG files, grids, films and folders: geometry to the pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from isthmus.core.errors import InputError
from isthmus.sources.images.layout import as_pixels, columns_for, enlarged, enlargement, pairs, sheet
from isthmus.sources.images.reading import read_image
from isthmus.sources.images.writing import write_images

RANDOM = np.random.default_rng(0)
LARGE = RANDOM.integers(0, 256, (5, 64, 70), dtype=np.uint8)


@pytest.mark.parametrize("channels", [(), (1,), (3,), (4,)])
def test_one_image_is_written_as_it_is(tmp_path: Path, channels: tuple[int, ...]) -> None:
    image = RANDOM.integers(0, 256, (1, 5, 7, *channels), dtype=np.uint8)
    write_images(image, tmp_path / "x.png")
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), image[0].squeeze() if channels == (1,) else image[0])


def test_a_grid_has_gaps_of_two_white_pixels_and_no_border(tmp_path: Path) -> None:
    write_images(LARGE, tmp_path / "x.png", columns=3)
    page = read_image(tmp_path / "x.png")
    assert page.shape == (2 * 64 + 2, 3 * 70 + 2 * 2)
    expected = np.full(page.shape, 255)
    for number, image in enumerate(LARGE):
        top, left = (number // 3) * 66, (number % 3) * 72
        expected[top : top + 64, left : left + 70] = image
    np.testing.assert_array_equal(page, expected)


def test_small_images_are_enlarged_without_smoothing(tmp_path: Path) -> None:
    digits = RANDOM.integers(0, 256, (4, 8, 10), dtype=np.uint8)
    write_images(digits, tmp_path / "x.png")
    page = read_image(tmp_path / "x.png")
    assert page.shape == (2 * 64 + 2, 2 * 80 + 2)
    np.testing.assert_array_equal(page[:64, :80], np.kron(digits[0], np.ones((8, 8), np.uint8)))
    np.testing.assert_array_equal(page[66:, 82:][::8, ::8], digits[3])
    assert page.shape == sheet(enlarged(digits, 8)).shape


@pytest.mark.parametrize(("side", "factor"), [(1, 64), (8, 8), (28, 3), (32, 2), (63, 2), (64, 1), (300, 1)])
def test_enlargement(side: int, factor: int) -> None:
    assert enlargement(np.empty((1, side, side + 5), np.uint8)) == factor
    assert enlargement(np.empty((1, side + 5, side, 3), np.uint8)) == factor


@pytest.mark.parametrize(
    ("count", "height", "width", "columns"),
    [
        (64, 8, 8, 8),
        (9, 8, 8, 3),
        (10, 8, 8, 5),
        (7, 8, 8, 3),
        (1, 8, 8, 1),
        (3, 8, 8, 3),
        (8, 28, 20, 4),
        (4, 1, 9, 1),
    ],
)
def test_grids_are_about_square(count: int, height: int, width: int, columns: int) -> None:
    assert columns_for(count, height, width) == columns


def test_transparent_images_have_transparent_gaps() -> None:
    page = sheet(np.full((3, 4, 4, 4), 200, np.uint8), 2)
    assert page.shape == (10, 10, 4)
    assert (page[4:6] == 0).all()
    assert (page[6:, 6:] == 0).all()
    assert (page[:4, :4] == 200).all()


def test_pairs_stand_one_above_the_other() -> None:
    both = pairs(LARGE, LARGE[::-1])
    assert both.shape == (5, 130, 70)
    np.testing.assert_array_equal(both[1, :64], LARGE[1])
    np.testing.assert_array_equal(both[1, 66:], LARGE[3])
    assert (both[:, 64:66] == 255).all()
    assert sheet(both, 2, row_gap=8).shape == (3 * 130 + 2 * 8, 142)


def frames(path: Path) -> tuple[list[np.ndarray], list[int]]:
    with Image.open(path) as film:
        assert film.info["loop"] == 0
        read = [(np.asarray(one.convert("RGB")), one.info["duration"]) for one in ImageSequence.Iterator(film)]
    return [image for image, _ in read], [duration for _, duration in read]


def test_a_film_has_one_frame_per_image(tmp_path: Path) -> None:
    write_images(LARGE, tmp_path / "x.gif")
    images, durations = frames(tmp_path / "x.gif")
    assert durations == [100] * 5
    for image, expected in zip(images, LARGE, strict=True):
        np.testing.assert_array_equal(image, np.stack([expected] * 3, axis=-1))


def test_back_and_forth_rests_at_both_ends(tmp_path: Path) -> None:
    write_images(LARGE, tmp_path / "x.gif", back_and_forth=True)
    images, durations = frames(tmp_path / "x.gif")
    assert durations == [500, 100, 100, 100, 500, 100, 100, 100]
    for image, number in zip(images, (0, 1, 2, 3, 4, 3, 2, 1), strict=True):
        np.testing.assert_array_equal(image[..., 0], LARGE[number])


def test_coloured_films_are_enlarged_and_keep_their_colours(tmp_path: Path) -> None:
    colours = RANDOM.integers(0, 256, (3, 4, 4, 3), dtype=np.uint8)
    write_images(colours, tmp_path / "x.gif")
    images, _ = frames(tmp_path / "x.gif")
    assert images[0].shape == (64, 64, 3)
    assert np.abs(images[2][8::16, 8::16].astype(int) - colours[2]).max() <= 8
    transparent = np.concatenate([colours, np.zeros((3, 4, 4, 1), np.uint8)], axis=-1)
    transparent[:, 0, 0, 3] = 255
    write_images(transparent, tmp_path / "t.gif")
    images, _ = frames(tmp_path / "t.gif")
    assert images[0][-1, -1].min() >= 250


def test_a_film_of_one_frame(tmp_path: Path) -> None:
    write_images(LARGE[:1], tmp_path / "x.gif", back_and_forth=True)
    with Image.open(tmp_path / "x.gif") as film:
        assert film.n_frames == 1  # type: ignore[attr-defined]


def test_a_folder_holds_numbered_files_pixel_for_pixel(tmp_path: Path) -> None:
    images = RANDOM.integers(0, 256, (11, 5, 4, 3), dtype=np.uint8)
    write_images(images, tmp_path / "new")
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == [f"{n:02}.png" for n in range(11)]
    np.testing.assert_array_equal(read_image(tmp_path / "new" / "10.png"), images[10])


def test_a_folder_that_is_there_keeps_what_is_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "with.dots"
    folder.mkdir()
    (folder / "notes.txt").write_text("kept")
    write_images(LARGE, folder)
    assert sorted(file.name for file in folder.iterdir()) == ["0.png", "1.png", "2.png", "3.png", "4.png", "notes.txt"]


def test_names_keep_sub_folders_and_never_collide(tmp_path: Path) -> None:
    write_images(LARGE[:3], tmp_path / "a", names=["x.jpg", "cat/x.webp", "y"])
    found = sorted(str(file.relative_to(tmp_path / "a").as_posix()) for file in (tmp_path / "a").rglob("*.png"))
    assert found == ["cat/x.png", "x.png", "y.png"]
    write_images(LARGE[:3], tmp_path / "b", names=["x.jpg", "x.png", "x.tif"])
    assert sorted(file.name for file in (tmp_path / "b").iterdir()) == ["x.jpg.png", "x.png", "x.tif.png"]
    np.testing.assert_array_equal(read_image(tmp_path / "b" / "x.png"), LARGE[1])


@pytest.mark.parametrize("name", ["../x.png", "/x.png", "a/../../x.png", "..", ""])
def test_names_do_not_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="is no name of a file inside of the folder"):
        write_images(LARGE[:1], tmp_path / "a", names=[name])
    assert list(tmp_path.iterdir()) == []


def test_names_must_fit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 names do not fit 5 images"):
        write_images(LARGE, tmp_path / "a", names=["x", "y"])
    with pytest.raises(InputError, match=r"Two images would be written to 'x\.png'"):
        write_images(LARGE[:2], tmp_path / "a", names=["x.png", "x.png"])


def test_floats_and_booleans() -> None:
    assert as_pixels(np.array([[[0.0, 0.2, 0.5, 1.0]]])).tolist() == [[[0, 51, 128, 255]]]
    assert as_pixels(np.array([[[False, True]]])).tolist() == [[[0, 255]]]
    assert as_pixels(np.zeros((5, 4), np.uint8)).shape == (1, 5, 4)
    assert as_pixels(np.zeros((2, 5, 4, 1), np.float32)).shape == (2, 5, 4)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            np.array([[[-0.5, 1.0]]]),
            r"must be in \[0, 1\]; found -0.5 to 1. Pass images / 255 .* or images.clip\(0, 1\)",
        ),
        (np.array([[[0.0, 255.0]]]), "found 0 to 255"),
        (np.array([[[0.0, np.nan]]]), "found nan to nan"),
        (np.zeros((2, 3, 3), np.int64), r"must be uint8, or floats in \[0, 1\]; got int64"),
        (np.zeros((2, 3, 3, 2), np.uint8), r"1, 3 or 4 channels; got \(2, 3, 3, 2\)"),
        (np.zeros((0, 3, 3), np.uint8), r"got \(0, 3, 3\)"),
        (np.zeros(3, np.uint8), r"got \(3,\)"),
    ],
)
def test_what_is_no_stack_of_images_is_refused(tmp_path: Path, images: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_images(images, tmp_path / "x.png")
    assert list(tmp_path.iterdir()) == []


def test_endless_sheets_are_refused_before_they_are_made(tmp_path: Path) -> None:
    many = np.broadcast_to(np.zeros((1, 64, 64), np.uint8), (40_000, 64, 64))
    with pytest.raises(
        InputError, match=r"A sheet of 40,000 images of 64 × 64 would have more than 134,217,728 pixels"
    ):
        write_images(many, tmp_path / "x.png")


def test_other_suffixes_and_unwritable_places(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"written to \.png and \.gif files, or to folders; got '\.bmp'"):
        write_images(LARGE, tmp_path / "x.bmp")
    with pytest.raises(FileNotFoundError, match="its folder does not exist"):
        write_images(LARGE, tmp_path / "nowhere" / "x.png")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"Cannot save .*0\.png"):
        write_images(LARGE, tmp_path / "file")
