"""What is found about drawn rows of a table beside real ones."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isthmus.metrics.tables.fidelity import TableFidelity
from isthmus.metrics.tables.privacy import TablePrivacy
from isthmus.metrics.tables.usefulness import Usefulness

from .table_missing import MissingCells
from .table_shares import ColumnShares
from .table_verdicts import Verdict, verdict_lines, verdicts


@dataclass(frozen=True, eq=False, repr=False)
class TableEvaluation:
    """What :func:`~.table_judge.evaluate_table` measures; it holds numbers about the rows, never rows.

    Attributes
    ----------
    n_real, n_drawn, n_training : int
        The rows of each table; ``n_training`` is 0 without.
    fidelity : TableFidelity
        Of drawn rows beside real ones: each column, pairs of columns, and means of both.
    reference : TableFidelity
        The same of real rows beside other real ones (training rows if there are some, else two halves): what chance
        alone leaves, and so the best that drawn rows can reach.
    detection : float
        The area under the ROC curve of boosted trees that tell drawn rows from real ones; 0.5 if they cannot.
    target : str or None
        The column that was predicted.
    usefulness : Usefulness or None
        What boosted trees learn from drawn rows and from real ones about ``target``; None without.
    privacy : TablePrivacy or None
        Closeness to the training rows beside that to the real ones; None without training rows.
    overlap : float or None
        The share of real rows that stand in the training table in every cell.
    missing : MissingCells
    columns : tuple of ColumnShares
        The distribution of each column, worst first.
    paired : tuple of str
        The columns whose pairs were compared: all, or of very many some that are spread evenly.
    notes : tuple of str
        What was left out or cut short, and what would change it.
    random_state : int
    """

    n_real: int
    n_drawn: int
    n_training: int
    fidelity: TableFidelity
    reference: TableFidelity
    detection: float
    target: str | None
    usefulness: Usefulness | None
    privacy: TablePrivacy | None
    overlap: float | None
    missing: MissingCells
    columns: tuple[ColumnShares, ...]
    paired: tuple[str, ...]
    notes: tuple[str, ...]
    random_state: int

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Each measure with what it says, and a word for it: "good", "fair", "worrying" or "not measured"."""
        return verdicts(self)

    def worst_columns(self) -> list[tuple[str, float]]:
        """Columns and their likeness, worst first; those of which nothing can be said last."""
        return sorted(self.fidelity.columns.items(), key=lambda one: by_gap(one, self.reference.columns))

    def worst_pairs(self) -> list[tuple[tuple[str, str], float]]:
        """Pairs and their likeness, worst first; those of which nothing can be said last."""
        return sorted(self.fidelity.pairs.items(), key=lambda one: by_gap(one, self.reference.pairs))

    def to_dict(self) -> dict[str, Any]:
        """Everything but the pictures, in JSON's types; None where a number is not defined."""
        from .table_json import evaluation_to_dict

        return evaluation_to_dict(self)

    def save(self, path: str | os.PathLike[str], title: str = "Drawn rows beside real ones") -> None:
        """Write a page with pictures (``.html``) or the numbers (``.json``).

        Parameters
        ----------
        path : str or path-like
            Written atomically.
        title : str
            The page's heading.

        Raises
        ------
        ParameterError
            The path ends in neither.
        MissingDependencyError
            A page needs matplotlib and jinja2: ``pip install 'isthmus[plots]'``.
        OSError
            The file cannot be written.
        """
        from .table_html import save_evaluation

        save_evaluation(self, path, title)

    def __repr__(self) -> str:
        return "\n".join(verdict_lines(self))

    def _repr_html_(self) -> str:
        from .table_snippet import evaluation_snippet

        return evaluation_snippet(self)


def by_gap(one: tuple[Any, float], reference: Mapping[Any, float]) -> tuple[bool, float]:
    """A key that sorts by how far from what real rows get, the farthest first, and what is not defined last."""
    name, score = one
    best = reference.get(name, math.nan)
    return (math.isnan(score), score - (1.0 if math.isnan(best) else best))
