"""What the dimensions and directions of a code mean, in rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from isthmus.core.errors import InputError, ParameterError
from isthmus.data.rows import Rows
from isthmus.uses import exploration, inference

from .conditions import carried_of
from .fitted import FittedModel


class Exploring(FittedModel):
    """Codes that are moved on purpose, and what becomes of their rows."""

    @property
    def active_dimensions_(self) -> np.ndarray | None:
        """The latent dimensions, the most active first: (latent_dim,) int64; the first ``active_units_`` vary.

        By their mean KL divergence from the prior where it is known for each dimension (a Gaussian posterior and a
        N(0, I) prior), else by their standard deviation under the density that was fitted to the codes. None where
        codes are unit vectors or symbols.
        """
        check_is_fitted(self, "diagnosis_")
        if self.module_.code_space != "euclidean":
            return None
        _, deviation = exploration.code_moments(self.density_, self.module_, "active_dimensions_")
        return exploration.activity_order(self.diagnosis_, deviation)

    def traverse(
        self,
        x: Any = None,
        dims: Any = None,
        span: float = 3.0,
        steps: int = 9,
        *,
        given: Mapping[Any, Any] | None = None,
    ) -> Any:
        """Decoded rows along single latent dimensions: what each of them changes.

        A dimension takes ``steps`` values at equal distances, from ``span`` standard deviations below the mean of the
        density that was fitted to the codes to as many above it; the other dimensions stay what they are.

        Parameters
        ----------
        x : one row, as the user's type has it; optional
            Whose code the others stay at; the mean code without.
        dims : int or sequence of int, optional
            So many of the most active dimensions, or these (counted from 0). Without it all active ones, the most
            active first, as in :attr:`active_dimensions_`.
        span : float
            In (0, inf).
        steps : int
            At least 2; odd numbers include the mean.
        given : dict, optional
            The conditions of a conditional model, one value each.

        Returns
        -------
        ndarray, shape (dims, steps, *row); or a frame of dims · steps rows, dimension after dimension.

        Raises
        ------
        InputError
            ``x`` is not one single row.
        ParameterError
            ``dims``, ``span`` or ``steps`` is out of range, or codes are unit vectors or symbols.

        Examples
        --------
        >>> import numpy as np, isthmus
        >>> X = np.random.default_rng(0).normal(size=(200, 3)) @ np.ones((3, 6))
        >>> model = isthmus.Autoencoder(2, max_epochs=2, random_state=0).fit(X)
        >>> model.traverse(X[0], dims=[0, 1], steps=5).shape
        (2, 5, 6)
        """
        check_is_fitted(self, "diagnosis_")
        mean, deviation = exploration.code_moments(self.density_, self.module_, "traverse")
        code = mean
        if x is not None:
            code = inference.codes(self.module_, self._rows(self._one_row("traverse", "x", x)))[0]
        order = exploration.activity_order(self.diagnosis_, deviation)
        chosen = exploration.chosen_dimensions(dims, order, self.diagnosis_.active_units)
        codes = exploration.traversal(code, mean, deviation, chosen, span, steps)
        return self._decoded_grid(codes, given)

    def manifold(self, steps: int = 20, span: float = 2.0, *, given: Mapping[Any, Any] | None = None) -> Any:
        """A map of a code of two dimensions: decoded rows on a grid.

        The grid lies at the quantiles, equally far apart in probability, of a normal with the mean and the standard
        deviations of the density that was fitted to the codes (Kingma & Welling 2014, arXiv:1312.6114, figure 4). It is
        laid out as a picture: the first dimension of the code grows to the right, the second one upwards.

        Parameters
        ----------
        steps : int
            Rows and columns of the map; at least 2.
        span : float
            From so many standard deviations below the mean to as many above it.
        given : dict, optional
            The conditions of a conditional model, one value each.

        Returns
        -------
        ndarray, shape (steps, steps, *row); or a frame of steps² rows, line after line of the map.

        Raises
        ------
        ParameterError
            The code has another size than 2, is a unit vector or symbols, or a parameter is out of range.

        Examples
        --------
        >>> import numpy as np, isthmus
        >>> X = np.random.default_rng(0).normal(size=(200, 3)) @ np.ones((3, 6))
        >>> isthmus.Autoencoder(2, max_epochs=2, random_state=0).fit(X).manifold(steps=7).shape
        (7, 7, 6)
        """
        check_is_fitted(self, "diagnosis_")
        mean, deviation = exploration.code_moments(self.density_, self.module_, "manifold")
        if self.latent_dim_ != 2:
            raise ParameterError(
                f"manifold draws codes of two dimensions; those of this model have {self.latent_dim_}. Fit it with "
                "latent_dim=2, or look at one dimension after the other with traverse()."
            )
        return self._decoded_grid(exploration.quantile_grid(mean, deviation, span, steps), given)

    def attribute(self, with_rows: Any, without_rows: Any) -> np.ndarray:
        """The direction of an attribute: the mean code of rows that have it minus that of rows that do not.

        Larsen et al. (2016), Autoencoding beyond pixels using a learned similarity metric, arXiv:1512.09300.

        Parameters
        ----------
        with_rows, without_rows : rows, as ``fit`` takes them
            At least one each. The more, the less the direction has of anything else.

        Returns
        -------
        ndarray of float32, shape (latent_dim,)
            For :meth:`edit`.

        Raises
        ------
        InputError
            There are no rows, or they do not fit.
        ParameterError
            Codes are symbols, which have no directions.

        Examples
        --------
        >>> import numpy as np, isthmus
        >>> X = np.random.default_rng(0).normal(size=(200, 3)) @ np.ones((3, 6))
        >>> model = isthmus.Autoencoder(2, max_epochs=2, random_state=0).fit(X)
        >>> large = X.sum(1) > 0
        >>> model.attribute(X[large], X[~large]).shape
        (2,)
        """
        having, lacking = self._rows(with_rows), self._rows(without_rows)
        exploration.refuse_other_spaces(self.module_, "attribute", ("euclidean", "sphere"))
        means = [inference.codes(self.module_, rows).mean(0, dtype=np.float64) for rows in (having, lacking)]
        return (means[0] - means[1]).astype(np.float32)

    def edit(self, X: Any, direction: Any, amount: Any = 1.0, *, given: Mapping[Any, Any] | None = None) -> Any:
        """Rows whose codes are moved along a direction: decode(code + amount · direction), in the user's type.

        Codes that are unit vectors are moved and brought back to unit length.

        Parameters
        ----------
        X : rows, as ``fit`` takes them
        direction : array, shape (latent_dim,)
            Such as :meth:`attribute` gives.
        amount : float, or array of shape (n,)
            How far; one number per row to move each by its own. 0 reconstructs, negative amounts take the attribute
            away.
        given : dict, optional
            Other conditions, in a conditional model, than the rows have themselves.

        Returns
        -------
        As many rows in the user's type.

        Raises
        ------
        InputError
            ``direction`` or ``amount`` has another shape, or is not finite.
        ParameterError
            Codes are symbols.

        Examples
        --------
        >>> import numpy as np, isthmus
        >>> X = np.random.default_rng(0).normal(size=(200, 3)) @ np.ones((3, 6))
        >>> model = isthmus.Autoencoder(2, max_epochs=20, random_state=0).fit(X)
        >>> large = X.sum(1) > 0
        >>> edited = model.edit(X[~large], model.attribute(X[large], X[~large]))
        >>> bool(edited.sum() > X[~large].sum())
        True
        """
        rows = self._rows(X)
        exploration.refuse_other_spaces(self.module_, "edit", ("euclidean", "sphere"))
        codes = exploration.moved(
            inference.codes(self.module_, rows),
            self._checked_direction(direction),
            self._checked_amount(amount, rows),
            on_sphere=self.module_.code_space == "sphere",
        )
        if given is not None:
            return self._decoded(codes, given)
        features = inference.decoded_beside(self.module_, rows, codes)
        return self.schema_.decode(features, carried=carried_of(self.schema_, X))

    def _decoded_grid(self, codes: np.ndarray, given: Mapping[Any, Any] | None) -> Any:
        """Codes (a, b, latent_dim) decoded: (a, b, *row), or a frame of a · b rows."""
        decoded = self._decoded(codes.reshape(-1, codes.shape[-1]), given)
        if self.schema_.labels is not None:
            return decoded
        return decoded.reshape(*codes.shape[:2], *self.schema_.row_shape)

    def _checked_direction(self, direction: Any) -> np.ndarray:
        vector = np.asarray(direction, dtype=np.float64)
        if vector.shape != (self.latent_dim_,) or not np.isfinite(vector).all():
            raise InputError(
                f"edit: `direction` must be {self.latent_dim_} finite numbers, such as attribute() gives; got an array "
                f"of shape {vector.shape}{'' if np.isfinite(vector).all() else ' with NaN or infinity'}."
            )
        return vector

    def _checked_amount(self, amount: Any, rows: Rows) -> np.ndarray:
        amounts = np.asarray(amount, dtype=np.float64)
        if amounts.shape not in ((), (len(rows),)) or not np.isfinite(amounts).all():
            raise InputError(
                f"edit: `amount` must be a finite number, or one for each of the {len(rows)} rows; got {amount!r:.80}."
            )
        return np.broadcast_to(amounts, len(rows))
