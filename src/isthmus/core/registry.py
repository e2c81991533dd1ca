"""Names for components: the same name serves the recipe, the command line and the model file.

A component registers itself where it is defined::

    @register("likelihood", "gaussian")
    @dataclass(frozen=True)
    class Gaussian(Likelihood): ...

Only registered names can be built from a model file.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import TypeVar

from .errors import ParameterError

SpecType = TypeVar("SpecType", bound=type)

_COMPONENTS: dict[tuple[str, str], type] = {}


def register(axis: str, name: str) -> Callable[[SpecType], SpecType]:
    """Class decorator: make a spec known as ``name`` on ``axis``. A name can be taken only once."""

    def add(spec: SpecType) -> SpecType:
        taken = _COMPONENTS.get((axis, name))
        if taken is not None and taken.__qualname__ != spec.__qualname__:
            raise ParameterError(f"{axis} {name!r} is already registered by {taken.__module__}.{taken.__qualname__}.")
        spec.axis = axis  # type: ignore[attr-defined]
        spec.name = name  # type: ignore[attr-defined]
        _COMPONENTS[axis, name] = spec
        return spec

    return add


def lookup(axis: str, name: str) -> type:
    """The spec class registered as ``name`` on ``axis``; raises :class:`ParameterError` with the known names."""
    found = _COMPONENTS.get((axis, name))
    if found is None:
        known = names(axis)
        close = get_close_matches(name, known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ParameterError(f"No {axis} is called {name!r}.{hint} Known: {', '.join(known) or 'none'}.")
    return found


def names(axis: str) -> list[str]:
    """The registered names of one axis, sorted."""
    return sorted(name for where, name in _COMPONENTS if where == axis)


def registered() -> dict[tuple[str, str], type]:
    """All registered specs by (axis, name)."""
    return dict(_COMPONENTS)
