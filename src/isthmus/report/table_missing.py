"""Whether drawn rows have holes where real ones have them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .table_columns import TableColumns

MOST_HOLED = 60
FEWEST = 10


@dataclass(frozen=True)
class MissingCells:
    """The columns with missing cells.

    Attributes
    ----------
    rates : dict of str to (float, float)
        The share that is missing among real and among drawn rows, of each column in which a cell is missing.
    together : dict of (str, str) to (float, float)
        The correlation of two columns' indicators of missing cells among real and among drawn rows: 1 if they are
        always missing together. NaN where fewer than ten cells of one of them are missing, or are there: too few to
        tell. Of at most 60 columns, those whose cells are missing most often.
    """

    rates: Mapping[str, tuple[float, float]]
    together: Mapping[tuple[str, str], tuple[float, float]]

    @property
    def worst_rate(self) -> tuple[str, float]:
        """The column whose rates differ most, and by how much; ("", NaN) without missing cells."""
        return max(
            ((name, abs(real - drawn)) for name, (real, drawn) in self.rates.items()),
            key=lambda one: one[1],
            default=("", float("nan")),
        )

    @property
    def worst_pair(self) -> tuple[tuple[str, str], float]:
        """The pair whose correlations differ most, and by how much; (("", ""), NaN) without such a pair."""
        known = [(pair, abs(a - b)) for pair, (a, b) in self.together.items() if not np.isnan(a - b)]
        return max(known, key=lambda one: one[1], default=(("", ""), float("nan")))


def missing_cells(tables: TableColumns, real: NDArray[np.intp], drawn: NDArray[np.intp]) -> MissingCells:
    """Of some rows of the tables "real" and "drawn"."""
    places = [tables.tables.index(name) for name in ("real", "drawn")]
    holes: dict[str, tuple[NDArray[np.bool_], ...]] = {}
    for column in tables.columns:
        found = tuple(column.missing(at)[rows] for at, rows in zip(places, (real, drawn), strict=True))
        if any(some.any() for some in found):
            holes[column.name] = found
    rates = {name: (float(a.mean()), float(b.mean())) for name, (a, b) in holes.items()}
    often = sorted(rates, key=lambda name: -max(rates[name]))[:MOST_HOLED]
    names = [name for name in rates if name in set(often)]
    correlations = [_correlations(np.array([holes[name][at] for name in names], dtype=float)) for at in (0, 1)]
    return MissingCells(
        rates,
        {
            (a, b): (float(correlations[0][i, j]), float(correlations[1][i, j]))
            for i, a in enumerate(names)
            for j, b in enumerate(names)
            if i < j
        },
    )


def _correlations(indicators: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the rows of a matrix; NaN where one hardly varies."""
    if len(indicators) < 2:
        return np.ones((len(indicators), len(indicators)))
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = np.atleast_2d(np.corrcoef(indicators))
    counts = indicators.sum(1)
    few = np.minimum(counts, indicators.shape[1] - counts) < FEWEST
    found[few] = found[:, few] = np.nan
    return found
