"""A density over codes in R^d, fitted after training."""

from __future__ import annotations

import warnings

import numpy as np
import torch

from isthmus.components.priors.base import Prior, PriorModule
from isthmus.components.priors.full_gaussian import FullGaussian, FullGaussianPrior
from isthmus.components.priors.mixture import Mixture, MixturePrior
from isthmus.components.priors.standard_normal import StandardNormal

from .density_choice import Candidate, best_density

COMPONENTS = 10
WIDEST_MIXTURE = 256
# Added to each variance, as a share of the codes' mean variance: a code that collapsed must not stop the fit.
RIDGE = 1e-6


def fit_euclidean_density(codes: np.ndarray, held_out: np.ndarray | None, seed: int) -> tuple[Prior, PriorModule]:
    """The best of N(0, I), a full Gaussian and a mixture of ten, for codes (n, latent_dim).

    Chosen by the mean log-likelihood of ``held_out`` codes, or by the Bayesian information criterion if there are
    fewer than two of them.

    Returns
    -------
    spec, module
        A prior component with its parameters fixed.
    """
    codes = np.asarray(codes, dtype=np.float64)
    return best_density(euclidean_candidates(codes, seed), codes, held_out)


def euclidean_candidates(codes: np.ndarray, seed: int) -> list[Candidate]:
    """N(0, I), a full Gaussian, and, where there are rows enough, a mixture of ten: fitted to codes in float64."""
    fitted = [_standard(codes.shape[1]), _full(codes)]
    # Ten full covariances need rows to be told from, and time that grows with the cube of the dimensions.
    if len(codes) >= max(2 * COMPONENTS, 2 * codes.shape[1]) and codes.shape[1] <= WIDEST_MIXTURE:
        fitted.append(_mixture(codes, seed))
    return [Candidate(spec, module, _free_parameters(module)) for spec, module in fitted]


def _standard(dim: int) -> tuple[Prior, PriorModule]:
    spec = StandardNormal()
    return spec, spec.build(dim)


def _full(codes: np.ndarray) -> tuple[Prior, PriorModule]:
    spec = FullGaussian()
    module = spec.build(codes.shape[1])
    centred = codes - codes.mean(0)
    covariance = centred.T @ centred / len(codes) + _ridge(codes) * np.eye(codes.shape[1])
    if isinstance(module, FullGaussianPrior):
        module.assign(torch.from_numpy(codes.mean(0)), torch.from_numpy(covariance))
    return spec, module


def _mixture(codes: np.ndarray, seed: int) -> tuple[Prior, PriorModule]:
    # It brings half of scikit-learn along, and models that are only used never fit one.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    distinct = len(np.unique(codes[: 10 * COMPONENTS], axis=0))
    spec = Mixture(n_components=max(1, min(COMPONENTS, distinct // 2)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a few more EM steps would change little
        fitted = GaussianMixture(
            spec.n_components, reg_covar=_ridge(codes), max_iter=50, tol=1e-2, random_state=seed % 2**32
        ).fit(codes)
    module = spec.build(codes.shape[1])
    if isinstance(module, MixturePrior):
        module.assign(*(torch.from_numpy(part) for part in (fitted.weights_, fitted.means_, fitted.covariances_)))
    return spec, module


def _ridge(codes: np.ndarray) -> float:
    return max(RIDGE * float(codes.var(0).mean()), 1e-12)


def _free_parameters(module: PriorModule) -> int:
    """Free parameters of a candidate: triangular factors count half, weights sum to one."""
    names = dict(module.named_parameters())
    if not names:
        return 0
    means = names.get("mean", names.get("means"))
    dim = 0 if means is None else means.shape[-1]
    components = 1 if means is None or means.ndim == 1 else means.shape[0]
    return components * (dim + dim * (dim + 1) // 2) + components - 1
