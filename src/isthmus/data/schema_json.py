"""Reading a schema's JSON form: nothing is believed that was not checked."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.core.blocks import MISSING, Block
from isthmus.core.errors import InputError

from .columns import Columns
from .images import CHANNELS
from .kinds import AFFINE, KINDS
from .matrix import ColumnType, Label
from .role_json import ROLE_KEYS, parse_roles
from .roles import Roles
from .tables import CONTAINERS, NATIVE_TYPES, NUMPY_NAMES
from .typed_numbers import is_typed_in
from .words import NATIVE_WORDS

KEYS = frozenset({"container", "row_shape", "labels", "types", "blocks", "columns", "scaling", "stored_uint8"})
BLOCK_KEYS = frozenset({"kind", "start", "stop", "shape", "step", "variance"})
EXTRA_KEYS = frozenset({"within_range", "missing"})
BLOCK_EXTRAS = {"count": {"mean"}, "categorical": {"cardinality"}, MISSING: {"of"}}
MARKERS = ("", "none", "na", "nan")
DTYPES = frozenset({*NUMPY_NAMES.values(), "float16", "longdouble"})
MOST_FEATURES = 1 << 26


def label_to_json(label: Label) -> Any:
    """A label as JSON; a tuple becomes a list."""
    return [label_to_json(part) for part in label] if isinstance(label, tuple) else label


def parse_schema(description: Any) -> dict[str, Any]:
    """The arguments of :class:`Schema` from its JSON form; raises :class:`InputError` for anything else."""
    _require(
        isinstance(description, Mapping) and set(description) - ROLE_KEYS - EXTRA_KEYS == KEYS,
        f"expected exactly {sorted(KEYS)}",
    )
    container = description["container"]
    _require(container in ("array", "images", *CONTAINERS), f"unknown container {container!r:.40}")
    row_shape = _positive_integers(description["row_shape"], "row_shape")
    _require(len(row_shape) in ((2, 3) if container == "images" else (1,)), f"row_shape {row_shape} for {container}")
    _require(len(row_shape) < 3 or row_shape[2] in CHANNELS, f"row_shape {row_shape} for images")
    width = math.prod(row_shape)
    _require(width <= MOST_FEATURES, f"{width} features are more than {MOST_FEATURES}")
    labels = _labels(description["labels"], width) if container in CONTAINERS else None
    _require(container in CONTAINERS or description["labels"] is None, f"labels for {container}")
    roles = parse_roles(description, width)
    _require(not roles or len(row_shape) == 1, "roles of pixels")
    types = _types(description["types"], 1 if labels is None else width, roles, container)
    numbers = width - len(roles.categorical) - len(roles.carried) - len(roles.ignored)
    blocks = _blocks(description["blocks"], numbers, roles)
    rates = _missing_rates(description, blocks[-1])
    _require(
        len(row_shape) == 1 or (len(blocks) == 1 and blocks[0].shape == row_shape), "one block of the shape of images"
    )
    _require(len(row_shape) > 1 or all(block.shape == (block.width,) for block in blocks), "the shape of a block")
    affine = sum(block.kind in AFFINE for block in blocks)
    _require(labels is not None or affine <= 1, "one block for an array")
    scaling, stored = description["scaling"], description["stored_uint8"]
    _require(scaling in ("column", "common", "none"), f"unknown scaling {scaling!r:.40}")
    _require(isinstance(stored, bool), "stored_uint8 must be true or false")
    within_range = description.get("within_range", False)
    _require(isinstance(within_range, bool) and (labels is not None or not within_range), "within_range is for frames")
    _require(
        not stored or (labels is None and types[0].numpy == "uint8" and not roles.categorical),
        "stored_uint8 without uint8 data",
    )
    columns = Columns.from_json(description["columns"], _others(roles, width))
    _require(labels is not None or (columns.step is None and not columns.curves), "steps or curves of an array")
    _require(labels is not None or bool((np.diff(columns.source) > 0).all()), "an array's columns in another order")
    return {
        "container": container,
        "row_shape": row_shape,
        "labels": labels,
        "types": types,
        "blocks": blocks,
        "columns": columns,
        "scaling": scaling,
        "stored_uint8": stored,
        "roles": roles,
        "within_range": within_range,
        "missing": "model" if "missing" in description else "error",
        "missing_rates": rates,
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


def _others(roles: Roles, width: int) -> NDArray[np.int64]:
    """The positions of the columns that are numbers and modelled."""
    taken = [*roles.carried, *roles.ignored_sources, *(column.source for column in roles.categorical)]
    return np.delete(np.arange(width, dtype=np.int64), taken) if taken else np.arange(width, dtype=np.int64)


def _types(entry: Any, count: int, roles: Roles, container: str) -> tuple[ColumnType, ...]:
    _require(isinstance(entry, list) and len(entry) == count, f"{count} types are needed")
    labels, dropped = container in CONTAINERS, set(roles.dropped)
    empty = set(roles.ignored_sources) - dropped
    for position, pair in enumerate(entry):
        _require(
            isinstance(pair, list) and len(pair) in (2, 3) and all(isinstance(part, str) for part in pair),
            "a type is a pair of names",
        )
        _require(len(pair) == 2 or pair[2] in MARKERS[1:], f"unknown way to write a missing cell {pair[-1]!r:.40}")
        if position in dropped and pair[0] == "object" and labels:
            continue  # nothing of such a column is ever built
        if pair[0] == "object" and position in empty and container in ("pandas", "polars", "arrow"):
            _require(NATIVE_WORDS.fullmatch(pair[1]) is not None, f"unknown type {pair[1]!r:.40}")
            continue
        if pair[0] == "object" and position in roles.levels and container in ("pandas", "polars", "arrow"):
            _require(NATIVE_WORDS.fullmatch(pair[1]) is not None, f"unknown type {pair[1]!r:.40}")
            _require(
                _are_text(roles, position) or pair[1].startswith(("category", "dictionary")),
                "numbers in a column of text",
            )
            continue
        _require(pair[0] in DTYPES, f"unknown type {pair[0]!r:.40}")
        if is_typed_in(container, pair[1]):
            _require(pair[0] == "float64", f"{pair[0]!r} for a column of {pair[1]!r}")
            continue
        _require(NATIVE_TYPES.fullmatch(pair[1]) is not None, f"unknown type {pair[1]!r:.40}")
        _require(container in ("array", "images") or not _are_text(roles, position), "text in a column of numbers")
        np.dtype(pair[0])
    return tuple(ColumnType(*parts) for parts in entry)


def _missing_rates(description: Mapping[str, Any], last: Block) -> tuple[float, ...]:
    """The share of missing cells of each column with an indicator."""
    if "missing" not in description:
        _require(last.kind != MISSING, "indicators without missing cells")
        return ()
    entry = description["missing"]
    _require(
        isinstance(entry, Mapping) and set(entry) == {"rates"} and isinstance(entry["rates"], list), "missing has rates"
    )
    _require(len(entry["rates"]) == len(last.of), "one rate for each indicator is needed")
    for rate in entry["rates"]:
        _require(type(rate) is float and 0 < rate < 1, "a rate of missing cells must lie between 0 and 1")
    return tuple(entry["rates"])


def _are_text(roles: Roles, position: int) -> bool:
    levels = roles.levels.get(position)
    return levels is not None and levels.are_text


def _blocks(entry: Any, numbers: int, roles: Roles) -> tuple[Block, ...]:
    _require(isinstance(entry, list) and len(entry) > 0, "blocks are needed")
    for one in entry:
        _require(isinstance(one, Mapping) and set(one) >= BLOCK_KEYS, f"a block has exactly {sorted(BLOCK_KEYS)}")
        _require(one["kind"] in (*KINDS, MISSING), f"unknown kind {one['kind']!r:.40}")
        extras = set(one) - BLOCK_KEYS
        _require(extras <= BLOCK_EXTRAS.get(one["kind"], set()), f"a block has exactly {sorted(BLOCK_KEYS)}")
        _require(type(one["start"]) is int and type(one["stop"]) is int, "the range of a block")
        of = one.get("of", [])
        _require(isinstance(of, list) and all(type(column) is int for column in of), "indicators of columns")
        for name in ("step", "variance", *sorted(extras - {"of"})):
            number = one[name]
            _require(type(number) in (int, float) and 0 <= number < math.inf, f"{name} of a block must be positive")
        _positive_integers(one["shape"], "the shape of a block")
    blocks = tuple(Block.from_json(dict(one)) for one in entry)
    edges = [0, *(block.stop for block in blocks)]
    indicators = [block for block in blocks if block.kind == MISSING]
    _require(
        all(block.start == edge < block.stop for block, edge in zip(blocks, edges, strict=False))
        and edges[-1] == numbers + roles.one_hot_width + sum(block.width for block in indicators),
        "blocks must cover the columns one after the other",
    )
    for block in indicators:
        columns = range(numbers + len(roles.categorical))
        _require(
            len(block.of) == block.width and set(block.of) <= set(columns) and list(block.of) == sorted(set(block.of)),
            "indicators of columns",
        )
    affine = [block for block in blocks if block.kind in AFFINE]
    _require(sum(block.width for block in affine) == numbers, "blocks must cover the columns one after the other")
    order = [((*KINDS, MISSING).index(block.kind), block.cardinality) for block in blocks]
    _require(all(first < second for first, second in pairwise(order)), "blocks in another order")
    _require(all(math.prod(block.shape) == block.width for block in blocks), "the shape of a block")
    sizes = Counter(len(column.levels) for column in roles.categorical)
    one_hot = [(block.cardinality, block.width) for block in blocks[len(affine) :] if block.kind != MISSING]
    _require(
        one_hot == [(size, size * count) for size, count in sorted(sizes.items())],
        "categorical blocks must have the levels of their columns",
    )
    return blocks
