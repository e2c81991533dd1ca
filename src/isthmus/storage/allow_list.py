"""Which components a model file may name: our own by registered name, others by explicit opt-in only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from isthmus.core.errors import ModelFileError, ParameterError
from isthmus.core.plugins import COMPONENTS, offered
from isthmus.core.registry import import_path, names, registered
from isthmus.files.os_errors import PathLike

CUSTOM = "custom"
_IMPORT_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


def check_components(path: PathLike, description: Any, trust: Sequence[str] = ()) -> None:
    """Raise unless every component that ``description`` names, at any depth, may be built.

    A component may be built if a module of Isthmus registered it. One that imports the user's code (``*/custom``,
    with the import path as its parameter ``path``), or that another package registered or offers by an entry point,
    may be built if its import path ``"package.module:attribute"`` is in ``trust``. Nothing is imported here but the
    modules of trusted paths, and these only if a component is not known.

    Parameters
    ----------
    path : str or path-like
        The file, for messages.
    description : JSON value
        Every dict with the key "component" in it must be a component as :meth:`Spec.to_json` writes it.
    trust : sequence of str
        The import paths that the user vouches for.

    Raises
    ------
    ModelFileError
        A component is malformed, unknown or not trusted; the message names it and how to opt in.
    ParameterError
        ``trust`` is not a sequence of import paths.
    """
    trusted = _checked(trust)
    known = registered()
    for component, params in _components(path, description):
        axis, _, name = component.partition("/")
        found = known.get((axis, name))
        entry = offered(COMPONENTS).get(f"{axis}.{name}") if found is None else None
        if entry is not None:
            _check_trusted(path, component, entry.value, trusted)
            continue
        if found is None and trusted:
            _import_trusted(path, trusted)
            found = registered().get((axis, name))
        if found is None:
            raise ModelFileError(
                f"Cannot load {str(path)!r}: it names the {axis} {name!r}, which is not registered. Known: "
                f"{', '.join(names(axis)) or 'none'}. If code of yours defines it, load the file with "
                f'isthmus.load({str(path)!r}, trust=["package.module:Class"]).'
            )
        if name == CUSTOM:
            _check_trusted(path, component, params.get("path"), trusted)
        if found.__module__.partition(".")[0] != "isthmus":
            _check_trusted(path, component, import_path(found), trusted)


def _checked(trust: Sequence[str]) -> frozenset[str]:
    entries = [trust] if isinstance(trust, str) else list(trust)
    for entry in entries:
        if isinstance(trust, str) or not isinstance(entry, str) or not _IMPORT_PATH.fullmatch(entry):
            raise ParameterError(f'`trust` must be a list of import paths "package.module:attribute"; got {trust!r}.')
    return frozenset(entries)


def _import_trusted(path: PathLike, trusted: Iterable[str]) -> None:
    """Import the modules of trusted paths: what they define registers itself."""
    for entry in sorted(trusted):
        module = entry.partition(":")[0]
        try:
            import_module(module)
        except ImportError as error:
            raise ModelFileError(
                f"Cannot load {str(path)!r}: the trusted module {module!r} cannot be imported: {error}. Run from the "
                "folder that holds it, or install it."
            ) from error


def _check_trusted(path: PathLike, component: str, source: Any, trusted: frozenset[str]) -> None:
    if not isinstance(source, str) or not _IMPORT_PATH.fullmatch(source):
        raise ModelFileError(
            f"Cannot load {str(path)!r}: its component {component!r} has no import path of the form "
            f'"package.module:attribute" (got {str(source)[:80]!r}).'
        )
    if source not in trusted:
        raise ModelFileError(
            f"Cannot load {str(path)!r}: its component {component!r} runs code from {source!r}. If you trust "
            f'that code, load it with isthmus.load({str(path)!r}, trust=["{source}"]).'
        )


def _components(path: PathLike, value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, Mapping):
        if "component" in value:
            component, params = value["component"], value.get("params")
            if set(value) != {"component", "params"} or not isinstance(params, dict) or not _is_name(component):
                raise ModelFileError(
                    f"Cannot load {str(path)!r}: {str(value)[:80]!r} is not a component: expected exactly "
                    '{"component": "axis/name", "params": {...}}.'
                )
            yield component, params
        for inner in value.values():
            yield from _components(path, inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _components(path, inner)


def _is_name(component: Any) -> bool:
    return isinstance(component, str) and re.fullmatch(r"[a-z0-9_-]+/[a-z0-9_-]+", component) is not None
