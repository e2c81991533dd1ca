"""How like real rows generated ones are, column by column and pair by pair.

The scores are those of the SDMetrics quality report (DataCebo, https://docs.sdv.dev/sdmetrics), in [0, 1], 1 for equal
distributions; written down here from their definitions, with missing cells left out of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from .columns import ComparedColumn, compared_columns

BINS = 10


@dataclass(frozen=True)
class TableFidelity:
    """What :func:`table_fidelity` measures.

    Attributes
    ----------
    columns : dict of str to float
        The likeness of each column's distribution: 1 − the Kolmogorov–Smirnov statistic for numbers, 1 − the total
        variation distance for levels. NaN where a table has no cell that is not missing.
    pairs : dict of (str, str) to float
        The likeness of how two columns go together: 1 − half the difference of the correlations for two numbers,
        1 − the total variation distance of the joint table otherwise (numbers in ten equal bins of the real range). NaN
        where it is not defined.
    missing : dict of str to float
        1 − the difference of the shares that are missing.
    """

    columns: dict[str, float]
    pairs: dict[tuple[str, str], float]
    missing: dict[str, float]

    @property
    def shape(self) -> float:
        """The mean over columns."""
        return _mean(self.columns)

    @property
    def trend(self) -> float:
        """The mean over pairs."""
        return _mean(self.pairs)

    @property
    def quality(self) -> float:
        """The mean of :attr:`shape` and :attr:`trend`: "overall quality"."""
        return float(np.nanmean([self.shape, self.trend]))


def table_fidelity(real: Any, synthetic: Any) -> TableFidelity:
    """Compare the columns of two tables, and their pairs.

    Parameters
    ----------
    real, synthetic : frame or mapping
        As :func:`~isthmus.metrics.tables.columns.compared_columns` takes them; any numbers of rows.

    Raises
    ------
    InputError
        The columns differ or a table is empty.

    Examples
    --------
    >>> real = {"size": [1.0, 2.0, 3.0, 4.0], "sex": ["f", "f", "m", "m"]}
    >>> drawn = {"size": [1.0, 2.0, 3.0, 4.0], "sex": ["f", "m", "m", "m"]}
    >>> found = table_fidelity(real, drawn)
    >>> found.columns, found.pairs
    ({'size': 1.0, 'sex': 0.75}, {('size', 'sex'): 0.75})
    """
    return fidelity_of(compared_columns(real=real, synthetic=synthetic))


def fidelity_of(columns: Sequence[ComparedColumn]) -> TableFidelity:
    """:func:`table_fidelity` of columns that were read before: of two tables, real and synthetic."""
    binned = {column.name: _binned(column) for column in columns}
    return TableFidelity(
        {column.name: column_similarity(column) for column in columns},
        {
            (a.name, b.name): _correlations_agree(a, b)
            if a.is_number and b.is_number
            else _joint_tables_agree(binned[a.name], binned[b.name])
            for a, b in combinations(columns, 2)
        },
        {column.name: 1 - abs(float(column.missing(0).mean() - column.missing(1).mean())) for column in columns},
    )


def column_similarity(column: ComparedColumn) -> float:
    """1 − the Kolmogorov–Smirnov statistic of numbers, 1 − the total variation distance of levels."""
    real, synthetic = column.present(0), column.present(1)
    if not (len(real) and len(synthetic)):
        return float("nan")
    if column.is_number:
        return 1 - float(ks_2samp(real, synthetic, method="asymp").statistic)
    return 1 - _total_variation(_shares(real), _shares(synthetic))


def _correlations_agree(a: ComparedColumn, b: ComparedColumn) -> float:
    """1 − |r − r'| / 2 over the rows where both are present; NaN if one does not vary."""
    correlations = []
    for table in (0, 1):
        both = ~(a.missing(table) | b.missing(table))
        x, y = a.values[table][both], b.values[table][both]
        if len(x) < 2 or x.min() == x.max() or y.min() == y.max():
            return float("nan")
        correlations.append(float(np.corrcoef(x, y)[0, 1]))
    return 1 - abs(correlations[0] - correlations[1]) / 2


def _joint_tables_agree(a: tuple[NDArray[Any], ...], b: tuple[NDArray[Any], ...]) -> float:
    tables = []
    for first, second in zip(a, b, strict=True):
        both = (first >= 0) & (second >= 0)
        if not both.any():
            return float("nan")
        # One whole number for each pair of levels.
        tables.append(_shares(first[both] * (1 << 32) + second[both]))
    return 1 - _total_variation(*tables)


def _binned(column: ComparedColumn) -> tuple[NDArray[Any], ...]:
    """Positions of levels, or of one of ten bins of the real range and one beyond it at either end; -1 if missing."""
    if not column.is_number:
        return column.values
    real = column.present(0)
    if not len(real):
        return tuple(np.full(len(values), -1) for values in column.values)
    edges = np.linspace(real.min(), real.max(), BINS + 1)
    edges[-1] = np.nextafter(edges[-1], np.inf)  # the last bin includes the largest value
    return tuple(
        np.where(np.isnan(values), -1, np.searchsorted(edges, values, side="right")) for values in column.values
    )


def _shares(positions: NDArray[Any]) -> dict[int, float]:
    found, counts = np.unique(positions, return_counts=True)
    return dict(zip(found.tolist(), (counts / len(positions)).tolist(), strict=True))


def _total_variation(p: dict[int, float], q: dict[int, float]) -> float:
    return sum(abs(p.get(one, 0.0) - q.get(one, 0.0)) for one in p.keys() | q.keys()) / 2


def _mean(scores: dict[Any, float]) -> float:
    known = [score for score in scores.values() if not np.isnan(score)]
    return float(np.mean(known)) if known else float("nan")
