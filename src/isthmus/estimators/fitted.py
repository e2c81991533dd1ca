"""A fitted model, and the ways between it and the user's data."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from isthmus.components.priors.base import Prior, PriorModule
from isthmus.core.errors import DataWarning, InputError
from isthmus.core.named_columns import NamedColumns
from isthmus.data.rows import Rows
from isthmus.data.schema import Schema
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.composition import Composition
from isthmus.training.history import History
from isthmus.uses import inference
from isthmus.uses.diagnosis import Diagnosis

from .conditions import given_context


class FittedModel:
    """What ``fit`` leaves behind, and what every use of it begins and ends with."""

    # Set by fit
    schema_: Schema
    composition_: Composition
    module_: ComposedAutoencoder
    history_: History
    density_: PriorModule
    density_spec_: Prior
    diagnosis_: Diagnosis
    collapse_: str | None
    latent_dim_: int
    n_features_in_: int
    n_iter_: int
    stopped_: str | None
    _score_seed: int

    def _rows(self, X: Any, allow_missing: bool = False) -> Rows:
        """Rows checked against the schema. Public methods call it themselves: the warning points at their caller."""
        check_is_fitted(self, "module_")
        rows = self.schema_.rows(X, estimator_name=type(self).__name__, allow_missing=allow_missing)
        if self.schema_.feature_names is not None and not has_column_names(X):
            warnings.warn(
                f"X does not have valid feature names, but {type(self).__name__} was fitted with feature names: the "
                "columns are taken in the order in which they were fitted.",
                DataWarning,
                stacklevel=3,
            )
        return rows

    def _decoded(self, codes: np.ndarray, given: Mapping[Any, Any] | None) -> Any:
        context, carried = given_context(self.schema_, given, len(codes))
        return self.schema_.decode(inference.decoded(self.module_, codes, context), carried=carried)

    def _checked_codes(self, method: str, Z: Any) -> np.ndarray:
        check_is_fitted(self, "module_")
        codes = np.asarray(Z, dtype=np.float32)
        if codes.ndim != 2 or codes.shape[1] != self.latent_dim_:
            raise InputError(f"{method} needs codes of shape (n, {self.latent_dim_}); got {codes.shape}.")
        if not np.isfinite(codes).all():
            row, column = np.argwhere(~np.isfinite(codes))[0]
            raise InputError(f"Codes contain NaN or infinity, first at row {row}, column {column}.")
        return codes

    def _one_row(self, method: str, name: str, row: Any) -> Any:
        """A single row as a batch of one."""
        shape = self.schema_.row_shape
        if not hasattr(row, "columns") and not hasattr(row, "names"):
            array = np.asarray(row)
            row = array[None] if array.shape == shape else row
        if len(row) != 1:
            raise InputError(f"{method}: `{name}` must be one single row of shape {shape}; got {len(row)} rows.")
        return row


def has_column_names(X: Any) -> bool:
    """Whether the rows say what their columns are called."""
    return hasattr(X, "columns") or hasattr(X, "column_names") or isinstance(X, NamedColumns)
