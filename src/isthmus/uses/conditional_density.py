"""A density over codes in R^d under a condition, fitted after training."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from isthmus.components.priors.base import Prior, PriorModule
from isthmus.components.priors.conditional_mixture import ConditionalMixture, ConditionalMixturePrior

from .density_choice import Candidate, best_density
from .euclidean_density import COMPONENTS, WIDEST_MIXTURE, euclidean_candidates

# Added to each variance: of a condition, whose levels are 0 and 1, and of a code in units of its own deviation. Much of
# it keeps ten components of a thousand rows from learning these by heart; little leaves narrow clusters what they are.
RIDGES = (1e-2, 1e-4)
# Of its mean deviation: a code that collapsed is not blown up.
LEAST_DEVIATION = 1e-3
# Rows times the square of their width, which the time of a fit grows with.
MOST_WORK = 10_000 * 96**2


def fit_conditional_density(
    codes: np.ndarray,
    conditions: np.ndarray,
    held_out: np.ndarray | None,
    held_out_conditions: np.ndarray | None,
    seed: int,
) -> tuple[Prior, PriorModule]:
    """The best p(z|c) for codes (n, latent_dim) of rows with encoded conditions (n, c).

    Chosen among what knows no conditions (N(0, I), a full Gaussian, a mixture of ten) and what does: one normal, or a
    mixture of ten, over condition and code together. By the mean of log p(z|c) of ``held_out`` rows, or by the Bayesian
    information criterion if there are fewer than two of them. Where condition and code together have more than 256
    numbers, as with hundreds of levels, or all rows have one condition, there is nothing to know.

    Returns
    -------
    spec, module
        A prior component with its parameters fixed.
    """
    codes, conditions = np.asarray(codes, dtype=np.float64), np.asarray(conditions, dtype=np.float64)
    candidates = euclidean_candidates(codes, seed)
    width = conditions.shape[1] + codes.shape[1]
    if width <= WIDEST_MIXTURE and (conditions != conditions[:1]).any():
        most = MOST_WORK // width**2
        candidates += joint_normals(codes[:most], conditions[:most], 1, seed)
        if min(len(codes), most) >= 2 * max(COMPONENTS, width):
            candidates += joint_normals(codes[:most], conditions[:most], COMPONENTS, seed)
    return best_density(candidates, codes, held_out, conditions, held_out_conditions)


def joint_normals(codes: np.ndarray, conditions: np.ndarray, n_components: int, seed: int) -> list[Candidate]:
    """A mixture of normals over conditions (n, c) and codes (n, d) together, with much ridge and with little."""
    deviation = np.maximum(codes.std(0), max(LEAST_DEVIATION * float(codes.std(0).mean()), 1e-12))
    units = np.concatenate([np.ones(conditions.shape[1]), deviation])
    joint = np.column_stack([conditions, codes]) / units
    mixture = GaussianMixture(n_components, max_iter=50, tol=1e-2, warm_start=True, random_state=seed % 2**32)
    found = []
    for ridge in RIDGES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a few more EM steps would change little
            mixture.set_params(reg_covar=ridge).fit(joint)
        spec = ConditionalMixture(n_components, conditions.shape[1])
        module = spec.build(codes.shape[1])
        covariances = mixture.covariances_ * units * units[:, None]
        fitted = (mixture.weights_, mixture.means_ * units, covariances, conditions.min(0), conditions.max(0))
        module.assign(*(torch.from_numpy(part) for part in fitted))
        found.append(Candidate(spec, module, free_parameters(module)))
    return found


def free_parameters(module: ConditionalMixturePrior) -> int:
    """What p(z|c) has to be told: triangular factors count half; where weights depend on conditions, these count."""
    components, dim, width = module.slopes.shape
    codes = components * (dim + dim * (dim + 1) // 2 + dim * width)
    return codes if components == 1 else codes + components * (1 + width + width * (width + 1) // 2) - 1
