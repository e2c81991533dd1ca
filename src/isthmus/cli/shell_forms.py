"""Remedies that messages spell in Python, as options of the command."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from isthmus.core.registry import registered

_PART = re.compile(r"\b([a-z]+)=([A-Z]\w+)\(([^()]*)\)")
_KIND = re.compile(r"\bschema=(?:(['\"])([\w-]+)\1|\{(.+?): (['\"])([\w-]+)\4\})")
_PARAMETER = re.compile(r"(\w+)=((?:'[^']*')|[^,]+?)\s*(?:,|$)")
_AXIS_OF = {"encoder": "network", "decoder": "network"}
_IN_SHELL = ("--set", "--schema", "In the shell")


def with_shell_forms(message: str) -> str:
    """``message``, and behind it the options for what it says in Python; unchanged where it names options itself.

    >>> with_shell_forms('Say schema={"label": "condition"}.')
    'Say schema={"label": "condition"}. In the shell: --schema label=condition.'
    """
    if any(words in message for words in _IN_SHELL):
        return message
    options = list(dict.fromkeys([*_parts(message), *_kinds(message)]))
    return f"{message} In the shell: {' or '.join(options)}." if options else message


def _parts(message: str) -> Iterator[str]:
    """``prior=Mixture(n_components=10)`` as ``--set prior=mixture --set prior.n_components=10``."""
    names = {(axis, spec.__name__): name for (axis, name), spec in registered().items()}
    for where, cls, inside in _PART.findall(message):
        name = names.get((_AXIS_OF.get(where, where), cls))
        if name is None:
            continue
        parameters = [] if "..." in inside else _PARAMETER.findall(inside)
        words = [f"{where}={name}", *(f"{where}.{key}={value.strip(chr(39))}" for key, value in parameters)]
        yield " ".join(f"--set {shlex.quote(word)}" for word in words)


def _kinds(message: str) -> Iterator[str]:
    """``schema="count"`` as ``--schema count``, and ``schema={"age": "count"}`` as ``--schema age=count``."""
    for _, alone, column, _, kind in _KIND.findall(message):
        plain = column.strip("'\"")
        yield f"--schema {alone}" if alone else f"--schema {shlex.quote(f'{plain}={kind}')}"
