"""``--given``: in the types that the model learnt, and refused by name."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

import isthmus
from isthmus.cli.given import given_values
from isthmus.core.errors import ParameterError
from isthmus.core.named_columns import NamedColumns
from isthmus.data.schema import Schema

AGE, INCOME = "age, one of 0, 1, 2", "income, a number"


def values_of(text: str) -> np.ndarray:
    return np.loadtxt(StringIO(text), delimiter=",", skiprows=1, ndmin=2)


def test_sample_of_a_condition(files, run: Callable[..., Result]) -> None:
    done = run("sample", files.conditional_model, "-n", 3, "--seed", 1, "--given", "age=2", "--given", "income=0.5")
    assert (done.exit_code, done.stderr) == (0, "")
    expected = isthmus.load(files.conditional_model).sample(3, given={"age": 2, "income": 0.5}, random_state=1)
    rows = values_of(done.stdout)
    np.testing.assert_array_equal(rows, expected.values)
    np.testing.assert_array_equal(rows[:, 2:], [[2, 0.5]] * 3)


def test_interpolate_under_a_condition(files, run: Callable[..., Result], tmp_path: Path) -> None:
    model = isthmus.load(files.conditional_model)
    path = tmp_path / "two.csv"
    path.write_text("height,weight,age,income\n0,1,0,0\n1,0,1,2\n", encoding="utf-8")
    given = ["--given", "age=1", "--given", "income=-1"]
    done = run("interpolate", files.conditional_model, path, "--steps", 3, *given)
    assert done.exit_code == 0, done.stderr
    names = ("height", "weight", "age", "income")
    ends = [NamedColumns(names, np.array([row], dtype=float)) for row in ([0, 1, 0, 0], [1, 0, 1, 2])]
    expected = model.interpolate(*ends, steps=3, given={"age": 1, "income": -1})
    np.testing.assert_array_equal(values_of(done.stdout), expected.values)


@pytest.mark.parametrize("command", ["sample", "interpolate"])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["age=1"], f"The model needs conditions: add --given income=VALUE ({AGE}; {INCOME})."),
        ([], f"add --given age=VALUE --given income=VALUE ({AGE}; {INCOME})."),
        (["age=7", "income=1"], "--given age=7: the model has not seen this level. Known: 0, 1, 2."),
        (["age=old", "income=1"], "--given age=old: the model has not seen this level. Known: 0, 1, 2."),
        (["age=[1]", "income=1"], "--given age=[1]: the model has not seen this level. Known: 0, 1, 2."),
        (["age=1", "income=rich"], "--given income=rich: expected a number."),
        (["age=1", "income=true"], "--given income=true: expected a number."),
        (["age=1", "income=inf"], "expected a finite number."),
        (["age=1", "age=2"], "--given names column 'age' twice. Leave one out."),
        (["age"], "--given takes COLUMN=VALUE, such as --given label=3; got 'age'."),
        (["=1"], "--given takes COLUMN=VALUE, such as --given label=3; got '=1'."),
    ],
)
def test_mistakes(files, run: Callable[..., Result], command: str, given: Sequence[str], message: str) -> None:
    data = [files.table] if command == "interpolate" else []
    refused = run(command, files.conditional_model, *data, *(word for one in given for word in ("--given", one)))
    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert message in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_what_is_no_condition(files, run: Callable[..., Result]) -> None:
    refused = run("interpolate", files.conditional_model, files.table, "--given", "height=1")
    message = f"--given height=1: 'height' is no condition of the model. There are: {AGE}; {INCOME}."
    assert message in refused.stderr
    refused = run("interpolate", files.table_model, files.table, "--given", "age=1")
    assert (refused.exit_code, refused.stderr) == (
        2,
        "isthmus: error: --given age=1: the model has no conditions. Fit one with --schema COLUMN=condition, or leave "
        "--given out.\n",
    )
    refused = run("sample", files.conditional_model, "--given", "size=1")
    message = "--given size=1: the model has no column 'size'. There are: height, weight, age, income."
    assert (refused.exit_code, message in refused.stderr) == (2, True)


def test_sample_of_columns_that_the_model_makes(files, run: Callable[..., Result]) -> None:
    low = ["--given", "height=..0.5", "--given", "income=0.5", "--balanced", "age"]
    done = run("sample", files.conditional_model, "-n", 6, "--seed", 1, *low)
    assert (done.exit_code, done.stderr) == (0, "")
    rows = values_of(done.stdout)
    assert (rows[:, 0] <= 0.5).all()
    assert sorted(rows[:, 2]) == [0, 0, 1, 1, 2, 2]
    assert (rows[:, 3] == 0.5).all()
    expected = isthmus.load(files.conditional_model).sample(
        6, given={"height": (None, 0.5), "income": 0.5}, balanced="age", random_state=1
    )
    np.testing.assert_array_equal(rows, expected.values)
    refused = run(
        "sample", files.conditional_model, "--given", "height=2..1", "--given", "age=1", "--given", "income=1"
    )
    assert refused.exit_code == 2
    assert "--given has a range from 2 to 1 for column 'height'" in refused.stderr
    refused = run("sample", files.conditional_model, "--given", "income=1", "--balanced", "old")
    assert "--balanced old: the model has no such column. There are: height, weight, age, income." in refused.stderr
    refused = run("sample", files.conditional_model, "--given", "age=1", "--balanced", "income")
    assert "--balanced income needs a column of levels; column 'income' holds numbers." in refused.stderr


def test_values_ranges_and_lists_as_they_are_written() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "job": ["a", "b,c", "7"] * 4,
            "size": np.linspace(-5, 5, 12),
            "day": pandas.to_datetime(["2024-01-01", "2024-05-01"] * 6),
            "owns": [True, False] * 6,
            "number": [10, 20, 30] * 4,
        }
    )
    schema = Schema.learn(frame, kind={"number": "categorical"})
    texts = {
        "job=a": ("job", "a"),
        "job=b,c": ("job", "b,c"),  # it is a level
        "job=a, 7": ("job", ["a", "7"]),
        "size=-1.5": ("size", -1.5),
        "size=-1.5..2": ("size", (-1.5, 2)),
        "size=..0": ("size", (None, 0)),
        "size=0,1": ("size", [0, 1]),
        "day=2024-02-01..": ("day", ("2024-02-01", None)),
        "owns=true": ("owns", True),
        "number=10,30": ("number", [10, 30]),
    }
    for text, (key, value) in texts.items():
        assert given_values([text], schema, modelled=True) == {key: value}
    with pytest.raises(ParameterError, match=r"--given has the level 'x' for column 'job'"):
        given_values(["job=a,x"], schema, modelled=True)
    with pytest.raises(ParameterError, match=r"--given asks for missing cells of column 'size'"):
        given_values(["size=missing"], schema, modelled=True)


def schema_of(column: Sequence[Any], name: str = "kind") -> Schema:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": np.linspace(0, 1, len(column)), name: list(column)})
    return Schema.learn(frame, kind={name: "condition"})


def test_text_stays_text() -> None:
    schema = schema_of(["007", "1", "a=b"] * 4)
    for level in ("007", "1", "a=b"):
        assert given_values([f"kind={level}"], schema) == {"kind": level}
    with pytest.raises(ParameterError, match=r"--given kind=7: .* Known: 007, 1, a=b\."):
        given_values(["kind=7"], schema)


def test_booleans_and_names_with_an_equals_sign() -> None:
    assert given_values(["a=b=true"], schema_of([True, False] * 4, "a=b")) == {"a=b": True}


def test_many_levels_are_cut() -> None:
    with pytest.raises(ParameterError, match=r"kind, one of l00, l01, .*, l09, … \(12 in all\)\)\."):
        given_values([], schema_of([f"l{number:02}" for number in range(12)]))


def test_positions_of_arrays_and_an_exposure_that_may_be_left_out() -> None:
    X = np.column_stack([np.arange(8) % 5, np.arange(8) % 2, np.arange(1, 9)]).astype(float)
    schema = Schema.learn(X, kind={1: "condition", 2: "exposure", "*": "count"})
    assert given_values(["1=0"], schema) == {1: 0}
    assert given_values(["1=1", "2=2.5"], schema) == {1: 1, 2: 2.5}
    with pytest.raises(ParameterError, match="--given has the exposure -1"):
        given_values(["1=1", "2=-1"], schema)
    with pytest.raises(ParameterError, match=r"There are: 1, one of 0, 1; 2, the exposure\."):
        given_values(["3=1"], schema)


def test_number_labels_of_a_frame() -> None:
    pandas = pytest.importorskip("pandas")
    schema = Schema.learn(pandas.DataFrame({0: np.linspace(0, 1, 6), 7: [1, 2, 3] * 2}), kind={7: "condition"})
    assert given_values(["7=3"], schema) == {7: 3}


def test_levels_with_commas_come_out_quoted(run: Callable[..., Result], tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": np.linspace(0, 1, 20), "y": np.ones(20), "kind": ['a,"b"', "c"] * 10})
    frame.loc[3, "y"] = 2.0
    path = tmp_path / "m.safetensors"
    isthmus.VAE(latent_dim=1, schema={"kind": "condition"}, max_epochs=1, random_state=0).fit(frame).save(path)
    shown = run("sample", path, "-n", 2, "--given", 'kind=a,"b"').stdout
    assert [row[2] for row in csv.reader(StringIO(shown))] == ["kind", 'a,"b"', 'a,"b"']
