"""A matrix whose columns have names: what a CSV file holds, without any data-frame library."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .errors import InputError


@dataclass(frozen=True, eq=False)
class NamedColumns:
    """Rows of numbers under named columns.

    Attributes
    ----------
    names : tuple of str
        One name per column, no name twice.
    values : ndarray, shape (n, d)
        The rows.
    whole : tuple of bool, optional
        Which columns hold integers although ``values`` are floats (NaN where a cell is missing); empty: as the data
        type says.

    Raises
    ------
    InputError
        If the values are not a matrix, the number of names is not its number of columns, or a name occurs twice.

    Examples
    --------
    >>> table = NamedColumns(("height", "weight"), np.array([[1.7, 65.0], [1.8, 80.0]]))
    >>> table.shape, len(table)
    ((2, 2), 2)
    """

    names: tuple[str, ...]
    values: np.ndarray
    whole: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.names):
            raise InputError(f"{len(self.names)} column names do not fit values of shape {self.values.shape}.")
        if len(self.whole) not in (0, len(self.names)):
            raise InputError(f"{len(self.whole)} entries of `whole` do not fit {len(self.names)} columns.")
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        if twice:
            raise InputError(f"Duplicate column names: {twice[:10]}. Give every column its own name.")

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.values.shape[0], self.values.shape[1]

    def __len__(self) -> int:
        return self.values.shape[0]

    @property
    def integer(self) -> tuple[bool, ...]:
        """Which columns hold integers, whatever the data type of ``values``."""
        return self.whole or (self.values.dtype.kind in "iu",) * len(self.names)

    def rows(self, chosen: slice) -> NamedColumns:
        """Some of the rows."""
        return replace(self, values=self.values[chosen])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False and dtype is not None and np.dtype(dtype) != self.values.dtype:
            raise ValueError(f"Converting {self.values.dtype} to {dtype} needs a copy.")
        return np.array(self.values, dtype=dtype, copy=True) if copy else np.asarray(self.values, dtype=dtype)
