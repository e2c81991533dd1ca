"""JSON with exactly one way to write each value, and limits that hold before anything is parsed."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

MAX_BYTES = 8 * 2**20
MAX_DEPTH = 64
# A container of three characters takes up to 200 bytes of memory once parsed: this bounds what a file can make us hold.
MAX_CONTAINERS = 400_000

# What each byte outside strings does to the depth.
_STEP = np.zeros(256, dtype=np.int8)
_STEP[[ord("["), ord("{")]] = 1
_STEP[[ord("]"), ord("}")]] = -1


def canonical_json(value: Any, name: str = "value", max_depth: int = MAX_DEPTH) -> bytes:
    """``value`` as ASCII JSON with sorted keys and no white space.

    Parameters
    ----------
    value : dict, list, str, int, float, bool or None
        Plain JSON values only; tuples become lists.
    name : str
        What to call the value in an error ("manifest").
    max_depth : int
        How deep the containers may be nested.

    Returns
    -------
    bytes
        The only text that :func:`parse_canonical` accepts for this value.

    Raises
    ------
    ValueError
        The value is not plain JSON, holds NaN or infinity, or is too deep or too large; the message names the place.

    Examples
    --------
    >>> canonical_json({"b": [1, 2.0], "a": None})
    b'{"a":null,"b":[1,2.0]}'
    >>> canonical_json({"loss": [0.5, float("nan")]}, "summary")
    Traceback (most recent call last):
        ...
    ValueError: summary.loss[1] is nan, which JSON cannot hold; use null
    """
    _check_plain(value, name, max_depth)
    text = spell(value)
    check_limits(text, name, max_depth)
    return text


def spell(value: Any) -> bytes:
    """The canonical JSON of a value that is known to be plain."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True).encode("ascii")


def parse_canonical(text: bytes, name: str = "value", max_depth: int = MAX_DEPTH) -> Any:
    """The value that ``text`` is the canonical JSON of; refuses every other spelling of it.

    Raises
    ------
    ValueError
        The text is too large or too deeply nested (found before parsing), not JSON, repeats a key, or is not spelt
        canonically.
    """
    check_limits(text, name, max_depth)
    value = parse_json(text, name)
    try:
        spelt = spell(value)
    except ValueError:  # a number such as 1e999, which parses as infinity
        spelt = None
    if spelt != text:
        raise ValueError(f"the {name} is not spelt canonically")
    return value


def parse_json(text: bytes, name: str) -> Any:
    """Parse JSON that passed :func:`check_limits`, refusing repeated keys."""
    try:
        return json.loads(text.decode("ascii"), object_pairs_hook=_without_duplicates)
    except _DuplicateKeyError as error:
        raise ValueError(f"the {name} holds the key {error.args[0]!r} twice") from None
    except ValueError as error:  # includes UnicodeDecodeError and JSONDecodeError
        raise ValueError(f"the {name} is not valid ASCII JSON ({error})") from None


def check_limits(text: bytes, name: str, max_depth: int = MAX_DEPTH, max_containers: int = MAX_CONTAINERS) -> None:
    """Raise ValueError if the JSON ``text`` is too long, nested too deeply, or holds too many containers.

    Works on the bytes, in linear time and without recursion, so that nothing hostile reaches the parser.
    """
    if len(text) > MAX_BYTES:
        raise ValueError(f"the {name} has {len(text):,} bytes of JSON, more than the {MAX_BYTES:,} allowed")
    letters = np.frombuffer(text.replace(b"\\\\", b"").replace(b'\\"', b""), dtype=np.uint8)
    inside_string = np.bitwise_xor.accumulate(letters == ord('"'))
    brackets = _STEP[letters[~inside_string]]
    brackets = brackets[brackets != 0]
    if len(brackets) > 2 * max_containers:
        raise ValueError(f"the {name} holds more than the {max_containers:,} lists and objects allowed")
    if brackets.cumsum(dtype=np.int64).max(initial=0) > max_depth:
        raise ValueError(f"the {name} is nested deeper than the {max_depth} levels allowed")


class _DuplicateKeyError(ValueError):
    pass


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKeyError(key)
            seen.add(key)
    return result


def _check_plain(value: Any, place: str, levels: int) -> None:
    if isinstance(value, (dict, list, tuple)) and levels == 0:
        raise ValueError(f"{place[:80]}... is nested too deeply")
    if isinstance(value, dict):
        for key, inner in value.items():
            if type(key) is not str:
                raise ValueError(f"{place} has the key {key!r} of type {type(key).__name__}; JSON keys are str")
            _check_plain(inner, f"{place}.{key}", levels - 1)
    elif isinstance(value, (list, tuple)):
        for position, inner in enumerate(value):
            _check_plain(inner, f"{place}[{position}]", levels - 1)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{place} is {value!r}, which JSON cannot hold; use null")
    elif value is not None and not isinstance(value, (str, int)):
        raise ValueError(f"{place} is of type {type(value).__name__}; use plain numbers, strings, lists and dicts")
