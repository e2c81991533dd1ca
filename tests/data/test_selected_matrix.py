"""Some rows of a matrix as a matrix of their own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from isthmus.core.errors import InputError
from isthmus.data.opening import open_matrix
from isthmus.data.schema import Schema
from isthmus.data.selected_matrix import SelectedMatrix

CHOSEN = np.array([5, 0, 3, 4])


@pytest.mark.parametrize("wrap", [np.asarray, scipy.sparse.coo_array, lambda X: pd.DataFrame(X, columns=list("ab"))])
def test_it_holds_the_rows_at_its_positions(wrap) -> None:
    X = np.arange(12.0).reshape(6, 2)
    data = wrap(X)
    some = SelectedMatrix(open_matrix(data), CHOSEN)
    assert some.n_rows == 4
    np.testing.assert_array_equal(some.read(slice(1, 3)), X[CHOSEN[1:3]])
    np.testing.assert_array_equal(some.read(np.array([3, 0]), np.array([1])), X[CHOSEN[[3, 0]]][:, [1]])
    learnt = Schema.learn(some)
    np.testing.assert_allclose(learnt.columns.shift, X[CHOSEN].mean(0))
    assert learnt.container == Schema.learn(data).container
    assert len(learnt.rows(data)) == 6


def test_levels_are_those_of_its_rows() -> None:
    frame = pd.DataFrame({"n": np.arange(6.0), "t": ["a", "b", "c", "a", "b", None]})
    schema = Schema.learn(SelectedMatrix(open_matrix(frame), CHOSEN), missing="model")
    (town,) = schema.roles.categorical
    assert town.levels.values == ("a", "b")
    assert schema.missing_rates == (0.25,)


def test_cells_are_called_by_their_place_in_the_whole() -> None:
    X = np.arange(12.0).reshape(6, 2)
    X[3, 1] = np.nan
    with pytest.raises(InputError, match="row 3, column 1"):
        Schema.learn(SelectedMatrix(open_matrix(X), CHOSEN))
