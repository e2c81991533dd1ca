"""Tables with dates, skewed columns and decimals, from fit to file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import isthmus

GENERATOR = np.random.default_rng(0)
N = 150
WHEN = pd.Timestamp("2022-01-01", tz="Europe/Berlin") + pd.to_timedelta(GENERATOR.integers(0, 700 * 24, N), unit="h")
FRAME = pd.DataFrame(
    {
        "when": WHEN,
        "income": np.exp(GENERATOR.normal(10, 1, N)).round(2),
        "share": GENERATOR.normal(size=N),
        "wait": pd.to_timedelta(GENERATOR.integers(0, 900, N), unit="min"),
    }
)


@pytest.fixture(scope="module")
def model():
    return isthmus.VAE(2, max_epochs=2, random_state=0).fit(FRAME)


def test_rows_look_like_those_that_were_fitted(model, tmp_path):
    rows = model.sample(60, random_state=0)
    assert (rows.dtypes == FRAME.dtypes).all()
    assert (rows >= FRAME.min()).all().all()
    assert (rows <= FRAME.max()).all().all()
    assert (rows["when"] == rows["when"].dt.floor("h")).all()
    assert (rows["wait"] == rows["wait"].dt.floor("min")).all()
    assert (rows["income"] == rows["income"].round(2)).all()
    model.save(tmp_path / "model.safetensors")
    again = isthmus.load(tmp_path / "model.safetensors")
    pd.testing.assert_frame_equal(again.sample(60, random_state=0), rows)
    np.testing.assert_array_equal(again.score_samples(FRAME), model.score_samples(FRAME))


def test_scores_are_those_of_the_data_as_they_were_given(model):
    # In other units, the same model of the same features: densities change by the factor, and by nothing else.
    schema = model.schema_
    assert [curve.name for curve in schema.columns.curves.values()] == ["log"]
    jacobian = schema.log_jacobian(model.module_.likelihood.densities, schema.rows(FRAME))
    assert np.ptp(jacobian) == pytest.approx(np.ptp(np.log(FRAME["income"])), rel=1e-6)
    parts = model.surprise(FRAME)
    assert list(parts.columns) == list(FRAME.columns)
    assert np.corrcoef(parts["income"], np.log(FRAME["income"]))[0, 1] > 0.5


def test_rows_go_beyond_the_range_only_if_they_may():
    codes = GENERATOR.normal(size=(50, 2)) * 100
    may = isthmus.VAE(2, max_epochs=2, extrapolate=True, random_state=0).fit(FRAME)
    assert may.inverse_transform(codes)["share"].abs().max() > FRAME["share"].abs().max()
    assert not may.schema_.within_range
    with pytest.raises(isthmus.errors.ParameterError, match=r"extrapolate"):
        isthmus.VAE(extrapolate="yes").fit(FRAME)
