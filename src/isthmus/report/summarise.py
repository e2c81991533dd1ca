"""From fitted estimators and data to a :class:`~isthmus.report.summary.Summary`: numbers and arrays only."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.core.errors import InputError

from .._version import __version__
from .code_projection import project_to_plane
from .comparison import judge
from .principal_components import PrincipalComponents
from .summary import CodeMap, FloatArray, ModelSummary, Summary

Progress = Callable[[str], None]

MOST_SHOWN, MOST_MAPPED = 10, 1500
STEPS, SAMPLES = 11, 24


def summarise(
    models: Mapping[str, Any],
    train: Any,
    test: Any,
    *,
    train_labels: Any = None,
    test_labels: Any = None,
    title: str = "Report",
    data_name: str = "data",
    row_noun: str = "row",
    ends: tuple[int, int] | None = None,
    commands: Sequence[tuple[str, str]] = (),
    random_state: int = 0,
    progress: Progress | None = None,
) -> Summary:
    """Everything that a report says about some fitted models and the data that they were fitted on.

    Parameters
    ----------
    models : mapping of str to fitted estimator
        By the name under which the report shows them; the first one's ``latent_dim_`` is PCA's.
    train, test : array (n, d), image stack or data frame of numeric columns
        What the models were fitted on, and held-out rows of the same kind.
    train_labels, test_labels : sequence, optional
        Used for colours, probe and clustering only.
    title, data_name, row_noun : str
        For the headings: "Handwritten digits", "scikit-learn digits", "digit".
    ends : (int, int), optional
        The held-out rows between which the interpolation goes; by default two with different labels.
    commands : sequence of (str, str)
        How to make the report again: what, and the command.
    random_state : int
        For samples, k-means and the map.
    progress : callable, optional
        Called with a few words before each slow step.

    Returns
    -------
    Summary

    Raises
    ------
    InputError
        There is no model, or fewer than two held-out rows.
    """
    if not models:
        raise InputError("A report needs at least one fitted model; `models` is empty.")
    if len(test) < 2:
        raise InputError(f"A report needs at least two held-out rows; `test` has {len(test)}.")
    say = progress or (lambda _: None)
    first = next(iter(models.values()))
    labels = None if test_labels is None else np.asarray(test_labels)
    train_rows, test_rows = _values(train), _values(test)
    baseline = PrincipalComponents(int(first.latent_dim_), random_state).fit(train_rows)
    shown = _shown_rows(labels, len(test_rows))
    joined = ends or _two_ends(labels, len(test_rows))

    comparison = []
    for name, model in models.items():
        say(f"judging {name}")
        likelihood = model.rate_ is not None
        comparison.append(
            judge(
                name,
                model,
                train,
                test,
                train_labels,
                labels,
                has_likelihood=likelihood,
                random_state=random_state,
            )
        )
    say("judging PCA")
    judged = judge(
        "PCA",
        baseline,
        train_rows,
        test_rows,
        train_labels,
        labels,
        has_likelihood=True,
        random_state=random_state,
    )
    summaries = []
    for name, model in models.items():
        say(f"summarising {name}")
        summaries.append(_model_summary(name, model, test, labels, shown, joined, random_state))
    weights = np.linspace(0.0, 1.0, STEPS).reshape(-1, *([1] * (test_rows.ndim - 1)))
    return Summary(
        title=title,
        data_name=data_name,
        row_noun=row_noun,
        n_train=len(train_rows),
        n_test=len(test_rows),
        row_shape=test_rows.shape[1:],
        columns=tuple(str(column) for column in getattr(train, "columns", ())),
        schema=tuple(first.schema_.describe()),
        originals=test_rows[shown],
        original_labels=tuple(str(label) for label in labels[shown]) if labels is not None else (),
        baseline_reconstructions=baseline.reconstruct(test_rows[shown]),
        cross_fade=(1 - weights) * test_rows[joined[0]] + weights * test_rows[joined[1]],
        ends=_end_names(labels, joined),
        comparison=(*comparison, judged),
        models=tuple(summaries),
        versions=dict(used_versions()),
        commands=tuple(commands),
        random_state=random_state,
    )


def _model_summary(
    name: str,
    model: Any,
    test: Any,
    labels: NDArray[Any] | None,
    shown: NDArray[np.intp],
    ends: tuple[int, int],
    random_state: int,
) -> ModelSummary:
    mapped = np.unique(np.linspace(0, len(test) - 1, min(MOST_MAPPED, len(test))).round().astype(int))
    points, method = project_to_plane(model.transform(_take(test, mapped)), random_state)
    history = model.history_
    return ModelSummary(
        name=name,
        reconstructions=_values(model.reconstruct(_take(test, shown))),
        samples=_values(model.sample(SAMPLES, random_state=random_state)),
        interpolation=_values(model.interpolate(_take(test, [ends[0]]), _take(test, [ends[1]]), steps=STEPS)),
        code_map=CodeMap(points, None if labels is None else tuple(str(label) for label in labels[mapped]), method),
        history={column: list(history.column(column)) for column in history.names},
        events=tuple(f"epoch {event['epoch']}: {event['message']}" for event in history.events),
        rates=_rates(model, test),
        active_units=int(model.active_units_),
        latent_dim=int(model.latent_dim_),
        sigma=_sigma(model.sigma_) if model.rate_ is not None else "",
        architecture=tuple(model.architecture_),
        parameters={key: repr(value) for key, value in model.get_params(deep=False).items()},
    )


def _rates(model: Any, test: Any) -> tuple[float, ...] | None:
    """KL(q(z_j|x) || N(0, 1)) of each dimension, averaged over rows; None for a deterministic code."""
    if model.rate_ is None:
        return None
    posterior = model.posterior(test)
    mean = np.asarray(posterior.mean, dtype=np.float64)
    variance = np.square(np.asarray(posterior.standard_deviation, dtype=np.float64))
    nats = 0.5 * (np.square(mean) + variance - 1.0 - np.log(variance))
    return tuple(float(rate) for rate in nats.mean(axis=0))


def _sigma(sigma: Any) -> str:
    if sigma is None:
        return ""
    if isinstance(sigma, Mapping):
        return ", ".join(f"{name} {value:.4g}" for name, value in sigma.items())
    return f"{float(sigma):.4g}"


def _shown_rows(labels: NDArray[Any] | None, n_rows: int) -> NDArray[np.intp]:
    """One row of each label where there are few labels, otherwise rows spread evenly."""
    if labels is not None:
        _, first = np.unique(labels, return_index=True)
        if 2 <= len(first) <= MOST_SHOWN:
            repeats = MOST_SHOWN // len(first)
            return np.concatenate([np.flatnonzero(labels == labels[row])[:repeats] for row in first])
    return np.unique(np.linspace(0, n_rows - 1, min(MOST_SHOWN, n_rows)).round().astype(np.intp))


def _two_ends(labels: NDArray[Any] | None, n_rows: int) -> tuple[int, int]:
    if labels is not None:
        _, first = np.unique(labels, return_index=True)
        if len(first) > 1:
            return int(first[0]), int(first[len(first) // 2])
    return 0, n_rows - 1


def _end_names(labels: NDArray[Any] | None, ends: tuple[int, int]) -> tuple[str, str]:
    if labels is None:
        return f"held-out row {ends[0]}", f"held-out row {ends[1]}"
    return str(labels[ends[0]]), str(labels[ends[1]])


def _take(data: Any, positions: Any) -> Any:
    """Rows of an array or of any data frame, in the same type."""
    places = [int(position) for position in positions]
    if hasattr(data, "iloc"):
        return data.iloc[places]
    if hasattr(data, "take") and hasattr(data, "column_names"):  # an Arrow table
        return data.take(places)
    return data[places]


def _values(data: Any) -> FloatArray:
    return np.asarray(data, dtype=np.float64)


def used_versions() -> Iterator[tuple[str, str]]:
    """What a page was made with: names and versions."""
    yield "isthmus", __version__
    yield "Python", platform.python_version()
    for package in ("torch", "numpy", "scikit-learn", "matplotlib"):
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue
    yield "system", f"{platform.system()} {platform.machine()}"
