"""Pictures out of the command: grids, films and folders."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

import isthmus
from isthmus.estimators.base import BaseAutoencoder
from isthmus.sources.images.folder import read_images
from isthmus.sources.images.reading import read_image

pytestmark = pytest.mark.usefixtures("nothing_in_the_users_cache")


def test_sample_to_a_grid_a_film_and_a_folder(pictures: Any, run: Callable[..., Result], tmp_path: Path) -> None:
    expected = isthmus.load(pictures.model).sample(12, random_state=1)
    sample = ["sample", pictures.model, "-n", 12, "--seed", 1, "-o"]
    assert run(*sample, tmp_path / "grid.png").output == ""
    grid = read_image(tmp_path / "grid.png")  # enlarged 11 times: 88 × 66; 4 in a row
    assert grid.shape == (3 * 88 + 2 * 2, 4 * 66 + 3 * 2)
    np.testing.assert_array_equal(grid[90:178:11, 136:202:11], expected[6])
    assert run(*sample, tmp_path / "film.gif").output == ""
    with Image.open(tmp_path / "film.gif") as film:
        assert (film.n_frames, film.size) == (12, (66, 88))  # type: ignore[attr-defined]
    for target in ("new", "there"):
        (tmp_path / "there").mkdir(exist_ok=True)
        assert run(*sample, f"{tmp_path / target}/").output == ""
        np.testing.assert_array_equal(read_images(tmp_path / target).images, expected)
        assert read_images(tmp_path / target).names[10] == "10.png"
    assert run(*sample, tmp_path / "x.npy").output == ""
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), expected)


def test_interpolate_between_two_image_files(pictures: Any, run: Callable[..., Result], tmp_path: Path) -> None:
    a, b = pictures.folder / "a" / "02.png", pictures.folder / "b" / "20.png"
    expected = isthmus.load(pictures.model).interpolate(pictures.images[2], pictures.images[20], steps=5)
    common = ["interpolate", pictures.model, a, b, "--steps", 5, "-o"]
    assert run(*common, tmp_path / "strip.png").output == ""
    strip = read_image(tmp_path / "strip.png")
    assert strip.shape == (88, 5 * 66 + 4 * 2)
    for number, frame in enumerate(expected):
        np.testing.assert_array_equal(strip[::11, number * 68 : number * 68 + 66 : 11], frame)
    assert run(*common, tmp_path / "morph.gif").output == ""
    with Image.open(tmp_path / "morph.gif") as film:
        frames = film.n_frames  # type: ignore[attr-defined]
        assert film.info["duration"] >= 500
    # Neighbours that are alike to the last bit are one longer frame.
    order = [*range(5), 3, 2, 1]
    assert frames == 1 + sum(bool((expected[i] != expected[j]).any()) for i, j in pairwise(order))
    assert run(*common, tmp_path / "frames").output == ""
    np.testing.assert_array_equal(read_images(tmp_path / "frames").images, expected)


def test_interpolate_within_a_folder(pictures: Any, run: Callable[..., Result], tmp_path: Path) -> None:
    done = run("interpolate", pictures.model, pictures.folder, "--to", 5, "--steps", 3, "-o", tmp_path / "x.npy")
    assert done.exit_code == 0, done.stderr
    expected = isthmus.load(pictures.model).interpolate(pictures.images[0], pictures.images[5], steps=3)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), expected)


def test_reconstruct_keeps_the_names(pictures: Any, run: Callable[..., Result], tmp_path: Path) -> None:
    assert run("reconstruct", pictures.model, pictures.folder, "-o", tmp_path / "out").output == ""
    again = read_images(tmp_path / "out")
    assert again.names == pictures.names
    np.testing.assert_array_equal(again.images, isthmus.load(pictures.model).reconstruct(pictures.images))


def test_reconstruct_to_pairs(pictures: Any, run: Callable[..., Result], tmp_path: Path) -> None:
    np.save(tmp_path / "some.npy", pictures.images[:6])
    for source, images in ((tmp_path / "some.npy", pictures.images[:6]), (pictures.folder, pictures.images)):
        assert run("reconstruct", pictures.model, source, "-o", tmp_path / "pairs.png").output == ""
        page = read_image(tmp_path / "pairs.png")
        again = isthmus.load(pictures.model).reconstruct(images)
        columns = (page.shape[1] + 2) // 68
        assert page.shape == (len(images) // columns * (178 + 8) - 8, columns * 68 - 2)
        for number, image in enumerate(images):
            top, left = number // columns * 186, number % columns * 68
            np.testing.assert_array_equal(page[top : top + 88 : 11, left : left + 66 : 11], image)
            np.testing.assert_array_equal(page[top + 90 : top + 178 : 11, left : left + 66 : 11], again[number])


def test_floats_become_pictures_over_the_range_of_the_training_data(
    pictures: Any, run: Callable[..., Result], tmp_path: Path
) -> None:
    for model in (pictures.float_model, pictures.signed_model):
        rows = isthmus.load(model).sample(3, random_state=0)
        unit = rows if model == pictures.float_model else (rows + 1) / 2
        assert run("sample", model, "-n", 3, "--seed", 0, "-o", tmp_path / "f").output == ""
        found = read_images(tmp_path / "f").images
        assert np.abs(found - 255.0 * unit).max() <= 0.51


@pytest.mark.parametrize("name", ["x.png", "x.gif", "folder"])
@pytest.mark.parametrize("command", ["sample", "reconstruct", "interpolate"])
def test_rows_that_are_no_images_are_no_pictures(
    files: Any, run: Callable[..., Result], tmp_path: Path, command: str, name: str
) -> None:
    source = [] if command == "sample" else [files.table]
    refused = run(command, files.table_model, *source, "-o", tmp_path / name)
    assert refused.exit_code == 2
    assert "asks for pictures, but the rows of" in refused.stderr
    assert "they have 4 columns. Write -o FILE.csv, .parquet, .npy or .npz instead." in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_outputs_are_checked_before_the_work(
    pictures: Any, run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BaseAutoencoder, "sample", lambda *_, **__: pytest.fail("sampled"))
    (tmp_path / "file").write_text("")
    for name, message in (
        (
            "x.bmp",
            "must end in .csv, .parquet, .npy, .npz, .png or .gif, or be that of a folder that is there, or have no",
        ),
        ("nowhere/x.png", "its folder does not exist"),
        ("nowhere/x", "its folder does not exist"),
        ("file", "a file of that name is in the way"),
    ):
        refused = run("sample", pictures.model, "-o", tmp_path / name)
        assert refused.exit_code in (1, 2)
        assert message in refused.stderr


# Options that are passed on


def test_path_and_temperature_are_passed_on_only_if_given(
    pictures: Any, run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, Any]] = []

    def sample(self: BaseAutoencoder, n: int, **options: Any) -> np.ndarray:
        told.append(options)
        return pictures.images[:n]

    def interpolate(self: BaseAutoencoder, a: Any, b: Any, **options: Any) -> np.ndarray:
        told.append(options)
        return pictures.images[:2]

    monkeypatch.setattr(BaseAutoencoder, "sample", sample)
    monkeypatch.setattr(BaseAutoencoder, "interpolate", interpolate)
    output = ["-o", tmp_path / "x.npy"]
    for options in ([], ["--temperature", 0.7], ["--no-noise"]):
        assert run("sample", pictures.model, *options, *output).exit_code == 0
    for options in ([], ["--path", "geodesic"]):
        assert run("interpolate", pictures.model, pictures.folder, *options, *output).exit_code == 0
    drawn = {"given": None, "prior": False, "random_state": None}
    assert told[:3] == [drawn, {**drawn, "temperature": 0.7}, {**drawn, "noise": False}]
    assert told[3:] == [{"steps": 9, "given": None}, {"steps": 9, "given": None, "path": "geodesic"}]
