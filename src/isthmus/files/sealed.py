"""The sealed container: tensors and a manifest in one safetensors file, under one digest.

Any safetensors reader can open it; :func:`read_sealed` accepts it only if every bit is as :func:`write_sealed` wrote
it. The header's one metadata key holds a canonical JSON object with ``format`` (of the container), ``needs`` (the
oldest Isthmus that reads it), ``kind``, ``manifest`` and ``sha256``: the SHA-256, in lower-case hexadecimal digits, of
the whole file in which the digest itself reads as 64 zeros. So it covers the manifest, the table of tensors (names,
types, shapes, offsets) and all their bytes. It proves that a file is undamaged, not who wrote it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import torch

from isthmus.core.errors import ModelFileError

from .atomic import write_atomically
from .canonical import MAX_BYTES, canonical_json, parse_canonical, spell
from .foreign import looks_like
from .layout import LENGTH_BYTES, TensorEntry, check_header_limits, header_bytes, parse_table, plan_table, split_header
from .os_errors import READ_FIXES, PathLike, explained

CONTAINER_FORMAT = 1
NEEDS = "0.1.0"

_FIELDS = {"format", "needs", "kind", "manifest", "sha256"}
_BLANK = "0" * 64
_PIECE = 2**20
_FIX = "It is damaged, or Isthmus did not save it; restore a copy or save again."


def write_sealed(
    path: PathLike,
    kind: str,
    manifest: Mapping[str, Any],
    tensors: Mapping[str, torch.Tensor],
    *,
    allow_nonfinite: bool = False,
) -> None:
    """Write a manifest and tensors to one file, whole or not at all. The same content gives the same bytes.

    Parameters
    ----------
    path : str or path-like
        The file; see :func:`~isthmus.files.atomic.write_atomically`.
    kind : str
        What the file is ("model", "checkpoint"). Reading asks for the same kind.
    manifest : dict
        Plain JSON values, with str keys and without NaN or infinity.
    tensors : dict of str to Tensor
        Dense tensors of real, integer or bool type, of any shape, on any device. Tensors that share memory are
        written separately.
    allow_nonfinite : bool
        Accept NaN and infinity in the tensors.

    Raises
    ------
    ModelFileError
        The content cannot be stored; the message names the entry.
    OSError
        The file cannot be written; the previous file is intact.
    """
    shown = os.fspath(path)
    _check_byte_order("save", shown)
    try:
        table = plan_table(tensors)
        if not allow_nonfinite:
            for name, tensor in tensors.items():
                _check_finite(name, tensor)
        fields = {"format": CONTAINER_FORMAT, "needs": NEEDS, "kind": kind, "manifest": dict(manifest)}
        canonical_json(fields, "seal")
        blank = header_bytes(spell({**fields, "sha256": _BLANK}), table)
        check_header_limits(blank)
        digest = _begin_digest(blank)
        for name in table:
            digest.update(_bytes_of(tensors[name]))
        header = header_bytes(spell({**fields, "sha256": digest.hexdigest()}), table)
    except ValueError as error:
        raise ModelFileError(f"Cannot save {shown!r}: {error}.") from None

    def chunks() -> Iterator[bytes | memoryview]:
        yield len(header).to_bytes(LENGTH_BYTES, "little")
        yield header
        written = _begin_digest(blank)
        for name in table:
            content = _bytes_of(tensors[name])
            written.update(content)
            yield content
        if written.digest() != digest.digest():
            raise ModelFileError(
                f"Cannot save {shown!r}: the tensors changed while they were written; stop training in other threads "
                "first. The previous file is unchanged."
            )

    write_atomically(path, chunks())


def read_sealed(
    path: PathLike, kind: str, *, allow_nonfinite: bool = False
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Read and verify a file that :func:`write_sealed` wrote.

    The tensors are read once, straight into their own memory, and are hashed there.

    Parameters
    ----------
    path : str or path-like
        The file.
    kind : str
        The kind that the file must be of.
    allow_nonfinite : bool
        Accept NaN and infinity in the tensors.

    Returns
    -------
    manifest : dict
    tensors : dict of str to Tensor
        On the CPU.

    Raises
    ------
    ModelFileError
        Any bit differs from what was saved, the file is of another kind or program, is too new, or (without
        ``allow_nonfinite``) holds NaN or infinity.
    OSError
        There is no such file, or it cannot be read.
    """
    tensors: dict[str, torch.Tensor] = {}

    def keep(name: str, entry: TensorEntry, read_into: Callable[[memoryview], None]) -> None:
        tensors[name] = torch.empty(entry.shape, dtype=entry.dtype, device="cpu")
        read_into(_bytes_of(tensors[name]))

    front = _verified(path, kind, keep)
    for name, tensor in tensors.items():
        try:
            _check_bools(name, tensor)
            if not allow_nonfinite:
                _check_finite(name, tensor)
        except ValueError as error:
            raise ModelFileError(f"Cannot load {os.fspath(path)!r}: {error}.") from None
    return front.manifest, tensors


def read_manifest(path: PathLike, kind: str) -> tuple[dict[str, Any], dict[str, TensorEntry]]:
    """The manifest and the table of tensors of a verified file, without holding the tensors in memory.

    The whole file is read and its digest checked. Raises what :func:`read_sealed` raises, except that the values of
    the tensors (NaN, infinity) are not looked at.
    """
    buffer = memoryview(bytearray(_PIECE))

    def skim(name: str, entry: TensorEntry, read_into: Callable[[memoryview], None]) -> None:
        for begin in range(entry.begin, entry.end, _PIECE):
            read_into(buffer[: min(_PIECE, entry.end - begin)])

    front = _verified(path, kind, skim)
    return front.manifest, front.table


@dataclass(frozen=True)
class _Front:
    """What stands before the tensors' bytes."""

    fields: dict[str, Any]
    table: dict[str, TensorEntry]
    blank: bytes

    @property
    def manifest(self) -> dict[str, Any]:
        return self.fields["manifest"]


Consumer = Callable[[str, TensorEntry, Callable[[memoryview], None]], None]


def _verified(path: PathLike, kind: str, consume: Consumer) -> _Front:
    """Read the file's front, let ``consume`` read each tensor's bytes, and compare the digest."""
    shown = os.fspath(path)
    _check_byte_order("load", shown)
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise ModelFileError(f"Cannot load {shown!r}: it is a folder; give the path of a file.")
        if not stat.S_ISREG(mode):  # opening a pipe would wait for ever
            raise ModelFileError(f"Cannot load {shown!r}: it is a device or a pipe; give the path of an ordinary file.")
        with FileIO(path, "rb") as file:
            front = _read_front(file, shown, kind)
            digest = _begin_digest(front.blank)

            def read_into(view: memoryview) -> None:
                _fill(file, view)
                digest.update(view)

            for name, entry in front.table.items():
                consume(name, entry, read_into)
        if not hmac.compare_digest(front.fields["sha256"], digest.hexdigest()):
            raise ValueError("its SHA-256 does not match its content")
    except ModelFileError:
        raise
    except ValueError as error:
        raise ModelFileError(f"Cannot load {shown!r}: {error}. {_FIX}") from None
    except OSError as error:
        raise explained(error, "load", shown, READ_FIXES) from error
    return front


def _read_front(file: FileIO, shown: str, kind: str) -> _Front:
    size = os.fstat(file.fileno()).st_size
    head = bytearray(min(size, 64))
    _fill(file, memoryview(head))
    length = int.from_bytes(head[:LENGTH_BYTES], "little")
    if length > MAX_BYTES or head[LENGTH_BYTES : LENGTH_BYTES + 1] != b"{":
        if (words := looks_like(bytes(head))) is not None:
            raise ModelFileError(
                f"Cannot load {shown!r}: it looks like {words}. Isthmus loads only the .safetensors files that it "
                "saved itself, and never runs code from a file."
            )
        if size < LENGTH_BYTES + 1:
            raise ValueError(f"it has only {size} bytes")
        if length > MAX_BYTES:
            raise ValueError(f"its header claims {length:,} bytes, more than the {MAX_BYTES:,} allowed")
        raise ValueError("its header is not a JSON object")
    if LENGTH_BYTES + length > size:
        raise ValueError(f"it is truncated: its header claims {length:,} bytes, the file has {size:,}")
    file.seek(LENGTH_BYTES)
    header = bytearray(length)
    _fill(file, memoryview(header))
    seal, descriptions = split_header(bytes(header))
    fields = _parse_seal(seal, shown, kind)
    table = parse_table(descriptions, size - LENGTH_BYTES - length)
    if header_bytes(seal, table) != header:
        raise ValueError("its header is not spelt canonically")
    blank_seal = seal.removesuffix(f'{fields["sha256"]}"}}'.encode()) + f'{_BLANK}"}}'.encode()
    return _Front(fields, table, header_bytes(blank_seal, table))


def _parse_seal(seal: bytes, shown: str, kind: str) -> dict[str, Any]:
    fields = parse_canonical(seal, "manifest")
    version = fields.get("format") if isinstance(fields, dict) else None
    if type(version) is not int or version < 1:
        raise ValueError("its manifest names no format version")
    if version > CONTAINER_FORMAT:
        needs = str(fields.get("needs"))[:40]
        raise ModelFileError(
            f"Cannot load {shown!r}: it was written by a newer Isthmus (container format {version}, this one reads "
            f"up to {CONTAINER_FORMAT}); upgrade to isthmus >= {needs}."
        )
    if set(fields) != _FIELDS or not isinstance(fields["manifest"], dict):
        raise ValueError(f"its seal must hold exactly {', '.join(sorted(_FIELDS))}")
    if not isinstance(fields["kind"], str):
        raise ValueError("its kind is not a string")
    if not isinstance(fields["sha256"], str) or not re.fullmatch("[0-9a-f]{64}", fields["sha256"]):
        raise ValueError("its SHA-256 is not written as 64 lower-case hexadecimal digits")
    if fields["kind"] != kind:
        raise ModelFileError(f"Cannot load {shown!r}: it is a {fields['kind']!r} file, expected a {kind!r} file.")
    return fields


def _begin_digest(blank_header: bytes) -> Any:
    return hashlib.sha256(len(blank_header).to_bytes(LENGTH_BYTES, "little") + blank_header)


def _fill(file: FileIO, view: memoryview) -> None:
    done = 0
    while done < len(view):
        count = file.readinto(view[done:])
        if not count:
            raise ValueError("it became shorter while it was read")
        done += count


def _bytes_of(tensor: torch.Tensor) -> memoryview:
    """The tensor's bytes; of a contiguous tensor on the CPU its own memory, otherwise a copy's."""
    flat = tensor.detach().resolve_neg().to("cpu").contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data if flat.numel() else memoryview(b"")


def _check_byte_order(action: str, shown: str) -> None:
    if sys.byteorder != "little":
        raise ModelFileError(f"Cannot {action} {shown!r}: its numbers are little-endian, this processor's big-endian.")


def _check_finite(name: str, tensor: torch.Tensor) -> None:
    if not tensor.is_floating_point():
        return
    bad = sum(int((~torch.isfinite(piece)).sum()) for piece in tensor.detach().reshape(-1).split(_PIECE // 4))
    if bad:
        raise ValueError(f"tensor {name!r} holds {bad} NaN or infinite of {tensor.numel()} values")


def _check_bools(name: str, tensor: torch.Tensor) -> None:
    if tensor.dtype == torch.bool and tensor.numel() and int(tensor.reshape(-1).view(torch.uint8).max()) > 1:
        raise ValueError(f"tensor {name!r} is bool but holds bytes other than 0 and 1")
