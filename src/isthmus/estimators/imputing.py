"""Missing cells filled by a fitted model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from isthmus.core.errors import ParameterError
from isthmus.core.random import RandomState, seed_from
from isthmus.data.carried import Carried
from isthmus.data.rows import Rows
from isthmus.uses import imputation
from isthmus.uses.imputation_cells import absent_cells, masked_cells, put_in_place, typical_features
from isthmus.uses.imputation_rows import Holes
from isthmus.uses.inference import SelectedRows

from .conditions import carried_of
from .fitted import FittedModel


class Imputing(FittedModel):
    """Rows with holes, completed."""

    def impute(
        self,
        X: Any,
        mask: Any = None,
        samples: int | None = None,
        random_state: RandomState = None,
        noise: bool | str = "auto",
    ) -> Any:
        """Rows with their missing cells filled from the others; everything that is there stays as it is, bit for bit.

        Of a VAE the code is sought that explains the observed cells: p(z | x_observed) ∝ p(x_observed | z) p(z), with
        the density that was fitted to the codes as p(z), by importance sampling from normals around its modes. A single
        fill is the mean of p(x | z) under it: the mean of numbers, the likeliest of levels, whole numbers where the
        data are. A deterministic code gives what it gives back unchanged: x_missing = decode(encode(x))_missing.
        Mattei & Frellsen (2018), arXiv:1802.04826.

        Parameters
        ----------
        X : rows, as ``fit`` takes them
            NaN, None and NA are filled, whatever the model was fitted with. Infinite values are errors, as always.
        mask : array of bool, optional
            True where a cell is to be filled besides, whatever stands there: (n, d) or (d,) for all rows; of images
            (n, h, w), (n, h, w, c), or (h, w) for all of them; of frames also a frame with the same columns. This is
            inpainting: images of uint8 have no other way to say what is missing.
        samples : int, optional
            Multiple imputation: so many data sets, drawn from p(x_missing | x_observed). How they differ is how
            uncertain the filled cells are.
        random_state : int, numpy generator or None
            A row's filled cells depend on it, on what is known of the row, and (for ``samples``) on how many equal rows
            stand before it; not on other rows or the order. None draws a fresh seed for ``samples``; a single fill is
            always the same then.

        noise : bool or "auto"
            Of ``samples``: whether cells are drawn from the likelihood at drawn codes, as inference from several
            data sets wants it, or are its means there. "auto" gives images the means: what they might show, without the
            static of independent pixels.

        Returns
        -------
        The completed rows in the user's type, with the same data types, names and index; or a list of ``samples`` of
        them.

        Raises
        ------
        InputError
            ``mask`` does not fit, or marks a condition; a cell is infinite.
        ParameterError
            ``samples`` is not an integer in [1, inf); ``noise`` is none of True, False and "auto", or False where
            columns depend on each other; or the model gives no distribution to draw from: codes of symbols, plain
            squared error.

        Examples
        --------
        >>> import numpy as np, isthmus
        >>> X = np.random.default_rng(0).normal(size=(500, 1)) @ np.ones((1, 4))
        >>> model = isthmus.VAE(1, max_epochs=40, random_state=0).fit(X)
        >>> holed = X[:3].copy()
        >>> holed[0, 2] = np.nan
        >>> completed = model.impute(holed)
        >>> bool(abs(completed[0, 2] - X[0, 2]) < 0.2), bool((completed[1:] == X[1:3]).all())
        (True, True)
        >>> [one.shape for one in model.impute(holed, samples=2, random_state=0)]
        [(3, 4), (3, 4)]
        """
        check_is_fitted(self, "module_")
        rows = self._rows(X, allow_missing=True)
        return imputed(self, X, rows, mask, samples, random_state, noise=noise)


def imputed(
    model: FittedModel,
    X: Any,
    rows: Rows,
    mask: Any = None,
    samples: int | None = None,
    random_state: RandomState = None,
    progress: Callable[[int, int], None] | None = None,
    noise: bool | str = "auto",
) -> Any:
    """What :meth:`Imputing.impute` says; ``progress`` is told how many incomplete rows are done, of how many."""
    if not isinstance(noise, bool) and noise != "auto":
        raise ParameterError(f"impute: `noise` must be True, False or 'auto'; got {noise!r}.")
    if samples is not None:
        if isinstance(samples, bool) or not isinstance(samples, (int, np.integer)) or samples < 1:
            raise ParameterError(f"impute: `samples` must be None or an integer in [1, inf); got {samples!r}.")
        imputation.refuse_draws(model.module_)
    seed = model._score_seed if samples is None and random_state is None else seed_from(random_state)
    schema = model.schema_
    lacking, unknown = absent_cells(rows)
    if mask is not None:
        hidden = masked_cells(schema, X, mask, len(rows))
        lacking, unknown = lacking | hidden, unknown | hidden
    index = np.flatnonzero(lacking.any(1))
    filled, positions = lacking[index], torch.from_numpy(index)
    holes = Holes(SelectedRows(rows, positions), unknown[index], typical_features(schema))
    carried = carried_of(schema, X)

    def put(features: np.ndarray) -> Any:
        everywhere = np.zeros_like(lacking)
        everywhere[index] = filled
        decoded = schema.decode(features, carried=_of_rows(carried, index)) if len(index) else None
        return put_in_place(schema, X, decoded, index, everywhere)

    if samples is None:
        return put(imputation.completed(model.module_, model.density_, holes, seed, progress))
    noisy = schema.container != "images" if noise == "auto" else bool(noise)
    drawn = imputation.drawn(model.module_, model.density_, holes, seed, int(samples), progress, noise=noisy)
    return [put(features) for features in drawn]


def _of_rows(carried: Carried | None, index: np.ndarray) -> Carried | None:
    return None if carried is None else carried.rows(index)
