"""A density over codes on the unit sphere, fitted after training."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from isthmus.components.priors.base import Prior, PriorModule
from isthmus.components.priors.uniform_sphere import UniformSphere
from isthmus.components.priors.von_mises_fisher_mixture import VonMisesFisherMixture
from isthmus.core.random import torch_generator
from isthmus.core.spread import spread_rows
from isthmus.distributions.spherical_angle import SphericalAngle
from isthmus.distributions.spherical_mixture import SphericalMixture

from .density_choice import Candidate, best_density

COMPONENTS = (1, 10)
MAXIMUM_ROWS = 20_000
MAXIMUM_STEPS = 100
TOLERANCE = 1e-4
# Each component shares one row's weight with the uniform distribution: one that holds a single row must not collapse.
UNIFORM_ROWS = 1.0
START_CONCENTRATION = 10.0
NEWTON_STEPS = 20


def fit_sphere_density(codes: np.ndarray, held_out: np.ndarray | None, seed: int) -> tuple[Prior, PriorModule]:
    """The best of the uniform distribution, one von Mises–Fisher distribution and a mixture of ten.

    Chosen by the mean log-likelihood of ``held_out`` codes, or by the Bayesian information criterion if there are
    fewer than two of them. At most 20,000 codes are used.

    Parameters
    ----------
    codes, held_out : ndarray, shape (n, latent_dim)
        Unit vectors.
    seed : int

    Returns
    -------
    spec, module
        A prior component with its parameters fixed.
    """
    codes = codes[:MAXIMUM_ROWS]
    dim = codes.shape[1]
    uniform = UniformSphere()
    candidates = [Candidate(uniform, uniform.build(dim), 0)]
    for n_components in COMPONENTS:
        if n_components == 1 or len(codes) >= 2 * n_components:
            spec = VonMisesFisherMixture(n_components)
            module = spec.build(dim)
            module.assign(*fit_von_mises_fisher_mixture(codes, n_components, seed))
            candidates.append(Candidate(spec, module, n_components * (dim + 1) - 1))
    return best_density(candidates, codes, held_out)


def fit_von_mises_fisher_mixture(codes: np.ndarray, n_components: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Weights (k,), directions (k, d) and concentrations (k,) of a mixture by expectation maximisation, in float64.

    Banerjee et al. (2005), Clustering on the unit hypersphere using von Mises–Fisher distributions, JMLR 6, with the
    exact concentrations. Each component is given one more row, spread evenly over the sphere.

    Parameters
    ----------
    codes : ndarray, shape (n, d)
        Unit vectors.
    n_components : int
    seed : int

    Examples
    --------
    >>> codes = np.array([[1.0, 0.0], [0.8, 0.6], [0.8, -0.6]])
    >>> _, directions, _ = fit_von_mises_fisher_mixture(codes, 1, seed=0)
    >>> directions.round(decimals=6)
    tensor([[1., 0.]], dtype=torch.float64)
    """
    rows = functional.normalize(torch.from_numpy(np.asarray(codes, dtype=np.float64)), dim=-1)
    chosen = spread_rows(lambda row: (rows - rows[row]).square().sum(-1), n_components, torch_generator(seed))
    mixture = SphericalMixture(
        torch.full((n_components,), 1 / n_components, dtype=rows.dtype).log(),
        rows[chosen],
        torch.full((n_components,), START_CONCENTRATION, dtype=rows.dtype),
    )
    before = -torch.inf
    for _ in range(MAXIMUM_STEPS):
        joint = mixture.component_log_prob(rows)
        reached = float(joint.logsumexp(-1).mean())
        mixture = _maximised(rows, joint.softmax(-1))
        if reached - before < TOLERANCE:
            break
        before = reached
    return mixture.log_weights.exp(), mixture.means, mixture.concentrations


def _maximised(rows: Tensor, responsibilities: Tensor) -> SphericalMixture:
    """The M-step: rows (n, d), responsibilities (n, k)."""
    counts = responsibilities.sum(0)
    resultants = responsibilities.T @ rows
    lengths = torch.linalg.vector_norm(resultants, dim=-1)
    concentrations = concentration_of(lengths / (counts + UNIFORM_ROWS), rows.shape[-1])
    log_weights = (counts / len(rows)).clamp_min(1e-30).log()
    return SphericalMixture(log_weights, functional.normalize(resultants, dim=-1), concentrations)


def concentration_of(mean_length: Tensor, dim: int) -> Tensor:
    """κ of von Mises–Fisher distributions whose mean has this length in [0, 1): the maximum-likelihood estimate.

    Newton's method for A_d(κ) = length, from Banerjee et al. (2005, eq. 4.4). A_d is concave, so that the steps climb
    from the left after the first one.

    Examples
    --------
    >>> length = torch.tensor([0.3130352855], dtype=torch.float64)  # coth 1 − 1
    >>> concentration_of(length, dim=3).round(decimals=6)
    tensor([1.], dtype=torch.float64)
    """
    concentration = mean_length * (dim - mean_length.square()) / (1 - mean_length.square())
    for _ in range(NEWTON_STEPS):
        angle = SphericalAngle(concentration, dim)
        step = (1 + angle.mean_versine - mean_length) / angle.cosine_variance
        concentration = torch.maximum(concentration - step, 0.5 * concentration)
        if bool((step.abs() <= 1e-12 * (1 + concentration)).all()):
            break
    return concentration
