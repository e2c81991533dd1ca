"""Compact exact checks of everything that makes up a loss: what a seeded bug must not survive.

Each takes a few milliseconds and raises AssertionError. They are the tests of ``test_compact_checks.py`` and the
judges of ``test_mutations.py``. A module's checks are its public functions without parameters; nothing that a forked
process would have to load again is imported when they are called.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module

from .known_numbers import triangle, values

# The cheapest first: most seeded bugs are found before the dearer ones run.
MODULES = (
    "loss",
    "codes",
    "likelihood_distributions",
    "likelihoods",
    "counts",
    "objectives",
    "corruptions",
    "penalties_of_posteriors",
    "penalties_of_samples",
    "penalties_of_networks",
    "priors",
    "context",
    "holes",
    "critics",
    "distributions",
    "alarms",
    "images",
    "columns",
    "linear_optimum",
    "model",
    "sphere",
    "training_step",
    "fitted_densities",
    "uses",
)


def _checks_of(module_name: str) -> list[Callable[[], None]]:
    module = import_module(f"{__name__}.{module_name}")
    own = [one for _, one in inspect.getmembers(module, inspect.isfunction) if one.__module__ == module.__name__]
    return [one for one in own if not one.__name__.startswith("_") and not inspect.signature(one).parameters]


CHECKS = tuple(check for name in MODULES for check in _checks_of(name))

__all__ = ["CHECKS", "triangle", "values"]
