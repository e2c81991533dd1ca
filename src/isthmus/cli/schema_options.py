"""``--schema``: what columns are, as people say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from isthmus.core.blocks import KINDS
from isthmus.core.errors import ParameterError

ROLES = ("condition", "exposure")
FOR_COLUMNS = ("auto", *KINDS, *ROLES)
FOR_ALL = ("auto", "images", *KINDS)
REST = "*"


def schema_setting(texts: Sequence[str]) -> str | dict[str, str] | None:
    """The setting ``schema`` that options ``KIND`` and ``COLUMN=KIND`` make; None without any.

    A column's name may contain "=": what follows the last one is the kind.

    >>> schema_setting(["count"]), schema_setting(["label=condition", "*=count"])
    ('count', {'label': 'condition', '*': 'count'})

    Raises
    ------
    ParameterError
        For an unknown kind, a column that is named twice, and a kind for all beside kinds for columns.
    """
    if not texts:
        return None
    columns: dict[str, str] = {}
    alone: list[str] = []
    for text in texts:
        column, separator, kind = text.rpartition("=")
        column, kind = column.strip(), kind.strip()
        if not separator:
            _check(kind, FOR_ALL, text)
            alone.append(kind)
            continue
        if not column:
            raise ParameterError(f"--schema takes KIND or COLUMN=KIND, such as --schema age=count; got {text!r}.")
        _check(kind, (*FOR_COLUMNS[:1], *KINDS) if column == REST else FOR_COLUMNS, text)
        if column in columns:
            raise ParameterError(f"--schema names column {column!r} twice. Leave one out.")
        columns[column] = kind
    if not alone:
        return columns
    if len(alone) > 1 or columns:
        raise ParameterError(
            f"--schema {alone[0]} is for all columns, so nothing can stand beside it. For all that are not named, use "
            f"--schema '{REST}={alone[0]}'."
        )
    return alone[0]


def with_schema(config: Mapping[str, Any], schema: str | dict[str, str] | None) -> dict[str, Any]:
    """``config`` with the kinds of ``--schema`` over its own."""
    there = config.get("schema")
    if schema is None:
        return dict(config)
    if isinstance(schema, dict) and isinstance(there, Mapping):
        return {**config, "schema": {**there, **schema}}
    return {**config, "schema": schema}


def _check(kind: str, allowed: Sequence[str], text: str) -> None:
    if kind in allowed:
        return
    if kind in ROLES:
        raise ParameterError(
            f"--schema {text}: a column is the {kind}, not all of them. Name it: --schema COLUMN={kind}."
        )
    close = get_close_matches(kind, allowed, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ParameterError(f"--schema {text}: no kind is called {kind!r}.{hint} Known: {', '.join(allowed)}.")
