"""Which cells of the user's data are to be filled; and filled cells put in place, everything else left as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray
from torch import Tensor

from isthmus.core.errors import InputError, InputTypeError
from isthmus.core.named_columns import NamedColumns
from isthmus.data.opening import open_matrix, reorder
from isthmus.data.rows import Rows
from isthmus.data.schema import Schema
from isthmus.data.tables import is_frame

from .imputation_frames import decoded_values, put_in_frame

SCANNED = 8192
Mask = NDArray[np.bool_]


def absent_cells(rows: Rows) -> tuple[Mask, Mask]:
    """The cells that rows lack, and those that tell a model nothing: each (n, columns), in encoded order.

    The second are more where a level was not seen in training: it is there, but the model does not know it.
    """
    lacking, unknown = [], []
    for start in range(0, len(rows), SCANNED):
        batch = rows.take(slice(start, start + SCANNED))
        if batch.present is None:
            width = batch.values.shape[1] + (0 if batch.levels is None else batch.levels.shape[1])
            nothing = np.zeros((len(batch), width), dtype=bool)
            lacking.append(nothing)
            unknown.append(nothing)
            continue
        present = batch.present.numpy()
        seen = present if batch.visible is None else present | batch.visible.numpy()
        lacking.append(~seen)
        unknown.append(~present)
    return np.concatenate(lacking), np.concatenate(unknown)


def masked_cells(schema: Schema, data: Any, mask: Any, n_rows: int) -> Mask:
    """The user's mask by encoded column, (n, columns): True where a cell is to be filled.

    Raises
    ------
    InputError
        The mask is not of booleans, does not fit the data, or marks a column that the model takes as known.
    """
    cells = _by_column(schema, _in_order(schema, data, mask), n_rows)
    carried = [source for source in schema.roles.carried if cells[:, source].any()]
    if carried:
        raise InputError(
            f"impute: `mask` marks {schema.column_name(carried[0])}, which the model takes as known and cannot fill. "
            "Leave it out of the mask."
        )
    return np.ascontiguousarray(cells[:, list(schema.encoded_sources)])


def _in_order(schema: Schema, data: Any, mask: Any) -> np.ndarray:
    """The mask as an array, the columns of a frame in the schema's order."""
    if not is_frame(mask):
        if isinstance(mask, torch.Tensor):
            mask = mask.detach().cpu().numpy()
        if scipy.sparse.issparse(mask):
            mask = mask.toarray()
        try:
            array = np.asarray(mask)
        except ValueError as error:
            raise InputError(f"impute: `mask` cannot be turned into an array: {error}.") from error
        order = _order_of(schema, data)
        array = _boolean(array)
        # A mask of the data's own columns is in their order.
        return array if order is None or array.shape[-1] != len(order) else array[..., order]
    if schema.labels is None:
        raise InputError("impute: `mask` is a table, but the model takes arrays. Pass an array of booleans.")
    if isinstance(mask, NamedColumns):
        names, columns = list(mask.names), list(mask.values.T)
    else:
        frame = nw.from_native(nw.to_native(mask, pass_through=True), eager_only=True)
        names = list(frame.columns)
        columns = [frame[:, place].to_numpy() for place in range(len(names))]
    order = reorder(schema.labels, names)
    return _boolean(np.stack([columns[place] for place in (range(len(names)) if order is None else order)], axis=1))


def _order_of(schema: Schema, data: Any) -> NDArray[np.int64] | None:
    """Where the schema's columns stand in the data, if elsewhere."""
    labels = _labels(data) if is_frame(data) else None
    return None if labels is None or schema.labels is None else reorder(schema.labels, labels)


def _labels(data: Any) -> list[Any]:
    if isinstance(data, NamedColumns):
        return list(data.names)
    return list(nw.from_native(nw.to_native(data, pass_through=True), eager_only=True).columns)


def _boolean(mask: np.ndarray) -> np.ndarray:
    if mask.dtype.kind == "b":
        return mask
    if mask.dtype.kind in "iuf" and bool(np.isin(mask, (0, 1)).all()):
        return mask.astype(bool)
    raise InputTypeError(
        f"impute: `mask` must hold booleans, True where a cell is to be filled; got {mask.dtype}. Pass mask > 0, or "
        "leave it out to fill the cells that are missing."
    )


def _by_column(schema: Schema, mask: np.ndarray, n_rows: int) -> np.ndarray:
    """A mask of any allowed shape as (n, columns of the user)."""
    row = schema.row_shape
    for shape in _row_shapes(row):
        if mask.shape in (shape, (n_rows, *shape)):
            if shape == row[:2] and len(row) == 3:
                mask = np.repeat(mask[..., None], row[2], axis=-1)
            flat = mask.reshape(-1, schema.n_features)
            return np.broadcast_to(flat, (n_rows, schema.n_features))
    wanted = " or ".join(f"{shape} or {(n_rows, *shape)}" for shape in _row_shapes(row))
    raise InputError(
        f"impute: `mask` has shape {mask.shape}, which does not fit {n_rows} rows of shape {row}. Expected {wanted}: "
        "True where a cell is to be filled."
    )


def _row_shapes(row: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The shapes that a mask of one row can have: for images with channels also one mask for all of these."""
    return [row, row[:2]] if len(row) == 3 else [row]


def typical_features(schema: Schema) -> Tensor:
    """Something typical for each feature, (d,): the means of numbers, and equal shares of levels."""
    numbers = (schema.columns.mean - schema.columns.shift) * schema.columns.scale
    parts = [torch.from_numpy(numbers)]
    parts += [
        torch.full((block.width,), 1 / max(2, block.cardinality), dtype=torch.float64)
        for block in schema.blocks
        if block.start >= len(numbers)
    ]
    return torch.cat(parts).nan_to_num().float()


def put_in_place(schema: Schema, data: Any, decoded: Any, index: NDArray[np.integer], filled: Mask) -> Any:
    """A copy of the user's data with some cells replaced; all others keep their bits.

    Parameters
    ----------
    data : the user's rows
    decoded : rows of the model at ``index``, in the schema's container
    index : ndarray of int, shape (k,)
    filled : ndarray of bool, shape (n, columns)
        The cells to replace, in encoded order.
    """
    sources = schema.encoded_sources[: len(schema.columns) + len(schema.roles.categorical)]
    places = {source: np.flatnonzero(filled[:, column]) for column, source in enumerate(sources)}
    row_of = np.zeros(len(filled), dtype=np.int64)  # where a row of the data stands among the decoded ones
    row_of[index] = np.arange(len(index))
    if is_frame(data) and not isinstance(data, NamedColumns):
        return put_in_frame(schema, data, decoded, places, row_of)
    order = _order_of(schema, data)
    cells = _copied(data)
    flat = cells.reshape(len(cells), -1)
    for source, rows in places.items():
        if len(rows):
            values = np.asarray(decoded_values(schema, decoded, source))[row_of[rows]]
            flat[rows, source if order is None else int(order[source])] = in_type(values, flat.dtype)
    return replace(data, values=cells) if isinstance(data, NamedColumns) else cells


def in_type(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Decoded numbers in the type of the user's data: whole numbers are rounded."""
    return np.rint(values).astype(dtype) if dtype.kind in "iu" and values.dtype.kind == "f" else values.astype(dtype)


def _copied(data: Any) -> np.ndarray:
    """The numbers of an array, a sparse matrix, a tensor, a list or named columns, in memory of their own."""
    if isinstance(data, NamedColumns):
        values = data.values
        return np.array(values, dtype=np.float64 if values.dtype.kind == "O" else values.dtype)
    matrix = open_matrix(data)
    return np.array(matrix.read(slice(0, matrix.n_rows)), order="C").reshape(matrix.n_rows, *matrix.row_shape)
