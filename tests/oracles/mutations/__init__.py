"""Seeded bugs: a line of the loss code, and what a slip of the pen could make of it."""

from __future__ import annotations

from .alarms import ALARMS
from .codes import CODES
from .columns import COLUMNS
from .distributions import DISTRIBUTIONS
from .holes import HOLES
from .images import IMAGES
from .likelihood_distributions import LIKELIHOOD_DISTRIBUTIONS
from .likelihoods import LIKELIHOODS
from .model import MODEL
from .mutation import Mutation
from .network_penalties import NETWORK_PENALTIES
from .objectives import OBJECTIVES
from .penalties import PENALTIES
from .uses import USES

MUTATIONS = (
    *DISTRIBUTIONS,
    *LIKELIHOODS,
    *CODES,
    *PENALTIES,
    *OBJECTIVES,
    *MODEL,
    *HOLES,
    *COLUMNS,
    *IMAGES,
    *ALARMS,
    *USES,
    *LIKELIHOOD_DISTRIBUTIONS,
    *NETWORK_PENALTIES,
)

__all__ = ["MUTATIONS", "Mutation"]
