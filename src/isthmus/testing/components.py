"""The check of any component, by its axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from isthmus.components.likelihoods.base import Likelihood
from isthmus.core.blocks import KINDS, Block
from isthmus.core.errors import ParameterError
from isthmus.core.spec import Spec

from .latents import check_latent
from .likelihoods import check_likelihood
from .networks import check_network
from .objectives import check_objective
from .penalties import check_penalty
from .priors import check_prior
from .requirement import require

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
    for kind in KINDS:
        block = Block(kind, 0, WIDTH, (WIDTH,))
        try:
            spec.build(block)
        except ParameterError as error:
            require(kind in str(error), f"{type(spec).__name__} refuses {kind} data without naming them: {error}")
            continue
        check_likelihood(spec, block)
        accepted += 1
    require(accepted, f"{type(spec).__name__} accepts none of the kinds {', '.join(KINDS)}")


CHECKS: Mapping[str, Callable[[Any], None]] = {
    "latent": check_latent,
    "likelihood": _check_likelihood_of_all_kinds,
    "network": check_network,
    "objective": check_objective,
    "penalty": check_penalty,
    "prior": check_prior,
}
