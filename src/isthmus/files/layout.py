"""Where each tensor lies in a safetensors file, and the one header that describes it.

The layout is that of the safetensors format: eight bytes with the header's length (little-endian), the header as
JSON, then the tensors' bytes without gaps. Of the many headers that describe the same tensors, one is canonical.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from .canonical import check_limits, parse_json

LENGTH_BYTES = 8
ALIGNMENT = 8
MAX_RANK = 16
MAX_TENSORS = 20_000
METADATA = "__metadata__"
SEAL = "isthmus"

DTYPES: dict[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_CODES = {dtype: code for code, dtype in DTYPES.items()}


@dataclass(frozen=True)
class TensorEntry:
    """The type, the shape and the half-open range of bytes of one tensor, counted from the end of the header."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int
    end: int

    def to_json(self) -> dict[str, Any]:
        """The entry as it stands in the header."""
        return {
            "dtype": _CODES[self.dtype],
            "shape": list(self.shape),
            "data_offsets": [self.begin, self.end],
        }


def plan_table(tensors: Mapping[str, torch.Tensor]) -> dict[str, TensorEntry]:
    """The canonical place of each tensor: wide types first (so that all are aligned), then by name.

    Raises
    ------
    ValueError
        A tensor has an unusable name, type or layout; the message names it.
    """
    for name, tensor in tensors.items():
        _check_storable(name, tensor)
    table = {}
    begin = 0
    for name in sorted(tensors, key=lambda name: _rank(name, tensors[name].dtype)):
        tensor = tensors[name]
        end = begin + tensor.numel() * tensor.dtype.itemsize
        table[name] = TensorEntry(tensor.dtype, tuple(tensor.shape), begin, end)
        begin = end
    return table


def header_bytes(seal: bytes, table: Mapping[str, TensorEntry]) -> bytes:
    """The canonical header: the seal, the tensors in the order of their bytes, spaces up to the alignment."""
    parts = {METADATA: {SEAL: seal.decode("ascii")}} | {name: entry.to_json() for name, entry in table.items()}
    text = json.dumps(parts, separators=(",", ":"), allow_nan=False, ensure_ascii=True).encode("ascii")
    text += b" " * (-(LENGTH_BYTES + len(text)) % ALIGNMENT)
    return text


def check_header_limits(text: bytes) -> None:
    """Raise ValueError for a header that is larger or more deeply nested than any that Isthmus writes."""
    # The header itself, its metadata, and three containers for each tensor.
    check_limits(text, "header", max_depth=3, max_containers=2 + 3 * MAX_TENSORS)


def split_header(text: bytes) -> tuple[bytes, dict[str, Any]]:
    """The seal of a header and its descriptions of tensors, which :func:`parse_table` is yet to check.

    Raises
    ------
    ValueError
        The header is not valid JSON or carries no seal.
    """
    check_header_limits(text)
    header = parse_json(text, "header")
    if not isinstance(header, dict) or not isinstance(header.get(METADATA), dict):
        raise ValueError("its header has no metadata, so Isthmus did not write it")
    metadata = header.pop(METADATA)
    if set(metadata) != {SEAL} or not isinstance(metadata[SEAL], str) or not metadata[SEAL].isascii():
        raise ValueError(f"its metadata is not exactly the one key {SEAL!r}, so Isthmus did not write it")
    return metadata[SEAL].encode("ascii"), header


def parse_table(descriptions: Mapping[str, Any], data_bytes: int) -> dict[str, TensorEntry]:
    """The table of the tensors that fill ``data_bytes`` bytes after the header.

    Raises
    ------
    ValueError
        The tensors overlap, leave gaps, have impossible shapes, do not fill the file exactly, or are not in the
        canonical order.
    """
    table: dict[str, TensorEntry] = {}
    begin = 0
    for name, description in descriptions.items():
        table[name] = entry = _parse_entry(name, description)
        if entry.begin != begin:
            raise ValueError(
                f"tensor {name!r} begins at byte {entry.begin} where {begin} was expected (overlap or gap)"
            )
        begin = entry.end
    if begin != data_bytes:
        problem = "is truncated" if data_bytes < begin else "has trailing bytes"
        raise ValueError(f"it {problem}: {begin:,} bytes of tensors were expected, {data_bytes:,} are there")
    if list(table) != sorted(table, key=lambda name: _rank(name, table[name].dtype)):
        raise ValueError("its tensors are not in canonical order")
    return table


def _parse_entry(name: str, description: Any) -> TensorEntry:
    if not isinstance(description, dict) or set(description) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"the header's entry of tensor {name!r} is not exactly dtype, shape and data_offsets")
    code, shape, offsets = description["dtype"], description["shape"], description["data_offsets"]
    if not isinstance(code, str) or code not in DTYPES:
        raise ValueError(f"tensor {name!r} has dtype {code!r}, which is not among {', '.join(DTYPES)}")
    if not _are_sizes(shape) or len(shape) > MAX_RANK:
        raise ValueError(f"tensor {name!r} has the impossible shape {str(shape)[:80]}")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise ValueError(f"tensor {name!r} has the impossible offsets {str(offsets)[:80]}")
    itemsize = DTYPES[code].itemsize
    # Empty tensors still have strides, which must fit into 64 bits.
    if itemsize * math.prod(max(size, 1) for size in shape) > 2**62:
        raise ValueError(f"tensor {name!r} has the impossible shape {str(shape)[:80]}")
    begin, end = offsets
    if end - begin != itemsize * math.prod(shape):
        raise ValueError(f"tensor {name!r} of shape {tuple(shape)} and dtype {code} cannot take {end - begin} bytes")
    return TensorEntry(DTYPES[code], tuple(shape), begin, end)


def _rank(name: str, dtype: torch.dtype) -> tuple[int, str]:
    return -dtype.itemsize, name


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _check_storable(name: str, tensor: torch.Tensor) -> None:
    if not isinstance(name, str) or not name or name == METADATA:
        raise ValueError(f"{name!r} cannot be the name of a tensor")
    if not isinstance(tensor, torch.Tensor):
        raise ValueError(f"{name!r} is of type {type(tensor).__name__}, not a tensor")
    if tensor.dtype not in _CODES:
        raise ValueError(f"tensor {name!r} has dtype {tensor.dtype}, which is not among {', '.join(DTYPES)}")
    if tensor.layout != torch.strided or tensor.is_meta or tensor.dim() > MAX_RANK:
        raise ValueError(f"tensor {name!r} is not an ordinary dense tensor with values and at most {MAX_RANK} axes")
