"""Why rows are odd: what each column adds to the score, what was seen and what was to be expected."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isthmus.core.errors import InputError
from isthmus.data.matching import matched
from isthmus.data.schema import Schema
from isthmus.sources.images.heat import marked

JOINT = "(joint)"


@dataclass(frozen=True)
class Reason:
    """One reason for a row's score.

    Attributes
    ----------
    column : str or int
        The column as the user calls it; "(joint)" for what cannot be said of a single one.
    contribution : float
        What it adds to the anomaly score.
    share : float
        The contribution as a share of the score.
    seen, expected : object
        The cell, and what was to be expected given the other cells of the row; None for "(joint)".
    """

    column: Any
    contribution: float
    share: float
    seen: Any
    expected: Any


@dataclass(frozen=True, eq=False)
class Explanation:
    """The anomaly scores of some rows, column by column: contributions and the joint part add up to the score.

    Attributes
    ----------
    columns : list
        The modelled columns as the user calls them: names of a frame, positions of an array, of an image those in the
        order height, width, channels.
    score : ndarray of float64, shape (n,)
    contributions : ndarray of float64, shape (n, columns)
    joint : ndarray of float64, shape (n,)
        What belongs to the columns together.
    seen, expected : dict of column to sequence
        In the user's units and words; missing cells are None or NaN.
    row_shape : tuple of int
        Of an image: (h, w) or (h, w, channels); of other rows the number of their columns.

    Examples
    --------
    >>> explanation = Explanation(["a", "b"], np.array([3.0]), np.array([[0.5, 2.0]]), np.array([0.5]),
    ...                           {"a": [1], "b": [7]}, {"a": [1], "b": [2]})
    >>> [(reason.column, reason.contribution) for reason in explanation.reasons(0, top=2)]
    [('b', 2.0), ('a', 0.5)]
    """

    columns: list[Any]
    score: np.ndarray
    contributions: np.ndarray
    joint: np.ndarray
    seen: Mapping[Any, Sequence[Any]]
    expected: Mapping[Any, Sequence[Any]]
    row_shape: tuple[int, ...] = ()

    @property
    def heat_map(self) -> np.ndarray:
        """What each pixel of images adds to their scores, its channels together: (n, h, w) float64.

        Raises
        ------
        InputError
            The rows are no images.
        """
        if len(self.row_shape) < 2:
            raise InputError("A heat map is drawn of images; of other rows `contributions` has the same numbers.")
        pixels = np.zeros((len(self), math.prod(self.row_shape)))
        pixels[:, self.columns] = self.contributions
        height, width = self.row_shape[:2]
        return pixels.reshape(len(self), height, width, -1).sum(-1)

    def marked(self, images: Any) -> np.ndarray:
        """The images that were explained, faintly, with red where they are odd: (n, h, w, 3) uint8.

        Full red is the pixel that adds most to the score of its image.

        Parameters
        ----------
        images : ndarray, shape (n, h, w) or (n, h, w, channels)
            As they were explained: uint8, or floats in [0, 1].

        Raises
        ------
        InputError
            The rows are no images, or these are others.
        """
        heat = self.heat_map
        if np.shape(images)[:3] != heat.shape:
            raise InputError(f"`images` must be the {len(self)} that were explained; got shape {np.shape(images)}.")
        return marked(np.asarray(images), heat)

    def __len__(self) -> int:
        return len(self.score)

    def reasons(self, row: int, top: int | None = 3) -> list[Reason]:
        """The ``top`` reasons for a row's score (None: all), the largest first; the joint part is one of them."""
        parts = np.append(self.contributions[row], self.joint[row])
        order = np.argsort(-parts, kind="stable")[:top]
        score = float(self.score[row])
        found = []
        for place in order:
            part = float(parts[place])
            share = part / score if score else 0.0
            if place == len(self.columns):
                found.append(Reason(JOINT, part, share, None, None))
            else:
                name = self.columns[place]
                found.append(Reason(name, part, share, self.seen[name][row], self.expected[name][row]))
        return found

    def to_rows(self, top: int = 3) -> list[dict[str, Any]]:
        """One dict per row for tables and JSON: its position, its score, and its reasons as dicts."""
        return [
            {
                "row": row,
                "score": float(self.score[row]),
                "reasons": [
                    {
                        "column": one.column,
                        "contribution": one.contribution,
                        "share": one.share,
                        "seen": _plain(one.seen),
                        "expected": _plain(one.expected),
                    }
                    for one in self.reasons(row, top)
                ],
            }
            for row in range(len(self))
        ]


def explanation(
    schema: Schema, score: np.ndarray, encoded: np.ndarray, data: Any, expected: Any, name: str
) -> Explanation:
    """The explanation of rows by contributions of encoded columns, (n, encoded columns); what is left over is joint.

    ``data`` are the user's rows, ``expected`` what :meth:`Schema.decode` makes of expected features.
    """
    sources = np.asarray(schema.encoded_sources)
    places = np.unique(sources)
    contributions = np.zeros((len(score), len(places)))
    for column, place in enumerate(np.searchsorted(places, sources)):
        contributions[:, place] += encoded[:, column]
    labels = [int(place) if schema.labels is None else schema.labels[place] for place in places]
    return Explanation(
        labels,
        score,
        contributions,
        score - contributions.sum(1),
        _cells(schema, data, places, labels, name),
        _cells(schema, expected, places, labels, name),
        tuple(schema.row_shape),
    )


def _cells(schema: Schema, data: Any, places: np.ndarray, labels: Sequence[Any], name: str) -> dict[Any, Sequence[Any]]:
    """Some columns of the user's rows, as Python lists of what the user would see there."""
    matrix, order = matched(schema, data, name)
    standing = places if order is None else order[places]
    return {label: _listed(matrix.given_column(int(place))) for label, place in zip(labels, standing, strict=True)}


def _listed(column: Any) -> list[Any]:
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(column, method):
            return list(getattr(column, method)())
    return list(column)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
