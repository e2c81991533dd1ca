"""Refusing data of a kind that a likelihood cannot describe, in one voice."""

from __future__ import annotations

from collections.abc import Collection

from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError

REAL_NUMBERS = ("continuous", "unit-interval", "binary")
"""The kinds that reach the model scaled, so that a distance between values means something."""

_INSTEAD = {
    "binary": "Bernoulli()",
    "unit-interval": "Gaussian() (squared error) or ContinuousBernoulli()",
    "continuous": "Gaussian() (squared error)",
    "count": "NegativeBinomial() or Poisson()",
    "categorical": "Categorical()",
    "missing": "Bernoulli()",
}


def require_kind(likelihood: str, block: Block, accepted: Collection[str], needs: str, remedy: str) -> None:
    """Raise :class:`~isthmus.core.errors.ParameterError` unless the block is of an accepted kind.

    Parameters
    ----------
    likelihood : str
        The name of the spec.
    block : Block
    accepted : collection of str
        Kinds of blocks.
    needs : str
        What the likelihood needs, in the user's words.
    remedy : str
        What the user may do besides choosing another likelihood.

    Examples
    --------
    >>> require_kind("Poisson", Block("continuous", 0, 2, (2,)), ("count",), "counts", "declare schema='count'")
    Traceback (most recent call last):
        ...
    isthmus.core.errors.ParameterError: likelihood Poisson needs counts, but the schema found continuous data. Use \
likelihood=Gaussian() (squared error), or declare schema='count'.
    """
    if block.kind not in accepted:
        raise ParameterError(
            f"likelihood {likelihood} needs {needs}, but the schema found {block.kind} data. Use "
            f"likelihood={_INSTEAD[block.kind]}, or {remedy}."
        )


def require_real_numbers(likelihood: str, block: Block) -> None:
    """Refuse counts and levels: a distance from a location says nothing about levels, and counts come unscaled."""
    require_kind(likelihood, block, REAL_NUMBERS, "real numbers", "declare schema='continuous' to have them scaled")
