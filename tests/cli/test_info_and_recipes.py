"""info and recipes say what is so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import isthmus
from isthmus.models.recipes import RECIPES
from isthmus.report.layer_table import architecture_table


def test_info_as_text(files, run: Callable[..., Result]) -> None:
    model = isthmus.load(files.table_model)
    done = run("info", files.table_model)
    assert (done.exit_code, done.stderr) == (0, "")
    size = files.table_model.stat().st_size / 1024
    assert done.stdout.startswith(f"{files.table_model}: VAE with 2 codes, {size:,.0f} KiB\n")
    assert architecture_table(model.architecture_) in done.stdout
    assert [line.split()[:2] for line in done.stdout.splitlines() if " continuous " in line] == [
        [name, "continuous"] for name in ("height", "weight", "age", "income")
    ]
    assert f"active units      {model.active_units_} of 2" in done.stdout
    assert f"rate              {model.rate_:.4g} nats per row" in done.stdout
    assert "epochs              2 in " in done.stdout
    assert f"isthmus       {isthmus.__version__}" in done.stdout


def test_info_as_json(files, run: Callable[..., Result]) -> None:
    model = isthmus.load(files.image_model)
    said = json.loads(run("info", files.image_model, "--json").stdout)
    assert said["estimator"] == "Autoencoder"
    assert said["bytes"] == files.image_model.stat().st_size
    assert [row["parameters"] for row in said["architecture"]] == [row.parameters for row in model.architecture_]
    assert said["training"]["epochs"] == 2
    assert said["training"]["held_out_loss"] == min(row["validation/total"] for row in model.history_.rows)
    assert said["diagnostics"]["active_units"] == model.active_units_
    assert said["diagnostics"]["rate"] is None
    assert said["parameters"]["latent_dim"] == 3
    assert said["schema"][0]["kind"] == "unit-interval"


def test_info_of_many_columns_is_cut(run: Callable[..., Result], tmp_path: Path) -> None:
    import numpy as np

    from isthmus.core.named_columns import NamedColumns

    names = tuple(f"column\x1b{number}" for number in range(30))
    values = np.random.default_rng(0).normal(size=(40, 30))
    path = tmp_path / "m.safetensors"
    isthmus.Autoencoder(latent_dim=2, max_epochs=1, random_state=0).fit(NamedColumns(names, values)).save(path)
    shown = run("info", path).stdout
    assert "… and 10 more (--json lists all)" in shown
    assert shown.count(" continuous ") == 20
    assert "\x1b" not in shown
    assert "column\\x1b19 " in shown


def test_info_draws(files, run: Callable[..., Result], tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    drawing = tmp_path / "layers.svg"
    done = run("info", files.table_model, "--diagram", drawing)
    assert done.exit_code == 0
    assert done.stderr == f"isthmus: drew {drawing}.\n"
    assert drawing.read_text(encoding="utf-8").startswith("<svg")
    refused = run("info", files.table_model, "--diagram", tmp_path / "layers.png")
    assert (refused.exit_code, "must end in .svg" in refused.stderr) == (2, True)


def test_recipes_lists_all(run: Callable[..., Result]) -> None:
    shown = run("recipes").stdout
    for recipe in RECIPES.values():
        assert f"\n{recipe.name} " in f"\n{shown}"
        assert recipe.paper in shown


@pytest.mark.parametrize("name", RECIPES)
def test_one_recipe(run: Callable[..., Result], name: str) -> None:
    shown = run("recipes", name).stdout
    recipe = RECIPES[name]
    assert recipe.formula in shown
    assert recipe.paper in shown
    composition = dict(line.split(maxsplit=1) for line in shown.split("Composition\n")[1].split("\n\n")[0].splitlines())
    assert composition["latent"].startswith("point" if recipe.estimator == "autoencoder" else "gaussian")
    assert composition["penalties"] == ("none" if recipe.estimator == "autoencoder" else "kl")
    values = dict(line.split(maxsplit=1) for line in shown.split("(--set NAME=VALUE)\n")[1].splitlines())
    assert values["network.hidden"] == ("[]" if name.startswith("linear") else "auto")
    assert values.get("beta") == {"autoencoder": None, "linear-autoencoder": None, "beta-vae": "4.0"}.get(name, "1.0")
    assert "callbacks" not in values


def test_every_listed_parameter_can_be_set(run: Callable[..., Result]) -> None:
    from isthmus.cli.assembling import assemble
    from isthmus.cli.settings import settings_tree

    for name in RECIPES:
        shown = run("recipes", name).stdout.split("(--set NAME=VALUE)\n")[1]
        lines = [line.split(maxsplit=1) for line in shown.splitlines()]
        assemble(name, settings_tree({}, [f"{key}={value}" for key, value in lines], {})).validate_parameters()


def test_unknown_recipe(run: Callable[..., Result]) -> None:
    refused = run("recipes", "beta")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("isthmus: error: No recipe is called 'beta'. Did you mean 'beta-vae'? Known: ")
