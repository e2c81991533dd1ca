"""Names for components: the same name serves the recipe, the command line and the model file.

A component registers itself where it is defined::

    @register("likelihood", "gaussian")
    @dataclass(frozen=True)
    class Gaussian(Likelihood): ...

Only registered names can be built from a model file. Packages register theirs by an entry point, see
:mod:`~isthmus.core.plugins`, or by being imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .errors import ParameterError
from .plugins import COMPONENTS, load, offered, refused
from .suggestion import did_you_mean

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
    found = _COMPONENTS.get((axis, name)) or _installed(axis, name)
    if found is None:
        known = names(axis)
        hint = did_you_mean(name, known)
        raise ParameterError(f"No {axis} is called {name!r}.{hint} Known: {', '.join(known) or 'none'}.")
    return found


def names(axis: str) -> list[str]:
    """The names of one axis, sorted: registered ones, and those that installed packages offer."""
    elsewhere = {name.removeprefix(f"{axis}.") for name in offered(COMPONENTS) if name.startswith(f"{axis}.")}
    return sorted(elsewhere | {name for where, name in _COMPONENTS if where == axis})


def registered() -> dict[tuple[str, str], type]:
    """All registered specs by (axis, name)."""
    return dict(_COMPONENTS)


def import_path(spec: type) -> str:
    """Where a spec is defined, as ``"package.module:Class"``.

    >>> import_path(dict)
    'builtins:dict'
    """
    return f"{spec.__module__}:{spec.__qualname__}"


def _installed(axis: str, name: str) -> type | None:
    """The spec that an installed package offers by this name. The entry point says where it is defined: model files
    are checked against that before anything is imported."""
    entry = offered(COMPONENTS).get(f"{axis}.{name}")
    if entry is None:
        return None
    spec: type = load(entry)
    if _COMPONENTS.get((axis, name)) is not spec:
        raise refused(entry, f"which is not registered as the {axis} {name!r}")
    if import_path(spec) != entry.value:
        raise refused(entry, f"which is defined as {import_path(spec)!r}")
    return spec
