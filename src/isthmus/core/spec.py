"""A spec: the plain hyper-parameters of one component, which build its module.

The same frozen dataclass serves ``get_params`` and grid search (``prior__n_components``), the command line
(``--set prior.n_components=500``), the model file (as JSON, by registered name) and the docs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from .constraints import Constraint, check_params
from .errors import ParameterError
from .registry import lookup
from .suggestion import did_you_mean


@dataclasses.dataclass(frozen=True)
class Spec:
    """Base of all component specs.

    Subclass it once per axis (``Likelihood(Spec)``), and each axis once per component, as a frozen dataclass of
    plain values or other specs. List in ``constraints`` what each parameter accepts; nothing is checked in
    ``__init__``, so that a search can hold any value until :meth:`validate` is called by ``fit``.
    """

    axis: ClassVar[str] = ""
    name: ClassVar[str] = ""
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {}

    def validate(self) -> None:
        """Raise :class:`ParameterError` if a parameter is out of its range."""
        check_params(type(self).__name__, self.get_params(deep=False), self.constraints)
        for value in self.get_params(deep=False).values():
            if isinstance(value, Spec):
                value.validate()

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name; with ``deep``, those of nested specs as ``outer__inner`` too."""
        params: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            params[field.name] = value
            if deep:
                params.update(nested_params(field.name, value))
        return params

    def replace(self, **changes: Any) -> Self:
        """A copy with some parameters changed; ``outer__inner`` reaches into nested specs."""
        return dataclasses.replace(self, **replaced_params(type(self).__name__, self.get_params(deep=False), changes))

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready description by registered name, from which :func:`spec_from_json` builds the same spec."""
        params = {key: to_plain(value) for key, value in self.get_params(deep=False).items()}
        return {"component": f"{self.axis}/{self.name}", "params": params}


def nested_params(name: str, value: Any) -> dict[str, Any]:
    """The parameters inside a spec, or inside a dict of named specs, under the prefix ``name__``."""
    if isinstance(value, Spec):
        return {f"{name}__{key}": inner for key, inner in value.get_params().items()}
    if isinstance(value, Mapping):
        found: dict[str, Any] = {}
        for key, inner in value.items():
            found[f"{name}__{key}"] = inner
            found.update(nested_params(f"{name}__{key}", inner))
        return found
    return {}


def replaced_params(
    owner: str, params: Mapping[str, Any], changes: Mapping[str, Any], named: bool = False
) -> dict[str, Any]:
    """``params`` with ``changes`` applied, where ``a__b`` replaces parameter b of the spec (or named spec) a.

    Specs are never changed in place: a spec given to two estimators stays what it is in the other. A dict of ``named``
    specs takes further ones.
    """
    result = dict(params)
    nested: dict[str, dict[str, Any]] = {}
    for key, value in changes.items():
        head, separator, rest = key.partition("__")
        if head not in result and not (named and not separator and isinstance(value, Spec)):
            hint = did_you_mean(head, result, "`")
            raise ParameterError(f"{owner} has no parameter `{head}`.{hint} It has: {', '.join(sorted(result))}.")
        if separator:
            nested.setdefault(head, {})[rest] = value
        else:
            result[head] = value
    for head, inner in nested.items():
        target = result[head]
        if isinstance(target, Spec):
            result[head] = target.replace(**inner)
        elif isinstance(target, Mapping):
            result[head] = replaced_params(f"{owner}.{head}", target, inner, named=True)
        else:
            wanted = next(iter(inner))
            raise ParameterError(
                f"{owner}: cannot set `{head}__{wanted}` while `{head}` is {target!r}, which is not a spec. "
                f"Set `{head}` to a spec first."
            )
    return result


def spec_from_json(description: Mapping[str, Any]) -> Any:
    """Build a spec from :meth:`Spec.to_json`; raises :class:`ParameterError` for an unknown name or parameter."""
    if set(description) != {"component", "params"} or not isinstance(description["component"], str):
        raise ParameterError(f"Not the description of a component: {description!r}.")
    axis, _, name = description["component"].partition("/")
    cls = lookup(axis, name)
    known = {field.name for field in dataclasses.fields(cls)}
    unknown = set(description["params"]) - known
    if unknown:
        raise ParameterError(f"{cls.__name__} has no parameter {sorted(unknown)[0]!r}. It has: {sorted(known)}.")
    return cls(**{key: from_plain(value) for key, value in description["params"].items()})


def to_plain(value: Any) -> Any:
    """A parameter as plain JSON: specs by name, tuples as lists. Raises :class:`ParameterError` for anything else."""
    if isinstance(value, Spec):
        return value.to_json()
    if isinstance(value, (tuple, list)):
        return [to_plain(entry) for entry in value]
    if isinstance(value, Mapping):
        return {str(key): to_plain(entry) for key, entry in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "item"):  # a numpy scalar, as grid searches hand them over
        return value.item()
    raise ParameterError(f"A spec holds plain values only; got {type(value).__name__}.")


def from_plain(value: Any) -> Any:
    """The parameter that :func:`to_plain` described."""
    if isinstance(value, Mapping):
        if set(value) == {"component", "params"}:
            return spec_from_json(value)
        return {key: from_plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return tuple(from_plain(entry) for entry in value)
    return value
