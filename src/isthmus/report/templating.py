"""The one jinja2 environment: everything is escaped, and invisible characters are made visible."""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

from isthmus.core.errors import MissingDependencyError

from .palette import DARK, LIGHT

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


def render_page(template: str, *, title: str, version: str, **context: Any) -> str:
    """The text of a page: a template that extends ``page.html.j2``, with its colours and its one script."""
    from markupsafe import Markup

    script = _source("page.js")
    return render(
        template,
        title=title,
        version=version,
        light=LIGHT,
        dark=DARK,
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii"),
        **context,
    )


def _source(name: str) -> str:
    """A template's own text, as it goes into the page."""
    loader = environment().loader
    if loader is None:  # the environment is ours and has one
        raise RuntimeError("the report's templates have no loader")
    return loader.get_source(environment(), name)[0]
