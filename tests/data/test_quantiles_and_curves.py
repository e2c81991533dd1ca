"""Curves that bring columns near a normal distribution: which are chosen, and that they can be undone."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from isthmus.data import Schema, SchemaBuilder
from isthmus.data.curves import LogCurve, QuantileCurve, parse_curve
from isthmus.data.quantiles import EXACT_ROWS, QuantileSketch
from isthmus.data.scaling import chosen_curve, normality

GENERATOR = np.random.default_rng(4)
N = 400
SCORES = norm.ppf((np.arange(N) + 0.5) / N)
MIXED = pd.DataFrame(
    {
        "normal": GENERATOR.permutation(SCORES),
        "skewed": GENERATOR.permutation(np.exp(2 * SCORES)),
        "zeros": GENERATOR.permutation(np.maximum(np.exp(SCORES) - 0.12, 0)),
        "peaks": GENERATOR.permutation(np.concatenate([SCORES[::2] - 6, SCORES[1::2] + 6])),
        "tails": GENERATOR.permutation(np.sinh(3 * SCORES)),
        "even": GENERATOR.permutation(np.linspace(0, 1, N)),
        "few": GENERATOR.permutation(np.repeat([0.0, 0.0, 0.5, 100.0], N // 4)),
    }
)
CURVES = {"skewed": "log", "zeros": "log", "peaks": "quantile", "tails": "quantile"}


def curves(schema, frame=MIXED):
    return {list(frame)[schema.columns.source[place]]: curve for place, curve in schema.columns.curves.items()}


def test_every_column_gets_the_curve_that_it_needs():
    schema = Schema.learn(MIXED)
    assert {name: curve.name for name, curve in curves(schema).items()} == CURVES
    values = schema.encode(MIXED).values.double().numpy()
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(values.std(axis=0), 1, atol=1e-6)
    assert schema.blocks[0].variance == pytest.approx(1.0)
    for place, source in enumerate(schema.columns.source):
        if list(MIXED)[source] in CURVES:
            assert normality(np.sort(values[:, place])) > 0.95
    decoded = schema.decode(schema.encode(MIXED).values)
    for name in MIXED:
        np.testing.assert_allclose(decoded[name], MIXED[name], rtol=2e-5, atol=2e-5)


def test_the_way_through_json_is_exact():
    schema = Schema.learn(MIXED)
    again = Schema.from_json(json.loads(json.dumps(schema.to_json())))
    assert again == schema
    assert (again.encode(MIXED).values == schema.encode(MIXED).values).all()
    features = GENERATOR.normal(size=(50, 7)) * 3
    pd.testing.assert_frame_equal(again.decode(features), schema.decode(features))


def test_only_frames_that_did_not_ask_for_a_scaling_have_curves():
    for other in (Schema.learn(MIXED, scaling="column"), Schema.learn(MIXED.to_numpy()), Schema.learn(MIXED[:99])):
        assert other.columns.curves == {}
        assert "curves" not in other.to_json()["columns"]
    assert Schema.learn(MIXED).scaling == "column"


def test_whole_numbers_on_a_curve_have_no_even_steps():
    frame = pd.DataFrame({"n": np.round(MIXED["skewed"] * 100), "m": np.round(MIXED["normal"] * 100)})
    schema = Schema.learn(frame)
    assert [*curves(schema, frame)] == ["n"]
    assert schema.blocks[0].step == 0.0
    decoded = schema.decode(GENERATOR.normal(size=(99, 2)))
    assert (decoded == decoded.round()).all().all()


def test_values_outside_of_training_stay_finite_and_in_order():
    schema = Schema.learn(MIXED, extrapolate=True)
    far = pd.DataFrame({name: [-1e12, -50.0, 0.0, 50.0, 1e12] for name in MIXED})
    encoded = schema.encode(far).values.double()
    assert (encoded.diff(dim=0) > 0).all()
    decoded = schema.decode(encoded.numpy())
    np.testing.assert_allclose(decoded[1:4], far[1:4], rtol=1e-4, atol=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=60, unique=True), st.floats(-1e7, 1e7))
def test_curves_can_be_undone(values, other):
    ordered = np.sort(np.array(values))
    found = [QuantileCurve.through(ordered), LogCurve(1.0 - float(ordered[0]), float(ordered[0]))]
    for curve in (*found, *(parse_curve(json.loads(json.dumps(one.to_json()))) for one in found)):
        at = np.append(ordered, other)
        mapped = curve.forward(at)
        assert (np.diff(mapped[:-1]) >= 0).all()
        np.testing.assert_allclose(curve.inverse(mapped), at, rtol=1e-6, atol=1e-5 * np.ptp(at) + 1e-6)


@pytest.mark.parametrize(
    "values",
    [
        np.exp(2 * SCORES) * 1e300,
        np.exp(2 * SCORES) * 1e-300,
        np.exp(2 * SCORES) * 5e-320,
        SCORES * 1e307,
        np.sinh(99 * SCORES),
        np.concatenate([[-1.7e308, 1.7e308], SCORES[2:]]),
        np.concatenate([[5e-324], np.exp(SCORES[1:])]),
        np.concatenate([SCORES[1:], [1e12]]),
        np.where(np.arange(N) % 2 == 0, -0.0, np.exp(SCORES)),
    ],
    ids=["huge", "tiny", "subnormal", "wide", "heavy", "limits", "start", "outlier", "zeros"],
)
@pytest.mark.parametrize("extrapolate", [False, True])
def test_extreme_columns_stay_finite(values, extrapolate):
    frame = pd.DataFrame({"x": MIXED["normal"], "y": GENERATOR.permutation(values)})
    schema = Schema.learn(frame, extrapolate=extrapolate)
    schema = Schema.from_json(json.loads(json.dumps(schema.to_json(), allow_nan=False)))
    rows = schema.rows(frame)
    encoded = rows.take(slice(None)).values
    assert encoded.isfinite().all()
    assert np.isfinite(schema.log_jacobian(rows=rows)).all()
    far = np.repeat([[-60.0], [60.0], [1e6], [-1e6]], 2, axis=1)
    assert np.isfinite(schema.decode(far)).all().all()
    decoded = schema.decode(encoded)["y"]
    assert (np.abs(decoded / 2 - frame["y"] / 2) <= 1e-6 * np.abs(values / 2).max()).all()


def test_slopes_are_derivatives():
    for curve in (LogCurve(0.5, 1.0), QuantileCurve(np.array([0.0, 1.0, 5.0]), np.array([-1.0, 0.0, 0.5]))):
        at = np.array([-3.0, 0.5, 1.5, 4.0, 9.0])
        numeric = (curve.forward(at + 1e-6) - curve.forward(at - 1e-6)) / 2e-6
        np.testing.assert_allclose(np.exp(curve.log_slope(at)), numeric, rtol=1e-6)
    assert np.isnan(curve.forward(np.array([np.nan]))).all()


def test_ties_get_their_middle_rank():
    ordered = np.sort(np.concatenate([np.zeros(50), np.arange(1, 51)]))
    curve = QuantileCurve.through(ordered)
    assert curve.forward(np.zeros(1))[0] == pytest.approx(norm.ppf(0.25))
    assert curve.forward(np.array([50.0]))[0] == pytest.approx(norm.ppf(0.995))
    assert len(curve.values) == 51


def test_what_comes_up_again_and_again_comes_back_exactly():
    spiked = GENERATOR.permutation(np.where(np.arange(N) % 3 == 0, 0.1 + 0.2, np.sinh(3 * SCORES)))
    frame = pd.DataFrame({"x": MIXED["normal"], "spiked": spiked})
    schema = Schema.learn(frame)
    assert [*curves(schema, frame)] == ["spiked"]
    decoded = schema.decode(schema.encode(frame).values)["spiked"]
    assert (decoded[spiked == 0.1 + 0.2] == 0.1 + 0.2).all()
    assert (decoded == spiked).mean() < 0.9


def test_the_judge_knows_normal_from_skewed():
    assert normality(SCORES) == pytest.approx(1.0)
    assert normality(1e300 + SCORES * 1e290) == pytest.approx(1.0, abs=1e-3)
    assert normality(np.exp(SCORES)) == pytest.approx(np.sqrt(1 / (np.e - 1)), abs=0.03)
    assert normality(np.zeros(9)) == 0.0
    assert chosen_curve(np.exp(SCORES[::5])) is None
    assert chosen_curve(np.concatenate([[-1.7e308], SCORES, [1.7e308]])) is None


def test_chunks_give_the_same_curves_in_any_order():
    whole = Schema.learn(MIXED)
    streamed, merged = SchemaBuilder(), SchemaBuilder()
    for start in range(0, N, 90):
        streamed.update(MIXED[start : start + 90])
        merged.merge(SchemaBuilder().update(MIXED[::-1][start : start + 90]))
    for builder in (streamed, merged):
        schema = builder.finish()
        assert schema.to_json()["columns"]["curves"] == whole.to_json()["columns"]["curves"]


def test_the_sketch_is_exact_up_to_its_size_and_close_beyond():
    rows = np.random.default_rng(5).permutation(np.arange(1_000_000.0))
    few = QuantileSketch().updated(rows[:EXACT_ROWS, None])
    np.testing.assert_array_equal(few.ordered(0), np.sort(rows[:EXACT_ROWS]))
    sketch = QuantileSketch()
    for start in range(0, len(rows), 45_001):
        sketch = sketch.updated(rows[start : start + 45_001, None])
    assert sum(len(piece) << level for level, pieces in enumerate(sketch.levels) for piece in pieces) == len(rows)
    assert max(sum(len(piece) for piece in pieces) for pieces in sketch.levels) <= EXACT_ROWS
    ordered = sketch.ordered(0)
    ranks = (np.arange(EXACT_ROWS) + 0.5) / EXACT_ROWS * len(rows)
    assert np.abs(ordered - ranks).max() < 2 * np.log2(10) / EXACT_ROWS * len(rows)


def test_the_sketch_leaves_missing_cells_out():
    rows = np.random.default_rng(6).normal(size=(250_001, 2))
    rows[::2, 0] = np.nan
    ordered = QuantileSketch().updated(rows[:200_000]).updated(rows[200_000:]).ordered(0)
    assert np.isfinite(ordered).all()
    np.testing.assert_allclose(np.quantile(ordered, [0.1, 0.5, 0.9]), norm.ppf([0.1, 0.5, 0.9]), atol=0.02)
    rows[:, 0] = np.nan
    assert len(QuantileSketch().updated(rows).ordered(0)) == 0
