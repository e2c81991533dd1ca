"""Fidelity, detection, usefulness and privacy of tables, against definitions written out and cases that are known."""

from __future__ import annotations

import datetime
import decimal
import itertools
from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score, roc_auc_score

from isthmus.core.errors import InputError, InputTypeError
from isthmus.metrics.tables.columns import compared_columns
from isthmus.metrics.tables.design import Design
from isthmus.metrics.tables.detection import detection_auc
from isthmus.metrics.tables.fidelity import table_fidelity
from isthmus.metrics.tables.privacy import table_privacy
from isthmus.metrics.tables.usefulness import usefulness


def people(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, n)
    return pd.DataFrame(
        {
            "age": age,
            "height": rng.normal(170, 10, n).round(1),
            "town": rng.choice(["Ulm", "Bonn", "Kiel"], n, p=[0.5, 0.3, 0.2]),
            "retired": age + rng.normal(0, 6, n) > 66,
        }
    )


class TestColumns:
    def test_frames_of_all_libraries_and_mappings_agree(self):
        days = [datetime.datetime(2020, 1, 1), None, datetime.datetime(2021, 5, 1, 12)]
        cells = {"n": [1.0, None, 3.0], "word": ["a", None, "b"], "flag": [True, False, None], "when": days}
        tables = [
            pd.DataFrame(cells),
            pl.DataFrame(cells),
            pa.table(cells),
            {**cells, "n": [1.0, np.nan, 3.0], "when": np.array(days, dtype="datetime64[us]")},
        ]
        for table in tables:
            for column in compared_columns(real=tables[0], synthetic=table):
                np.testing.assert_array_equal(column.values[0], column.values[1])
                assert column.missing(1).tolist() == [False, column.name != "flag", column.name == "flag"]
        number, word, flag, when = compared_columns(real=tables[1])
        assert (number.is_number, word.levels, flag.levels) == (True, ("a", "b"), (True, False))
        assert when.values[0][2] - when.values[0][0] == 486.5 * 86400e9

    def test_zones_times_of_day_objects_and_decimals_are_numbers(self):
        berlin = pd.DataFrame({"when": pd.to_datetime(["2021-07-01 02:00", None]).tz_localize("Europe/Berlin")})
        for table in (berlin, pl.from_pandas(berlin), pa.Table.from_pandas(berlin)):
            (when,) = compared_columns(real=table)
            # Two o'clock in summer is midnight in UTC: 18,809 days after 1970-01-01.
            np.testing.assert_array_equal(when.values[0], [18809 * 86400e9, np.nan])
        cells = {
            "day": [datetime.date(1970, 1, 3), None],
            "clock": [datetime.time(1, 0, 0, 5), datetime.time(0)],
            "took": [datetime.timedelta(seconds=2), None],
            "moment": [datetime.datetime(1970, 1, 1, 0, 0, 1), datetime.datetime(1970, 1, 1, 2, tzinfo=datetime.UTC)],
            "price": [decimal.Decimal("1.5"), None],
        }
        expected = [[2 * 86400e9, np.nan], [3600e9 + 5e3, 0.0], [2e9, np.nan], [1e9, 7200e9], [1.5, np.nan]]
        for column, values in zip(compared_columns(real=cells), expected, strict=True):
            np.testing.assert_array_equal(column.values[0], values)
        assert pl.DataFrame({"clock": cells["clock"]})["clock"].dtype == pl.Time
        (clock,) = compared_columns(real=pl.DataFrame({"clock": cells["clock"]}))
        np.testing.assert_array_equal(clock.values[0], expected[1])

    def test_dates_and_durations_are_numbers_in_every_library(self):
        cells = {"day": [datetime.date(2020, 1, 1), datetime.date(2020, 1, 3)], "took": [datetime.timedelta(1)] * 2}
        for table in (pl.DataFrame(cells), pa.table(cells)):
            day, took = compared_columns(real=table)
            assert np.diff(day.values[0]) == 2 * 86400e9
            assert took.values[0].tolist() == [86400e9] * 2

    def test_levels_are_positions_in_one_list(self):
        (column,) = compared_columns(real={"x": ["b", "a"]}, synthetic={"x": ["a", "c", None]})
        assert column.levels == ("b", "a", "c")
        assert [values.tolist() for values in column.values] == [[0, 1], [1, 2, -1]]
        assert column.present(1).tolist() == [1, 2]

    def test_a_column_that_is_empty_takes_the_kind_of_the_other(self):
        (column,) = compared_columns(real={"x": [1.0, 2.0]}, synthetic={"x": [None, None]})
        assert column.is_number
        assert column.missing(1).all()

    @pytest.mark.parametrize(
        ("synthetic", "message"),
        [
            ({"x": [1.0]}, r"`synthetic` must have the columns of `real`; it lacks \['y'\]"),
            ({"x": [1.0], "y": [1.0], "z": [1.0]}, r"it has \['z'\] besides"),
            ({"x": ["a"], "y": [1.0]}, "Column 'x' must be of one kind in all tables; it holds numbers in `real`, lev"),
            ({"x": [], "y": []}, "`synthetic` must have columns of one length, and at least one row"),
            ({"x": [1.0], "y": [1.0, 2.0]}, "one length"),
        ],
    )
    def test_tables_that_do_not_fit(self, synthetic, message):
        with pytest.raises(InputError, match=message):
            compared_columns(real={"x": [1.0, 2.0], "y": [1.0, 2.0]}, synthetic=synthetic)

    def test_no_table(self):
        with pytest.raises(InputTypeError, match="`real` must be a pandas, polars or Arrow table, or a mapping"):
            compared_columns(real=3)


class TestFidelity:
    def test_a_table_is_like_itself(self):
        found = table_fidelity(people(200, 0), people(200, 0))
        scores = [*found.columns.values(), *found.pairs.values(), *found.missing.values()]
        np.testing.assert_allclose([*scores, found.shape, found.trend, found.quality], 1.0)

    def test_columns_by_brute_force(self):
        real, drawn = people(150, 0), people(90, 1)
        found = table_fidelity(real, drawn)
        everywhere = np.union1d(real.height, drawn.height)
        steps = [np.array([(frame.height <= x).mean() for x in everywhere]) for frame in (real, drawn)]
        assert found.columns["height"] == pytest.approx(1 - np.abs(steps[0] - steps[1]).max(), abs=1e-12)
        shares = [Counter(frame.town) for frame in (real, drawn)]
        distance = sum(abs(shares[0][town] / 150 - shares[1][town] / 90) for town in ("Ulm", "Bonn", "Kiel")) / 2
        assert found.columns["town"] == pytest.approx(1 - distance, abs=1e-12)

    def test_pairs_by_brute_force(self):
        real, drawn = people(150, 0), people(90, 1)
        found = table_fidelity(real, drawn)
        r = [np.corrcoef(frame.age, frame.height)[0, 1] for frame in (real, drawn)]
        assert found.pairs["age", "height"] == pytest.approx(1 - abs(r[0] - r[1]) / 2, abs=1e-12)
        joint = [Counter(zip(frame.town, frame.retired, strict=True)) for frame in (real, drawn)]
        distance = sum(abs(joint[0][key] / 150 - joint[1][key] / 90) for key in {*joint[0], *joint[1]}) / 2
        assert found.pairs["town", "retired"] == pytest.approx(1 - distance, abs=1e-12)
        width = (real.height.max() - real.height.min()) / 10

        def box(height):
            return min(max((height - real.height.min()) // width, -1), 9 if height <= real.height.max() else 10)

        joint = [Counter((box(h), town) for h, town in zip(f.height, f.town, strict=True)) for f in (real, drawn)]
        distance = sum(abs(joint[0][key] / 150 - joint[1][key] / 90) for key in {*joint[0], *joint[1]}) / 2
        assert found.pairs["height", "town"] == pytest.approx(1 - distance, abs=1e-12)
        assert found.trend == pytest.approx(np.mean(list(found.pairs.values())))
        assert found.quality == pytest.approx((found.shape + found.trend) / 2)

    def test_missing_cells_are_left_out_and_counted(self):
        real = {"x": [1.0, 2.0, np.nan, np.nan], "y": ["a", "b", "a", None]}
        drawn = {"x": [1.0, 2.0, 1.0, np.nan], "y": ["a", "b", "b", "a"]}
        found = table_fidelity(real, drawn)
        assert found.missing == {"x": 0.75, "y": 0.75}
        assert found.columns["x"] == pytest.approx(1 - (2 / 3 - 1 / 2))
        assert found.columns["y"] == pytest.approx(1 - (2 / 3 - 1 / 2))

    def test_what_is_not_defined_is_left_out_of_the_means(self):
        real = {"x": [1.0, 1.0], "y": [1.0, 2.0], "z": [None, None], "w": ["a", "b"]}
        found = table_fidelity(real, real)
        assert np.isnan(found.pairs["x", "y"])
        assert np.isnan(found.columns["z"])
        assert np.isnan(found.pairs["z", "w"])
        assert (found.shape, found.trend) == (1.0, 1.0)


class TestDetection:
    def test_draws_of_one_distribution_cannot_be_told(self):
        assert detection_auc(people(300, 0), people(300, 1)) == pytest.approx(0.5, abs=0.1)

    def test_a_broken_dependence_is_found(self):
        real, drawn = people(300, 0), people(300, 1)
        drawn["retired"] = drawn["retired"].to_numpy()[::-1]
        assert detection_auc(real, drawn) > 0.65

    def test_a_broken_rate_of_missing_cells_is_found(self):
        real, drawn = people(300, 0), people(300, 1)
        drawn.loc[::2, "height"] = np.nan
        assert detection_auc(real, drawn) > 0.7

    def test_many_levels_fit_into_trees(self):
        words = [f"w{i}" for i in range(400)]
        (column,) = compared_columns(real={"x": [*words, "w3"]})
        numbers = Design.of([column]).matrices[0][:, 0]
        assert numbers.max() == 254
        assert numbers[3] == numbers[400] == 0


class TestUsefulness:
    def test_scores_are_those_of_the_trees(self):
        train, drawn, test = people(400, 0), people(300, 1), people(300, 2)
        found = usefulness(train, drawn, test, "retired")

        def matrix(frame):
            towns = frame.town.map({"Ulm": 0, "Bonn": 1, "Kiel": 2})
            return np.column_stack([frame.age, frame.height, towns])

        trees = HistGradientBoostingClassifier(categorical_features=[False, False, True], random_state=0)
        trees.fit(matrix(drawn), drawn.retired)
        assert found.synthetic["f1"] == pytest.approx(f1_score(test.retired, trees.predict(matrix(test))), abs=0.02)
        chance = trees.predict_proba(matrix(test))[:, 1]
        assert found.synthetic["auc"] == pytest.approx(roc_auc_score(test.retired, chance), abs=0.01)
        assert found.share("auc") == found.synthetic["auc"] / found.real["auc"]

    def test_the_rarer_level_is_the_one_to_find(self):
        train = people(400, 0)
        train["retired"] = train["retired"].map({True: "zz", False: "a"})
        test = train.iloc[:200]
        flipped = test.assign(retired=test.retired.map({"zz": "a", "a": "zz"}))
        a, b = (usefulness(t, t, u, "retired").real for t, u in ((train, test), (train, test)))
        assert a == b
        assert flipped.retired.value_counts().idxmin() == "a"
        swapped = train.assign(retired=train.retired.map({"zz": "a", "a": "zz"}))
        assert usefulness(swapped, swapped, flipped, "retired").real == pytest.approx(a)

    def test_numbers_are_regressed_and_useless_rows_are_useless(self):
        train, test = people(400, 0), people(300, 2)
        shuffled = train.assign(age=train.age.sample(frac=1, random_state=0).to_numpy())
        found = usefulness(train, shuffled, test, "age")
        assert found.real["r2"] > 0.4
        assert found.synthetic["r2"] < 0.1

    def test_more_than_two_levels(self):
        assert set(usefulness(people(200, 0), people(200, 1), people(99, 2), "town").real) == {"accuracy", "f1"}

    def test_what_cannot_be_learnt(self):
        table = people(50, 0)
        with pytest.raises(InputError, match="`target` must be one of the columns"):
            usefulness(table, table, table, "income")
        with pytest.raises(InputError, match="`synthetic` must have at least two levels of 'retired'"):
            usefulness(table, table[~table.retired], table, "retired")
        with pytest.raises(InputError, match="no column besides the target"):
            usefulness(table[["age"]], table[["age"]], table[["age"]], "age")


class TestPrivacy:
    def test_a_copier_is_caught(self):
        seen, unseen = people(300, 0), people(300, 1)
        found = table_privacy(seen, seen.iloc[:150], unseen)
        assert found.copies == 1.0
        assert found.distance_to_training == 0
        assert found.distance_ratio == 0
        assert found.copies_of_held_out < 0.2
        assert found.membership_auc > 0.7

    def test_a_stranger_is_not(self):
        found = table_privacy(people(400, 0), people(400, 2), people(400, 1))
        assert found.distance_ratio == pytest.approx(1, abs=0.15)
        assert found.membership_auc == pytest.approx(0.5, abs=0.06)

    def test_the_distance_by_hand(self):
        seen = {"x": [0.0, 10.0, np.nan], "y": ["a", "b", "a"]}
        found = table_privacy(seen, {"x": [2.0], "y": ["c"]}, seen)
        assert found.distance_to_training == pytest.approx(np.hypot(0.2, 1))
        assert found.distance_ratio == 1
        found = table_privacy(seen, {"x": [np.nan], "y": ["b"]}, seen)
        assert found.distance_to_training == pytest.approx(1)  # aside of 10 with the same level, or like the third row

    def test_nearer_rows_and_their_error_by_hand(self):
        # Two are nearest to 0, one to 12, and 8 is as far from 4 as from 12.
        found = table_privacy({"x": [0.0, 4.0]}, {"x": [0.5, 1.0, 13.0, 8.0]}, {"x": [12.0, 16.0]})
        assert found.nearer_to_training == (1 + 1 + 0 + 0.5) / 4
        # A half of the real rows, drawn at random, is the nearest of so many of them.
        shares = [(a + b) / 4 for a, b in itertools.combinations([2, 0.5, 1.5, 0], 2)]
        assert found.nearer_error == pytest.approx(np.std(shares))
        assert found.rows == 2
        rng = np.random.default_rng(0)
        # Over many random tables the share varies as the error says.
        draws = [
            table_privacy(*({"x": rng.normal(size=n), "y": rng.normal(size=n)} for n in (20, 200, 20)))
            for _ in range(60)
        ]
        spread = np.std([one.nearer_to_training for one in draws])
        assert spread == pytest.approx(np.mean([one.nearer_error for one in draws]), rel=0.35)

    def test_rows_are_drawn_when_there_are_many(self):
        seen, unseen = people(300, 0), people(300, 1)
        few = table_privacy(seen, seen, unseen, most_rows=50)
        assert few == table_privacy(seen, seen, unseen, most_rows=50)
        assert 0 < few.copies < 1
        assert few != table_privacy(seen, seen, unseen, most_rows=50, random_state=1)
