"""Conformance checks that every component, distribution and estimator must pass, ours and yours.

Each check takes a spec (or a distribution, or an estimator), and raises :class:`AssertionError` with a sentence about
the contract that was broken. Run them in the tests of your own package::

    from isthmus.testing import check_component

    def test_my_likelihood():
        check_component(MyLikelihood())

:func:`check_component` picks the check of the spec's axis; :func:`variants` lists a spec with each of the literal
options that its constraints name, so that every branch is checked.
"""

from .components import CHECKS, check_component
from .corruptions import check_corruption
from .distributions import check_distribution
from .estimators import check_estimator_contract, small_recipe
from .latents import check_latent
from .likelihoods import check_likelihood
from .networks import check_network
from .objectives import check_objective
from .penalties import check_penalty
from .priors import check_prior
from .schedules import check_schedule
from .specs import check_spec, variants

__all__ = [
    "CHECKS",
    "check_component",
    "check_corruption",
    "check_distribution",
    "check_estimator_contract",
    "check_latent",
    "check_likelihood",
    "check_network",
    "check_objective",
    "check_penalty",
    "check_prior",
    "check_schedule",
    "check_spec",
    "small_recipe",
    "variants",
]
