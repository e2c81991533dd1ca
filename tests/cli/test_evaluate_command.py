"""``isthmus evaluate``: numbers that can be recomputed by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import Result

import isthmus
from isthmus.cli.evaluation import reconstruction_of
from isthmus.core.named_columns import NamedColumns
from isthmus.metrics.codebooks import codebook_usage
from isthmus.metrics.latents import active_units
from isthmus.sources import read_csv


def told(text: str) -> dict[str, str]:
    """The first table's names and values."""
    lines = text.split("\n\n")[0].splitlines()
    return {line[:20].split("  ")[0].strip(): line.split("  ")[-1].strip() for line in lines}


def test_table_of_a_vae(files, run: Callable[..., Result]) -> None:
    done = run("evaluate", files.table_model, files.table, "-n", 0)
    assert (done.exit_code, done.stderr, done.stdout.count("\n\n")) == (0, "", 0)
    model, table = isthmus.load(files.table_model), read_csv(files.table)
    features = model.schema_.encode(table).values.double().numpy()
    again = model.schema_.encode(model.reconstruct(table)).values.double().numpy()
    error = np.square(features - again).sum() / 64
    share = error / features.var(0).sum()
    shown = told(done.stdout)
    assert list(shown) == ["rows", "squared error", "score", "active units", "rate"]
    assert shown["rows"] == "64"
    assert shown["squared error"] == (
        f"{error:.6g} per row in scaled features, {share:.2%} of the variance (R² {1 - share:.4f})"
    )
    scores = model.score_samples(table)
    assert shown["score"] == f"{scores.mean():.6g} per row: a lower bound on the log-likelihood, in nats"
    assert shown["active units"] == f"{active_units(model.transform(table))} of 2"
    q = model.posterior(table)
    rate = (0.5 * (q.mean**2 + q.standard_deviation**2 - 1) - np.log(q.standard_deviation)).sum(1).mean()
    assert float(shown["rate"].removesuffix(" nats per row")) == pytest.approx(rate, rel=1e-3)


def test_a_point_code_has_an_error_and_no_likelihood(files, run: Callable[..., Result]) -> None:
    shown = told(run("evaluate", files.image_model, files.images).stdout)
    assert list(shown) == ["rows", "squared error", "score", "active units"]
    error = shown["squared error"].split()[0]
    assert shown["score"] == f"-{error} per row: minus the squared error"
    refused = run("evaluate", files.image_model, files.images, "--density")
    assert refused.exit_code == 2
    assert refused.stderr == (
        f"isthmus: error: --density: the code of {files.image_model} is a point, which gives rows no likelihood. Leave "
        "it out, or fit a model that has one, such as --recipe vae.\n"
    )


@pytest.mark.parametrize("samples", [2, 400])
def test_density_of_every_row(files, run: Callable[..., Result], tmp_path: Path, samples: int) -> None:
    path = tmp_path / "scores.csv"
    done = run("evaluate", files.table_model, files.table, "--density", "--samples", samples, "-o", path, "-n", 0)
    assert (done.exit_code, done.stderr) == (0, f"isthmus: wrote 64 rows to {path}.\n")
    model, table = isthmus.load(files.table_model), read_csv(files.table)
    density = model.density(table, samples)
    written = read_csv(path)
    assert isinstance(written, NamedColumns)
    assert written.names == ("score", "log_likelihood", "standard_error")
    np.testing.assert_array_equal(written.values[:, 0], model.score_samples(table))
    np.testing.assert_array_equal(written.values[:, 1], density.log_likelihood)
    np.testing.assert_array_equal(written.values[:, 2], density.standard_error)
    assert told(done.stdout)["log-likelihood"] == (
        f"{density.mean:.6g} ± {density.mean_standard_error:.2g} nats per row, importance-weighted"
    )


def test_scores_alone(files, run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "scores.npy"
    assert run("evaluate", files.image_model, files.images, "-o", path).exit_code == 0
    expected = isthmus.load(files.image_model).score_samples(np.load(files.images))
    np.testing.assert_array_equal(np.load(path), expected[:, None])
    piped = run("evaluate", files.image_model, files.images, "-o", "-")
    assert piped.stdout.splitlines()[0] == "score"
    assert len(piped.stdout.splitlines()) == 65
    assert "squared error" in piped.stderr


def test_symbols_and_bits_of_images(files, run: Callable[..., Result]) -> None:
    shown = told(run("evaluate", files.symbol_model, files.images).stdout)
    model, images = isthmus.load(files.symbol_model), np.load(files.images)
    bits = -model.score_samples(images).mean() / math.log(2) / 20
    assert shown["bits per dimension"] == f"{bits:.4g}, from the bound"
    places = [codebook_usage(place, 8) for place in model.codes(images).T]
    used, perplexity = (float(np.mean(column)) for column in zip(*places, strict=True))
    assert shown["symbols"] == f"2 per row, each one of 8: {used:.1%} of them used, perplexity {perplexity:.4g}"
    exact = told(run("evaluate", files.symbol_model, files.images, "--density", "--samples", 2).stdout)
    assert exact["bits per dimension"].endswith(", from the log-likelihood")
    assert "± 0 nats" in exact["log-likelihood"]


def test_warnings_are_told_once(files, run: Callable[..., Result]) -> None:
    done = run("evaluate", files.table_model, files.array, "--density", "--samples", 2, "-n", 0)
    assert done.stderr.count("X does not have valid feature names") == 1


def test_a_level_that_training_did_not_see_is_told_once(run: Callable[..., Result], tmp_path: Path) -> None:
    table, other, model = tmp_path / "table.csv", tmp_path / "other.csv", tmp_path / "m.safetensors"
    lines = [f"{row % 7},{'ab'[row % 2]}" for row in range(60)]
    table.write_text("\n".join(["size,kind", *lines]) + "\n", encoding="utf-8")
    other.write_text("\n".join(["size,kind", "3,new", *lines[1:]]) + "\n", encoding="utf-8")
    assert run("fit", table, "-o", model, "--max-epochs", 1, "-q").exit_code == 0
    done = run("evaluate", model, other, "-n", 0)
    assert done.exit_code == 0
    assert done.stderr.count("has the level 'new'") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--samples", 10], 2, "--samples needs --density."),
        (["--density", "--samples", 1], 2, "--samples must be an integer in [2, inf); got 1."),
        (["-n", -1], 2, "-n must be an integer in [0, inf); got -1."),
        (["-n", 5, "--drawn", "x.csv"], 2, "-n says how many rows to draw; --drawn gives the rows."),
        (["-n", 0, "--target", "age"], 2, "--target compares drawn rows, and -n 0 draws none."),
        (["-n", 0, "-o", "page.html"], 2, "-o page.html compares drawn rows, and -n 0 draws none."),
        (["-o", "x.txt"], 2, "must end in .csv, .parquet, .npy, .npz, .html or .json; got 'x.txt'."),
    ],
)
def test_bad_usage(files, run: Callable[..., Result], arguments: list[object], code: int, message: str) -> None:
    refused = run("evaluate", files.table_model, files.table, *arguments)
    assert (refused.exit_code, refused.stdout) == (code, "")
    assert message in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_other_rows_are_refused_by_file(files, run: Callable[..., Result]) -> None:
    refused = run("evaluate", files.table_model, files.images)
    assert refused.exit_code == 1
    assert "i.npy: X has rows of another shape" in refused.stderr


@pytest.mark.parametrize("asked", [["--training", "t.csv"], ["-n", 3], ["-o", "page.json"]])
def test_drawn_rows_are_for_tables(files, run: Callable[..., Result], asked: list[object]) -> None:
    refused = run("evaluate", files.image_model, files.images, *asked)
    name = "-o page.json" if asked[0] == "-o" else asked[0]
    assert (refused.exit_code, refused.stdout) == (2, "")
    words = f"{name} is for models of tables with named columns; {files.image_model} is none. Leave it out."
    assert refused.stderr == f"isthmus: error: {words}\n"


def test_drawn_rows_beside_those_of_the_file(files, run: Callable[..., Result], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    unseen = tmp_path / "unseen.csv"
    model, values = isthmus.load(files.table_model), read_csv(files.table)
    assert isinstance(values, NamedColumns)
    np.savetxt(unseen, values.values + 1e-3, delimiter=",", header=",".join(values.names), comments="")
    done = run(
        "evaluate", files.table_model, unseen, "--training", files.table, "--target", "age", "-o", page, "--seed", 4
    )
    assert (done.exit_code, done.stderr) == (0, f"isthmus: wrote {page}.\n")
    expected = isthmus.evaluate_table(model, read_csv(unseen), training=values, target="age", random_state=4)
    assert done.stdout.split("\n\n", 1)[1] == f"{expected!r}\n"
    assert "64 drawn rows beside 64 real ones, 64 training rows" in done.stdout
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert "<h1>t: drawn rows beside real ones</h1>" in text


def test_rows_drawn_before(files, run: Callable[..., Result], tmp_path: Path) -> None:
    drawn, result = tmp_path / "drawn.csv", tmp_path / "result.json"
    assert run("sample", files.table_model, "-n", 30, "--seed", 1, "-o", drawn).exit_code == 0
    done = run("evaluate", files.table_model, files.table, "--drawn", drawn, "-o", result)
    assert done.exit_code == 0
    said = json.loads(result.read_text(encoding="utf-8"))
    model = isthmus.load(files.table_model)
    expected = isthmus.evaluate_table(read_csv(drawn), read_csv(files.table), schema=model.schema_)
    assert said == expected.to_dict()
    assert said["rows"] == {"real": 64, "drawn": 30, "training": 0}
    refused = run("evaluate", files.table_model, files.table, "--drawn", tmp_path / "no.csv")
    assert refused.exit_code == 1
    assert "no.csv" in refused.stderr


def test_variance_is_exact_over_pieces() -> None:
    random = np.random.default_rng(0)
    X = 100.0 + random.normal(size=(2500, 3))
    model = isthmus.Autoencoder(latent_dim=1, scaling="none", max_epochs=1, random_state=0).fit(X[:64])
    fit = reconstruction_of(model.module_, model.schema_.rows(X))
    features = X.astype(np.float32).astype(float)
    with torch.inference_mode():
        again = model.module_(torch.from_numpy(X.astype(np.float32))).double().numpy()
    error = np.square(features - again).sum()
    assert fit.per_row == pytest.approx(error / 2500, rel=1e-5)
    assert fit.share == pytest.approx(error / np.square(features - features.mean(0)).sum(), rel=1e-5)
    one = reconstruction_of(model.module_, model.schema_.rows(X[:1]))
    assert one.share is None
