"""info says what is so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

import isthmus
from isthmus.core.named_columns import NamedColumns
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


def test_info_shows_what_a_model_is_made_of(run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    parts = {
        "corruption": isthmus.Masking(rate=0.3),
        "penalties": {"kl": isthmus.KL(weight=isthmus.CyclicalSchedule()), "slope": isthmus.Contraction(weight=0.5)},
    }
    isthmus.VAE(latent_dim=2, max_epochs=1, random_state=0, **parts).fit(np.eye(20)[:, :4] + 0.5).save(path)
    lines = run("info", path).stdout.split("Composition\n")[1].split("\n\n")[0].splitlines()
    assert lines[0] == "  corruption  masking, rate 0.3"
    assert lines[1:3] == ["  latent      gaussian", "  prior       standard-normal"]
    assert lines[-2:] == [
        "  penalties   kl, weight cyclical (low 0, high 1, cycles 4, ramp 0.5)",
        "              slope: contraction, weight 0.5, estimator auto, probes 1",
    ]


def test_info_of_conditions(files, run: Callable[..., Result]) -> None:
    shown = run("info", files.conditional_model).stdout
    table = [line.split() for line in shown.split("Data\n")[1].split("\n\n")[0].splitlines()]
    assert table[0][-1] == "Levels"
    rows = {line[0]: line for line in table[2:]}
    assert rows["height"][1] == "continuous"
    assert rows["age"][1:3] + rows["age"][4:] == ["condition", "float64", "–", "–", "–", "–", "3"]
    assert rows["income"][1] == "condition"
    assert rows["income"][-1] == "–"
    said = json.loads(run("info", files.conditional_model, "--json").stdout)
    assert said["schema"][2]["levels"] == 3


def test_info_of_symbols(files, run: Callable[..., Result]) -> None:
    diagnosis = isthmus.load(files.symbol_model).diagnosis_
    words = (
        f"2 per row, each one of 8: {diagnosis.symbols_used:.1%} of them used, perplexity {diagnosis.perplexity:.4g}"
    )
    shown = run("info", files.symbol_model).stdout
    assert f"symbols {words} " in " ".join(shown.split())
    assert "  penalties   commitment, weight 0.25\n" in shown
    said = json.loads(run("info", files.symbol_model, "--json").stdout)["diagnostics"]["symbols"]
    assert said == {"levels": [8, 8], "used": diagnosis.symbols_used, "perplexity": diagnosis.perplexity}
    assert json.loads(run("info", files.table_model, "--json").stdout)["diagnostics"]["symbols"] is None
    assert "symbols" not in run("info", files.table_model).stdout
