"""Folders of images and image files, in and out of every command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

import isthmus
from isthmus.sources.images import folder as image_folder
from isthmus.sources.images.folder import read_images

SHAPE = (8, 6)
pytestmark = pytest.mark.usefixtures("nothing_in_the_users_cache")


def table(text: str) -> tuple[list[str], list[str], np.ndarray]:
    """Column names, first column and numbers of CSV text."""
    lines = [line.split(",") for line in text.splitlines()]
    return lines[0], [line[0] for line in lines[1:]], np.array([line[1:] for line in lines[1:]], dtype=np.float32)


# fit


def test_fit_on_a_folder_is_fit_on_its_array(pictures: Any, run: Callable[..., Result], tmp_path: Path) -> None:
    options = ["--max-epochs", 1, "--latent-dim", 2, "--set", "network={component=mlp, hidden=[8]}"]
    done = run("fit", pictures.folder, "-o", tmp_path / "m.safetensors", *options)
    assert done.exit_code == 0, done.stderr
    assert "24 rows of 8 × 6 unit-interval pixels" in done.stderr
    expected = isthmus.load(pictures.model).transform(pictures.images)
    np.testing.assert_array_equal(isthmus.load(tmp_path / "m.safetensors").transform(pictures.images), expected)


def test_fit_brings_images_to_a_size(pictures: Any, run: Callable[..., Result], tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for number, image in enumerate(pictures.images[:8]):
        Image.fromarray(image).resize((10 + number, 12)).save(folder / f"{number}.png")
    Image.new("RGB", (20, 20), "red").save(folder / "red.jpg")
    (folder / "bad.png").write_text("x")
    (folder / "notes.txt").write_text("x")
    model = tmp_path / "m.safetensors"
    common = ["fit", folder, "-o", model, "--max-epochs", 1, "--latent-dim", 2, "--recipe", "autoencoder"]
    refused = run(*common)
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"isthmus: error: {folder}: the images have several sizes: 0.png is 12 × 10")
    refused = run(*common, "--size", 8)
    assert "bad.png is no PNG" in refused.stderr or "several kinds" in refused.stderr
    assert not model.exists()
    done = run(*common, "--size", "8x9", "--channels", 3, "--skip-bad")
    assert done.exit_code == 0, done.stderr
    assert f"isthmus: {folder}: skipped 1 file that could not be read: bad.png.\n" in done.stderr
    assert f"isthmus: {folder}: passed over 1 other entry.\n" in done.stderr
    assert "9 rows of 8 × 9 × 3 unit-interval pixels" in done.stderr
    assert isthmus.load(model).schema_.row_shape == (8, 9, 3)
    assert run(*common, "--size", 8, "--channels", 1, "--skip-bad", "--quiet").output == ""


def test_many_images_are_mapped_from_a_file(
    pictures: Any, run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_folder, "IN_MEMORY", 100)
    options = ["--max-epochs", 1, "--latent-dim", 2, "--set", "network={component=mlp, hidden=[8]}"]
    done = run("fit", pictures.folder, "-o", tmp_path / "m.safetensors", *options)
    assert done.exit_code == 0, done.stderr
    kept = read_images(pictures.folder).cache
    assert kept is not None
    assert tmp_path in kept.parents
    assert f"isthmus: {pictures.folder}: the decoded images are kept in {kept}.\n" in done.stderr
    expected = isthmus.load(pictures.model).transform(pictures.images)
    np.testing.assert_array_equal(isthmus.load(tmp_path / "m.safetensors").transform(pictures.images), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "8"], "--size is for folders of images and image files; "),
        (["--channels", "3"], "--channels is for folders of images and image files; "),
        (["--skip-bad"], "--skip-bad is for folders of images and image files; "),
        (["--size", "8 by 8"], "'8 by 8' is neither a number of pixels nor HEIGHTxWIDTH, such as 64 or 48x64."),
        (["--channels", "2"], "'2' is not one of '1', '3', '4'."),
    ],
)
def test_options_that_make_no_sense(
    files: Any, run: Callable[..., Result], tmp_path: Path, options: list[str], message: str
) -> None:
    refused = run("fit", files.images, "-o", tmp_path / "m.safetensors", *options)
    assert refused.exit_code == 2
    assert message in refused.stderr


def test_sizes_out_of_range(pictures: Any, run: Callable[..., Result], tmp_path: Path) -> None:
    refused = run("fit", pictures.folder, "-o", tmp_path / "m.safetensors", "--size", 0)
    assert refused.exit_code == 2
    assert "`size` must be an integer in [1, 16384]" in refused.stderr
    refused = run("fit", pictures.folder, "-o", tmp_path / "m.safetensors", "--key", "X")
    assert "--key chooses an array of an .npz file" in refused.stderr


# encode and evaluate


def test_encode_names_the_files(pictures: Any, run: Callable[..., Result], tmp_path: Path) -> None:
    done = run("encode", pictures.model, pictures.folder)
    assert done.stderr == ""
    header, names, values = table(done.stdout)
    assert header == ["file", "vae0", "vae1"]
    assert tuple(names) == pictures.names
    expected = isthmus.load(pictures.model).transform(pictures.images)
    np.testing.assert_array_equal(values, expected)
    assert run("encode", pictures.model, pictures.folder, "-o", tmp_path / "c.csv").exit_code == 0
    assert (tmp_path / "c.csv").read_text() == done.stdout
    assert run("encode", pictures.model, pictures.folder, "-o", tmp_path / "c.npy").exit_code == 0
    np.testing.assert_array_equal(np.load(tmp_path / "c.npy"), expected)
    one = run("encode", pictures.model, pictures.folder / "a" / "03.png")
    assert one.stdout.splitlines() == [done.stdout.splitlines()[0], done.stdout.splitlines()[4].replace("a/03", "03")]


def test_names_that_need_quotes_or_are_no_text(pictures: Any, run: Callable[..., Result], tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    Image.fromarray(pictures.images[0]).save(folder / 'a, "b".png')
    with open(os.fsencode(folder) + b"/\xff.png", "wb") as file:  # noqa: PTH123 - a name in another encoding
        Image.fromarray(pictures.images[1]).save(file, format="PNG")
    done = run("encode", pictures.model, folder)
    assert done.exit_code == 0, done.stderr
    assert [line.rsplit(",", 2)[0] for line in done.stdout.splitlines()[1:]] == ['"a, ""b"".png"', "\\udcff.png"]


def test_evaluate_names_the_files(pictures: Any, run: Callable[..., Result], tmp_path: Path) -> None:
    done = run("evaluate", pictures.model, pictures.folder, "-o", tmp_path / "s.csv")
    assert done.exit_code == 0, done.stderr
    assert "rows                24" in done.stdout
    header, names, values = table((tmp_path / "s.csv").read_text())
    assert header == ["file", "score"]
    assert tuple(names) == pictures.names
    expected = isthmus.load(pictures.model).score_samples(pictures.images).astype(np.float32)
    np.testing.assert_array_equal(values[:, 0], expected)


def test_other_images_are_brought_to_the_models_form_and_said_so(
    pictures: Any, run: Callable[..., Result], tmp_path: Path
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    Image.fromarray(pictures.images[0]).save(folder / "a.png")
    Image.new("RGB", (90, 80), "teal").save(folder / "b.jpg")
    done = run("encode", pictures.model, folder)
    note = f"{folder}: 1 of 2 images were brought to 8 × 6, the size and channels of the model's images."
    assert done.stderr == f"isthmus: {note}\n"
    expected = isthmus.load(pictures.model).transform(read_images(folder, SHAPE, 1).images)
    np.testing.assert_array_equal(table(done.stdout)[2], expected)
    done = run("encode", pictures.colour_model, folder / "a.png")
    assert done.stderr == (
        f"isthmus: {folder / 'a.png'}: the image was brought to 10 × 9 × 3, the size and channels of the model's "
        "images.\n"
    )
    expected = isthmus.load(pictures.colour_model).transform(read_images(folder / "a.png", (10, 9), 3).images)
    np.testing.assert_array_equal(table(done.stdout)[2], expected)


def test_a_model_of_floats_gets_floats(pictures: Any, run: Callable[..., Result]) -> None:
    done = run("encode", pictures.float_model, pictures.folder)
    assert done.exit_code == 0, done.stderr
    expected = isthmus.load(pictures.float_model).transform((pictures.images / 255).astype(np.float32))
    np.testing.assert_array_equal(table(done.stdout)[2], expected)
    refused = run("encode", pictures.signed_model, pictures.folder)
    assert refused.exit_code == 1
    assert "The images are uint8, but were float32 in training" in refused.stderr


def test_a_channel_axis_of_one(pictures: Any, run: Callable[..., Result], tmp_path: Path) -> None:
    model = isthmus.Autoencoder(latent_dim=2, max_epochs=1, random_state=0).fit(pictures.images[..., None])
    model.save(tmp_path / "m.safetensors")
    done = run("reconstruct", tmp_path / "m.safetensors", pictures.folder, "-o", tmp_path / "again.npy")
    assert done.exit_code == 0, done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "again.npy"), model.reconstruct(pictures.images[..., None]))


def test_a_model_of_columns_refuses_images(files: Any, pictures: Any, run: Callable[..., Result]) -> None:
    refused = run("encode", files.table_model, pictures.folder)
    assert refused.exit_code == 1
    assert f"{pictures.folder}: X has rows of another shape: VAE is expecting (n, 4); got (n, 8, 6)" in refused.stderr


@pytest.mark.parametrize("command", ["encode", "reconstruct", "evaluate", "interpolate"])
def test_damaged_files_can_be_skipped(pictures: Any, run: Callable[..., Result], tmp_path: Path, command: str) -> None:
    folder = tmp_path / "some"
    folder.mkdir()
    for number in range(2):
        Image.fromarray(pictures.images[number]).save(folder / f"{number}.png")
    (folder / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    output = ["-o", tmp_path / "x.npy"]
    refused = run(command, pictures.model, folder, *output)
    assert refused.exit_code == 1
    assert "bad.jpg" in refused.stderr
    assert "(in the shell: --skip-bad)" in refused.stderr
    done = run(command, pictures.model, folder, "--skip-bad", *output)
    assert done.exit_code == 0, done.stderr
    assert "skipped 1 file that could not be read: bad.jpg." in done.stderr
    assert (tmp_path / "x.npy").exists()
    refused = run(command, pictures.model, tmp_path / "x.npy", "--skip-bad")
    assert refused.exit_code == 2
    assert "--skip-bad is for folders of images" in refused.stderr


# Pillow


def test_other_data_need_no_pillow(files: Any, pictures: Any, tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "sys.modules['PIL'] = None\n"
        "from isthmus.cli.main import app\n"
        "for words in sys.argv[1].split(';'):\n"
        "    try:\n"
        "        app.main(words.split(), prog_name='isthmus')\n"
        "    except SystemExit as end:\n"
        "        print(end.code)\n"
    )
    lines = [
        f"encode {files.table_model} {files.table} -o {tmp_path}/c.csv",
        f"reconstruct {files.image_model} {files.images} -o {tmp_path}/r.npy",
        f"encode {pictures.model} {pictures.folder}",
        f"sample {pictures.model} -o {tmp_path}/x.png",
    ]
    done = subprocess.run([sys.executable, "-c", program, ";".join(lines)], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["0", "0", "1", "1"], done.stderr
    wanted = "isthmus: error: Image files need Pillow, which is not installed: pip install 'isthmus[images]'.\n"
    assert done.stderr == 2 * wanted


def test_help_and_import_load_no_pillow() -> None:
    program = (
        "import sys, isthmus\n"
        "from isthmus.cli.main import COMMANDS, app\n"
        "for arguments in (['--help'], *([name, '--help'] for name in COMMANDS)):\n"
        "    app.main(arguments, prog_name='isthmus', standalone_mode=False)\n"
        "import isthmus.sources.images.folder, isthmus.sources.images.writing\n"
        "print('loaded:', 'PIL' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("loaded: False")
