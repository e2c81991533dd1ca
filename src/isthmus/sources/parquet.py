"""Parquet files, read one row group after the other under a limit, and written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from isthmus.core.errors import InputError
from isthmus.files.atomic import write_atomically

from .arrow import arrow_table, pyarrow
from .limits import check_file, human

MAX_FILE_BYTES = 1 << 44
MAX_BYTES = 8 << 30
MAX_COLUMNS = 100_000
MAX_FOOTER_BYTES = 256 << 20
MAGIC = b"PAR1"
INDEX = "__index_level_"
"""How pandas calls the columns in which it keeps an index."""


def read_parquet(path: str | Path, *, max_bytes: int = MAX_BYTES, max_columns: int = MAX_COLUMNS) -> Any:
    """The table in a Parquet file.

    Needs pyarrow (the extra ``tables``). Row groups are read one after the other, so that a file which grows beyond the
    limit is noticed before it fills the memory. An index that pandas has written is left out.

    Parameters
    ----------
    path : str or Path
    max_bytes : int
        The limit for the table in memory.
    max_columns : int
        The limit for its width.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    InputError
        If the file is damaged or no Parquet file, holds no rows or columns of lists, structures or bytes, or is above
        a limit; the message names the file.
    MissingDependencyError
        Without pyarrow.
    """
    pa = pyarrow("Parquet files")
    groups = list(_groups(Path(path), max_bytes, max_columns, together=True))
    if not groups or not sum(group.num_rows for group in groups):
        raise InputError(f"{path} holds no rows. Expected at least one.")
    return _guarded(Path(path), lambda: pa.concat_tables(groups).replace_schema_metadata(None))


def parquet_pieces(
    path: str | Path, rows: int, *, max_bytes: int = MAX_BYTES, max_columns: int = MAX_COLUMNS
) -> Iterator[Any]:
    """The rows of a Parquet file as tables of at most ``rows``, with no more than one row group in memory.

    Raises what :func:`read_parquet` does; ``max_bytes`` is the limit for a row group.
    """
    found = False
    for group in _groups(Path(path), max_bytes, max_columns, together=False):
        for start in range(0, group.num_rows, rows):
            found = True
            yield group.slice(start, rows).replace_schema_metadata(None)
    if not found:
        raise InputError(f"{path} holds no rows. Expected at least one.")


def _groups(path: Path, max_bytes: int, max_columns: int, together: bool) -> Iterator[Any]:
    """The row groups, one after the other; the limit is for each, or for all ``together``."""
    pa = pyarrow("Parquet files")
    path = check_file(path, MAX_FILE_BYTES, "the limit")
    _check_ends(path)
    from pyarrow import parquet

    options = {"page_checksum_verification": True, "memory_map": False}
    with _guarded(path, lambda: parquet.ParquetFile(str(path), **options)) as file:
        schema, metadata = _guarded(path, lambda: file.schema_arrow), file.metadata
        sizes = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
        _check_schema(schema, metadata.num_rows if together else max(sizes, default=0), path, max_bytes, max_columns)
        names = [name for name in schema.names if not name.startswith(INDEX)]
        texts = [name for name in names if _is_text(pa, schema.field(name).type)]
    # As positions in a vocabulary first: a word of a megabyte in each of a million rows is a small file.
    with _guarded(path, lambda: parquet.ParquetFile(str(path), read_dictionary=texts, **options)) as file:
        size = 0
        for number in range(file.metadata.num_row_groups):
            group = _guarded(path, lambda number=number: file.read_row_group(number, columns=names))  # type: ignore[misc]
            size = size * together + _guarded(path, lambda group=group: _size(pa, group, texts))  # type: ignore[misc]
            if size > max_bytes:
                raise InputError(
                    f"{path} needs more than {human(max_bytes)} in memory. Split it, leave columns out, or raise "
                    "max_bytes."
                )
            yield _guarded(path, lambda group=group: _restored(pa, group, schema, names))  # type: ignore[misc]


def _guarded(path: Path, action: Callable[[], Any]) -> Any:
    """What ``action`` gives; what pyarrow raises of a damaged file is an InputError."""
    import pyarrow as pa

    try:
        return action()
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise InputError(f"{path} is damaged: {lines[0][:300]} Write it again.") from error


def write_parquet(path: str | Path, data: Any) -> None:
    """Write rows of any kind to a Parquet file, whole or not at all.

    Columns of arrays are called "x0", "x1", …. Types, categories and zones are kept; NaN in an array is a missing cell.

    Raises
    ------
    InputError
        For arrays that are no rows, and columns that Parquet cannot hold.
    MissingDependencyError
        Without pyarrow.
    """
    pa = pyarrow("Parquet files")
    from pyarrow import parquet

    table = arrow_table(data)
    sink = pa.BufferOutputStream()
    try:
        parquet.write_table(table, sink, compression="zstd", write_page_checksum=True)
    except pa.ArrowException as error:
        raise InputError(f"The table does not fit into a Parquet file: {str(error)[:300]}") from error
    write_atomically(path, [memoryview(sink.getvalue())])


def _check_ends(path: Path) -> None:
    """The marks at both ends, and a footer that the file has room for."""
    with path.open("rb") as file:
        begin = file.read(4)
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        end = file.read(8)
    if begin != MAGIC:
        raise InputError(f"{path} is not a Parquet file: it begins with {begin!r}. Write it with to_parquet.")
    if size < 12 or end[4:] != MAGIC:
        raise InputError(f"{path} is truncated: the end of a Parquet file is missing. Write it again.")
    footer = int.from_bytes(end[:4], "little")
    if footer > min(size - 12, MAX_FOOTER_BYTES):
        raise InputError(f"{path} is damaged: it says that {human(footer)} describe it. Write it again.")


def _check_schema(schema: Any, rows: int, path: Path, max_bytes: int, max_columns: int) -> None:
    """What can be refused before anything is decompressed."""
    import pyarrow as pa

    if len(schema) > max_columns:
        raise InputError(
            f"{path}: {len(schema)} columns are more than the limit of {max_columns}. Select columns, or raise "
            "max_columns."
        )
    twice = (
        sorted({name for name in schema.names if schema.names.count(name) > 1})
        if len(set(schema.names)) < len(schema)
        else []
    )
    if twice:
        raise InputError(f"{path}: duplicate column names {twice[:10]}. Give every column its own name.")
    nested = [field.name for field in schema if pa.types.is_nested(field.type) or pa.types.is_binary(field.type)]
    if nested:
        raise InputError(
            f"{path}: columns of lists, structures or bytes cannot be read: {nested[:10]}. Leave them out."
        )
    bits = sum(_bit_width(field.type) for field in schema)
    needed = rows * bits // 8
    if needed > max_bytes:
        raise InputError(
            f"{path} needs {human(needed)} in memory, which is above the limit of {human(max_bytes)}. Split it, leave "
            "columns out, or raise max_bytes."
        )


def _bit_width(kind: Any) -> int:
    """What a cell takes at least."""
    try:
        return int(kind.bit_width)
    except ValueError:  # text: the position where it begins
        return 32


def _is_text(pa: Any, kind: Any) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _size(pa: Any, group: Any, texts: list[str]) -> int:
    """The bytes of a row group once its vocabularies are text again."""
    import pyarrow.compute as pc

    size = int(group.nbytes)
    for name in texts:
        for chunk in group.column(name).chunks:
            if pa.types.is_dictionary(chunk.type) and len(chunk):
                size += pc.sum(pc.binary_length(chunk.dictionary).cast(pa.int64()).take(chunk.indices)).as_py() or 0
    return size


def _restored(pa: Any, group: Any, schema: Any, names: list[str]) -> Any:
    group.validate(full=True)
    return group.select(names).cast(pa.schema([schema.field(name) for name in names]))
