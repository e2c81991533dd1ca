"""What generated rows give away of the rows that a generator was trained on.

These numbers find copying and over-fitting. They promise nothing about an adversary who knows more: a small distance is
evidence of a leak, a large one is no proof that there is none. Only differential privacy bounds what can be learnt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances_argmin_min, roc_auc_score

from .columns import ComparedColumn, compared_columns


@dataclass(frozen=True)
class TablePrivacy:
    """What :func:`table_privacy` measures.

    Attributes
    ----------
    distance_to_training, distance_to_held_out : float
        The median distance from a generated row to the closest training row, and to the closest row held out (from
        equally many of each).
    copies : float
        The share of generated rows that are a training row in every cell.
    copies_of_held_out : float
        The same for rows held out: what tables with few distinct rows give without any copying.
    membership_auc : float
        How well the distance from a real row to the closest generated row tells training rows from held-out ones: the
        area under the ROC curve; 0.5 is chance.
    nearer_to_training : float
        The share of generated rows that are nearer to the closest training row than to the closest row held out, ties
        by halves; 0.5 is chance.
    nearer_error : float
        The standard error of that share where there is no difference: for real rows that were dealt to the two tables
        at random. A real row that is the closest of many generated ones makes it large.
    rows : int
        The real rows of each table that were compared.
    """

    distance_to_training: float
    distance_to_held_out: float
    copies: float
    copies_of_held_out: float
    membership_auc: float
    nearer_to_training: float
    nearer_error: float
    rows: int

    @property
    def distance_ratio(self) -> float:
        """Training over held-out; below 1, generated rows are closer to what was trained on. 1 if both are 0."""
        if self.distance_to_held_out == 0:
            return 1.0 if self.distance_to_training == 0 else float("inf")
        return self.distance_to_training / self.distance_to_held_out


def table_privacy(
    training: Any, synthetic: Any, held_out: Any, most_rows: int = 20_000, random_state: int = 0
) -> TablePrivacy:
    """Compare generated rows with those trained on and those held out.

    The distance of two rows is the root of the sum over columns of squared differences: of numbers in units of their
    range among the real rows, of levels 1 if they differ; a missing number is between 0.87 and 1 from every other.

    Parameters
    ----------
    training, synthetic, held_out : frame or mapping
        As :func:`~isthmus.metrics.tables.columns.compared_columns` takes them.
    most_rows : int
        Of each table at most so many rows are compared, drawn at random; of the real ones equally many.
    random_state : int

    Examples
    --------
    A generator that copies:

    >>> rng = np.random.default_rng(0)
    >>> seen, unseen = {"x": rng.normal(size=500)}, {"x": rng.normal(size=500)}
    >>> found = table_privacy(seen, seen, unseen)
    >>> found.copies, found.copies_of_held_out, found.membership_auc
    (1.0, 0.0, 1.0)
    """
    columns = compared_columns(training=training, synthetic=synthetic, held_out=held_out)
    return privacy_of(columns, most_rows, random_state)


def privacy_of(columns: Sequence[ComparedColumn], most_rows: int = 20_000, random_state: int = 0) -> TablePrivacy:
    """:func:`table_privacy` of columns that were read before: of three tables, training, synthetic and held out."""
    rng = np.random.default_rng(random_state)
    sizes = [len(values) for values in columns[0].values]
    real_rows = min(sizes[0], sizes[2], most_rows)
    taken = [
        np.sort(rng.permutation(size)[:count])
        for size, count in zip(sizes, (real_rows, min(sizes[1], most_rows), real_rows), strict=True)
    ]
    points = _points(columns, taken)
    (at_training, to_training), (at_held_out, to_held_out) = (_closest(points[1], points[at]) for at in (0, 2))
    members, others = (_closest(points[at], points[1])[1] for at in (0, 2))
    # A generated row counts for the real row that is closest to it.
    nearer = (to_training < to_held_out) + (to_training == to_held_out) / 2
    counted = np.append(np.bincount(at_training, nearer, real_rows), np.bincount(at_held_out, 1 - nearer, real_rows))
    return TablePrivacy(
        float(np.median(to_training)),
        float(np.median(to_held_out)),
        _copied_share(columns, taken, 0),
        _copied_share(columns, taken, 2),
        float(roc_auc_score(np.repeat([1, 0], [len(members), len(others)]), -np.concatenate([members, others]))),
        float(nearer.mean()),
        # A sum of `counted` over a random half of the real rows varies so.
        float(np.sqrt(np.square(counted - counted.mean()).sum() / (4 - 2 / real_rows))) / len(nearer),
        real_rows,
    )


def _points(columns: Sequence[ComparedColumn], taken: Sequence[NDArray[Any]]) -> list[NDArray[np.float64]]:
    """Rows as points whose Euclidean distance is that of :func:`table_privacy`."""
    parts: list[list[NDArray[np.float64]]] = [[] for _ in taken]
    for column in columns:
        real = np.concatenate([column.present(0), column.present(2)])
        for table, rows in enumerate(taken):
            values, missing = column.values[table][rows], column.missing(table)[rows]
            if column.is_number:
                low, high = (real.min(), real.max()) if len(real) else (0.0, 0.0)
                scaled = (values - low) / (high - low or 1.0)
                # A missing number stands aside of the middle: 1 from either end of the range.
                parts[table] += [np.where(missing, 0.5, scaled)[:, None], np.sqrt(0.75) * missing[:, None]]
            else:
                one_hot = np.zeros((len(rows), len(column.levels or ()) + 1))
                one_hot[np.arange(len(rows)), values] = np.sqrt(0.5)  # -1, a missing cell, is the last
                parts[table].append(one_hot)
    return [np.hstack(part) for part in parts]


def _closest(rows: NDArray[np.float64], others: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Of each row the position of the closest other one, and the distance."""
    places, distances = pairwise_distances_argmin_min(rows, others)
    return places, distances


def _copied_share(columns: Sequence[ComparedColumn], taken: Sequence[NDArray[Any]], table: int) -> float:
    """The share of generated rows that stand in a table with every cell the same."""

    def rows(number: int) -> list[bytes]:
        cells = [
            np.nan_to_num(column.values[number][taken[number]].astype(np.float64), nan=np.inf) for column in columns
        ]
        return [row.tobytes() for row in np.column_stack(cells) + 0.0]  # + 0.0: minus zero is zero

    known = set(rows(table))
    generated = rows(1)
    return sum(row in known for row in generated) / len(generated)
