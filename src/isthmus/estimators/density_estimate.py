"""Log-likelihoods with their standard errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class DensityEstimate:
    """The log-likelihood of some rows, estimated by importance weighting.

    Attributes
    ----------
    log_likelihood : ndarray of float64, shape (n,)
        In nats, of the data as they were given.
    standard_error : ndarray of float64, shape (n,)
        Of each row's estimate; 0 where it is exact.
    """

    log_likelihood: np.ndarray
    standard_error: np.ndarray

    @property
    def mean(self) -> float:
        """The mean log-likelihood of the rows, in nats per row."""
        return float(self.log_likelihood.mean())

    @property
    def mean_standard_error(self) -> float:
        """The standard error of :attr:`mean` as an estimate for these rows: rows are estimated independently."""
        return float(np.sqrt(np.square(self.standard_error).sum()) / len(self.standard_error))
