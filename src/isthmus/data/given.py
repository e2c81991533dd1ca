"""Conditions and exposure that are asked for, by name, instead of read from rows."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.core.errors import InputError

from .datetimes import TimeType
from .kinds import write_one_hot
from .levels import Levels, plain_level
from .roles import ConditionColumn, Roles, standardised


class Given:
    """What ``given`` says of ``n`` rows.

    Parameters
    ----------
    roles : Roles
    given : mapping or None
        A value for all rows, or one per row, by column label (of arrays: by position).
    n : int
        The number of rows.
    position : callable
        The column that a key names, or None.
    name : callable
        A column in the user's words, for errors.
    times : mapping of int to TimeType
        What the columns of dates and times hold, by position.

    Raises
    ------
    InputError
        For a key that is no condition and not the exposure, a condition that is not there, a number of values that is
        not ``n``, a level that was not seen in training, or a number that is not finite; names it and what is known.
    """

    def __init__(
        self,
        roles: Roles,
        given: Mapping[Any, Any] | None,
        n: int,
        position: Callable[[Any], int | None],
        name: Callable[[int], str],
        times: Mapping[int, TimeType] | None = None,
    ) -> None:
        self._roles, self._n, self._name, self._times = roles, n, name, times or {}
        if given is not None and not isinstance(given, Mapping):
            raise InputError(
                f"`given` must be a dict of columns to values; got {type(given).__name__}. {self._known()}"
            )
        self._values: dict[int, list[Any]] = {}
        for key, value in (given or {}).items():
            place = position(key)
            if place is None or place not in roles.carried:
                raise InputError(f"`given` names {key!r}, which is no condition. {self._known()}")
            self._values[place] = self._as_numbers(place, self._listed(place, value))
        missing = [column.source for column in roles.condition if column.source not in self._values]
        if missing:
            raise InputError(
                f"The condition must be given: {', '.join(map(name, missing))} is missing. {self._known()} "
                "Pass given={column: value}, with one value for all rows or one per row."
            )

    def condition(self) -> Tensor:
        """The encoded conditions, float32, shape (n, condition_width)."""
        encoded = torch.zeros(self._n, self._roles.condition_width)
        start = 0
        for column in self._roles.condition:
            stop = start + column.width
            if column.levels is not None:
                write_one_hot(self._levels_of(column.source, column.levels), encoded[:, start:stop])
            else:
                encoded[:, start] = self._standardised(column)
            start = stop
        return encoded

    def exposure(self) -> Tensor:
        """The exposures, float32, shape (n,): the mean of training where none are given; ones without the role."""
        return torch.from_numpy(self._exposures().astype(np.float32))

    def carried(self) -> dict[int, np.ndarray]:
        """The columns as decoding puts them back."""
        self.condition()
        columns: dict[int, np.ndarray] = {}
        for column in self._roles.condition:
            if column.levels is not None:
                places = self._levels_of(column.source, column.levels)
                columns[column.source] = column.levels.at(places, np.dtype(object))
            else:
                columns[column.source] = self._numbers(column.source)
        if self._roles.exposure is not None:
            columns[self._roles.exposure.source] = self._exposures()
        return columns

    def _levels_of(self, source: int, levels: Levels) -> np.ndarray:
        values = self._values[source]
        places = levels.positions_of(values)
        bad = np.flatnonzero(places < 0)
        if len(bad):
            raise InputError(
                f"`given` has the level {values[bad[0]]!r:.80} for {self._name(source)}, which was not seen in "
                f"training. Known levels: {levels.listed()}. Pass only levels seen in training."
            )
        return places

    def _numbers(self, source: int) -> np.ndarray:
        values = self._values[source]
        for value in values:
            if not isinstance(value, numbers.Real) or not np.isfinite(float(value)):
                raise InputError(f"`given` has {value!r:.80} for {self._name(source)}; expected a finite number.")
        return np.array(values, dtype=np.float64)

    def _standardised(self, column: ConditionColumn) -> Tensor:
        encoded = standardised(column, self._numbers(column.source))
        if not bool(torch.isfinite(encoded).all()):
            raise InputError(
                f"`given` has a value beyond float32 after scaling for {self._name(column.source)}; expected values in "
                "the range of the training data."
            )
        return encoded

    def _exposures(self) -> np.ndarray:
        exposure = self._roles.exposure
        if exposure is None:
            return np.ones(self._n)
        if exposure.source not in self._values:
            return np.full(self._n, exposure.mean)
        values = self._numbers(exposure.source)
        with np.errstate(over="ignore", under="ignore"):
            fits = np.isfinite(values.astype(np.float32)) & (values.astype(np.float32) > 0)
        if not fits.all():
            bad = values[np.flatnonzero(~fits)[0]]
            raise InputError(
                f"`given` has the exposure {bad:g} for {self._name(exposure.source)}; expected a positive number in "
                "the range of float32."
            )
        return values

    def _listed(self, source: int, value: Any) -> list[Any]:
        if hasattr(value, "to_list"):
            value = value.to_list()
        elif hasattr(value, "tolist"):
            value = value.tolist()
        if not isinstance(value, list | tuple):
            return [plain_level(value)] * self._n
        if len(value) != self._n:
            raise InputError(
                f"`given` has {len(value)} values for {self._name(source)}; expected one for all rows, or {self._n}."
            )
        return [plain_level(one) for one in value]

    def _as_numbers(self, source: int, values: list[Any]) -> list[Any]:
        """Dates and times as the numbers that their columns hold."""
        time = self._times.get(source)
        if time is None:
            return values
        try:
            return [time.number(value) for value in values]
        except ValueError as error:
            raise InputError(
                f"`given` for {self._name(source)}: {error}. Pass a {time.words} of the datetime module, or ISO text."
            ) from error

    def _known(self) -> str:
        roles = self._roles
        words = [
            f"{self._name(column.source)} "
            + ("(a number)" if column.levels is None else f"(levels {column.levels.listed()})")
            for column in roles.condition
        ]
        if roles.exposure is not None:
            words.append(f"{self._name(roles.exposure.source)} (the exposure)")
        return f"Known: {'; '.join(words)}." if words else 'The data has no column of the role "condition".'
