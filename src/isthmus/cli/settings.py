"""Settings as people write them: ``--set KEY=VALUE`` and TOML files, to one tree of plain values.

A component is a name (``prior = "mixture"``) or a table of its parameters, in which ``component`` is the name. Dots
lead into tables: ``prior.n_components=500``.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isthmus.core.errors import ParameterError
from isthmus.files.os_errors import READ_FIXES, explained

COMPONENT = "component"
MAX_CONFIG_BYTES = 1 << 20

_PYTHON_LITERALS = {"None": None, "True": True, "False": False, "null": None}


def parse_value(text: str) -> Any:
    """A TOML, JSON or Python literal as its value (lists as tuples), everything else as text.

    A table needs no quotes around its words.

    >>> [parse_value(text) for text in ("500", "1e-3", ".5", "[64, 32]", "true", "None", "mixture", "none")]
    [500, 0.001, 0.5, (64, 32), True, None, 'mixture', 'none']
    >>> parse_value("{component=linear, end=4}")
    {'component': 'linear', 'end': 4}
    """
    if text in _PYTHON_LITERALS:
        return _PYTHON_LITERALS[text]
    try:
        table = tomllib.loads(f"value = {text}")
        if set(table) == {"value"} and _is_plain(table["value"]):
            return _with_tuples(table["value"])
    except (tomllib.TOMLDecodeError, RecursionError):
        pass
    try:
        return _with_tuples(json.loads(text))
    except (ValueError, RecursionError):
        pass
    if text[:1] in tuple("+-.0123456789"):  # .5 and 3. are numbers to people, though not to TOML
        try:
            return float(text)
        except ValueError:
            pass
    bare = _bare_table(text)
    return text if bare is None else bare


def parse_assignment(text: str) -> tuple[tuple[str, ...], Any]:
    """``a.b=value`` (or ``a__b=value``) as a path and a value.

    >>> parse_assignment("prior.n_components=500")
    (('prior', 'n_components'), 500)
    """
    key, separator, value = text.partition("=")
    path = tuple(part.strip() for part in key.replace("__", ".").split("."))
    if not separator or not all(path):
        raise ParameterError(f"--set takes KEY=VALUE, such as --set prior.n_components=500; got {text!r}.")
    return path, parse_value(value.strip())


def read_config(path: Path) -> dict[str, Any]:
    """The tree in a TOML file; :class:`ParameterError` names the file and the place if it is not TOML."""
    content = small_file(path, MAX_CONFIG_BYTES)
    try:
        return _with_tuples(tomllib.loads(content.decode("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ParameterError(f"{path} is not a TOML file: {error}. Write lines such as latent_dim = 8.") from error


def small_file(path: Path, most_bytes: int) -> bytes:
    """The content of a file of settings; :class:`ParameterError` if it is too large to be one."""
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise explained(error, "read", path, READ_FIXES) from error
    if len(content) > most_bytes:
        raise ParameterError(f"{path} is larger than {most_bytes:,} bytes: is it a file of settings?")
    return content


def settings_tree(config: Mapping[str, Any], assignments: Sequence[str], flags: Mapping[str, Any]) -> dict[str, Any]:
    """``config``, changed by ``--set`` assignments and by the flags that stand for a setting (None: not given).

    Raises
    ------
    ParameterError
        For an assignment that cannot be read, and a setting that is given twice on the command line.
    """
    tree = _copied(config)
    parsed: dict[tuple[str, ...], Any] = {}
    for path, value in map(parse_assignment, assignments):
        if path in parsed:
            raise ParameterError(f"`{'.'.join(path)}` is set twice. Leave one out.")
        parsed[path] = value
    given = {name: value for name, value in flags.items() if value is not None}
    for name in given:
        if (name,) in parsed:
            flag = name.replace("_", "-")
            raise ParameterError(f"`{name}` is set twice, by --{flag} and by --set {name}=…. Leave one out.")
    # A component first, then its parameters, in whichever order they were written.
    for path in sorted(parsed, key=len):
        _put(tree, path, parsed[path])
    return {**tree, **given}


def _put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for depth, part in enumerate(path[:-1], start=1):
        inner = tree.get(part, {})
        if isinstance(inner, str):
            inner = {} if inner == "auto" else {COMPONENT: inner}
        if not isinstance(inner, dict):
            raise ParameterError(
                f"Cannot set `{'.'.join(path)}`: `{'.'.join(path[:depth])}` is {inner!r}, which has no parameters."
            )
        tree[part] = inner
        tree = inner
    tree[path[-1]] = value


def _bare_table(text: str) -> dict[str, Any] | None:
    """A table whose words stand without quotes, or None."""
    if not (text.startswith("{") and text.endswith("}")):
        return None
    depth, start, pieces = 0, 1, []
    for place, character in enumerate(text):
        depth += (character in "{[") - (character in "}]")
        if (character == "," and depth == 1) or place == len(text) - 1:
            pieces.append(text[start:place].strip())
            start = place + 1
    pairs = [[part.strip() for part in piece.partition("=")] for piece in pieces]
    if depth or not all(key and separator and value for key, separator, value in pairs):
        return None
    return {key: parse_value(value) for key, _, value in pairs}


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_is_plain(entry) for entry in value.values())
    if isinstance(value, list):
        return all(_is_plain(entry) for entry in value)
    return isinstance(value, (bool, int, float, str))  # dates are TOML literals too


def _with_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_tuples(entry) for key, entry in value.items()}
    return tuple(_with_tuples(entry) for entry in value) if isinstance(value, list) else value


def _copied(value: Any) -> Any:
    return {key: _copied(entry) for key, entry in value.items()} if isinstance(value, Mapping) else value
