"""From models and data to numbers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from isthmus.core.errors import InputError, MissingDependencyError
from isthmus.metrics.reconstruction import squared_error
from isthmus.report.comparison import best, judge
from isthmus.report.headline import headline
from isthmus.report.plots import rate_bars
from isthmus.report.principal_components import PrincipalComponents
from isthmus.report.summarise import summarise
from isthmus.report.summary import ComparisonRow, Summary
from isthmus.report.templating import environment


def test_pca_is_scikit_learns(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, _ = digits
    train, test = images[:240].astype(float), images[240:].astype(float)
    row = judge("PCA", PrincipalComponents(4).fit(train), train, test, has_likelihood=True)
    pca = PCA(4).fit(train.reshape(240, -1))
    flat = test.reshape(60, -1)
    assert row.log_likelihood == pytest.approx(pca.score(flat))
    assert row.squared_error == pytest.approx(squared_error(flat, pca.inverse_transform(pca.transform(flat))))
    assert (row.linear_probe, row.kmeans_nmi) == (None, None)


def test_more_dimensions_than_the_data_has_are_lowered() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 3))
    assert PrincipalComponents(8).fit(rows).transform(rows).shape == (20, 3)


def test_best_knows_the_direction_of_each_score() -> None:
    rows = [ComparisonRow("a", 3.0, 0.5, 0.1, None), ComparisonRow("b", 2.0, 0.5, 0.2, -7.0)]
    assert best(rows, "squared_error") == {"b"}
    assert best(rows, "linear_probe") == {"a", "b"}
    assert best(rows, "kmeans_nmi") == {"b"}
    assert best(rows, "log_likelihood") == frozenset()


def test_summary_of_the_fakes(summary: Summary, digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = digits
    assert (summary.n_train, summary.n_test, summary.row_shape) == (240, 60, (8, 8))
    assert summary.original_labels == tuple("0123456789")
    assert [row.name for row in summary.comparison] == ["Autoencoder", "VAE", "PCA"]
    deterministic, stochastic, _ = summary.comparison
    assert deterministic.log_likelihood is None
    assert stochastic.log_likelihood == -100.0 - np.arange(60).mean()
    autoencoder, vae = summary.models
    assert autoencoder.rates is None
    assert vae.rates is not None
    codes = vae.code_map.points
    assert codes.shape == (60, 2)
    assert len(vae.code_map.labels or ()) == 60
    assert vae.samples.shape == (24, 8, 8)
    assert vae.interpolation.shape == (11, 8, 8)
    assert vae.sigma == "pixels 12.5"
    assert vae.events == ("epoch 3: a spike was clipped",)
    first = np.flatnonzero(labels[240:] == 0)[0]
    np.testing.assert_array_equal(summary.cross_fade[0], images[240:][first])


def test_rates_are_the_kl_of_each_dimension(fake_model: Callable[..., Any], summary: Summary, digits: Any) -> None:
    images, _ = digits
    mean = fake_model(images[:240], True).transform(images[240:])
    by_hand = 0.5 * (mean**2 + 0.25 - 1 - np.log(0.25)).mean(axis=0)
    assert summary.models[1].rates == pytest.approx(tuple(by_hand))


def test_headline_says_what_the_table_says(summary: Summary) -> None:
    import dataclasses

    rows = (
        ComparisonRow("Autoencoder", 50.0, 0.9, 0.5, None),
        ComparisonRow("VAE", 125.0, 0.95, 0.5, -1.0),
        ComparisonRow("PCA", 100.0, 0.8, 0.5, -2.0),
    )
    sentence = "".join(text for text, _ in headline(dataclasses.replace(summary, comparison=rows, row_noun="digit")))
    assert sentence == (
        "With 4 numbers for each digit, the autoencoder rebuilds held-out data with 50% less squared error than PCA "
        "and the VAE with 25% more squared error; a linear classifier reads the label off the VAE’s code 95.0% of the "
        "time."
    )


def test_nothing_to_report_is_refused(fake_model: Callable[..., Any]) -> None:
    rows = np.random.default_rng(0).normal(size=(30, 6))
    with pytest.raises(InputError, match="at least one fitted model; `models` is empty"):
        summarise({}, rows, rows)
    with pytest.raises(InputError, match="at least two held-out rows; `test` has 1"):
        summarise({"VAE": fake_model(rows, True)}, rows, rows[:1])


@pytest.mark.parametrize(
    ("package", "call"), [("jinja2", environment), ("matplotlib", lambda: rate_bars([1.0], salt="a"))]
)
def test_missing_extras_are_named_with_the_command(
    package: str, call: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        MissingDependencyError, match=rf"{package}, which is not installed: pip install 'isthmus\[plots\]'"
    ):
        call()
    environment.cache_clear()
