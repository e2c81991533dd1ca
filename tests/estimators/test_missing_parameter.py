"""``missing``: modelled in tables, refused in arrays, and the other way round if that is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import isthmus
from isthmus.errors import InputError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
X[::7, 1] = np.nan
FRAME = pd.DataFrame(X, columns=list("abc")).assign(
    name=[f"p{row}" for row in range(60)], city=RNG.choice(["Oslo", "Rome"], 60)
)


def small(**parameters):
    return isthmus.Autoencoder(latent_dim=1, max_epochs=1, random_state=0, **parameters)


def test_tables_model_holes_and_arrays_refuse_them():
    with pytest.raises(InputError, match="Input X contains NaN: 9 cells, first at row 0, column 1"):
        small().fit(X)
    assert small(missing="model").fit(X).schema_.missing_rates == (0.15,)
    model = small(schema={"name": "ignore"}).fit(FRAME)
    assert model.schema_.missing_rates == (0.15,)
    with pytest.raises(InputError, match="Input X contains NaN: 9 cells, first at row 0, column 'b'"):
        small(missing="error", schema={"name": "ignore"}).fit(FRAME)
    assert np.isfinite(model.transform(FRAME)).all()


def test_ignored_columns_go_along_with_the_users_rows_only(tmp_path):
    model = small(schema={"name": "ignore"}).fit(FRAME)
    again = model.reconstruct(FRAME)
    assert list(again) == list(FRAME)
    assert again["name"].tolist() == FRAME["name"].tolist()
    decoded = model.inverse_transform(model.transform(FRAME.drop(columns="name")))
    assert list(decoded) == ["a", "b", "c", "city"]
    assert list(model.reconstruct(decoded)) == list(decoded)
    model.save(tmp_path / "model.safetensors")
    loaded = isthmus.load(tmp_path / "model.safetensors")
    assert loaded.schema_ == model.schema_
    np.testing.assert_array_equal(loaded.transform(FRAME), model.transform(FRAME))
