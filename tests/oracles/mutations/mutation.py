"""One seeded bug."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One seeded bug in one line of a file below ``src/isthmus``.

    Attributes
    ----------
    name : str
    file : str
    judge : str
        The module of ``fast_checks`` that should find it: its checks run first.
    original : str
        The line without its indentation; it must stand in its file exactly once, so that the list cannot rot.
    mutated : str
    """

    name: str
    file: str
    judge: str
    original: str
    mutated: str


def of(file: str, judge: str, *bugs: tuple[str, str, str]) -> tuple[Mutation, ...]:
    """The bugs of one file, as names, original lines and mutated ones."""
    return tuple(Mutation(name, file, judge, original, mutated) for name, original, mutated in bugs)
