"""A density over the codes, chosen after training, and new rows drawn from it.

The aggregate of a model's codes is rarely its prior; a density fitted to the codes makes better samples (Ghosh et
al. 2020, From variational to deterministic autoencoders, arXiv:1903.12436).
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from isthmus.components.priors.base import Prior, PriorModule
from isthmus.components.priors.full_gaussian import FullGaussian, FullGaussianPrior
from isthmus.components.priors.mixture import Mixture, MixturePrior
from isthmus.components.priors.standard_normal import StandardNormal
from isthmus.core.random import torch_generator
from isthmus.models.autoencoder import ComposedAutoencoder

COMPONENTS = 10
MAXIMUM_ROWS = 20_000
# Added to each variance, as a share of the codes' mean variance: a code that collapsed must not stop the fit.
RIDGE = 1e-6


def fit_density(codes: np.ndarray, held_out: np.ndarray | None, seed: int) -> tuple[Prior, PriorModule]:
    """The best of N(0, I), a full Gaussian and a mixture of ten, for codes (n, latent_dim).

    Chosen by the mean log-likelihood of ``held_out`` codes, or by the Bayesian information criterion if there are
    fewer than two of them. At most 20,000 codes are used.

    Returns
    -------
    spec, module
        A prior component with its parameters fixed.
    """
    codes = np.asarray(codes[:MAXIMUM_ROWS], dtype=np.float64)
    candidates: list[tuple[Prior, PriorModule]] = [_standard(codes.shape[1]), _full(codes)]
    if len(codes) >= 2 * COMPONENTS:
        candidates.append(_mixture(codes, seed))
    if held_out is not None and len(held_out) >= 2:
        scores = [_mean_log_prob(module, held_out) for _, module in candidates]
    else:
        scores = [
            _mean_log_prob(module, codes) - 0.5 * _free_parameters(module) * math.log(len(codes)) / len(codes)
            for _, module in candidates
        ]
    spec, module = candidates[int(np.argmax(scores))]
    return spec, module.requires_grad_(False).eval()


@torch.inference_mode()
def draw_codes(density: PriorModule, model: ComposedAutoencoder, rows: int, seed: int) -> np.ndarray:
    """``rows`` codes from a density or prior, (rows, latent_dim) float32."""
    device = model.scale.device
    return density(model.encode).draw(rows, torch_generator(seed, device)).float().cpu().numpy()


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


@torch.inference_mode()
def _mean_log_prob(module: PriorModule, codes: np.ndarray) -> float:
    value = float(module.double()().log_prob(torch.from_numpy(np.asarray(codes, dtype=np.float64))).mean())
    module.float()
    return value if math.isfinite(value) else -math.inf


def _free_parameters(module: PriorModule) -> int:
    """Free parameters of a candidate: triangular factors count half, weights sum to one."""
    names = dict(module.named_parameters())
    if not names:
        return 0
    means = names.get("mean", names.get("means"))
    dim = 0 if means is None else means.shape[-1]
    components = 1 if means is None or means.ndim == 1 else means.shape[0]
    return components * (dim + dim * (dim + 1) // 2) + components - 1
