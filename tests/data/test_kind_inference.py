"""One kind for a whole array, one per column of a frame; and what each kind makes of the numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_iris

from isthmus.core.errors import DataWarning, InputError, ParameterError
from isthmus.data import Schema

RNG = np.random.default_rng(0)


def kind_of(data, **options):
    blocks = Schema.learn(data, **options).blocks
    assert len(blocks) == 1
    return blocks[0].kind


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (np.array([[0, 1], [1, 1]]), "binary"),
        (np.array([[0.0, 1.0], [1.0, 0.0]]), "binary"),
        (np.array([[True, False], [False, False]]), "binary"),
        (np.array([[0.0, 1.0], [0.5, 0.0]]), "unit-interval"),
        (RNG.uniform(size=(20, 3)), "unit-interval"),
        (load_digits().data, "unit-interval"),
        (load_iris().data, "continuous"),
        (RNG.normal(size=(20, 3)), "continuous"),
        (np.array([[-1, 0], [0, 1], [1, 1]]), "continuous"),
        (np.array([[0], [90], [40]]), "continuous"),  # one column always reaches its own maximum
        (np.array([[0, 7], [90, 90], [40, 3]]), "continuous"),
        (np.array([[0, 256, 0], [256, 0, 256], [0, 0, 1]]), "continuous"),  # beyond 255
    ],
)
def test_kind_of_a_whole_array(data, kind):
    assert kind_of(data) == kind


def test_digits_share_their_range_0_to_16_in_steps_of_a_sixteenth():
    schema = Schema.learn(load_digits().data)
    (block,) = schema.blocks
    assert (block.step, block.shape, block.start, block.stop) == (1 / 16, (64,), 0, 64)
    np.testing.assert_array_equal(schema.columns.low, np.zeros(64))
    np.testing.assert_array_equal(schema.columns.high, np.full(64, 16.0))
    encoded = schema.encode(load_digits().data).values.numpy()
    np.testing.assert_array_equal(encoded, (load_digits().data / 16).astype(np.float32))
    varying = load_digits().data.std(axis=0) > 0
    assert block.variance == pytest.approx((load_digits().data[:, varying] / 16).var(axis=0).mean())


def test_columns_of_a_split_that_look_binary_do_not_make_other_blocks():
    digits = load_digits().data[:400]
    assert any(set(np.unique(column)) == {0, 1} for column in digits.T)
    assert kind_of(digits) == "unit-interval"


def test_frames_are_judged_column_by_column_and_grouped():
    frame = pd.DataFrame(
        {"age": [20.0, 30.5, 41.0], "sex": [0, 1, 1], "share": [0.1, 0.9, 0.5], "ill": [True, False, False]}
    )
    schema = Schema.learn(frame)
    assert [(block.kind, block.start, block.stop) for block in schema.blocks] == [
        ("binary", 0, 2),
        ("continuous", 2, 4),
    ]
    assert schema.columns.source.tolist() == [1, 3, 0, 2]
    forced = Schema.learn(frame, kind={"share": "unit-interval"})
    assert [block.kind for block in forced.blocks] == ["binary", "unit-interval", "continuous"]
    assert forced.encode(frame).values[:, 2].tolist() == pytest.approx([0.1, 0.9, 0.5])


def test_a_boolean_column_is_binary_even_if_one_value_is_missing():
    with pytest.warns(DataWarning, match=r"1 of 2 columns are constant.*column 'b'"):
        schema = Schema.learn(pd.DataFrame({"b": [True, True], "x": [1.0, 2.0]}))
    assert [block.kind for block in schema.blocks] == ["binary", "continuous"]


def test_a_forced_unit_interval_uses_the_observed_range():
    schema = Schema.learn(np.array([[2.0, 4.0], [6.5, 3.0]]), kind="unit-interval")
    np.testing.assert_allclose(schema.encode(np.array([[2.0, 6.5]])).values, [[0.0, 1.0]])
    assert schema.log_jacobian() == pytest.approx(-2 * np.log(4.5))


def test_forced_binary_on_other_values_names_the_cell():
    with pytest.raises(InputError, match=r"said to be binary, but row 1, column 0 is 3; expected 0 or 1"):
        Schema.learn(np.array([[0, 1], [3, 1]]), kind="binary")
    with pytest.raises(InputError, match=r"row 2, column 'b' is 0.5"):
        Schema.learn(pd.DataFrame({"a": [5.0, 6, 7], "b": [0, 1, 0.5]}), kind={"b": "binary"})


def test_unknown_kinds_scalings_and_columns():
    X = np.array([[0.0, 2.0], [1.0, 5.0]])
    with pytest.raises(ParameterError, match=r"`kind` must be 'auto' or 'images' or 'binary'.*got 'counts'"):
        Schema.learn(X, kind="counts")
    with pytest.raises(ParameterError, match=r"`scaling` must be 'auto' or 'column'.*got 'robust'"):
        Schema.learn(X, scaling="robust")
    with pytest.raises(ParameterError, match=r"`kind` of column 'a' must be one of .*got 'text'"):
        Schema.learn(pd.DataFrame(X, columns=["a", "b"]), kind={"a": "text"})
    with pytest.raises(InputError, match=r"columns that are not in the data: \['z'\]"):
        Schema.learn(pd.DataFrame(X, columns=["a", "b"]), kind={"z": "binary"})
    with pytest.raises(InputError, match=r"Kinds by column name need a table"):
        Schema.learn(X, kind={"z": "binary"})


def test_scalings_of_continuous_columns():
    X = RNG.normal(size=(50, 3)) * [1.0, 10.0, 100.0] + [0.0, 5.0, -50.0]
    column = Schema.learn(X, scaling="column").encode(X).values.double().numpy()
    np.testing.assert_allclose(column, (X - X.mean(0)) / X.std(0), atol=1e-6)
    common = Schema.learn(X, scaling="common")
    root = np.sqrt(X.var(axis=0).mean())
    np.testing.assert_allclose(common.encode(X).values, (X - X.mean(0)) / root, atol=1e-6)
    assert common.log_jacobian() == pytest.approx(-3 * np.log(root))
    assert common.blocks[0].variance == pytest.approx(1.0)
    none = Schema.learn(X, scaling="none")
    np.testing.assert_array_equal(none.encode(X).values, X.astype(np.float32))
    assert none.log_jacobian() == 0.0
    assert none.blocks[0].variance == pytest.approx(X.var(axis=0).mean())


def test_whole_numbers_leave_their_step():
    X = np.array([[0, 10], [1000, 30], [-5, 20]])
    schema = Schema.learn(X)
    assert schema.blocks[0].step == pytest.approx(1 / X.std(axis=0).max())
    assert Schema.learn(X + np.array([0, 0.5])).blocks[0].step == 0.0


def test_constant_columns_are_kept_unscaled_and_named():
    X = np.array([[1.0, 7.0, 5.0], [2.0, 7.0, 9.0]])
    with pytest.warns(DataWarning, match=r"1 of 3 columns are constant and carry nothing: column 1\."):
        schema = Schema.learn(X)
    assert schema.scale[1] == 1.0
    assert schema.encode(X).values[:, 1].tolist() == [0.0, 0.0]
    assert schema.describe()[0]["constant"] == 1
    assert schema.blocks[0].variance == pytest.approx(1.0)
    with pytest.warns(DataWarning, match=r"12 of 13 columns .* column 9, …"):
        Schema.learn(np.column_stack([np.ones((3, 12)), [1.0, 2.0, 3.0]]))


def test_all_columns_constant_is_an_error():
    with pytest.raises(InputError, match=r"All 3 columns are constant"):
        Schema.learn(np.full((5, 3), 0.3))


def test_constant_pixels_are_nothing_to_warn_of(recwarn):
    Schema.learn(load_digits().data)
    assert not recwarn.list


@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1e-40, 1e30, 1e300])
@pytest.mark.filterwarnings("error")
def test_extreme_columns_encode_finitely_and_come_back(scale):
    X = np.column_stack([RNG.normal(size=30) * scale, RNG.normal(size=30)])
    schema = Schema.learn(X)
    encoded = schema.encode(X).values
    assert encoded.isfinite().all()
    assert schema.shift.isfinite().all()
    assert schema.scale.isfinite().all()
    if scale > 1e-300:
        assert encoded[:, 0].std(correction=0) == pytest.approx(1.0, rel=1e-5)
        np.testing.assert_allclose(schema.decode(encoded), X, rtol=1e-4, atol=1e-5 * scale)
    assert np.isfinite(schema.log_jacobian())
