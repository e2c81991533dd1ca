"""Reading a schema's JSON form: nothing is believed that was not checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from isthmus.core.blocks import Block
from isthmus.core.errors import InputError

from .columns import Columns
from .images import CHANNELS
from .kinds import KINDS
from .matrix import ColumnType, Label
from .tables import CONTAINERS, NATIVE_TYPES, NUMPY_NAMES

KEYS = frozenset({"container", "row_shape", "labels", "types", "blocks", "columns", "scaling", "stored_uint8"})
BLOCK_KEYS = frozenset({"kind", "start", "stop", "shape", "step", "variance"})
DTYPES = frozenset({*NUMPY_NAMES.values(), "float16", "longdouble"})
MOST_FEATURES = 1 << 26


def label_to_json(label: Label) -> Any:
    """A label as JSON; a tuple becomes a list."""
    return [label_to_json(part) for part in label] if isinstance(label, tuple) else label


def parse_schema(description: Any) -> dict[str, Any]:
    """The arguments of :class:`Schema` from its JSON form; raises :class:`InputError` for anything else."""
    _require(isinstance(description, Mapping) and set(description) == KEYS, f"expected exactly {sorted(KEYS)}")
    container = description["container"]
    _require(container in ("array", "images", *CONTAINERS), f"unknown container {container!r:.40}")
    row_shape = _positive_integers(description["row_shape"], "row_shape")
    _require(len(row_shape) in ((2, 3) if container == "images" else (1,)), f"row_shape {row_shape} for {container}")
    _require(len(row_shape) < 3 or row_shape[2] in CHANNELS, f"row_shape {row_shape} for images")
    width = math.prod(row_shape)
    _require(width <= MOST_FEATURES, f"{width} features are more than {MOST_FEATURES}")
    labels = _labels(description["labels"], width) if container in CONTAINERS else None
    _require(container in CONTAINERS or description["labels"] is None, f"labels for {container}")
    types = _types(description["types"], 1 if labels is None else width)
    blocks = _blocks(description["blocks"], width)
    _require(labels is None or all(block.shape == (block.width,) for block in blocks), "the shape of a block")
    _require(labels is not None or (len(blocks) == 1 and blocks[0].shape == row_shape), "one block for an array")
    scaling, stored = description["scaling"], description["stored_uint8"]
    _require(scaling in ("column", "common", "none"), f"unknown scaling {scaling!r:.40}")
    _require(isinstance(stored, bool), "stored_uint8 must be true or false")
    _require(not stored or (labels is None and types[0].numpy == "uint8"), "stored_uint8 without uint8 data")
    columns = Columns.from_json(description["columns"], width)
    _require(labels is not None or columns.in_order, "an array's columns in another order")
    return {
        "container": container,
        "row_shape": row_shape,
        "labels": labels,
        "types": types,
        "blocks": blocks,
        "columns": columns,
        "scaling": scaling,
        "stored_uint8": stored,
    }


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise InputError(f"Not a schema: {what}. Learn it again from the data.")


def _positive_integers(entry: Any, name: str) -> tuple[int, ...]:
    _require(
        isinstance(entry, list) and 0 < len(entry) <= 3 and all(type(part) is int and part > 0 for part in entry),
        f"{name} must hold positive integers",
    )
    return tuple(entry)


def _labels(entry: Any, width: int) -> tuple[Label, ...]:
    _require(isinstance(entry, list) and len(entry) == width, f"{width} labels are needed")
    labels = tuple(_label(part) for part in entry)
    _require(len(set(labels)) == width, "labels occur twice")
    return labels


def _label(entry: Any) -> Label:
    if isinstance(entry, list) and 0 < len(entry) <= 16 and not any(isinstance(part, list) for part in entry):
        return tuple(_label(part) for part in entry)
    _require(isinstance(entry, str | int | float), f"a label of type {type(entry).__name__}")
    _require(not isinstance(entry, float) or math.isfinite(entry), "a label that is not finite")
    return entry


def _types(entry: Any, count: int) -> tuple[ColumnType, ...]:
    _require(isinstance(entry, list) and len(entry) == count, f"{count} types are needed")
    for pair in entry:
        _require(
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair),
            "a type is a pair of names",
        )
        _require(pair[0] in DTYPES, f"unknown type {pair[0]!r:.40}")
        _require(NATIVE_TYPES.fullmatch(pair[1]) is not None, f"unknown type {pair[1]!r:.40}")
        np.dtype(pair[0])
    return tuple(ColumnType(*pair) for pair in entry)


def _blocks(entry: Any, width: int) -> tuple[Block, ...]:
    _require(isinstance(entry, list) and 0 < len(entry) <= len(KINDS), "one to three blocks are needed")
    for one in entry:
        _require(isinstance(one, Mapping) and set(one) == BLOCK_KEYS, f"a block has exactly {sorted(BLOCK_KEYS)}")
        _require(one["kind"] in tuple(KINDS), f"unknown kind {one['kind']!r:.40}")
        _require(type(one["start"]) is int and type(one["stop"]) is int, "the range of a block")
        for name in ("step", "variance"):
            number = one[name]
            _require(type(number) in (int, float) and 0 <= number < math.inf, f"{name} of a block must be positive")
        _positive_integers(one["shape"], "the shape of a block")
    blocks = tuple(Block.from_json(dict(one)) for one in entry)
    edges = [0, *(block.stop for block in blocks)]
    _require(
        all(block.start == edge < block.stop for block, edge in zip(blocks, edges, strict=False))
        and edges[-1] == width,
        "blocks must cover the columns one after the other",
    )
    order = [tuple(KINDS).index(block.kind) for block in blocks]
    _require(all(first < second for first, second in pairwise(order)), "blocks in another order")
    _require(all(math.prod(block.shape) == block.width for block in blocks), "the shape of a block")
    return blocks
