"""The check of any component, by its axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from isthmus.components.likelihoods.base import JointLikelihood, Likelihood
from isthmus.core.blocks import KINDS, Block
from isthmus.core.errors import ParameterError
from isthmus.core.spec import Spec

from .corruptions import check_corruption
from .latents import check_latent
from .likelihoods import check_likelihood
from .networks import check_network
from .objectives import check_objective
from .penalties import check_penalty
from .priors import check_prior
from .requirement import require
from .schedules import check_schedule

WIDTH = 3


def check_component(spec: Spec) -> None:
    """Run the check of the spec's axis.

    Parameters
    ----------
    spec : Spec
        Registered on one of the axes of :data:`CHECKS`.

    Raises
    ------
    AssertionError
        Naming the broken rule, or the axis that has no check.

    Examples
    --------
    >>> from isthmus import StandardNormal
    >>> check_component(StandardNormal())
    """
    check = CHECKS.get(spec.axis)
    if check is None:
        raise AssertionError(f"there is no check for the axis {spec.axis!r}; known are {', '.join(CHECKS)}")
    check(spec)


def _check_likelihood_of_all_kinds(spec: Likelihood) -> None:
    """On each kind of data that the likelihood accepts: at least one."""
    accepted = 0
    blocks = example_blocks()
    if isinstance(spec, JointLikelihood) and spec != type(spec)():
        # One network for all kinds, and a long check: the kinds are gone through with the defaults.
        blocks = [block for block in blocks if block.kind == "continuous"]
    for block in blocks:
        require(spec.parameter_shape(block) > 0, f"{type(spec).__name__}.parameter_shape must answer for any kind")
        try:
            spec.build(block)
        except ParameterError as error:
            words = str(error)
            require(
                block.kind in words, f"{type(spec).__name__} refuses {block.kind} data without naming them: {error}"
            )
            require(
                "se likelihood=" in words, f"{type(spec).__name__} refuses {block.kind} data without a remedy: {error}"
            )
            continue
        check_likelihood(spec, block)
        accepted += 1
    require(accepted, f"{type(spec).__name__} accepts none of the kinds {', '.join(KINDS)}")


def example_blocks() -> list[Block]:
    """Small blocks of every kind, with what only that kind has: known levels, or a mean count."""
    plain = [Block(kind, 0, WIDTH, (WIDTH,)) for kind in KINDS if kind not in ("count", "categorical")]
    return [
        *plain,
        Block("unit-interval", 0, WIDTH, (WIDTH,), step=1 / 4, variance=0.1),
        Block("count", 0, WIDTH, (WIDTH,), variance=4.0, mean=1.5),
        Block("categorical", 0, 2 * WIDTH, (2 * WIDTH,), variance=2 / 9, cardinality=WIDTH),
    ]


CHECKS: Mapping[str, Callable[[Any], None]] = {
    "corruption": check_corruption,
    "density": check_prior,
    "latent": check_latent,
    "likelihood": _check_likelihood_of_all_kinds,
    "network": check_network,
    "objective": check_objective,
    "penalty": check_penalty,
    "prior": check_prior,
    "schedule": check_schedule,
}
