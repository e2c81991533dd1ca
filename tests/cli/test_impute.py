"""``isthmus impute``: what Python's method gives, in tables, arrays and pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

import isthmus
from isthmus.sources import read_csv

HEADER = "height,weight,age,income"


@pytest.fixture
def holes(files, tmp_path: Path) -> Path:
    """The table with every fifth cell empty."""
    lines = Path(files.table).read_text().splitlines()
    cells = [line.split(",") for line in lines[1:]]
    for number in range(0, len(cells) * 4, 5):
        cells[number // 4][number % 4] = ""
    path = tmp_path / "holes.csv"
    path.write_text("\n".join([lines[0], *(",".join(row) for row in cells)]) + "\n")
    return path


def test_empty_cells_are_filled(files, holes: Path, run: Callable[..., Result], tmp_path: Path) -> None:
    done = run("impute", files.table_model, holes)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(HEADER + "\n")
    given, whole = read_csv(holes).values, read_csv(files.table).values
    path = tmp_path / "filled.csv"
    assert run("impute", files.table_model, holes, "-o", path).output == ""
    assert path.read_text() == done.stdout
    found = read_csv(path).values
    there = ~np.isnan(given)
    np.testing.assert_array_equal(found[there], whole[there])
    np.testing.assert_array_equal(found, isthmus.load(files.table_model).impute(read_csv(holes)).values)


def test_samples_become_numbered_files(files, holes: Path, run: Callable[..., Result], tmp_path: Path) -> None:
    done = run("impute", files.table_model, holes, "-o", tmp_path / "m.csv", "--samples", 2, "--seed", 3)
    assert (done.exit_code, done.output) == (0, "")
    drawn = isthmus.load(files.table_model).impute(read_csv(holes), samples=2, random_state=3)
    for number, expected in enumerate(drawn, start=1):
        np.testing.assert_array_equal(read_csv(tmp_path / f"m-{number}.csv").values, expected.values)
    assert sorted(path.name for path in tmp_path.glob("m*")) == ["m-1.csv", "m-2.csv"]
    done = run("impute", files.table_model, holes, "--no-noise", "-o", tmp_path / "m.csv")
    assert (done.exit_code, "--noise and --no-noise are about --samples" in done.stderr) == (2, True)


def test_a_table_as_a_mask(files, run: Callable[..., Result], tmp_path: Path) -> None:
    rows = np.load(files.array)
    mask = np.random.default_rng(0).random(rows.shape) < 0.5
    model = tmp_path / "array.safetensors"
    isthmus.VAE(1, max_epochs=1, random_state=0).fit(rows).save(model)
    expected = isthmus.load(model).impute(rows, mask=mask)
    for path, written in ((tmp_path / "mask.npy", mask), (tmp_path / "mask.csv", mask.astype(int))):
        np.save(path, written) if path.suffix == ".npy" else np.savetxt(path, written, delimiter=",", fmt="%d")
        assert run("impute", model, files.array, "--mask", path, "-o", tmp_path / "out.npy").output == ""
        np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)
    (tmp_path / "one.csv").write_text("0,1,0,0\n")
    assert run("impute", model, files.array, "--mask", tmp_path / "one.csv", "-o", tmp_path / "out.npy").output == ""
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy")[:, [0, 2, 3]], rows[:, [0, 2, 3]])


def test_boxes_and_pictures_as_masks(files, run: Callable[..., Result], tmp_path: Path) -> None:
    images = np.load(files.images)
    hidden = np.zeros(images.shape[1:], dtype=bool)
    hidden[2:4, 1:3] = True
    expected = isthmus.load(files.image_model).impute(images, mask=hidden)
    Image.fromarray(hidden.astype(np.uint8) * 255).save(tmp_path / "mask.png")
    for option in (["--box", "2,1,2,2"], ["--mask", tmp_path / "mask.png"]):
        done = run("impute", files.image_model, files.images, *option, "-o", tmp_path / "out.npy")
        assert (done.exit_code, done.output) == (0, "")
        np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)
    assert run("impute", files.image_model, files.images, "--box", "2,1,2,2", "-o", tmp_path / "out.png").output == ""
    pairs = np.asarray(Image.open(tmp_path / "out.png"))
    assert (pairs == 127).any()  # the hole, above what fills it
    assert run("impute", files.image_model, files.images, "--box", "2,1,2,2", "-o", tmp_path / "out").output == ""
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out" / "00.png")), expected[0])


def test_nothing_missing_is_said(files, run: Callable[..., Result], tmp_path: Path) -> None:
    done = run("impute", files.table_model, files.table, "-o", tmp_path / "same.csv")
    assert done.exit_code == 0
    assert "nothing is missing, so the rows are as they were" in done.stderr
    np.testing.assert_array_equal(read_csv(tmp_path / "same.csv").values, read_csv(files.table).values)
    done = run("impute", files.image_model, files.images, "-o", tmp_path / "same.npy")
    assert "say what to fill with --mask or --box" in done.stderr


@pytest.mark.parametrize(
    ("model", "data", "options", "words"),
    [
        ("table_model", "table", ["--box", "0,0,1,1"], "--box is for images, but the rows of"),
        ("image_model", "images", ["--box", "4,0,2,4"], "is not inside the images of"),
        ("image_model", "images", ["--box", "1,2,3"], "is not TOP,LEFT,HEIGHT,WIDTH in pixels, such as 14,0,14,28"),
        ("image_model", "images", ["--box", "0,0,0,1"], "5 × 4 (height × width)"),
        ("table_model", "table", ["--samples", "0"], "--samples must be an integer in [1, inf); got 0"),
        ("table_model", "table", ["--samples", "2"], "say -o FILE, such as -o filled.csv"),
        ("image_model", "images", ["--box", "0,0,1,1", "--mask", "m.npy"], "--mask and --box contradict each other"),
        (
            "symbol_model",
            "images",
            ["--box", "0,0,1,1", "--samples", "2", "-o", "x.npy"],
            "codes of this model are symbols",
        ),
        ("image_model", "images", ["--box", "0,0,1,1", "--samples", "2", "-o", "x.npy"], "plain squared error"),
    ],
)
def test_wrong_use(files, run: Callable[..., Result], model: str, data: str, options: list[str], words: str) -> None:
    done = run("impute", getattr(files, model), getattr(files, data), *options)
    assert done.exit_code == 2
    assert words in done.stderr.replace("\n", " ")


def test_masks_that_do_not_fit(files, run: Callable[..., Result], tmp_path: Path) -> None:
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "m.png")
    done = run("impute", files.image_model, files.images, "--mask", tmp_path / "m.png", "-o", tmp_path / "x.npy")
    assert done.exit_code == 1
    assert "the mask is 9 × 9 pixels, the model's images are 5 × 4" in done.stderr
    done = run("impute", files.table_model, files.table, "--mask", tmp_path / "m.png")
    assert done.exit_code == 2
    np.save(tmp_path / "m.npy", np.full((64, 4), 0.5))
    done = run("impute", files.table_model, files.table, "--mask", tmp_path / "m.npy")
    assert done.exit_code == 1
    assert "`mask` must hold booleans" in done.stderr
