"""Bad mixed tables: refused by name, or taken for what they are, in every method."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from isthmus import MLP, VAE
from isthmus.core.errors import DataWarning, InputError

ROWS = 80


def table(n: int = ROWS, seed: int = 0) -> pd.DataFrame:
    """Numbers, levels, truth values, moments and holes."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "height": rng.normal(170, 9, n).round(1),
            "city": rng.choice(["Oslo", "Rome", "Kyiv"], n),
            "member": rng.random(n) < 0.5,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
        }
    )
    return frame.mask(pd.DataFrame(rng.random((n, 4)) < [0.2, 0.1, 0, 0.1], columns=frame.columns))


def fitted(frame: Any, **parameters: Any) -> VAE:
    return VAE(2, network=MLP(hidden=(8,)), max_epochs=1, random_state=0, **parameters).fit(frame)


@pytest.fixture(scope="module")
def model() -> VAE:
    return fitted(table())


METHODS: dict[str, Callable[[VAE, Any], Any]] = {
    "transform": lambda model, rows: model.transform(rows),
    "posterior": lambda model, rows: model.posterior(rows),
    "reconstruct": lambda model, rows: model.reconstruct(rows),
    "score_samples": lambda model, rows: model.score_samples(rows),
    "impute": lambda model, rows: model.impute(rows),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_refused_by_every_method(model: VAE, method: str, value: float) -> None:
    damaged = table()
    damaged.loc[7, "height"] = value
    with pytest.raises(InputError, match=r"infinity.*1 cell, first at row 7, column 'height'.*make them missing"):
        METHODS[method](model, damaged)


def test_infinity_and_holes_that_are_an_error_are_refused_in_fit() -> None:
    damaged = table()
    damaged.loc[3, "height"] = np.inf
    with pytest.raises(InputError, match=r"infinity.*first at row 3, column 'height'"):
        fitted(damaged)
    # Numbers and words are looked through one after the other: either may be named.
    first = int(np.flatnonzero(table().drop(columns="city").isna().any(axis=1))[0])
    with pytest.raises(InputError, match=rf"NaN: \d+ cells, first at row {first}, column"):
        fitted(table(), missing="error")
    words = table()[["city", "member"]]
    first = int(np.flatnonzero(words["city"].isna())[0])
    with pytest.raises(InputError, match=rf"missing values: \d+ cells, first at row {first}, column 'city'"):
        fitted(words, missing="error")


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA, pd.NaT])
def test_holes_are_missing_values_however_they_are_spelt(model: VAE, missing: Any) -> None:
    rows = table().astype(object)
    rows = rows.mask(rows.isna(), missing)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(model.transform(rows.astype({"since": "datetime64[us]"})), model.transform(table()))
    assert np.isfinite(model.score_samples(table())).all()
    assert not model.impute(table()).isna().any().any()


@pytest.mark.parametrize("huge", [1e30, 1e300])
def test_huge_numbers_give_finite_results_or_are_named(model: VAE, huge: float) -> None:
    rows = table()
    rows.loc[2, "height"] = huge
    for method in ("transform", "score_samples"):
        with pytest.raises(InputError, match="beyond float32 after scaling at row 2, column 'height'"):
            METHODS[method](model, rows)
    heavy = table().assign(weight=np.arange(ROWS) * huge)
    trained = fitted(heavy)
    assert np.isfinite(trained.transform(heavy)).all()
    assert np.isfinite(trained.sample(5, random_state=0)["weight"]).all()


@pytest.mark.parametrize("far", [1e3, 1e6, 1e12])
def test_rows_far_beyond_the_training_data_have_finite_scores(model: VAE, far: float) -> None:
    rows = table()
    rows.loc[2, "height"] = far
    scores = model.score_samples(rows)
    assert np.isfinite(scores).all()
    assert scores.argmin() == 2


def test_constant_and_tiny_columns_are_told_and_come_back() -> None:
    rows = table().assign(same=3, word="x", tiny=np.linspace(0, 1e-310, ROWS))
    with pytest.warns(
        DataWarning, match=r"2 of 7 columns are constant and carry nothing: column 'same', column 'word'"
    ):
        model = fitted(rows)
    drawn = model.sample(6, random_state=0)
    assert set(drawn["same"]) == {3}
    assert set(drawn["word"]) == {"x"}
    assert drawn["tiny"].between(0, 1e-310).all()
    with pytest.raises(InputError, match=r"All 2 columns are constant: there is nothing to learn"):
        fitted(pd.DataFrame({"same": [3] * 9, "word": ["x"] * 9}))


def test_few_rows_and_few_columns(model: VAE) -> None:
    with pytest.raises(InputError, match=r"0 sample\(s\)"):
        fitted(table()[:0])
    with pytest.raises(InputError, match=r"0 feature\(s\)"):
        fitted(table()[[]])
    with pytest.raises(InputError, match=r"1 sample\(s\) \(shape=\(1, 4\)\) while a minimum of 2"):
        fitted(table().dropna()[:1])
    assert model.transform(table()[:1]).shape == (1, 2)
    assert fitted(table()[["city"]]).transform(table()[["city"]]).shape == (ROWS, 2)


def test_other_columns_are_listed_and_their_order_does_not_matter(model: VAE) -> None:
    rows = table()
    with pytest.raises(InputError, match=r"unseen at fit time:\n- town\n.*now missing:\n- city\n"):
        model.transform(rows.rename(columns={"city": "town"}))
    with pytest.raises(InputError, match=r"now missing:\n- since\n"):
        model.score_samples(rows.drop(columns="since"))
    with pytest.raises(InputError, match=r"unseen at fit time:\n- more\n"):
        model.impute(rows.assign(more=1))
    turned = rows[rows.columns[::-1]]
    assert np.array_equal(model.transform(turned), model.transform(rows))
    assert np.array_equal(model.score_samples(turned), model.score_samples(rows))


@pytest.mark.parametrize(
    ("column", "cells", "message"),
    [
        ("height", ["tall"] * ROWS, r"not numeric: 'height' \(String\)"),
        ("city", [1.5] * ROWS, r"level 1\.5 at row 0, column 'city'.*Convert the column to what it was"),
        ("since", [1.0] * ROWS, r"Column 'since' was of the type datetime in training, and is float64 now"),
        (
            "height",
            [170.0, "tall"] * (ROWS // 2),
            r"Column 'height' mixes types: row 0 holds 170\.0 \(float\), and row 1 holds 'tall' \(str\)\. The model "
            r"was fitted to numbers there: .* \(pandas\.to_numeric\(X\['height'\], errors='coerce'\)\)\.$",
        ),
        ("city", ["Rome", 3] * (ROWS // 2), r"Column 'city' mixes types.* for example X\['city'\]\.astype\(str\)\.$"),
        ("height", [1 + 2j] * ROWS, r"height"),
        ("height", [[1, 2]] * ROWS, r"not numeric: 'height' \("),
    ],
)
def test_other_types_are_named(model: VAE, column: str, cells: list[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        model.transform(table().assign(**{column: cells}))


def test_what_no_table_may_hold() -> None:
    rows = table()
    twice = pd.concat([rows, rows[["city"]]], axis=1)
    with pytest.raises(InputError, match=r"Duplicate column names: \['city'\]"):
        fitted(twice)
    with pytest.raises(InputError, match=r"not numeric: 'nested' \("):
        fitted(rows.assign(nested=[[1, 2]] * ROWS))
    with pytest.raises(InputError, match=r"lazy frame. Collect it first"):
        fitted(pl.from_pandas(rows).lazy())
    with pytest.warns(DataWarning, match=r"Integers beyond 2\*\*53 in column 'big'"):
        fitted(rows.assign(big=2**53 + 2 * np.random.default_rng(0).integers(0, 50, ROWS) ** 2))


def test_one_row_at_a_time_in_any_order_and_size(model: VAE) -> None:
    rows = table(150, seed=1)
    for name in ("transform", "score_samples"):
        method = METHODS[name]
        together = method(model, rows)
        order = np.random.default_rng(2).permutation(len(rows))
        assert np.array_equal(method(model, rows.iloc[order]), together[order]), name
        single = np.concatenate([method(model, rows[row : row + 1]) for row in range(0, 150, 37)])
        assert np.array_equal(single, together[::37]), name


def test_rows_beyond_what_is_taken_at_once_are_the_same(monkeypatch: pytest.MonkeyPatch, model: VAE) -> None:
    from isthmus.uses import inference

    rows = pd.concat([table(300, seed=1)] * 12, ignore_index=True)
    together = model.transform(rows)
    monkeypatch.setattr(inference, "TAKEN_CELLS", 1)
    assert np.array_equal(model.transform(rows), together)
    assert np.array_equal(together, np.tile(together[:300], (12, 1)))


def test_levels_that_training_did_not_see(model: VAE) -> None:
    rows = table()
    rows.loc[rows.index[5], "city"] = "Atlantis"
    with pytest.warns(DataWarning, match=r"level 'Atlantis' at row 5, column 'city'.*unknown"):
        codes = model.transform(rows)
    assert np.isfinite(codes).all()
    assert np.array_equal(codes[np.arange(ROWS) != 5], model.transform(table())[np.arange(ROWS) != 5])
    with pytest.warns(DataWarning, match="Atlantis"):
        back = model.reconstruct(rows)
    assert set(back["city"]) | set(model.sample(200, random_state=0)["city"].dropna()) <= {"Oslo", "Rome", "Kyiv"}


def test_the_callers_table_and_settings_stay_as_they_were(model: VAE) -> None:
    rows, before = table(), table()
    state, threads, kind = np.random.get_state()[1].copy(), torch.get_num_threads(), torch.get_default_dtype()
    seed = torch.random.get_rng_state()
    fitted(rows).impute(rows)
    model.sample(5, random_state=1)
    pd.testing.assert_frame_equal(rows, before)
    assert np.array_equal(np.random.get_state()[1], state)
    assert (torch.get_num_threads(), torch.get_default_dtype()) == (threads, kind)
    assert torch.equal(torch.random.get_rng_state(), seed)
