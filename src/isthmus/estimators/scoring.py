"""How well rows fit a fitted model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from isthmus.core.errors import ParameterError
from isthmus.data.rows import Rows
from isthmus.uses import density, measurement, scoring

from .density_estimate import DensityEstimate
from .fitted import FittedModel


class Scoring(FittedModel):
    """Likelihoods and errors of rows."""

    def score_samples(self, X: Any) -> np.ndarray:
        """How likely each row is: (n,) float64, higher = more likely.

        For a stochastic code, the evidence lower bound on the log-likelihood of the data as they were given (the
        scaling's Jacobian included), in nats per row; for symbols, the same with the code's own entry. For a
        deterministic code, which has no likelihood of its own, minus the squared reconstruction error, summed over the
        scaled features.
        """
        return self.score_rows(self._rows(X))

    def score_rows(self, rows: Rows) -> np.ndarray:
        """:meth:`score_samples` of rows that the schema has checked already."""
        if not self.module_.bounded:
            return scoring.negative_squared_error(self.module_, rows)
        bound = scoring.log_likelihood_bound(self.module_, rows, self._score_seed)
        return bound + self.schema_.log_jacobian(self.module_.likelihood.densities, rows)

    def density(self, X: Any, samples: int = 5000) -> DensityEstimate:
        """The log-likelihood of each row by importance weighting, with its standard error.

        Tighter than the bound of :meth:`score_samples` and, for many samples, the log-likelihood itself (Burda et al.
        2016, arXiv:1509.00519). Deterministic: the draws depend on the row's content only.

        Parameters
        ----------
        X : rows, as ``fit`` takes them
        samples : int
            Codes drawn per row; publications use 5,000.

        Raises
        ------
        ParameterError
            The code is deterministic, so that there is no likelihood.
        """
        rows = self._rows(X)
        log_likelihood, standard_error = density.log_likelihood(self.module_, rows, self._score_seed, samples)
        return DensityEstimate(
            log_likelihood + self.schema_.log_jacobian(self.module_.likelihood.densities, rows), standard_error
        )

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of :meth:`score_samples`: what a grid search maximises."""
        return float(np.mean(self.score_samples(X)))

    def bits_per_dimension(self, X: Any, samples: int | None = None, step: float | None = None) -> np.ndarray:
        """What each row costs, in bits per column: −log₂ P(x) / d, for data that were measured in steps.

        P is the mass of the row on its grid. Likelihoods of masses (``DiscretisedLogistic``, ``Bernoulli``, counts,
        levels) give it exactly as a bound; a density p gives p(x) · Π step, the mass of a cell of the grid where the
        density hardly changes within it. For uint8 images the step is one grey level, and d is h · w · c. Theis, van
        den Oord & Bethge (2016), A note on the evaluation of generative models, arXiv:1511.01844.

        Parameters
        ----------
        X : rows, as ``fit`` takes them
        samples : int, optional
            Codes drawn per row for the importance-weighted likelihood of :meth:`density`; without, the bound of
            :meth:`score_samples`, whose bits are an upper bound.
        step : float, optional
            The distance of neighbouring values in the user's units, such as 1/255 for pixels in [0, 1]. Whole numbers
            have the step 1 without saying so.

        Returns
        -------
        ndarray of float64, shape (n,)
            Its mean is what publications report.

        Raises
        ------
        ParameterError
            The code is deterministic, so that there is no likelihood; or the step is not known.

        Examples
        --------
        >>> import numpy as np, isthmus
        >>> X = np.random.default_rng(0).integers(0, 256, size=(200, 8, 8)).astype(np.uint8)
        >>> model = isthmus.VAE(2, likelihood=isthmus.DiscretisedLogistic(), max_epochs=2, random_state=0).fit(X)
        >>> bool(7.9 < model.bits_per_dimension(X).mean() < 9)
        True
        """
        rows = self._rows(X)
        if not self.module_.bounded:
            raise ParameterError(
                "bits_per_dimension needs a model that gives rows a likelihood; the code of this one "
                f"({type(self.composition_.latent).__name__}) is a point, which has none. Fit a VAE "
                "(latent=GaussianLatent()), or use score_samples."
            )
        densities = self.module_.likelihood.densities
        volume = measurement.log_step_volume(self.schema_, densities, step)
        if samples is None:
            nats = scoring.log_likelihood_bound(self.module_, rows, self._score_seed)
        else:
            nats, _ = density.log_likelihood(self.module_, rows, self._score_seed, samples)
        columns = len(measurement.modelled_columns(self.schema_))
        return -(nats + self.schema_.log_jacobian(densities, rows) + volume) / (columns * math.log(2))

    def surprise(self, X: Any) -> Any:
        """How unexpected each cell of each row is, given the row's code: a heat map of what is unusual.

        −log p(x_j|z) of column j in nats, in the units of the data, on average over the codes that
        :meth:`score_samples` draws. For a deterministic code the squared error of the scaled column. Large numbers are
        unusual; those of densities can be negative. The cells of a row add up to minus the reconstruction part of its
        score: the score is minus their sum, minus (for a VAE) the divergence of the code from the prior.

        Parameters
        ----------
        X : rows, as ``fit`` takes them

        Returns
        -------
        ndarray of float64, shape (n, *row); or a frame of float64 with the same columns.
            Columns that the model takes as known (conditions, the exposure) have 0.

        Raises
        ------
        ParameterError
            The likelihood's columns are not independent.

        Examples
        --------
        >>> import numpy as np, isthmus
        >>> X = np.random.default_rng(0).normal(size=(200, 3)) @ np.ones((3, 6))
        >>> model = isthmus.Autoencoder(2, max_epochs=20, random_state=0).fit(X)
        >>> odd = X[:1].copy()
        >>> odd[0, 4] += 30
        >>> int(model.surprise(odd).argmax())
        4
        """
        rows = self._rows(X)
        terms = scoring.column_terms(self.module_, rows, self._score_seed)
        if self.module_.bounded:
            terms -= measurement.column_log_jacobian(self.schema_, self.module_.likelihood.densities, rows)
        return measurement.beside_known_columns(self.schema_, terms)
