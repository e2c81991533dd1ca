"""Drawn rows of a table beside real ones: how like them they are, what they are good for, what they give away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isthmus.core.errors import InputError, InputTypeError, ParameterError
from isthmus.core.random import RandomState, seed_from, spawn_seeds
from isthmus.core.suggestion import did_you_mean
from isthmus.metrics.tables.detection import detection_of
from isthmus.metrics.tables.fidelity import TableFidelity, fidelity_of
from isthmus.metrics.tables.privacy import TablePrivacy, privacy_of
from isthmus.metrics.tables.usefulness import Usefulness, usefulness_of

from .table_columns import TableColumns
from .table_evaluation import TableEvaluation, by_gap
from .table_missing import missing_cells
from .table_shares import column_shares
from .table_verdicts import SHARED_BELOW

if TYPE_CHECKING:
    from isthmus.data.schema import Schema

Rows = NDArray[np.intp]

MOST_ROWS = 50_000
PAIR_ROWS, MOST_PAIRED = 20_000, 60
TREE_CELLS = 1_000_000
PRIVACY_ROWS, PRIVACY_CELLS = 10_000, 20_000_000
SAME_TABLE, FEW_ROWS = 0.5, 200
MOST_TARGET_LEVELS = 20
HASH = np.uint64(0x9E3779B97F4A7C15)


def evaluate_table(
    source: Any,
    real: Any,
    *,
    training: Any = None,
    target: str | None = None,
    n: int | None = None,
    schema: Schema | None = None,
    random_state: RandomState = 0,
    progress: Callable[[str], None] | None = None,
) -> TableEvaluation:
    """Judge the rows that a model draws, or any drawn rows, beside real ones.

    Parameters
    ----------
    source : fitted model, or rows
        A model of a table, which draws rows (of a conditional one under the conditions of the training rows, or else
        the real ones); or rows that were drawn elsewhere, as a pandas, polars or Arrow table, a mapping from columns
        to arrays, or a matrix.
    real : rows
        Real rows; best those that the model has not seen. Missing cells are welcome.
    training : rows, optional
        The real rows that the model was fitted to. Whether drawn rows stand too near to them can be said only beside
        real rows that it has not seen, so privacy needs both.
    target : str, optional
        A column to predict from the others, to see whether a model that learns from drawn rows serves for real ones.
    n : int, optional
        How many rows to draw: by default as many as ``training``, or else ``real``, has, at most 50,000.
    schema : Schema, optional
        Of rows that were drawn elsewhere: what a model knows of the columns (``model.schema_``).
    random_state : int, numpy generator or None
        For drawing, splits and trees.
    progress : callable, optional
        Called with a few words before each step.

    Returns
    -------
    TableEvaluation

    Raises
    ------
    InputError
        Columns differ, a table is empty, the model is of images, or ``target`` is no column.
    ParameterError
        ``n`` is out of range, or given with rows.

    Examples
    --------
    >>> import pandas as pd
    >>> def people(seed):
    ...     rng = np.random.default_rng(seed)
    ...     age = rng.integers(18, 90, 400)
    ...     return pd.DataFrame({"age": age, "retired": age + rng.normal(0, 5, 400) > 66})
    >>> shuffled = people(1).assign(retired=people(2)["retired"])
    >>> found = evaluate_table(shuffled, people(3), target="retired")
    >>> found.fidelity.shape > 0.9, found.fidelity.trend < 0.9, found.usefulness.synthetic["auc"] < 0.7
    (True, True, True)
    """
    say = progress or (lambda _: None)
    seed = seed_from(random_state)
    drawing, choosing = spawn_seeds(seed, 2)
    real = _held(real)
    training = None if training is None else _held(training)
    if hasattr(source, "sample") and hasattr(source, "schema_"):
        schema = source.schema_
        say("drawing rows")
        drawn = _drawn(source, real if training is None else training, n, drawing)
    elif n is not None:
        raise ParameterError("`n` says how many rows a model draws; here the drawn rows themselves are given.")
    else:
        drawn = source
    given = {"real": real, "drawn": drawn} | ({} if training is None else {"training": training})
    tables = TableColumns.read(schema, **given)
    return _Judge(tables, target, choosing, say).evaluation(seed)


class _Judge:
    """The steps of :func:`evaluate_table`."""

    def __init__(self, tables: TableColumns, target: str | None, seed: int, say: Callable[[str], None]) -> None:
        self.tables, self.target, self.seed, self.say = tables, target, seed, say
        names = [column.name for column in tables.columns]
        if target is not None and target not in names:
            some = f"{names[:10]}" + (f" and {len(names) - 10:,} more" if len(names) > 10 else "")
            raise InputError(
                f"`target` must be one of the columns {some}; got {target!r}.{did_you_mean(target, names)}"
            )
        self.rng = np.random.default_rng(seed)
        # Shuffled once: the first rows are then a sample of each table.
        self.rows = {name: self.rng.permutation(tables.rows(name))[:MOST_ROWS] for name in tables.tables}
        self.notes = [
            f"Of the {tables.rows(name):,} {name} rows, {MOST_ROWS:,} drawn at random are compared."
            for name in tables.tables
            if tables.rows(name) > MOST_ROWS
        ]
        self.notes += [
            f"There are only {tables.rows(name):,} {name} rows: chance alone moves the numbers by several points."
            for name in tables.tables
            if tables.rows(name) < FEW_ROWS
        ]

    def evaluation(self, seed: int) -> TableEvaluation:
        tables, has_training = self.tables, "training" in self.tables.tables
        self.say("comparing columns and pairs")
        paired = self._paired()
        fidelity = self._fidelity("drawn", self.rows["drawn"], self.rows["real"], paired)
        reference = self._reference(paired)
        self.say("looking at missing cells")
        missing = missing_cells(tables, self.rows["real"], self.rows["drawn"])
        self.say("telling drawn rows from real ones")
        detection = self._detection()
        self.say("learning from drawn rows")
        useful = self._usefulness()
        overlap = self._overlap("real", "training") if has_training else None
        self.say("looking for copies")
        privacy = self._privacy(overlap)
        both = tables.of(("real", self.rows["real"]), ("drawn", self.rows["drawn"]))
        shares = {column.name: column_shares(column, tables.families.get(column.name)) for column in both}
        worst = sorted(fidelity.columns.items(), key=lambda one: by_gap(one, reference.columns))
        return TableEvaluation(
            tables.rows("real"),
            tables.rows("drawn"),
            tables.rows("training") if has_training else 0,
            fidelity,
            reference,
            detection,
            self.target,
            useful,
            privacy,
            overlap,
            missing,
            tuple(shares[name] for name, _ in worst),
            paired,
            tuple(self.notes),
            seed,
        )

    def _paired(self) -> tuple[str, ...]:
        names = tuple(column.name for column in self.tables.columns)
        if len(names) <= MOST_PAIRED:
            return names
        self.notes.append(f"Pairs are those of {MOST_PAIRED} columns, spread evenly over all {len(names):,}.")
        return tuple(names[at] for at in np.linspace(0, len(names) - 1, MOST_PAIRED).round().astype(int))

    def _fidelity(self, table: str, rows: Rows, real: Rows, paired: tuple[str, ...]) -> TableFidelity:
        """Rows of a table beside real ones: pairs from at most ``PAIR_ROWS``, and columns from all."""
        of = self.tables.of
        pairs = fidelity_of(of(("real", real[:PAIR_ROWS]), (table, rows[:PAIR_ROWS]), only=paired)).pairs
        single = [fidelity_of([column]) for column in of(("real", real), (table, rows))]
        return TableFidelity(
            {name: score for one in single for name, score in one.columns.items()},
            pairs,
            {name: score for one in single for name, score in one.missing.items()},
        )

    def _reference(self, paired: tuple[str, ...]) -> TableFidelity:
        real = self.rows["real"]
        if "training" in self.rows:
            # As many as were drawn: small tables differ by chance, and so do drawn rows.
            return self._fidelity("training", self.rows["training"][: len(self.rows["drawn"])], real, paired)
        half = max(1, len(real) // 2)
        return self._fidelity("real", real[:half], real[half:] if len(real) > 1 else real, paired)

    def _tree_rows(self) -> int:
        return max(500, TREE_CELLS // len(self.tables.columns))

    def _detection(self) -> float:
        count = min(len(self.rows["real"]), len(self.rows["drawn"]), self._tree_rows())
        if count < 10:
            self.notes.append(f"Telling rows apart needs ten of each; there are {count}.")
            return float("nan")
        columns = self.tables.of(*((name, self.rows[name][:count]) for name in ("real", "drawn")))
        area = detection_of(columns, random_state=_small(self.seed))
        if area < SHARED_BELOW:
            self.notes.append(
                f"Rows that trees have learnt as drawn look real to them (AUC {area:.2f}): so it is where tables share "
                f"rows. {self._overlap('drawn', 'real'):.1%} of the drawn rows stand among the real ones in every cell."
            )
        return area

    def _usefulness(self) -> Usefulness | None:
        if self.target is None:
            self.notes.append(f"Usefulness needs a column to predict{self._suggestion()}.")
            return None
        real, most = self.rows["real"], self._tree_rows()
        half = max(1, len(real) // 2)
        if "training" in self.rows:
            train, test = ("training", self.rows["training"][:most]), ("real", real[:most])
        else:
            train, test = ("real", real[:half][:most]), ("real", real[half:][:most])
        # As many as the real rows that are learnt from beside.
        columns = self.tables.of(train, ("drawn", self.rows["drawn"][: len(train[1])]), test)
        try:
            return usefulness_of(columns, self.target, _small(self.seed))
        except InputError as error:
            self.notes.append(f"Usefulness could not be measured: {error}")
            return None

    def _suggestion(self) -> str:
        for column in reversed(self.tables.columns):
            if column.levels is not None and 2 <= len(column.levels) <= MOST_TARGET_LEVELS:
                return f", such as {column.name!r}"
        return ""

    def _overlap(self, table: str, other: str) -> float:
        """The share of a table's rows that stand in another in every cell."""
        return float(np.isin(self._row_hashes(table), self._row_hashes(other)).mean())

    def _row_hashes(self, table: str) -> NDArray[np.uint64]:
        """64 bits for each row: equal rows have equal ones, and others hardly ever."""
        place, rows = self.tables.tables.index(table), self.rows[table]
        found = np.zeros(len(rows), dtype=np.uint64)
        for column in self.tables.columns:
            cells = column.values[place][rows].astype(np.float64) + 0.0  # minus zero is zero
            cells[column.missing(place)[rows]] = np.inf
            found = (found ^ cells.view(np.uint64)) * HASH
            found ^= found >> np.uint64(29)
        return found

    def _privacy(self, overlap: float | None) -> TablePrivacy | None:
        if overlap is None:
            self.notes.append("Privacy needs the rows that the model was fitted to, beside real rows that it was not.")
            return None
        if overlap >= SAME_TABLE:
            self.notes.append(
                f"{overlap:.0%} of the real rows stand in the training table, too: nothing can be said about privacy. "
                "It needs real rows that the model has not seen."
            )
            return None
        width = sum(2 if column.is_number else len(column.levels or ()) + 1 for column in self.tables.columns)
        most = max(200, min(PRIVACY_ROWS, PRIVACY_CELLS // width))
        columns = self.tables.of(*((name, self.rows[name][:most]) for name in ("training", "drawn", "real")))
        return privacy_of(columns, most, _small(self.seed))


def _small(seed: int) -> int:
    """A seed that scikit-learn takes."""
    return seed % 2**32


def _held(rows: Any) -> Any:
    """Lists of rows become a matrix; what has columns stays."""
    if isinstance(rows, list | tuple):
        return np.asarray(rows)
    return rows


def _drawn(model: Any, like: Any, n: int | None, seed: int) -> Any:
    schema = model.schema_
    if len(schema.row_shape) != 1:
        raise InputError("evaluate_table judges tables; this model is one of images.")
    try:
        count = len(next(iter(like.values()))) if isinstance(like, Mapping) else len(like)
    except (TypeError, StopIteration):
        raise InputTypeError(f"`real` and `training` must be tables; got {type(like).__name__}.") from None
    if n is not None and (isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1):
        raise ParameterError(f"`n` must be an integer in [1, inf); got {n!r}.")
    wanted = min(count, MOST_ROWS) if n is None else int(n)
    given = None
    if schema.roles.carried:
        rng = np.random.default_rng(seed)
        chosen = (
            np.sort(rng.permutation(count)[:wanted]) if wanted <= count else np.sort(rng.integers(0, count, wanted))
        )
        carried = schema.carried(like).columns
        given = {at if schema.labels is None else schema.labels[at]: carried[at][chosen] for at in schema.roles.carried}
    more = {"noise": True} if schema.container == "array" and model.rate_ is not None else {}
    return model.sample(wanted, given=given, random_state=seed, **more)
