"""Components and their parameters in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from isthmus.core.schedule import Schedule
from isthmus.core.spec import Spec

NONE = "none"


def part_words(spec: Spec | None) -> str:
    """A component and its parameters, but for those that do nothing.

    >>> from isthmus import KL, LinearSchedule, Masking
    >>> part_words(Masking(rate=0.25)), part_words(KL(weight=LinearSchedule(0, 4)))
    ('masking, rate 0.25', 'kl, weight linear (start 0, end 4, until 0.1)')
    """
    if spec is None:
        return NONE
    told = [
        f"{name.replace('_', ' ')} {value_words(value)}"
        for name, value in spec.get_params(deep=False).items()
        if value not in (None, NONE, 0, False)
    ]
    return ", ".join([spec.name, *told])


def named_part_words(name: str, spec: Spec) -> str:
    """A part of a model that has several of its kind, under the name that settings know it by.

    >>> from isthmus import CodeNorm
    >>> named_part_words("code", CodeNorm(weight=0.5)), named_part_words("code_norm", CodeNorm(weight=0.5))
    ('code: code-norm, weight 0.5', 'code-norm, weight 0.5')
    """
    words = part_words(spec)
    return words if name.replace("_", "-") == spec.name else f"{name}: {words}"


def value_words(value: Any) -> str:
    """A parameter's value, and what is inside it.

    >>> value_words(0.25), value_words((64, 32)), value_words(None)
    ('0.25', '[64, 32]', 'none')
    """
    if isinstance(value, Schedule):
        told = [f"{name} {value_words(one)}" for name, one in value.get_params(deep=False).items()]
        return f"{value.name} ({', '.join(told)})"
    if isinstance(value, Spec):
        return f"({part_words(value)})"
    if isinstance(value, tuple):
        return f"[{', '.join(map(value_words, value))}]"
    if value is None:
        return NONE
    return f"{value:g}" if isinstance(value, float) else str(value)


def symbol_words(levels: Sequence[int], used: float, perplexity: float) -> str:
    """How many symbols a row has, and how many of each place's occur.

    >>> symbol_words((32, 32), 0.5, 12.345)
    '2 per row, each one of 32: 50.0% of them used, perplexity 12.35'
    """
    sizes = " or ".join(map(str, dict.fromkeys(levels)))
    return f"{len(levels)} per row, each one of {sizes}: {used:.1%} of them used, perplexity {perplexity:.4g}"
