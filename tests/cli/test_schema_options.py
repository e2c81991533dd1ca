"""``--schema`` says what columns are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

import isthmus
from isthmus.cli.schema_options import FOR_ALL, FOR_COLUMNS, ROLES, schema_setting, with_schema
from isthmus.core.errors import ParameterError
from isthmus.data import assignment


def test_the_names_are_those_of_the_schema() -> None:
    assert assignment.ROLES == ROLES
    assert set(FOR_COLUMNS) == {*assignment.KIND_NAMES, *ROLES}
    assert set(FOR_ALL) == {*assignment.KIND_NAMES, "images"}


@pytest.mark.parametrize(
    ("texts", "setting"),
    [
        ([], None),
        (["count"], "count"),
        (["images"], "images"),
        (["label=condition"], {"label": "condition"}),
        (["64=condition", "*=count"], {"64": "condition", "*": "count"}),
        (["a=b=binary"], {"a=b": "binary"}),
        (["a.b = exposure"], {"a.b": "exposure"}),
    ],
)
def test_settings(texts: list[str], setting: object) -> None:
    assert schema_setting(texts) == setting


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["kontinuous"], "no kind is called 'kontinuous'. Did you mean 'continuous'? Known: auto, images, binary, "),
        (["a=cuont"], "--schema a=cuont: no kind is called 'cuont'. Did you mean 'count'? Known: auto, binary, "),
        (["a=images"], "no kind is called 'images'."),
        (["condition"], "'condition' is for single columns, not for all. Name one: --schema COLUMN=condition."),
        (["*=exposure"], "'exposure' is for single columns, not for all."),
        (["=count"], "--schema takes KIND or COLUMN=KIND, such as --schema age=count; got '=count'."),
        (["a=count", "a=binary"], "--schema names column 'a' twice. Leave one out."),
        (["count", "a=condition"], "For all that are not named, use --schema '*=count'."),
        (["count", "binary"], "--schema count is for all columns, so nothing can stand beside it."),
    ],
)
def test_mistakes(texts: list[str], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        schema_setting(texts)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "schema.json is not a JSON file: "),
        ('{"columns": {"a": "count", "a": "binary"}}', "is not a JSON file: 'a' stands there twice."),
        ('["count"]', 'schema.json holds no kinds of columns. Expected {"columns": {"age": {"kind": "count"}}}'),
        ('{"columns": {"a": {"kin": "count"}}}', "schema.json, column 'a': expected a kind, such as \"count\" or "),
        ('{"columns": {"a": "cuont"}}', "schema.json, column 'a': no kind is called 'cuont'. Did you mean 'count'?"),
        ('{"kind": "ignore"}', "schema.json: 'ignore' is for single columns, not for all."),
        ('{"columns": {"*": "ignore"}}', "schema.json, column '*': 'ignore' is for single columns, not for all."),
    ],
)
def test_mistakes_in_files(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "schema.json"
    path.write_text(content)
    with pytest.raises(ParameterError) as caught:
        schema_setting([str(path)])
    assert message in str(caught.value)


def test_files_and_options(tmp_path: Path) -> None:
    path, whole = tmp_path / "schema.json", tmp_path / "whole.json"
    path.write_text('{"columns": {"a": {"kind": "count", "why": "…"}, "b": "ignore"}}', encoding="utf-8")
    whole.write_text('{"kind": "count"}')
    assert schema_setting([str(path)]) == {"a": "count", "b": "ignore"}
    assert schema_setting(["c=binary", str(path), "b=auto"]) == {"a": "count", "b": "auto", "c": "binary"}
    assert schema_setting([str(whole)]) == "count"
    for texts, message in (
        ([str(path), "count"], "--schema count is for all columns, so nothing can stand beside it."),
        ([str(whole), "a=binary"], "--schema count is for all columns, so nothing can stand beside it."),
        ([str(path), str(path)], "--schema takes one file."),
    ):
        with pytest.raises(ParameterError, match=message):
            schema_setting(texts)
    with pytest.raises(FileNotFoundError, match=r"Cannot read .*none\.json"):
        schema_setting([str(tmp_path / "none.json")])


def test_options_go_over_the_config() -> None:
    config = {"schema": {"a": "count", "b": "binary"}, "beta": 2}
    assert with_schema(config, None) == config
    assert with_schema(config, "count") == {"schema": "count", "beta": 2}
    assert with_schema(config, {"a": "condition"}) == {"schema": {"a": "condition", "b": "binary"}, "beta": 2}
    assert with_schema({"schema": "count"}, {"a": "condition"}) == {"schema": {"a": "condition"}}


def test_fit_with_conditions_by_name_and_by_position(files, run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    common = ["-o", path, "--max-epochs", 1, "--latent-dim", 2]
    done = run("fit", files.table, *common, "--recipe", "conditional-vae", "--schema", "age=condition")
    assert done.exit_code == 0, done.stderr
    assert "64 rows of 3 continuous columns, 1 condition\n" in done.stderr
    loaded = isthmus.load(path)
    assert loaded.schema == {"age": "condition"}
    assert loaded.schema_.roles.carried == (2,)
    assert run("fit", files.array, *common, "--schema", "3=condition", "-q").exit_code == 0
    assert isthmus.load(path).schema_.roles.carried == (3,)


def test_a_conditional_recipe_needs_a_condition(files, run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    for schema in ([], ["--schema", "continuous"], ["--schema", "age=continuous"]):
        refused = run("fit", files.table, "-o", path, "--recipe", "conditional-vae", *schema)
        assert (refused.exit_code, refused.stderr) == (
            2,
            "isthmus: error: Recipe 'conditional-vae' needs at least one column declared as a condition: "
            "schema={'label': 'condition'} (a position for arrays). In the shell: --schema label=condition.\n",
        )
    assert not path.exists()


def test_fit_of_counts_with_an_exposure(run: Callable[..., Result], tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", np.column_stack([random.poisson(3.0, (40, 5)), random.integers(1, 9, 40)]))
    kinds = ["--schema", "*=count", "--schema", "5=exposure", "--set", "likelihood=poisson"]
    done = run("fit", tmp_path / "x.npy", "-o", tmp_path / "m.safetensors", "--max-epochs", 1, *kinds)
    assert done.exit_code == 0, done.stderr
    assert "40 rows of 5 count columns, an exposure\n" in done.stderr


def test_fit_refuses_a_schema_that_is_set_twice(files, run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    refused = run("fit", files.table, "-o", path, "--schema", "continuous", "--set", "schema.age=count")
    assert (refused.exit_code, refused.stderr) == (
        2,
        "isthmus: error: `schema` is set twice, by --schema and by --set schema…. Leave one out.\n",
    )
    unknown = run("fit", files.table, "-o", path, "--schema", "agee=condition")
    assert unknown.exit_code == 1
    assert (
        "t.csv: Kinds are given for columns that are not in the data: ['agee']. Did you mean 'age'?" in unknown.stderr
    )
