"""What decoding cannot make up: the columns that are known rather than modelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.core.errors import InputError


@dataclass(frozen=True, eq=False)
class AsGiven:
    """A column that the schema ignores, in the container of the user's rows: it comes back as it was given."""

    series: Any

    def __len__(self) -> int:
        return len(self.series)

    def __getitem__(self, index: slice | NDArray[np.integer]) -> AsGiven:
        if hasattr(self.series, "iloc"):
            return AsGiven(self.series.iloc[index].reset_index(drop=True))
        if hasattr(self.series, "take") and not isinstance(index, slice):
            return AsGiven(self.series.take(index))
        return AsGiven(self.series[index])


@dataclass(frozen=True, eq=False)
class Carried:
    """The conditions, the exposure and the ignored columns of some rows, on their way to decoded rows.

    ``schema.carried(data)`` takes them from the user's rows, ``schema.carried_given(given, n)`` from what was asked.

    Attributes
    ----------
    columns : dict of int to ndarray
        Numbers, or levels as objects, each of shape (n,), by the column's position in the user's data; ignored columns
        as they were given.
    """

    columns: Mapping[int, np.ndarray | AsGiven] = field(default_factory=dict)

    def rows(self, index: slice | NDArray[np.integer]) -> Carried:
        """Those of the rows at ``index``."""
        return Carried({position: column[index] for position, column in self.columns.items()})

    def check(self, n_rows: int) -> None:
        """Raise :class:`InputError` unless these are of ``n_rows`` rows."""
        lengths = {len(column) for column in self.columns.values()} - {n_rows}
        if lengths:
            raise InputError(
                f"Conditions of {lengths.pop()} rows do not fit {n_rows} rows to decode. Pass as many of both."
            )
