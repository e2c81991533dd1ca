"""What a report says, as plain numbers and arrays: made by ``summarise``, drawn by ``html``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.core.layer_row import LayerRow

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ComparisonRow:
    """One model's scores on the held-out rows; None where a score does not exist.

    Attributes
    ----------
    name : str
    squared_error : float
        Per row, summed over features, in the data's squared units. Lower is better.
    linear_probe : float or None
        Accuracy of a logistic regression on the codes, trained on the training rows.
    kmeans_nmi : float or None
        Agreement of k-means clusters of the held-out codes with the labels.
    log_likelihood : float or None
        Nats per row; a bound for a VAE, exact for PCA.
    """

    name: str
    squared_error: float
    linear_probe: float | None = None
    kmeans_nmi: float | None = None
    log_likelihood: float | None = None


@dataclass(frozen=True)
class CodeMap:
    """Held-out codes in two dimensions."""

    points: FloatArray
    labels: tuple[str, ...] | None
    method: str


@dataclass(frozen=True)
class ModelSummary:
    """One fitted model.

    Attributes
    ----------
    reconstructions, samples, interpolation : ndarray, shape (m, *row_shape)
        Of ``Summary.originals``; new rows; rows on the path between ``Summary.ends``.
    code_map : CodeMap
    history : dict of str to list of float
        The columns of ``history_``.
    events : tuple of str
        What happened in training beyond the usual.
    rates : tuple of float or None
        Nats per row of each latent dimension, averaged over the held-out rows; None for a deterministic code.
    active_units, latent_dim : int
    sigma : str
        The noise scale of the likelihood, formatted; empty without a distribution over codes.
    architecture : tuple of LayerRow
    parameters : dict of str to str
        The constructor's parameters.
    """

    name: str
    reconstructions: FloatArray
    samples: FloatArray
    interpolation: FloatArray
    code_map: CodeMap
    history: Mapping[str, Sequence[float]]
    events: tuple[str, ...]
    rates: tuple[float, ...] | None
    active_units: int
    latent_dim: int
    sigma: str
    architecture: tuple[LayerRow, ...]
    parameters: Mapping[str, str]

    @property
    def learnt_numbers(self) -> int:
        """How many parameters the network has."""
        return sum(row.parameters for row in self.architecture)

    @property
    def epochs(self) -> int:
        """How many epochs it was trained."""
        return max((len(column) for column in self.history.values()), default=0)

    @property
    def seconds(self) -> float | None:
        """How long training took, if the history says so."""
        column = self.history.get("seconds")
        return float(column[-1]) if column else None


@dataclass(frozen=True)
class Summary:
    """A whole report.

    Attributes
    ----------
    title, data_name, row_noun : str
        "Handwritten digits", "scikit-learn digits", "digit".
    n_train, n_test : int
    row_shape : tuple of int
    columns : tuple of str
        Names of the columns of tables; empty for images.
    schema : tuple of dict
        One description per field, as ``schema_.describe()`` gives them.
    originals : ndarray, shape (m, *row_shape)
        Held-out rows, with ``original_labels``.
    baseline_reconstructions : ndarray, shape (m, *row_shape)
        The same through PCA.
    cross_fade : ndarray, shape (steps, *row_shape)
        The plain mixture of the two rows that the interpolations join.
    ends : tuple of str
        The labels of those two rows.
    comparison : tuple of ComparisonRow
    models : tuple of ModelSummary
    versions : dict of str to str
    commands : tuple of (str, str)
        How to make this page again: (what, command).
    random_state : int or None
    seconds : float or None
        The whole run, from data to summary.
    """

    title: str
    data_name: str
    row_noun: str
    n_train: int
    n_test: int
    row_shape: tuple[int, ...]
    columns: tuple[str, ...]
    schema: tuple[Mapping[str, Any], ...]
    originals: FloatArray
    original_labels: tuple[str, ...]
    baseline_reconstructions: FloatArray
    cross_fade: FloatArray
    ends: tuple[str, str]
    comparison: tuple[ComparisonRow, ...]
    models: tuple[ModelSummary, ...]
    versions: Mapping[str, str]
    commands: tuple[tuple[str, str], ...] = ()
    random_state: int | None = None
    seconds: float | None = None
