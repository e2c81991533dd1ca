"""The one jinja2 environment: everything is escaped, and invisible characters are made visible."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

from ..core.errors import MissingDependencyError

if TYPE_CHECKING:
    from jinja2 import Environment

# Joiners that some scripts and emoji need; every other format character is spelled out.
_HARMLESS_FORMAT_CHARACTERS = "\u200c\u200d"


def printable(text: str) -> str:
    r"""``text`` with control and format characters spelled out, so that no name can reorder or hide what follows it.

    >>> printable("safe\u202egpj.exe")
    'safe\\u202egpj.exe'
    """
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character in "\n\t" or character in _HARMLESS_FORMAT_CHARACTERS:
        return character
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return character.encode("unicode_escape").decode("ascii")
    return character


@cache
def environment() -> Environment:
    """The environment of the report's templates; raises :class:`MissingDependencyError` without jinja2."""
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise MissingDependencyError(
            "Reports and diagrams need jinja2, which is not installed: pip install 'isthmus[plots]'."
        ) from error

    def spelled_out(value: Any) -> Any:
        return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    return Environment(
        loader=PackageLoader("isthmus.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=spelled_out,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, **context: Any) -> str:
    """The text of one template."""
    return environment().get_template(template).render(**context)
