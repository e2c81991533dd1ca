"""recipes lists the models that have a name, and says what is so of each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import Result

from isthmus.cli.assembling import assemble
from isthmus.cli.recipe_list import GROUPS
from isthmus.cli.settings import settings_tree
from isthmus.core.registry import names
from isthmus.estimators.recipe import recipe as build
from isthmus.models.recipes import RECIPES

PARAMETERS = "Parameters (--set NAME=VALUE)\n"


@pytest.fixture(autouse=True, params=["80"])
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("COLUMNS", request.param)
    return int(request.param)


def section(text: str, title: str) -> list[str]:
    return text.split(f"{title}\n")[1].split("\n\n")[0].splitlines()


def one_line(text: str) -> str:
    return " ".join(text.split())


def values(text: str) -> dict[str, str]:
    lines = section(text, PARAMETERS.strip())
    return dict(line.split(maxsplit=1) for line in lines)


def test_groups_hold_every_recipe_once() -> None:
    assert sorted(one.name for group in GROUPS.values() for one in group) == sorted(RECIPES)


@pytest.mark.parametrize("width", ["80", "120"], indirect=True)
def test_list(run: Callable[..., Result], width: int) -> None:
    shown = run("recipes").stdout
    lines = shown.splitlines()
    assert max(map(len, lines)) <= width
    assert [line for line in lines if line in GROUPS] == list(GROUPS)
    starts = [lines.index(next(line for line in lines if line.split()[:1] == [name])) for name in RECIPES]
    assert starts == sorted(starts)
    for recipe, start, end in zip(RECIPES.values(), starts, [*starts[1:], None], strict=True):
        told = one_line(" ".join(lines[start:end]))
        assert told.startswith(f"{recipe.name} {recipe.summary} {recipe.paper}.")


def test_the_list_is_no_wider_than_is_good_to_read(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert max(map(len, run("recipes").stdout.splitlines())) <= 120


@pytest.mark.parametrize("name", RECIPES)
def test_one_recipe(run: Callable[..., Result], name: str) -> None:
    done = run("recipes", name)
    assert (done.exit_code, done.stderr) == (0, "")
    recipe, told = RECIPES[name], one_line(done.stdout)
    assert told.startswith(f"{name} {recipe.summary} use it for {recipe.use}")
    assert f" minimises {one_line(recipe.formula)} paper {recipe.paper}." in told
    assert (f" needs {recipe.needs}." in told) == bool(recipe.needs)
    assert f'isthmus.recipe("{name}", ' in told
    rows = section(done.stdout, "Composition")
    composition = {row.split()[0]: " ".join(row.split()[1:]) for row in rows if row[2] != " "}
    assert {"corruption", "latent", "prior", "likelihood", "objective", "penalties"} < set(composition)
    assert ("network" in composition) != ({"encoder", "decoder"} < set(composition))
    estimator = build(name)
    for penalty in estimator.penalties.values() if isinstance(estimator.penalties, dict) else ():
        assert penalty.name in one_line(" ".join(rows))
    # Every listed parameter can be set to what is listed, and that is no change of the model.
    listed = values(done.stdout)
    assert not {"callbacks", "checkpoint", "verbose", "warm_start"} & set(listed)
    made = assemble(name, settings_tree({}, [f"{key}={value}" for key, value in listed.items()], {}))
    made.validate_parameters()
    made.refuse_without_effect()


@pytest.mark.parametrize(
    ("name", "part", "words"),
    [
        ("autoencoder", "penalties", "none"),
        ("autoencoder", "network", "mlp, hidden auto, activation gelu, mirrored"),
        ("linear-vae", "network", "mlp, hidden [], activation gelu, mirrored"),
        ("linear-vae", "likelihood", "gaussian, sigma shared, mean identity"),
        ("vae", "likelihood", "depends on the data"),
        ("vae", "penalties", "kl, weight linear (start 0, end 1, until 0.1) (set by beta and warmup_epochs)"),
        ("beta-vae", "penalties", "kl, weight linear (start 0, end 4, until 0.1) (set by beta and warmup_epochs)"),
        ("beta-tc-vae", "penalties", "total-correlation, weight 5, estimator weighted (set by beta)"),
        ("annealed-beta-vae", "penalties", "capacity linear (start 0, end 25, until 0.5)"),
        ("denoising-autoencoder", "corruption", "masking, rate 0.25"),
        ("rae-l2", "penalties", "decay: weight-decay, weight 0.0001, on decoder"),
        ("rae-sn", "decoder", "spectral-norm"),
        ("iwae", "penalties", "none"),
        ("hyperspherical-vae", "prior", "uniform-sphere"),
        ("vq-vae", "latent", "vector-quantised, n codes 512, tokens 4,"),
        ("vq-vae", "penalties", "commitment, weight 0.25 (set by commitment)"),
        ("residual-vq-vae", "penalties", "commitment, weight 0.25 (set by commitment)"),
        ("fsq-autoencoder", "penalties", "none"),
    ],
)
def test_compositions(run: Callable[..., Result], name: str, part: str, words: str) -> None:
    rows = section(run("recipes", name).stdout, "Composition")
    start = next(place for place, row in enumerate(rows) if row.split()[0] == part)
    own = rows[start : start + 1 + next((n for n, row in enumerate(rows[start + 1 :]) if row[2] != " "), len(rows))]
    assert words in one_line(" ".join(own))


def test_parameters_without_effect_are_left_out(run: Callable[..., Result]) -> None:
    shown = {
        name: values(run("recipes", name).stdout)
        for name in ("vae", "beta-tc-vae", "iwae", "vq-vae", "residual-vq-vae")
    }
    assert shown["vae"]["beta"] == "1.0"
    assert shown["vae"]["warmup_epochs"] == "auto"
    assert shown["beta-tc-vae"]["beta"] == "6.0"
    assert shown["beta-tc-vae"]["penalties.kl.weight.until"] == "0.1"
    assert not {"warmup_epochs", "penalties.total_correlation.weight"} & set(shown["beta-tc-vae"])
    assert not {"beta", "warmup_epochs"} & set(shown["iwae"])
    assert shown["iwae"]["objective.samples"] == "5"
    assert {"n_codes", "tokens", "commitment", "latent.decay"} < set(shown["vq-vae"])
    assert not {"latent.n_codes", "latent.tokens"} & set(shown["vq-vae"])
    assert not {"n_codes", "tokens"} & set(shown["residual-vq-vae"])
    assert shown["residual-vq-vae"]["latent.stages"] == "4"


def test_components_to_choose_from(run: Callable[..., Result]) -> None:
    told = one_line(run("recipes", "vae").stdout.split("Components to choose from\n")[1])
    for axis in ("corruption", "network", "latent", "prior", "likelihood", "objective"):
        assert f"{axis} {', '.join(names(axis))}" in told
    assert f"penalties {', '.join(names('penalty'))} schedules {', '.join(names('schedule'))}" in told


def test_unknown_recipe(run: Callable[..., Result]) -> None:
    refused = run("recipes", "beta")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("isthmus: error: No recipe is called 'beta'. Did you mean 'beta-vae'? Known: ")
