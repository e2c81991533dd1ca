"""What units and steps add to log-densities."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from isthmus.core.errors import InputError, ParameterError
from isthmus.data.schema import Schema
from isthmus.uses.measurement import beside_known_columns, column_log_jacobian, log_step_volume, modelled_columns

MIXED = pd.DataFrame(
    {"a": [0.5, 1.5, 4.0, 2.5], "level": [0, 1, 1, 0], "known": [7, 3, 7, 3], "b": [10.0, 30.0, 20.0, 70.0]}
)
KINDS = {"a": "continuous", "level": "categorical", "known": "condition", "b": "continuous"}


@pytest.fixture(scope="module")
def mixed():
    return Schema.learn(MIXED, kind=KINDS)


def test_the_jacobian_by_column_adds_up(mixed):
    for densities in ([True] * len(mixed.blocks), [False] * len(mixed.blocks)):
        assert column_log_jacobian(mixed, densities, mixed.rows(MIXED)).sum() == pytest.approx(
            mixed.log_jacobian(densities)
        )
    expected = -np.log(MIXED[["a", "b"]].std(ddof=0))
    logs = column_log_jacobian(mixed, [True] * len(mixed.blocks), mixed.rows(MIXED))
    np.testing.assert_allclose(logs, [*expected, 0])


def test_the_jacobian_by_cell_is_the_slope_of_the_encoding():
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "plain": generator.normal(size=300),
            "level": generator.integers(0, 2, 300),
            "log": np.exp(generator.normal(size=300)),
            "quantile": generator.standard_t(1.5, size=300),
        }
    )
    schema = Schema.learn(frame, kind={"level": "categorical"})
    names = [list(frame)[source] for source in schema.columns.source]
    assert {names[place]: curve.name for place, curve in schema.columns.curves.items()} == {
        "log": "log",
        "quantile": "quantile",
    }
    # By differences, away from the knots, where the slope jumps.
    step = 1e-4
    above, below = (schema.encode(frame.assign(**{n: frame[n] + s for n in names})).values for s in (step, -step))
    numeric = np.log(((above - below) / (2 * step)).double().numpy())
    rows = schema.rows(frame)
    found = column_log_jacobian(schema, [True] * len(schema.blocks), rows)
    assert found.shape == (300, 4)
    assert (found[:, 3] == 0).all()
    assert np.median(np.abs(found[:, :3] - numeric), axis=0).max() < 0.01
    total = schema.log_jacobian(rows=rows)
    np.testing.assert_allclose(found.sum(axis=1), total, rtol=1e-12)
    assert np.ptp(total) > 1
    with pytest.raises(InputError, match=r"another slope in each row: pass the rows"):
        schema.log_jacobian()
    plain = Schema.learn(frame, kind={"level": "categorical"}, scaling="column")
    assert plain.log_jacobian() == plain.log_jacobian(rows=plain.rows(frame))


def test_columns_come_back_to_their_places_and_known_ones_are_zero(mixed):
    np.testing.assert_array_equal(modelled_columns(mixed), [0, 3, 1])
    found = beside_known_columns(mixed, np.array([[1.0, 2.0, 3.0]]))
    assert isinstance(found, pd.DataFrame)
    assert list(found.columns) == list(MIXED.columns)
    np.testing.assert_array_equal(found, [[1.0, 3.0, 0.0, 2.0]])


def test_whole_numbers_have_the_step_one():
    schema = Schema.learn(np.array([[0, 250], [100, 255]], dtype=np.uint8))
    assert log_step_volume(schema, [True]) == 0
    assert log_step_volume(schema, [True], step=0.5) == pytest.approx(2 * math.log(0.5))


def test_masses_need_no_step():
    schema = Schema.learn(np.array([[0.0, 0.5], [1.0, 0.25]]))
    assert log_step_volume(schema, [False]) == 0
    assert log_step_volume(schema, [False], step=0.25) == 0


def test_fractions_need_a_step(mixed):
    with pytest.raises(ParameterError, match=r"training showed fractions in column 'a'\. Pass .* step=1/255"):
        log_step_volume(mixed, [True] * len(mixed.blocks))


@pytest.mark.parametrize("step", [0, -1, math.inf, "1", True])
def test_other_steps_are_refused(mixed, step):
    with pytest.raises(ParameterError, match=r"`step` must be None or a number in \(0, inf\)"):
        log_step_volume(mixed, [True] * len(mixed.blocks), step)
