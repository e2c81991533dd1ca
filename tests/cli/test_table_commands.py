"""Tables of mixed columns through the commands: CSV and Parquet in, the same columns out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import Result
from pyarrow import parquet

from isthmus import MLP, VAE
from isthmus.cli.model_rows import text_columns
from isthmus.data.schema import Schema
from isthmus.sources import read_csv, read_parquet

ROWS = 60
CITIES = ("=Rome", "Oslo", "007")


@pytest.fixture(scope="module")
def table() -> pa.Table:
    random = np.random.default_rng(0)
    return pa.table(
        {
            "height": random.normal(size=ROWS),
            "city": [CITIES[place] for place in random.integers(0, 3, ROWS)],
            "age": random.integers(18, 90, ROWS),
            "member": random.random(ROWS) < 0.5,
        }
    )


@pytest.fixture(scope="module")
def people(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with people.csv, people.parquet and a model of them."""
    folder = tmp_path_factory.mktemp("people")
    parquet.write_table(table, folder / "people.parquet")
    lines = [",".join(map(str, row.values())) for row in table.to_pylist()]
    (folder / "people.csv").write_text("\n".join([",".join(table.column_names), *lines]))
    model = VAE(latent_dim=2, max_epochs=1, random_state=0, network=MLP(hidden=(8,)), schema={"city": "categorical"})
    model.fit(table).save(folder / "people.safetensors")
    return folder


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_fit_and_sample(run: Callable[..., Result], people: Path, tmp_path: Path, table: pa.Table, suffix: str) -> None:
    model = tmp_path / "m.safetensors"
    settings = ["--max-epochs", 1, "--set", "network.hidden=[8]", "--schema", "city=categorical"]
    fitted = run("fit", people / f"people.{suffix}", "-o", model, *settings)
    assert fitted.exit_code == 0, fitted.stderr
    assert run("sample", model, "-n", 9, "--seed", 1, "-o", tmp_path / "fake.parquet").exit_code == 0
    fake = read_parquet(tmp_path / "fake.parquet")
    assert fake.schema == table.schema
    assert set(fake.column("city").to_pylist()) <= set(CITIES)
    assert run("sample", model, "-n", 9, "--seed", 1, "-o", tmp_path / "fake.csv").exit_code == 0
    assert read_csv(tmp_path / "fake.csv").equals(fake)
    assert run("sample", model, "-n", 9, "--seed", 1).stdout == (tmp_path / "fake.csv").read_text()


def test_csv_and_parquet_are_the_same_rows(run: Callable[..., Result], people: Path, tmp_path: Path) -> None:
    model = people / "people.safetensors"
    codes = []
    for suffix in ("csv", "parquet"):
        assert run("encode", model, people / f"people.{suffix}", "-o", tmp_path / f"{suffix}.parquet").exit_code == 0
        codes.append(read_parquet(tmp_path / f"{suffix}.parquet"))
    assert codes[0].equals(codes[1])
    assert (codes[0].num_rows, codes[0].column_names) == (ROWS, ["vae0", "vae1"])


def test_every_command_takes_tables(run: Callable[..., Result], people: Path, table: pa.Table, tmp_path: Path) -> None:
    model, file = people / "people.safetensors", people / "people.csv"
    again = run("reconstruct", model, file, "-o", tmp_path / "again.parquet")
    assert again.exit_code == 0, again.stderr
    assert read_parquet(tmp_path / "again.parquet").schema == table.schema
    assert run("interpolate", model, file, "--from", 1, "--to", -2, "--steps", 3).stdout.count("\n") == 4
    scored = run("evaluate", model, file, "--density", "--samples", 2, "-o", tmp_path / "scores.parquet")
    assert scored.exit_code == 0, scored.stderr
    assert read_parquet(tmp_path / "scores.parquet").num_rows == ROWS
    assert run("info", model).exit_code == 0


def test_holes_and_what_is_left_out(run: Callable[..., Result], table: pa.Table, tmp_path: Path) -> None:
    file, model = tmp_path / "holes.csv", tmp_path / "m.safetensors"
    lines = [
        f"{row['height'] if number % 3 else ''},{row['city'] if number % 2 else ''},person {number},{number % 4}"
        for number, row in enumerate(table.to_pylist())
    ]
    file.write_text("\n".join(["height,city,name,children", *lines]))
    shown = run("schema", file).stdout
    assert " ".join(next(line for line in shown.splitlines() if line.startswith("city")).split()[:4]) == (
        "city categorical string 50.0%"
    )
    assert "left out: looks like an identifier" in next(line for line in shown.splitlines() if line.startswith("name"))
    fitted = run("fit", file, "-o", model, "--max-epochs", 1, "--set", "network.hidden=[8]")
    assert fitted.exit_code == 0, fitted.stderr
    assert "(2 with missing cells), 1 left out" in fitted.stderr
    assert "In the shell: --schema name=categorical or --schema name=ignore." in fitted.stderr
    assert run("sample", model, "-n", 100, "--seed", 0, "-o", tmp_path / "fake.parquet").exit_code == 0
    fake = read_parquet(tmp_path / "fake.parquet")
    assert fake.column_names == ["height", "city", "children"]
    assert 10 < fake.column("city").null_count < 90
    for command in ("encode", "reconstruct", "evaluate", "info"):
        done = run(command, model, *([] if command == "info" else [file]))
        assert done.exit_code == 0, done.stderr


def test_text_stays_text_where_all_cells_look_like_numbers(
    run: Callable[..., Result], people: Path, tmp_path: Path, table: pa.Table
) -> None:
    (tmp_path / "few.csv").write_text("member,age,city,height\nTrue,20,007,1\nFalse,30,007,2\n")
    found = run("reconstruct", people / "people.safetensors", tmp_path / "few.csv")
    assert found.exit_code == 0, found.stderr
    assert found.stdout.startswith("height,city,age,member\n")
    assert text_columns(Schema.learn(table, kind={"city": "categorical"})) == ("city",)


def test_formulas_are_told_and_escaped_on_request(run: Callable[..., Result], people: Path, tmp_path: Path) -> None:
    parquet.write_table(pa.table({"height": [0.0] * 8, "city": ["=Rome"] * 8, "age": [20] * 8, "member": [True] * 8}),
                        tmp_path / "rome.parquet")  # fmt: skip
    out = tmp_path / "again.csv"
    model = people / "people.safetensors"
    told = run("sample", model, "-n", 200, "--seed", 0, "-o", out)
    count = out.read_text().count("=Rome")
    assert count > 1
    words = (
        f"{count} cells of text begin with =, +, - or @, which a spreadsheet would run as a formula. --escape-formulas"
    )
    assert words in " ".join(told.stderr.split())
    told = run("sample", model, "-n", 200, "--seed", 0, "-o", out, "--escape-formulas")
    assert out.read_text().count("'=Rome") == count
    assert f"{count} cells of text that begin with =, +, - or @ got an apostrophe in front." in told.stderr
    assert "'=Rome" in run("sample", model, "-n", 200, "--seed", 0, "--escape-formulas").stdout


def test_what_arrays_cannot_hold_is_named(run: Callable[..., Result], people: Path, tmp_path: Path) -> None:
    failed = run("sample", people / "people.safetensors", "-o", tmp_path / "x.npy")
    assert failed.exit_code == 1
    assert "column 'city' has dtype String. Write .csv or .parquet" in failed.stderr


def test_schema_command_shows_and_writes_what_fit_takes(
    run: Callable[..., Result], people: Path, tmp_path: Path
) -> None:
    path = tmp_path / "schema.json"
    shown = run("schema", people / "people.csv", "-o", path)
    assert shown.exit_code == 0, shown.stderr
    lines = {line.split()[0]: " ".join(line.split()) for line in shown.stdout.splitlines() if line.strip()}
    assert lines["people.csv:" if "people.csv:" in lines else next(iter(lines))].endswith("60 rows")
    assert lines["city"] == "city categorical string – 3: 007, =Rome, Oslo text"
    assert lines["member"] == "member binary bool – False to True true or false"
    assert lines["age"].startswith("age continuous int64 – ")
    assert lines["age"].endswith("whole numbers")
    described = json.loads(path.read_text(encoding="utf-8"))["columns"]
    assert [one["kind"] for one in described.values()] == ["continuous", "categorical", "continuous", "binary"]
    described["age"]["kind"] = "count"
    described["height"] = "ignore"
    path.write_text(json.dumps({"columns": described}), encoding="utf-8")
    shown = run("schema", people / "people.csv", "--schema", path)
    assert "as asked" in next(line for line in shown.stdout.splitlines() if line.startswith("age  "))
    model = tmp_path / "m.safetensors"
    fitted = run("fit", people / "people.csv", "--schema", path, "-o", model, "--max-epochs", 1)
    assert fitted.exit_code == 0, fitted.stderr
    kinds = {one["name"]: one["kind"] for one in json.loads(run("info", model, "--json").stdout)["schema"]}
    assert (kinds["age"], kinds["city"]) == ("count", "categorical")
    overridden = run("schema", people / "people.csv", "--schema", path, "--schema", "age=continuous")
    assert next(line for line in overridden.stdout.splitlines() if line.startswith("age")).split()[1] == "continuous"


def test_files_without_names(run: Callable[..., Result], people: Path, tmp_path: Path) -> None:
    file, model = tmp_path / "rows.csv", tmp_path / "m.safetensors"
    file.write_text((people / "people.csv").read_text().split("\n", 1)[1])
    fitted = run("fit", file, "--no-header", "-o", model, "--max-epochs", 1, "--schema", "x1=categorical")
    assert fitted.exit_code == 0, fitted.stderr
    assert run("sample", model, "-n", 2).stdout.startswith("x0,x1,x2,x3\n")
    assert run("encode", model, file, "--no-header").stdout.count("\n") == ROWS + 1


def test_schema_of_arrays(run: Callable[..., Result], files, tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    assert "one kind for the whole array" in run("schema", files.array, "-o", path).stdout
    assert json.loads(path.read_text()) == {"kind": "continuous"}
    assert run("fit", files.array, "--schema", path, "-o", tmp_path / "m.safetensors", "--max-epochs", 1).exit_code == 0
    run("schema", files.array, "--schema", "3=condition", "-o", path)
    assert json.loads(path.read_text()) == {"columns": {"3": "condition", "*": "continuous"}}
    run("schema", files.images, "-o", path)
    assert json.loads(path.read_text()) == {"kind": "images"}
    failed = run("schema", files.array, "-o", "x.txt")
    assert (failed.exit_code, failed.stdout) == (2, "")
