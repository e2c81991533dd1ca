"""encode, reconstruct, sample, interpolate: what Python's methods give, in files and on standard output."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

import isthmus
from isthmus.sources import read_csv

HEADER = "height,weight,age,income"


def parsed(text: str) -> tuple[str, np.ndarray]:
    """The header and the numbers of CSV text."""
    header, _, body = text.partition("\n")
    return header, np.loadtxt(StringIO(body), delimiter=",", ndmin=2)


def test_encode_to_standard_output(files, run: Callable[..., Result]) -> None:
    done = run("encode", files.table_model, files.table)
    assert (done.exit_code, done.stderr) == (0, "")
    header, codes = parsed(done.stdout)
    assert header == "vae0,vae1"
    expected = isthmus.load(files.table_model).transform(read_csv(files.table))
    np.testing.assert_array_equal(codes.astype(np.float32), expected)
    assert run("encode", files.table_model, files.table, "-o", "-").stdout == done.stdout


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".npz"])
def test_encode_to_a_file(files, run: Callable[..., Result], tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"codes{suffix}"
    done = run("encode", files.table_model, files.table, "-o", path)
    assert (done.exit_code, done.output) == (0, "")
    expected = isthmus.load(files.table_model).transform(read_csv(files.table))
    if suffix == ".csv":
        codes = parsed(path.read_text())[1].astype(np.float32)
    else:
        codes = np.load(path) if suffix == ".npy" else np.load(path)["X"]
    np.testing.assert_array_equal(codes, expected)


def test_encode_to_symbols(files, run: Callable[..., Result], tmp_path: Path) -> None:
    header, symbols = parsed(run("encode", files.symbol_model, files.images, "--symbols").stdout)
    assert header == "symbol0,symbol1"
    expected = isthmus.load(files.symbol_model).codes(np.load(files.images))
    np.testing.assert_array_equal(symbols, expected)
    path = tmp_path / "symbols.npy"
    assert run("encode", files.symbol_model, files.images, "--symbols", "-o", path).exit_code == 0
    assert np.load(path).dtype == np.int64


def test_encode_to_clusters(files, run: Callable[..., Result]) -> None:
    header, shares = parsed(run("encode", files.mixture_model, files.array, "--clusters").stdout)
    assert header == "cluster0,cluster1,cluster2"
    expected = isthmus.load(files.mixture_model).clusters(np.load(files.array))
    np.testing.assert_array_equal(shares.astype(np.float32), expected)


def test_columns_are_matched_by_name(files, run: Callable[..., Result], tmp_path: Path) -> None:
    table = read_csv(files.table)
    order = [2, 0, 3, 1]
    path = tmp_path / "other-order.csv"
    np.savetxt(
        path,
        table.values[:, order],
        delimiter=",",
        fmt="%.17g",
        comments="",
        header=",".join(table.names[i] for i in order),
    )
    assert run("encode", files.table_model, path).stdout == run("encode", files.table_model, files.table).stdout


def test_reconstruct_gives_the_columns_back(files, run: Callable[..., Result], tmp_path: Path) -> None:
    header, values = parsed(run("reconstruct", files.table_model, files.table).stdout)
    assert header == HEADER
    expected = isthmus.load(files.table_model).reconstruct(read_csv(files.table))
    np.testing.assert_array_equal(values, expected.values)
    assert run("reconstruct", files.image_model, files.images, "-o", tmp_path / "again.npy").exit_code == 0
    again = np.load(tmp_path / "again.npy")
    assert (again.shape, again.dtype) == ((64, 5, 4), np.uint8)


def test_a_model_of_a_pandas_frame_prints_its_columns(files, run: Callable[..., Result], tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(files.table)
    model = tmp_path / "m.safetensors"
    isthmus.VAE(latent_dim=2, max_epochs=1, random_state=0).fit(frame).save(model)
    header, values = parsed(run("reconstruct", model, files.table).stdout)
    assert header == HEADER
    np.testing.assert_array_equal(values, isthmus.load(model).reconstruct(frame).to_numpy())


@pytest.mark.parametrize("prior", [False, True])
def test_sample(files, run: Callable[..., Result], prior: bool) -> None:
    done = run("sample", files.table_model, "-n", 3, "--seed", 5, *(["--prior"] if prior else []))
    header, values = parsed(done.stdout)
    assert header == HEADER
    expected = isthmus.load(files.table_model).sample(3, prior=prior, random_state=5)
    np.testing.assert_array_equal(values, expected.values)


def test_samples_differ_without_a_seed(files, run: Callable[..., Result]) -> None:
    assert run("sample", files.table_model).stdout != run("sample", files.table_model).stdout


def test_interpolate_between_rows_of_one_file(files, run: Callable[..., Result]) -> None:
    model, table = isthmus.load(files.table_model), read_csv(files.table)
    done = run(
        "interpolate", files.table_model, files.table, "--from", 3, "--to", -2, "--steps", 5, "--path", "spherical"
    )
    header, values = parsed(done.stdout)
    assert header == HEADER
    row = [type(table)(table.names, table.values[[number]]) for number in (3, 62)]
    np.testing.assert_array_equal(values, model.interpolate(*row, steps=5, path="spherical").values)
    assert len(parsed(run("interpolate", files.table_model, files.table).stdout)[1]) == 9


def test_interpolate_between_two_files(files, run: Callable[..., Result], tmp_path: Path) -> None:
    images = np.load(files.images)
    ends = []
    for number in (7, 21):
        ends.append(tmp_path / f"{number}.npy")
        np.save(ends[-1], images[[number]])
    strip = tmp_path / "strip.npy"
    assert run("interpolate", files.image_model, *ends, "-o", strip, "--steps", 4).exit_code == 0
    expected = isthmus.load(files.image_model).interpolate(images[7], images[21], steps=4)
    np.testing.assert_array_equal(np.load(strip), expected)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["interpolate", "M", "T", "--from", 64],
            2,
            "has 64 rows, numbered 0 to 63 (or -1, -2, … from the end); got 64.",
        ),
        (["interpolate", "M", "T", "--to", -65], 2, "--to: "),
        (["interpolate", "M", "T", "--steps", 1], 2, "`steps` must be an integer in [2, inf); got 1."),
        (
            ["interpolate", "M", "T", "--path", "winding"],
            2,
            "'winding' is not one of 'linear', 'spherical', 'geodesic'.",
        ),
        (["interpolate", "M", "T", "I"], 1, "i.npy: X has rows of another shape"),
        (["encode", "M", "I"], 1, "i.npy: X has rows of another shape"),
        (["encode", "M", "nowhere.csv"], 1, "nowhere.csv cannot be read: No such file or directory. Check the path."),
        (["encode", "nowhere", "T"], 1, "Cannot load 'nowhere': there is no such file; check the path."),
        (["encode", "T", "T"], 1, "Cannot load '"),
        (["encode", "M", "T", "-o", "codes.txt"], 2, "must end in .csv, .parquet, .npy or .npz; got 'codes.txt'."),
        (
            ["encode", "M", "data.txt"],
            1,
            "files of type .txt are not supported. Expected one of .csv, .parquet, .npy, .npz, .png",
        ),
        (
            ["encode", "M", "T", "--symbols"],
            2,
            "t.safetensors are vectors, not symbols. Leave it out, or fit with --recipe vq-vae.",
        ),
        (
            ["encode", "M", "T", "--clusters"],
            2,
            "t.safetensors is no mixture (N(0, I) prior). Leave it out, or fit with --recipe mixture-vae.",
        ),
        (["encode", "M", "T", "--symbols", "--clusters"], 2, "--symbols and --clusters contradict each other."),
        (["sample", "M", "-n", 0], 2, "-n must be an integer in [1, inf); got 0."),
        (["sample", "M", "--seed", -1], 2, "`random_state` must be None, an integer >= 0"),
        (
            ["sample", "V"],
            2,
            "shape (10, 5, 4): images do not fit into a table. Write -o FILE.npy instead, or pictures",
        ),
        (
            ["sample", "V", "-o", "x.csv"],
            2,
            "images do not fit into a table. Write -o FILE.npy instead, or pictures",
        ),
    ],
)
def test_errors_are_one_message(
    files,
    run: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[object],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"M": files.table_model, "V": files.image_model, "T": files.table, "I": files.images}
    failed = run(*(names.get(part, part) if isinstance(part, str) else part for part in arguments))
    assert failed.exit_code == code
    assert failed.stdout == ""
    assert message in failed.stderr
    assert failed.stderr.startswith("isthmus: error: ")
    assert failed.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_network_of_ones_own_needs_trust(
    files, run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_networks_for_cli.py").write_text(
        "from torch import nn\n\n\ndef narrow(n_in, n_out, mirrored, width):\n"
        "    return nn.Sequential(nn.Linear(n_in, width), nn.ReLU(), nn.Linear(width, n_out))\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "m.safetensors"
    network = "network={component='custom', path='own_networks_for_cli:narrow', kwargs={width=4}}"
    done = run("fit", files.array, "-o", path, "--set", network, "--max-epochs", 1, "--set", "schema=continuous", "-q")
    assert done.exit_code == 0, done.stderr
    refused = run("encode", path, files.array)
    assert refused.exit_code == 1
    assert "own_networks_for_cli:narrow" in refused.stderr
    assert run("encode", path, files.array, "--trust", "own_networks_for_cli:narrow").exit_code == 0
