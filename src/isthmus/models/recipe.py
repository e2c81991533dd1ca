"""A recipe: what a paper's name means as a composition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from isthmus.core.registry import lookup

AXIS_OF = {"penalties": "penalty", "encoder": "network", "decoder": "network"}
"""The axis of the components that a constructor parameter holds, where it has another name."""


@dataclass(frozen=True)
class Part:
    """A component by its registered name, made when somebody asks for it: recipes can be listed without torch."""

    name: str
    params: Mapping[str, Any]

    def spec(self, axis: str) -> Any:
        """The component's spec."""
        import isthmus.components  # noqa: F401 - registers every component

        return lookup(axis, self.name)(**self.params)


def part(name: str, /, **params: Any) -> Part:
    """A component of a recipe by its registered name; its axis is that of the constructor parameter that it is for.

    >>> part("mixture", n_components=10).spec("prior")
    Mixture(n_components=10)
    """
    return Part(name, params)


class Parameters(Mapping[str, Any]):
    """Constructor parameters whose parts become specs when they are looked up."""

    def __init__(self, declared: Mapping[str, Any]) -> None:
        self._declared = declared

    def __getitem__(self, name: str) -> Any:
        return _made(self._declared[name], AXIS_OF.get(name, name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared)

    def __len__(self) -> int:
        return len(self._declared)

    def __repr__(self) -> str:
        return repr(self._declared)


@dataclass(frozen=True)
class Recipe:
    """One named model: an estimator and its parameters, nothing else.

    Attributes
    ----------
    name : str
    estimator : str
        "autoencoder", "vae" or "vqvae".
    summary : str
        What it is, in a sentence.
    use : str
        When to use it.
    formula : str
        What is minimised, per row.
    paper : str
    params : mapping
        Constructor parameters that differ from the estimator's defaults; components as specs, or by :func:`part`.
    needs : str
        What the user must add, such as a condition column; empty if nothing.
    """

    name: str
    estimator: str
    summary: str
    use: str
    formula: str
    paper: str
    params: Mapping[str, Any] = field(default_factory=dict)
    needs: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", Parameters(self.params))


def _made(value: Any, axis: str) -> Any:
    if isinstance(value, Part):
        return value.spec(axis)
    return {name: _made(one, axis) for name, one in value.items()} if isinstance(value, Mapping) else value
