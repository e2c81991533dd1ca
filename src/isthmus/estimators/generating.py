"""New rows from a fitted model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from isthmus.core.errors import InputError, ParameterError
from isthmus.core.random import RandomState, seed_from, spawn_seeds
from isthmus.data.given_cells import given_cells
from isthmus.data.rows import Rows
from isthmus.uses import inference, interpolation
from isthmus.uses.generation import does_without_code, draw_codes, drawn_rows, drawn_without_code
from isthmus.uses.temperature import checked_temperature

from .conditions import given_context
from .fitted import FittedModel
from .sampling_given import sampled_given


class Generating(FittedModel):
    """Rows that nobody gave: drawn, and on the way between two others."""

    def sample(
        self,
        n: int = 1,
        *,
        given: Mapping[Any, Any] | None = None,
        balanced: Any = None,
        prior: bool = False,
        temperature: float = 1.0,
        noise: bool | str = "auto",
        random_state: RandomState = None,
    ) -> Any:
        """``n`` new rows in the user's type: at codes drawn from the fitted density; of mixed tables without codes.

        A decoder that goes column by column (``Autoregressive``) is a density over rows by itself where the penalty
        ``WithoutCode`` stood beside it, as it does by default: its rows are nearer to real ones without a code. With
        ``prior=True``, another ``temperature`` or ``noise=False`` they have one.

        The codes of conditional models are drawn given the condition: a code says some of it, too.

        Parameters
        ----------
        n : int
        given : dict, optional
            What the rows have in some columns, by name (of arrays: by position). Of a condition of a conditional model
            a value for all rows, or one per row. Of any other column of a table or array a value (a number, a level, a
            boolean, a date or time; None for a missing cell), a range ``(low, high)`` of numbers or times, of which one
            end may be None, a list or set of values that are allowed, or an array or series with a value for each row.
            The other columns are drawn from p(others | given), by importance weights and not by rejection; what is
            given comes back as it was given.
        balanced : column, optional
            A column of levels (or of a few whole numbers) whose values come in equal numbers: those that ``given``
            lists, if it names the column, too. The rows of each value are drawn given that value.
        prior : bool
            Draw the codes from the model's prior instead of the density fitted to its codes after training.
        temperature : float
            In (0, inf). Below 1 codes stay nearer to what is typical, so that rows are cleaner and more alike; above
            1 they go farther. What it multiplies: the standard deviations of a normal, of each component of a mixture
            of normals, and of the normal behind a flow (as in Glow, arXiv:1807.03039). What it divides: the
            concentrations of von Mises–Fisher distributions, and the logits of symbols. How often the components of
            a mixture are chosen does not change, nor do uniform distributions.
        noise : bool or "auto"
            Whether a row is drawn from the likelihood at its code, or is the likelihood's mean there. "auto" draws the
            rows of tables, whose cells then vary as those of real ones do (and are missing as often); arrays and
            images are means.
        random_state : int, numpy generator or None

        Returns
        -------
        ``n`` rows: (n, d), (n, h, w), a frame, … as in training.

        Raises
        ------
        InputError
            ``n`` is not an integer in [1, inf); ``given`` lacks a condition, names a column that the model does not
            have, or asks for what it cannot hold: a level that training did not see, a range outside of what it saw, a
            missing cell where none was missing; ``balanced`` is a column of many numbers.
        ParameterError
            ``temperature`` is out of range; ``noise`` is none of True, False and "auto"; or columns are given to a
            deterministic code whose likelihood has a fixed scale, so that it is not known how far rows are from it.

        Warns
        -----
        IsthmusWarning
            What is given is so rare that the rows rest on few distinct draws.

        Examples
        --------
        >>> import numpy as np, isthmus
        >>> X = np.random.default_rng(0).normal(size=(200, 3)) @ np.ones((3, 6))
        >>> model = isthmus.Autoencoder(2, max_epochs=2, random_state=0).fit(X)
        >>> calm, wild = (model.sample(500, temperature=t, random_state=0) for t in (0.5, 2.0))
        >>> bool(calm.std() < wild.std())
        True

        Rows whose first column lies between 1 and 2; all columns of these data are the same.

        >>> rows = isthmus.VAE(1, max_epochs=40, random_state=0).fit(X).sample(50, given={0: (1, 2)}, random_state=0)
        >>> bool(((rows[:, 0] >= 1) & (rows[:, 0] <= 2)).all()), bool(abs(rows[:, 5].mean() - 1.4) < 0.2)
        (True, True)
        """
        check_is_fitted(self, "module_")
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
            raise InputError(f"sample: `n` must be an integer in [1, inf); got {n!r}.")
        if not isinstance(noise, bool) and noise != "auto":
            raise ParameterError(f"sample: `noise` must be True, False or 'auto'; got {noise!r}.")
        source = self.module_.prior if prior else self.density_
        seed = seed_from(random_state)
        means = noise is False or (noise == "auto" and self.schema_.container in ("array", "images"))
        without_code = (
            checked_temperature(temperature) == 1 and not (prior or means) and does_without_code(self.module_)
        )
        asked = given_cells(self.schema_, given, int(n), balanced, seed) if given or balanced is not None else None
        if asked is not None and asked.options:
            return sampled_given(self, source, asked, temperature, not means, seed, without_code)
        if asked is not None:
            given = asked.known
        context, carried = given_context(self.schema_, given, int(n))
        if without_code:
            rows = drawn_without_code(self.module_, int(n), context, seed)
        else:
            condition = None if context is None else context.condition
            codes = draw_codes(source, self.module_, int(n), seed, temperature, condition)
            if means:
                return self._decoded(codes, given)
            rows = drawn_rows(self.module_, codes, context, spawn_seeds(seed, 1)[0])
        return self.schema_.decode(rows, carried=carried, restore_missing=True)

    def interpolate(
        self, a: Any, b: Any, steps: int = 9, path: str = "linear", *, given: Mapping[Any, Any] | None = None
    ) -> Any:
        """Decoded rows on a path between the codes of two single rows, both ends included.

        Parameters
        ----------
        a, b : one row each, as the user's type has it ((d,), (1, d), (h, w), a frame of one row, …)
        steps : int
            At least 2.
        path : "linear", "spherical" or "geodesic"
            The straight line; along the great circle, the norm going evenly from one to the other (White 2016,
            arXiv:1609.04468); or the path whose decoded rows change least on the whole, at an even pace (Arvanitidis,
            Hansen & Hauberg 2018, arXiv:1710.11379), which is searched for from the line and never longer.
        given : dict, optional
            The conditions of a conditional model, for every row of the path.

        Returns
        -------
        ``steps`` rows in the user's type.

        Raises
        ------
        InputError
            ``a`` or ``b`` is not one single row.
        ParameterError
            ``steps`` or ``path`` is out of range; or a geodesic is asked for where codes are unit vectors or symbols,
            or under conditions that change on the way.

        Examples
        --------
        >>> import numpy as np, isthmus
        >>> X = np.random.default_rng(0).normal(size=(200, 3)) @ np.ones((3, 6))
        >>> model = isthmus.Autoencoder(2, max_epochs=2, random_state=0).fit(X)
        >>> model.interpolate(X[0], X[1], steps=5, path="geodesic").shape
        (5, 6)
        """
        start, end = self._rows(self._one_row("interpolate", "a", a)), self._rows(self._one_row("interpolate", "b", b))
        return self._decoded(self._path(start, end, steps, path, given), given)

    def code_path(
        self, a: Any, b: Any, steps: int = 9, path: str = "linear", *, given: Mapping[Any, Any] | None = None
    ) -> np.ndarray:
        """The codes of the rows that :meth:`interpolate` gives for the same arguments: (steps, latent_dim) float32.

        Raises
        ------
        InputError, ParameterError
            As :meth:`interpolate` does.

        Examples
        --------
        >>> import numpy as np, isthmus
        >>> X = np.random.default_rng(0).normal(size=(200, 3)) @ np.ones((3, 6))
        >>> model = isthmus.Autoencoder(2, max_epochs=2, random_state=0).fit(X)
        >>> codes = model.code_path(X[0], X[1], steps=3)
        >>> bool(np.allclose(codes[1], model.transform(X[:2]).mean(0), atol=1e-5))
        True
        """
        start, end = self._rows(self._one_row("code_path", "a", a)), self._rows(self._one_row("code_path", "b", b))
        return self._path(start, end, steps, path, given)

    def path_length(self, Z: Any, *, given: Mapping[Any, Any] | None = None) -> float:
        """How far decoded rows travel on a path that leads straight from code to code.

        The length ∫ ‖dg(z(t))/dt‖ dt of the decoder's mean g, in units of the scaled features (of pixels: 1 is from
        black to white in one of them), along at least 256 points.

        Parameters
        ----------
        Z : array, shape (m, latent_dim)
            At least two codes, such as :meth:`code_path` gives.
        given : dict, optional
            The conditions of a conditional model; one value each.

        Raises
        ------
        InputError
            Fewer than two codes, or of another size.

        Examples
        --------
        >>> import numpy as np, isthmus
        >>> X = np.random.default_rng(0).normal(size=(200, 3)) @ np.ones((3, 6))
        >>> model = isthmus.Autoencoder(2, max_epochs=2, random_state=0).fit(X)
        >>> lengths = [model.path_length(model.code_path(X[0], X[1], 33, path)) for path in ("geodesic", "linear")]
        >>> bool(lengths[0] <= lengths[1] * 1.001)
        True
        """
        codes = self._checked_codes("path_length", Z)
        if len(codes) < 2:
            raise InputError(f"path_length needs at least two codes; got {len(codes)}.")
        context, _ = given_context(self.schema_, given, len(codes))
        return interpolation.path_length(self.module_, codes, context)

    def _path(self, start: Rows, end: Rows, steps: int, path: str, given: Mapping[Any, Any] | None) -> np.ndarray:
        """``start`` and ``end`` are sources of one row each."""
        ends = [inference.codes(self.module_, rows)[0] for rows in (start, end)]
        context, _ = given_context(self.schema_, given, interpolation.checked_steps(steps))
        return interpolation.code_path(self.module_, ends[0], ends[1], steps, path, context)
