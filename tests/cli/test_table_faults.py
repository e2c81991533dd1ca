"""Damaged and unfitting tables through the commands: one line that names the place, and no file."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import Result
from pyarrow import parquet

from isthmus import MLP, VAE

ROWS = 40
LINES = [f"{170 + row % 7}.5,{('Oslo', 'Rome')[row % 2]},{row % 5}" for row in range(ROWS)]
TEXT = "\n".join(["height,city,children", *LINES]) + "\n"
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cells = [line.split(",") for line in LINES]
    table = pa.table(
        {
            "height": [float(one[0]) for one in cells],
            "city": [one[1] for one in cells],
            "children": [int(one[2]) for one in cells],
        }
    )
    path = tmp_path_factory.mktemp("faults") / "m.safetensors"
    VAE(2, network=MLP(hidden=(8,)), max_epochs=1, random_state=0).fit(table).save(path)
    return path


def said(found: Result) -> str:
    return " ".join(found.stderr.split())


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("Oslo", '"Oslo"').encode(),
    ],
    ids=["plain", "byte order mark", "CRLF", "quotes"],
)
def test_ways_to_write_the_same_table(run: Run, model: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    (tmp_path / "plain.csv").write_text(TEXT)
    assert run("encode", model, tmp_path / "x.csv").stdout == run("encode", model, tmp_path / "plain.csv").stdout != ""


@pytest.mark.parametrize("command", ["fit", "encode", "schema"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TEXT.replace("Rome,1", "Ro\0me,1", 1).encode(), r"x.csv, line 3.*NUL"),
        (TEXT.replace("Rome,1", "Rome,1,9", 1).encode(), r"x.csv, line 3.*4 .*3"),
        (TEXT.replace("Rome,1", '"Rome,1', 1).encode(), r"x.csv, line 3.*quot"),
        (TEXT.replace("Rome", "Malmö", 1).encode("latin-1"), r"x.csv, line 3.*UTF-8"),
        (b"height,city,city\n1,a,b\n2,b,a\n", r"x.csv.*'city'"),
        (b"", r"x.csv.*empty"),
        (b"height,city,children\n", r"x.csv.*no rows"),
    ],
    ids=["NUL", "ragged", "quote", "Latin-1", "duplicate names", "empty", "no rows"],
)
def test_damaged_csv_files_are_refused_by_line(
    run: Run, model: Path, tmp_path: Path, command: str, content: bytes, message: str
) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    before, out = [model] if command == "encode" else [], tmp_path / "out.json"
    if command != "schema":
        out = tmp_path / f"out.{'safetensors' if command == 'fit' else 'csv'}"
    failed = run(command, *before, tmp_path / "x.csv", "-o", out)
    assert failed.exit_code == 1
    assert re.search(message, said(failed)), said(failed)
    assert not out.exists()


def test_damaged_binary_files_are_refused(run: Run, model: Path, tmp_path: Path) -> None:
    parquet.write_table(
        pa.table({"height": [1.0, 2.0], "city": ["Oslo", "Rome"], "children": [1, 2]}), tmp_path / "x.parquet"
    )
    content = (tmp_path / "x.parquet").read_bytes()
    (tmp_path / "short.parquet").write_bytes(content[:-9])
    (tmp_path / "torn.parquet").write_bytes(content[:8] + b"\xff" * 40 + content[48:])
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        head = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            head, {"descr": "<f8", "fortran_order": False, "shape": (1 << 21, 1 << 20)}
        )
        archive.writestr("x.npy", head.getvalue() + b"\0" * 4096)
    for name, message in {
        "short.parquet": "short.parquet is",
        "torn.parquet": "torn.parquet is",
        "objects.npy": "objects",
        "bomb.npz": "bomb.npz",
    }.items():
        for command, before in (("encode", [model]), ("fit", [])):
            out = tmp_path / ("o.safetensors" if command == "fit" else "o.csv")
            failed = run(command, *before, tmp_path / name, "-o", out)
            assert failed.exit_code == 1, name
            assert message in said(failed)
            assert "Traceback" not in failed.stderr
            assert not out.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TEXT.replace("city", "town", 1), "unseen at fit time: - town"),
        (TEXT.replace(",children", "", 1).replace(",0\n", "\n"), "x.csv, line"),
        ("height,city\n1,Oslo\n2,Rome\n", "now missing: - children"),
        (TEXT.replace("171.5", "tall", 1), "Columns that are not numeric: 'height'"),
        (TEXT.replace("171.5", "inf", 1), "first at row 1, column 'height'"),
        (TEXT.replace("171.5", "1e300", 1), "beyond float32 after scaling at row 1, column 'height'"),
    ],
    ids=["renamed", "ragged", "missing column", "words", "infinite", "huge"],
)
@pytest.mark.parametrize("command", ["encode", "reconstruct", "evaluate", "impute"])
def test_tables_that_do_not_fit_are_refused_by_name(
    run: Run, model: Path, tmp_path: Path, command: str, content: str, message: str
) -> None:
    (tmp_path / "x.csv").write_text(content)
    out = tmp_path / "out.csv"
    failed = run(command, model, tmp_path / "x.csv", "-o", out)
    assert failed.exit_code == 1
    assert message in said(failed)
    assert not out.exists()


def test_new_levels_are_told_and_never_drawn(run: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(TEXT.replace("Rome", "Atlantis", 1))
    told = run("reconstruct", model, tmp_path / "x.csv", "-o", tmp_path / "again.csv")
    assert told.exit_code == 0
    assert "level 'Atlantis' at row 1, column 'city'" in said(told)
    assert "Atlantis" not in (tmp_path / "again.csv").read_text()
    assert "Atlantis" not in run("sample", model, "-n", 50, "--seed", 0).stdout


def test_one_row_is_enough_for_a_model_and_too_few_for_fit(run: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("height,city,children\n171.5,Rome,1\n")
    assert run("encode", model, tmp_path / "x.csv").stdout.count("\n") == 2
    failed = run("fit", tmp_path / "x.csv", "-o", tmp_path / "m.safetensors")
    assert failed.exit_code == 1
    assert "1 sample(s)" in said(failed)
    turned = "\n".join(",".join(line.split(",")[::-1]) for line in TEXT.splitlines())
    (tmp_path / "x.csv").write_text(TEXT)
    (tmp_path / "turned.csv").write_text(turned)
    assert run("encode", model, tmp_path / "turned.csv").stdout == run("encode", model, tmp_path / "x.csv").stdout


def test_constant_columns_are_told_and_nothing_else_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n" + "1,x\n" * 9)
    failed = run("fit", tmp_path / "x.csv", "-o", tmp_path / "m.safetensors")
    assert failed.exit_code == 1
    assert "All 2 columns are constant" in said(failed)
    assert not (tmp_path / "m.safetensors").exists()
    (tmp_path / "x.csv").write_text("a,b,c\n" + "1,x,3\n1,x,4\n" * 9)
    shown = run("schema", tmp_path / "x.csv")
    assert "2 of 3 columns are constant and carry nothing: column 'a', column 'b'" in said(shown)
