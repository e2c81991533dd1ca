"""``impute`` in the user's types: arrays, images, frames; what is there stays bit for bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

import isthmus
from isthmus import MLP, VAE, VQVAE, Autoencoder, Gaussian
from isthmus.core.errors import InputError, InputTypeError, ParameterError
from isthmus.core.named_columns import NamedColumns
from isthmus.uses import imputation

SMALL = {"network": MLP(hidden=(16,)), "max_epochs": 30, "learning_rate": 0.02, "batch_size": 32, "random_state": 0}


@pytest.fixture(autouse=True)
def few_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every batch is padded to its size: small data need no large ones."""
    monkeypatch.setattr(imputation, "MOST_ROWS", 8)


def numbers(n: int = 300) -> np.ndarray:
    """(n, 5) float64 of rank 2, plus noise."""
    random = np.random.default_rng(0)
    return random.normal(size=(n, 2)) @ random.normal(size=(2, 5)) + 0.1 * random.normal(size=(n, 5))


def holes(rows: np.ndarray, share: float = 0.3, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    missing = np.random.default_rng(seed).random(rows.shape) < share
    return np.where(missing, np.nan, rows), missing


@pytest.fixture(scope="module")
def vae() -> VAE:
    return VAE(2, **SMALL).fit(numbers())


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    random = np.random.default_rng(0)
    where = random.integers(0, 8, 200)
    return np.where(np.arange(64).reshape(1, 8, 8) % 8 == where[:, None, None], 200, 20).astype(np.uint8)


@pytest.fixture(scope="module")
def striped(images: np.ndarray) -> VAE:
    return VAE(3, **SMALL).fit(images)


def frame(n: int = 160) -> pd.DataFrame:
    random = np.random.default_rng(2)
    kind = random.integers(0, 3, n)
    return pd.DataFrame(
        {
            "size": kind * 2.0 + 0.1 * random.normal(size=n),
            "count": (kind * 10 + random.integers(0, 3, n)).astype("int64"),
            "word": np.array(["low", "mid", "high"])[kind],
            "mark": pd.Categorical.from_codes(kind, ["a", "b", "c"]),
        },
        index=pd.Index(np.arange(n) * 3 + 1, name="id"),
    )


SCHEMA = {"word": "categorical", "mark": "categorical"}


@pytest.fixture(scope="module")
def mixed() -> VAE:
    return VAE(2, schema=SCHEMA, **{**SMALL, "max_epochs": 20}).fit(frame())


def test_arrays_keep_what_is_there_and_beat_the_mean(vae: VAE) -> None:
    truth = numbers()[:60]
    X, missing = holes(truth)
    before = X.copy()
    found = vae.impute(X)
    np.testing.assert_array_equal(X, before)
    assert found.dtype == X.dtype
    np.testing.assert_array_equal(found[~missing], truth[~missing])
    error, plain = (np.square(one - truth)[missing].mean() for one in (found, np.broadcast_to(truth.mean(0), X.shape)))
    assert error < 0.35 * plain
    np.testing.assert_array_equal(vae.impute(X), found)  # a single fill is the same without saying a seed


def test_rows_stand_for_themselves(vae: VAE) -> None:
    X, _ = holes(numbers()[:80])
    order = np.random.default_rng(0).permutation(80)[:13]
    np.testing.assert_array_equal(vae.impute(X[order]), vae.impute(X)[order])
    some, whole = (vae.impute(one, samples=2, random_state=3) for one in (X[order], X))
    np.testing.assert_array_equal(some[1], whole[1][order])


def test_draws_differ_where_cells_are_missing_and_only_there(vae: VAE) -> None:
    X, missing = holes(numbers()[:60])
    first, second = vae.impute(X, samples=2, random_state=0)
    np.testing.assert_array_equal(first[~missing], second[~missing])
    assert (first[missing] != second[missing]).all()
    np.testing.assert_array_equal(vae.impute(X, samples=2, random_state=0)[0], first)
    assert (vae.impute(X, samples=2)[0][missing] != vae.impute(X, samples=2)[0][missing]).all()
    draws = np.stack(vae.impute(X, samples=16, random_state=0))
    deviation = draws[:, missing].std(0)
    np.testing.assert_array_less(np.abs(draws.mean(0) - vae.impute(X))[missing], 1.5 * deviation + 0.02)


def test_noise_is_for_the_user_to_say(vae: VAE, mixed: VAE) -> None:
    X, missing = holes(numbers()[:60])
    means, noisy = (np.stack(vae.impute(X, samples=8, random_state=0, noise=noise)) for noise in (False, True))
    np.testing.assert_array_equal(noisy, np.stack(vae.impute(X, samples=8, random_state=0)))
    assert means[:, missing].std(0).mean() < noisy[:, missing].std(0).mean()
    with pytest.raises(ParameterError, match="`noise` must be True, False or 'auto'; got 'no'"):
        vae.impute(X, noise="no")
    with pytest.raises(ParameterError, match="`noise` is what tells the fillings of rows apart whose columns depend"):
        mixed.impute(holed_frame()[0], samples=2, noise=False)


def test_complete_rows_come_back_as_they_are(vae: VAE) -> None:
    X = numbers()[:5]
    again = vae.impute(X)
    np.testing.assert_array_equal(again, X)
    assert again is not X
    assert not np.shares_memory(again, X)
    assert len(vae.impute(X, samples=3)) == 3


def test_empty_rows_come_from_the_density(vae: VAE) -> None:
    X = np.full((200, 5), np.nan)
    drawn = vae.impute(X, samples=1, random_state=0)[0]
    expected = numbers()
    np.testing.assert_allclose(drawn.mean(0), expected.mean(0), atol=4 * expected.std(0).max() / 14)
    np.testing.assert_allclose(drawn.std(0), expected.std(0), rtol=0.3)


@pytest.mark.parametrize("mask", ["(n, d)", "(d,)", "0 and 1", "tensor", "data frame"])
def test_masks_hide_what_stands_there(vae: VAE, mask: str) -> None:
    X = numbers()[:6]
    one = np.array([False, True, False, True, False])
    given = {
        "(n, d)": np.tile(one, (6, 1)),
        "(d,)": one,
        "0 and 1": one.astype(int),
        "tensor": torch.from_numpy(one),
        "data frame": np.tile(one, (6, 1)),
    }[mask]
    expected = vae.impute(np.where(one, np.nan, X))
    np.testing.assert_array_equal(vae.impute(X, mask=given), expected)
    wild = X.copy()
    wild[:, one] = 1e6
    np.testing.assert_array_equal(vae.impute(wild, mask=given), expected)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (
            np.zeros((3, 4), bool),
            r"shape \(3, 4\), which does not fit 2 rows of shape \(5,\). Expected \(5,\) or \(2, 5\)",
        ),
        (np.full(5, 0.5), r"must hold booleans.*got float64. Pass mask > 0"),
        (np.array(["a"] * 5), r"must hold booleans.*got <U1"),
    ],
)
def test_bad_masks(vae: VAE, mask: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        vae.impute(numbers()[:2], mask=mask)
    assert issubclass(InputTypeError, InputError)


def test_infinite_cells_are_errors(vae: VAE) -> None:
    X, _ = holes(numbers()[:4])
    X[2, 3] = np.inf
    with pytest.raises(InputError, match=r"infinity.*row 2, column 3"):
        vae.impute(X)


@pytest.mark.parametrize("samples", [0, 1.5, True, "2"])
def test_bad_samples(vae: VAE, samples: object) -> None:
    with pytest.raises(ParameterError, match=r"`samples` must be None or an integer in \[1, inf\)"):
        vae.impute(numbers()[:2], samples=samples)  # type: ignore[arg-type]


def test_other_number_types() -> None:
    counts = np.random.default_rng(0).poisson(np.linspace(2, 40, 200)[:, None] * np.ones(4)).astype(np.int32)
    model = VAE(1, **SMALL).fit(counts)
    found = model.impute(counts[:9], mask=np.array([1, 0, 0, 0], bool))
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found[:, 1:], counts[:9, 1:])
    holed = counts[:9].astype(np.float32)
    holed[:, 0] = np.nan
    again = model.impute(holed)
    assert again.dtype == np.float32
    np.testing.assert_array_equal(again, np.rint(again))  # whole numbers, as in training
    np.testing.assert_allclose(again, found, atol=2)
    listed = [[None, *row[1:].tolist()] for row in counts[:9]]
    np.testing.assert_allclose(model.impute(np.array(listed, dtype=object)), again, atol=2)
    np.testing.assert_array_equal(model.impute(torch.from_numpy(holed)), again)


@pytest.mark.parametrize("mask", ["(h, w)", "(n, h, w)"])
def test_images_are_inpainted(striped: VAE, images: np.ndarray, mask: str) -> None:
    hidden = np.zeros((8, 8), dtype=bool)
    hidden[4:] = True
    given = np.broadcast_to(hidden, (20, 8, 8)) if mask == "(n, h, w)" else hidden
    shown = images[:20].copy()
    shown[:, 4:] = 77
    found = striped.impute(shown, mask=given)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[:, :4], images[:20, :4])
    assert (
        np.abs(found[:, 4:].astype(float) - images[:20, 4:]).mean() < 25
    )  # a stripe goes on; the mean would be off by 40
    draws = {
        noise: striped.impute(shown, mask=given, samples=2, random_state=0, noise=noise) for noise in ("auto", True)
    }
    for one in (*draws["auto"], *draws[True]):
        assert one.dtype == np.uint8
        np.testing.assert_array_equal(one[:, :4], images[:20, :4])
    smooth, static = (np.abs(np.diff(draws[noise][0][:, 4:].astype(float), axis=1)).mean() for noise in draws)
    assert smooth < 0.7 * static  # stripes run down


def test_channels_are_hidden_together_or_alone() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3)).astype(np.uint8)
    model = VAE(2, **{**SMALL, "max_epochs": 1}).fit(colours)
    hidden = np.zeros((8, 8), dtype=bool)
    hidden[0, 0] = True
    found = model.impute(colours[:3], mask=hidden)
    assert (found != colours[:3]).any((0, 3)).tolist() == hidden.tolist()
    red = np.zeros((8, 8, 3), dtype=bool)
    red[..., 0] = True
    found = model.impute(colours[:3], mask=red)
    np.testing.assert_array_equal(found[..., 1:], colours[:3, ..., 1:])
    assert (found[..., 0] != colours[:3, ..., 0]).any()


def holed_frame() -> tuple[pd.DataFrame, np.ndarray]:
    whole = frame(32).astype({"count": "Int64"})
    missing = np.random.default_rng(4).random(whole.shape) < 0.3
    missing[missing.all(1), 0] = False
    return whole.mask(missing), missing


@pytest.mark.parametrize("form", ["pandas", "polars", "arrow"])
def test_columns_without_any_cell_get_the_type_of_training(mixed: VAE, form: str) -> None:
    """A file whose column is empty says nothing of its type: pandas reads numbers, others a type of their own."""
    X = frame(6).reset_index(drop=True)
    for name in ("word", "mark"):
        empty = X.assign(**{name: np.nan})
        if form == "arrow":
            empty = pa.Table.from_pandas(empty).set_column(empty.columns.get_loc(name), name, pa.nulls(6))
        if form == "polars":
            empty = pl.from_pandas(X).with_columns(pl.lit(None).alias(name))
        found = mixed.impute(empty)
        cells = found[name].to_pylist() if form == "arrow" else found[name].to_list()
        assert set(cells) <= set(X[name])
        assert cells == X[name].to_list()  # the others say which
        if form == "pandas":
            assert found[name].dtype == frame(6)[name].dtype


def test_pandas_keeps_types_index_and_order(mixed: VAE) -> None:
    X, missing = holed_frame()
    truth = frame(32)
    found = mixed.impute(X)
    pd.testing.assert_index_equal(found.index, X.index)
    assert found.dtypes.equals(X.dtypes)
    assert not found.isna().any().any()
    for place, name in enumerate(X.columns):
        there = ~missing[:, place]
        assert found[name][there].tolist() == truth[name][there].tolist()
    assert (found["word"] == truth["word"])[missing[:, 2]].mean() > 0.9
    assert (found["mark"] == truth["mark"])[missing[:, 3]].mean() > 0.9
    assert np.abs(found["size"] - truth["size"])[missing[:, 0]].mean() < 0.5
    turned = mixed.impute(X[["mark", "count", "size", "word"]])
    assert list(turned.columns) == ["mark", "count", "size", "word"]
    pd.testing.assert_frame_equal(turned[list(X.columns)], found)
    drawn = mixed.impute(X, samples=2, random_state=0)
    assert all(one.dtypes.equals(X.dtypes) and not one.isna().any().any() for one in drawn)


def test_polars_and_arrow_get_their_own_back(mixed: VAE) -> None:
    X, _ = holed_frame()
    expected = mixed.impute(X)
    table = pl.from_pandas(X.reset_index(drop=True))
    found = mixed.impute(table)
    assert found.schema == table.schema
    assert found.null_count().sum_horizontal().item() == 0
    assert found["word"].to_list() == expected["word"].tolist()
    assert found["count"].to_list() == expected["count"].tolist()
    arrow = pa.Table.from_pandas(X.astype({"mark": "str"}).mask(X.isna()), preserve_index=False)
    again = mixed.impute(arrow)
    assert again.schema.types == arrow.schema.types
    assert again["mark"].to_pylist() == expected["mark"].astype(str).tolist()
    np.testing.assert_array_equal(again["size"].to_numpy(), expected["size"])


def test_frame_masks_are_matched_by_name(mixed: VAE) -> None:
    whole = frame(20)
    mask = pd.DataFrame(False, index=whole.index, columns=["mark", "word", "size", "count"])
    mask["size"] = True
    found = mixed.impute(whole, mask=mask)
    pd.testing.assert_frame_equal(found.drop(columns="size"), whole.drop(columns="size"))
    assert (found["size"] != whole["size"]).all()
    pd.testing.assert_frame_equal(mixed.impute(whole, mask=np.array([True, False, False, False])), found)


def test_named_columns(vae: VAE) -> None:
    X, missing = holes(numbers()[:30])
    names = tuple("abcde")
    model = VAE(2, **SMALL).fit(NamedColumns(names, numbers()))
    found = model.impute(NamedColumns(names, X))
    assert isinstance(found, NamedColumns)
    assert found.names == names
    np.testing.assert_array_equal(found.values[~missing], X[~missing])
    turned = model.impute(NamedColumns(names[::-1], X[:, ::-1]))
    np.testing.assert_array_equal(turned.values, found.values[:, ::-1])


def test_conditions_are_kept_and_never_filled() -> None:
    group = np.arange(300) % 2
    random = np.random.default_rng(0)
    X = np.column_stack([group[:, None] * 6 + random.normal(size=(300, 3)), group])
    model = VAE(1, schema={3: "condition"}, **SMALL).fit(X)
    holed = X[:20].copy()
    holed[:, :3] = np.nan
    found = model.impute(holed)
    np.testing.assert_array_equal(found[:, 3], X[:20, 3])
    means = [found[X[:20, 3] == one, :3].mean() for one in (0, 1)]
    assert means[0] < 2 < 4 < means[1]
    with pytest.raises(InputError, match="`mask` marks column 3, which the model takes as known"):
        model.impute(X[:4], mask=np.ones(4, dtype=bool))
    holed[0, 3] = np.nan
    with pytest.raises(InputError, match="row 0, column 3"):
        model.impute(holed)


def test_deterministic_codes_fill_and_draw_if_the_scale_is_known(vae: VAE) -> None:
    truth = numbers()[:60]
    X, missing = holes(truth)
    plain = np.square(truth.mean(0) - truth)[missing].mean()
    model = Autoencoder(2, **SMALL).fit(numbers())
    assert np.square(model.impute(X) - truth)[missing].mean() < 0.5 * plain
    with pytest.raises(ParameterError, match=r"fixed scale .*plain squared error.*likelihood=Gaussian\(\)"):
        model.impute(X, samples=2)
    known = Autoencoder(2, likelihood=Gaussian(), **SMALL).fit(numbers())
    draws = np.stack(known.impute(X, samples=10, random_state=0))
    assert np.square(draws.mean(0) - truth)[missing].mean() < 0.5 * plain


def test_symbols_fill_but_do_not_draw() -> None:
    truth = numbers()[:60]
    X, missing = holes(truth)
    model = VQVAE(4, n_codes=16, tokens=2, **{**SMALL, "max_epochs": 15}).fit(numbers())
    found = model.impute(X)
    np.testing.assert_array_equal(found[~missing], truth[~missing])
    assert np.square(found - truth)[missing].mean() < np.square(truth.mean(0) - truth)[missing].mean()
    with pytest.raises(ParameterError, match="codes of this model are symbols"):
        model.impute(X, samples=2)


@pytest.mark.parametrize("recipe", ["hyperspherical-vae", "iaf-vae", "vamp-vae", "rae-l2", "beta-tc-vae", "iwae"])
def test_every_kind_of_posterior_works(recipe: str) -> None:
    model = isthmus.recipe(recipe, latent_dim=3, network=MLP(hidden=(8,)), max_epochs=2, random_state=0).fit(
        numbers(100)
    )
    X, missing = holes(numbers()[:10])
    found = model.impute(X)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[~missing], X[~missing])


def test_a_saved_model_fills_the_same(vae: VAE, tmp_path) -> None:
    X, _ = holes(numbers()[:10])
    vae.save(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(isthmus.load(tmp_path / "m.safetensors").impute(X), vae.impute(X))
