"""What installed packages offer to Isthmus, by entry points; nothing is imported until it is asked for by name.

A package declares its parts and recipes in its ``pyproject.toml``::

    [project.entry-points."isthmus.components"]
    "likelihood.logistic" = "my_package.logistic:Logistic"

    [project.entry-points."isthmus.recipes"]
    logistic-autoencoder = "my_package.recipes:LOGISTIC_AUTOENCODER"

(https://packaging.python.org/specifications/entry-points)
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from .errors import ParameterError

COMPONENTS = "isthmus.components"
RECIPES = "isthmus.recipes"


def offered(group: str) -> Mapping[str, EntryPoint]:
    """The entry points of one group by name; of two with one name, the first on the search path."""
    return _offered(group, tuple(sys.path))


def load(entry: EntryPoint) -> Any:
    """What ``entry`` points to; raises :class:`ParameterError` with the package's name if it cannot be imported."""
    try:
        return entry.load()
    except Exception as error:  # whatever a foreign module does when it is imported
        raise ParameterError(
            f"{_package(entry)} offers {entry.name!r}, but {entry.value!r} cannot be imported: "
            f"{type(error).__name__}: {error}. Update or uninstall that package."
        ) from error


def refused(entry: EntryPoint, reason: str) -> ParameterError:
    """The error that what ``entry`` points to is not what its name promises."""
    return ParameterError(
        f"{_package(entry)} offers {entry.name!r} as {entry.value!r}, {reason}. Update or uninstall that package."
    )


def _package(entry: EntryPoint) -> str:
    return f"The package {entry.dist.name!r}" if entry.dist is not None else "An installed package"


@lru_cache(maxsize=4)
def _offered(group: str, search_path: tuple[str, ...]) -> Mapping[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=group):
        found.setdefault(entry.name, entry)
    return found
