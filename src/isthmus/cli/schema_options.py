"""``--schema``: what columns are, as people say it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from isthmus.core.blocks import KINDS
from isthmus.core.errors import ParameterError
from isthmus.core.suggestion import did_you_mean

from .settings import small_file

ROLES = ("condition", "exposure", "ignore")
FOR_COLUMNS = ("auto", *KINDS, *ROLES)
FOR_ALL = ("auto", "images", *KINDS)
REST = "*"
FILE = ".json"
MAX_FILE_BYTES = 64 << 20


schema_option = click.option(
    "--schema",
    "kinds",
    multiple=True,
    metavar="[COLUMN=]KIND|FILE",
    help="What the data are: auto, images, binary, unit-interval, continuous, count or categorical. Of one column, by "
    "its name (or position, from 0), also condition, exposure or ignore; '*=KIND' for those that are not named. Or a "
    ".json file of 'isthmus schema'. Repeatable.",
)


def schema_setting(texts: Sequence[str]) -> str | dict[str, str] | None:
    """The setting ``schema`` that options ``KIND``, ``COLUMN=KIND`` and ``FILE.json`` make; None without any.

    A column's name may contain "=": what follows the last one is the kind. Options for columns override the file.

    >>> schema_setting(["count"]), schema_setting(["label=condition", "*=count"])
    ('count', {'label': 'condition', '*': 'count'})

    Raises
    ------
    ParameterError
        For an unknown kind, a column that is named twice, a kind for all beside kinds for columns, and a file that is
        not what ``isthmus schema`` writes.
    """
    if not texts:
        return None
    columns: dict[str, str] = {}
    alone: list[str] = []
    files: list[str | dict[str, str]] = []
    for text in texts:
        if text.lower().endswith(FILE):
            files.append(read_schema_file(Path(text)))
            continue
        column, separator, kind = text.rpartition("=")
        column, kind = column.strip(), kind.strip()
        if not separator:
            _check(kind, FOR_ALL, f"--schema {text}")
            alone.append(kind)
            continue
        if not column:
            raise ParameterError(f"--schema takes KIND or COLUMN=KIND, such as --schema age=count; got {text!r}.")
        _check(kind, _allowed(column), f"--schema {text}")
        if column in columns:
            raise ParameterError(f"--schema names column {column!r} twice. Leave one out.")
        columns[column] = kind
    whole = [*alone, *(one for one in files if isinstance(one, str))]
    if whole and len(whole) + len(columns) + (len(files) if alone else 0) > 1:
        raise ParameterError(
            f"--schema {whole[0]} is for all columns, so nothing can stand beside it. For all that are not named, use "
            f"--schema '{REST}={whole[0]}'."
        )
    if len(files) > 1:
        raise ParameterError("--schema takes one file. Leave the others out.")
    if whole:
        return whole[0]
    return {**(files[0] if files and isinstance(files[0], dict) else {}), **columns}


def read_schema_file(path: Path) -> str | dict[str, str]:
    """The kinds in a file that ``isthmus schema`` has written, and somebody may have edited: one for all, or by column.

    A column is ``{"kind": "count", ...}``, or simply ``"count"``; only the kinds are read.

    Raises
    ------
    ParameterError
        If it is no such file; the message names the column.
    """
    content = small_file(path, MAX_FILE_BYTES)
    try:
        described = json.loads(content.decode("utf-8"), object_pairs_hook=_without_twins)
    except (ValueError, RecursionError) as error:
        raise ParameterError(
            f"{path} is not a JSON file: {error}. Write one with: isthmus schema DATA -o {path}."
        ) from error
    if isinstance(described, Mapping) and set(described) == {"kind"}:
        return _kind(described, FOR_ALL, f"{path}")
    columns = described.get("columns") if isinstance(described, Mapping) else None
    if not isinstance(columns, Mapping):
        raise ParameterError(
            f'{path} holds no kinds of columns. Expected {{"columns": {{"age": {{"kind": "count"}}}}}}, as isthmus '
            "schema DATA -o FILE writes it."
        )
    return {name: _kind(one, _allowed(name), f"{path}, column {name!r}") for name, one in columns.items()}


def with_schema(config: Mapping[str, Any], schema: str | dict[str, str] | None) -> dict[str, Any]:
    """``config`` with the kinds of ``--schema`` over its own."""
    there = config.get("schema")
    if schema is None:
        return dict(config)
    if isinstance(schema, dict) and isinstance(there, Mapping):
        return {**config, "schema": {**there, **schema}}
    return {**config, "schema": schema}


def _allowed(column: str) -> Sequence[str]:
    return ("auto", *KINDS) if column == REST else FOR_COLUMNS


def _kind(described: Any, allowed: Sequence[str], where: str) -> str:
    kind = described.get("kind") if isinstance(described, Mapping) else described
    if not isinstance(kind, str):
        raise ParameterError(
            f'{where}: expected a kind, such as "count" or {{"kind": "count"}}; got {described!r:.60}.'
        )
    _check(kind, allowed, where)
    return kind


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands there twice")
    return found


def _check(kind: str, allowed: Sequence[str], where: str) -> None:
    if kind in allowed:
        return
    if kind in ROLES:
        raise ParameterError(f"{where}: {kind!r} is for single columns, not for all. Name one: --schema COLUMN={kind}.")
    hint = did_you_mean(kind, allowed)
    raise ParameterError(f"{where}: no kind is called {kind!r}.{hint} Known: {', '.join(allowed)}.")
