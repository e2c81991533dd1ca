"""Evaluations of drawn rows: the numbers are those of the metrics, put together as is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isthmus
from isthmus import MLP, VAE
from isthmus.core.errors import InputError, InputTypeError, ParameterError
from isthmus.metrics.tables.fidelity import table_fidelity
from isthmus.report import table_judge
from isthmus.report.table_evaluation import TableEvaluation
from isthmus.report.table_judge import evaluate_table

People = Callable[[int, int], Any]


def test_an_evaluation_is_what_the_metrics_say(found: TableEvaluation, people: People):
    real, drawn = people(240, 1), people(220, 0)
    expected = table_fidelity(real, drawn)
    assert found.fidelity.columns == pytest.approx(expected.columns)
    assert found.fidelity.pairs == pytest.approx(expected.pairs)
    assert found.fidelity.missing == pytest.approx(expected.missing)
    assert (found.n_real, found.n_drawn, found.n_training) == (240, 220, 230)
    assert 0.35 < found.detection < 0.65
    assert found.usefulness is not None
    assert found.usefulness.real["auc"] > 0.9
    assert found.usefulness.synthetic["auc"] > 0.9
    assert found.privacy is not None
    assert (found.privacy.copies, found.overlap) == (0.0, 0.0)
    # 230 rows of one kind beside 230 of the same: within four standard errors.
    assert abs(found.privacy.nearer_to_training - 0.5) < 4 * found.privacy.nearer_error
    assert found.missing.rates["income"] == (
        pytest.approx(real["income"].isna().mean()),
        pytest.approx(drawn["income"].isna().mean()),
    )
    assert [one.name for one in found.columns] == [name for name, _ in found.worst_columns()]
    assert found.notes == ()


def test_real_rows_among_themselves_are_the_reference(found: TableEvaluation, people: People):
    training = table_fidelity(people(240, 1), people(230, 2))
    # As many training rows as were drawn: 220 of 230.
    assert found.reference.shape == pytest.approx(training.shape, abs=0.02)
    assert found.reference.shape != pytest.approx(training.shape, abs=1e-9)
    alone = evaluate_table({"x": np.arange(40.0)}, {"x": np.repeat([0.0, 1.0], 20)})
    halves = alone.reference.columns["x"]
    assert 0.5 < halves <= 1
    assert alone.fidelity.columns["x"] == pytest.approx(2 / 40)


def test_copies_are_found(people: People):
    seen = people(230, 2)
    copied = evaluate_table(seen.sample(220, random_state=0), people(240, 1), training=seen)
    assert copied.privacy is not None
    assert copied.privacy.copies > 0.9
    words = {one.measure: one.word for one in copied.verdicts}
    assert (words["copies"], words["nearer"], words["membership"]) == ("worrying",) * 3
    assert words["useful"] == "not measured"
    assert "Usefulness needs a column to predict, such as 'retired'." in copied.notes


def test_tables_that_share_rows_are_noticed(people: People):
    real = people(210, 1)
    twice = evaluate_table(real.sample(frac=1, random_state=0), real, training=real)
    assert twice.privacy is None
    assert twice.overlap == 1.0
    assert twice.detection < 0.35
    told = " ".join(twice.notes)
    assert "100% of the real rows stand in the training table, too: nothing can be said about privacy." in told
    assert "100.0% of the drawn rows stand among the real ones in every cell." in told
    assert {one.measure: one.word for one in twice.verdicts}["told apart"] == "worrying"


@pytest.fixture(scope="module")
def conditional(people: People) -> VAE:
    frame = people(60, 5).assign(name=[f"person {number}" for number in range(60)])
    model = VAE(
        2, network=MLP(hidden=(8,)), schema={"town": "condition"}, missing="model", max_epochs=1, random_state=0
    )
    return model.fit(frame.assign(town=frame["town"].fillna("Ulm")))


def test_a_model_draws_under_the_conditions_of_the_rows(conditional: VAE, people: People):
    real = people(40, 6).assign(town="Bonn", name="nobody")
    found = evaluate_table(conditional, real, n=30)
    assert found.n_drawn == 30
    assert "name" not in found.fidelity.columns
    town = next(one for one in found.columns if one.name == "town")
    assert (town.levels, town.drawn.tolist()) == (("Bonn",), [1.0])
    assert repr(found) == repr(evaluate_table(conditional, real, n=30))


def test_what_does_not_fit_is_refused(conditional: VAE, people: People, tmp_path: Path, found: TableEvaluation):
    X = np.zeros((4, 2))
    with pytest.raises(ParameterError, match="`n` says how many rows a model draws; here the drawn rows"):
        evaluate_table(X, X, n=3)
    with pytest.raises(ParameterError, match=r"`n` must be an integer in \[1, inf\); got 0"):
        evaluate_table(conditional, people(5, 0), n=0)
    with pytest.raises(InputError, match=r"`target` must be one of the columns \['x0', 'x1'\]; got 'q'"):
        evaluate_table(X, X, target="q")
    with pytest.raises(InputError, match=r"`drawn` must have the columns of `real`; it lacks \['b'\]"):
        evaluate_table({"a": [1]}, {"b": [1]})
    with pytest.raises(InputTypeError, match="`real` and `training` must be tables; got int"):
        evaluate_table(conditional, 3)
    with pytest.raises(ParameterError, match=r"`path` must end in \.html or \.json; got '.*x\.pdf'"):
        found.save(tmp_path / "x.pdf")
    pixels = np.random.default_rng(0).integers(0, 256, (8, 4, 4), dtype=np.uint8)
    images = VAE(2, network=MLP(hidden=(4,)), max_epochs=1).fit(pixels)
    with pytest.raises(InputError, match="judges tables; this model is one of images"):
        evaluate_table(images, X)


def test_the_call_is_public():
    assert isthmus.evaluate_table is evaluate_table


def test_large_tables_are_cut_and_it_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(table_judge, "MOST_ROWS", 30)
    monkeypatch.setattr(table_judge, "MOST_PAIRED", 3)
    rng = np.random.default_rng(0)
    found = evaluate_table(rng.normal(size=(50, 7)), rng.normal(size=(20, 7)))
    assert found.paired == ("x0", "x3", "x6")
    assert set(found.fidelity.pairs) == {("x0", "x3"), ("x0", "x6"), ("x3", "x6")}
    assert len(found.fidelity.columns) == 7
    assert "Of the 50 drawn rows, 30 drawn at random are compared." in found.notes
    assert "Pairs are those of 3 columns, spread evenly over all 7." in found.notes
    assert any(note.startswith("There are only 20 real rows") for note in found.notes)
