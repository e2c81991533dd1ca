"""Fitted models with the estimators' public face, made of PCA: the report must need nothing else of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from isthmus.core.layer_row import LayerRow
from isthmus.report.summarise import summarise
from isthmus.report.summary import Summary
from isthmus.report.table_evaluation import TableEvaluation
from isthmus.report.table_judge import evaluate_table


class _History:
    def __init__(self, columns: dict[str, list[float]]) -> None:
        self._columns = columns
        self.names = list(columns)
        self.events = [{"epoch": 3, "kind": "clipped", "message": "a spike was clipped"}]

    def column(self, name: str) -> list[float]:
        return self._columns[name]


class _Schema:
    def __init__(self, name: str) -> None:
        self._name = name

    def describe(self) -> list[dict[str, Any]]:
        return [{"name": self._name, "kind": "unit-interval", "shape": (8, 8), "scale": 255.0, "missing": None}]


class _Posterior:
    def __init__(self, mean: np.ndarray) -> None:
        self.mean = mean
        self.standard_deviation = np.full_like(mean, 0.5)


class FakeModel:
    def __init__(self, data: Any, stochastic: bool, latent_dim: int = 4, field: str = "pixels") -> None:
        rows = np.asarray(data, dtype=float)
        self._shape, self._columns = rows.shape[1:], getattr(data, "columns", None)
        self._pca = PCA(latent_dim, whiten=True).fit(rows.reshape(len(rows), -1))
        self.stochastic = stochastic
        self.schema_ = _Schema(field)
        self.latent_dim_ = self.active_units_ = latent_dim
        self.sigma_ = {"pixels": 12.5} if stochastic else None
        self.rate_ = 3.0 if stochastic else None
        epochs = np.arange(1, 31)
        columns = {"epoch": epochs, "train/total": 90 / epochs, "train/reconstruction": 80 / epochs}
        if stochastic:
            columns |= {"train/kl": 10 / epochs, "train/kl_weight": np.minimum(1, epochs / 10)}
            columns |= {"validation/kl": 10 / epochs}
        columns |= {"validation/total": 95 / epochs, "validation/reconstruction": 85 / epochs, "seconds": epochs * 0.1}
        self.history_ = _History({name: [float(value) for value in column] for name, column in columns.items()})
        size = int(np.prod(self._shape))
        heads = [LayerRow("latent", "Mean", "", (latent_dim,), 1028)]
        if stochastic:
            heads += [
                LayerRow("latent", "Standard deviation", "", (latent_dim,), 1028),
                LayerRow("latent", "z", "N(0, I) prior", (latent_dim,), 0),
            ]
        self.architecture_ = [
            LayerRow("input", "Input", "", self._shape, 0),
            LayerRow("encoder", "Linear", "GELU", (256,), size * 256 + 256),
            *heads,
            LayerRow("decoder", "Linear", "GELU", (256,), latent_dim * 256 + 256),
            LayerRow("output", "Linear", "Gaussian", self._shape, 257 * size),
        ]

    def _typed(self, rows: np.ndarray) -> Any:
        shaped = rows.reshape(len(rows), *self._shape)
        if self._columns is None:
            return shaped
        import pandas as pd

        return pd.DataFrame(shaped, columns=self._columns)

    def transform(self, data: Any) -> np.ndarray:
        return self._pca.transform(np.asarray(data, dtype=float).reshape(len(data), -1))

    def inverse_transform(self, codes: np.ndarray) -> Any:
        return self._typed(self._pca.inverse_transform(codes))

    def reconstruct(self, data: Any) -> Any:
        return self.inverse_transform(self.transform(data))

    def sample(self, n: int, random_state: int | None = None) -> Any:
        return self.inverse_transform(np.random.default_rng(random_state).normal(size=(n, self.latent_dim_)))

    def interpolate(self, start: Any, end: Any, steps: int, path: str = "linear") -> Any:
        weights = np.linspace(0, 1, steps)[:, None]
        return self.inverse_transform((1 - weights) * self.transform(start) + weights * self.transform(end))

    def posterior(self, data: Any) -> _Posterior:
        return _Posterior(self.transform(data))

    def score_samples(self, data: Any) -> np.ndarray:
        return -100.0 - np.arange(len(data), dtype=float)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {"latent_dim": self.latent_dim_, "network": "auto"}


@pytest.fixture(scope="session")
def fake_model() -> type[FakeModel]:
    return FakeModel


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """300 digits, uint8, with labels."""
    data = load_digits()
    return (data.images[:300] * 15.9375).round().astype(np.uint8), data.target[:300]


@pytest.fixture(scope="session")
def make_summary(digits: tuple[np.ndarray, np.ndarray]) -> Callable[..., Summary]:
    """A summary of two fake models on digits; keywords go to ``summarise``."""
    images, labels = digits

    def make(
        names: tuple[str, str] = ("Autoencoder", "VAE"), field: str = "pixels", latent_dim: int = 4, **keywords: Any
    ) -> Summary:
        train, test = images[:240], images[240:]
        models = {name: FakeModel(train, name == names[1], latent_dim, field) for name in names}
        settings = {"train_labels": labels[:240], "test_labels": labels[240:], **keywords}
        return summarise(models, train, test, **settings)

    return make


@pytest.fixture(scope="session")
def summary(make_summary: Callable[..., Summary]) -> Summary:
    return make_summary(
        title="Handwritten digits through a bottleneck",
        data_name="digits",
        row_noun="digit",
        commands=[("In a shell", "isthmus demo")],
    )


# Tables

HOSTILE = "</script><img src=x onerror=alert(1)>\u202e{{7*7}}"


def people_of(n: int, seed: int) -> Any:
    """A mixed table with dates, holes that go together, and names that want to be code."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, n)
    frame = pd.DataFrame(
        {
            "age": age,
            "town": rng.choice(["Ulm", "Bonn", "Kiel"], n, p=[0.5, 0.3, 0.2]),
            "income": np.exp(rng.normal(7, 1, n)),
            "born": [date(2000, 1, 1) + timedelta(days=int(day)) for day in rng.integers(0, 400, n)],
            HOSTILE: rng.choice([HOSTILE, "plain"], n),
            "retired": age + rng.normal(0, 5, n) > 66,
        }
    )
    gone = rng.random(n) < 0.2
    frame.loc[gone, "income"] = np.nan
    frame.loc[gone | (rng.random(n) < 0.05), "town"] = None
    return frame


@pytest.fixture(scope="session")
def people() -> Callable[[int, int], Any]:
    return people_of


@pytest.fixture(scope="session")
def hostile() -> str:
    return HOSTILE


@pytest.fixture(scope="session")
def found() -> TableEvaluation:
    """220 drawn rows beside 240 real ones and 230 training rows."""
    return evaluate_table(
        people_of(220, 0), people_of(240, 1), training=people_of(230, 2), target="retired", random_state=3
    )
