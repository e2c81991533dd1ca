"""How many latent dimensions carry something, and how many a linear model says they should."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from isthmus.core.errors import InputError, ParameterError

from .checked_arrays import FloatArray, finite_rows

# Eigenvalues this close to the threshold (relatively) are equal to it up to rounding: they carry no rate.
_TIE = 1e-12


class LinearOracle(NamedTuple):
    """What the best linear VAE of some data looks like; see :func:`probabilistic_pca`."""

    sigma_squared: float
    active_dimensions: int
    rate_nats: float
    log_likelihood_per_row: float
    squared_error: float


def active_units(posterior_means: Any, threshold: float = 0.01) -> int:
    """The number of latent dimensions whose posterior mean varies over the rows by more than ``threshold``.

    Burda, Grosse and Salakhutdinov (2016), "Importance weighted autoencoders", arXiv:1509.00519: a unit u is active
    if Cov_x(E_q(u|x)[u]) > 0.01.

    Parameters
    ----------
    posterior_means : array-like, shape (n, k)
        The mean of q(z|x) of each row.
    threshold : float
        The variance (not the standard deviation) above which a unit counts.

    Returns
    -------
    int
        Between 0 and k.

    Examples
    --------
    >>> active_units([[1.0, 0.05], [-1.0, -0.05]])
    1
    """
    return int((finite_rows("posterior_means", posterior_means).var(axis=0) > threshold).sum())


def probabilistic_pca(
    eigenvalues: Any, latent_dim: int, *, sigma_squared: float | None = None, beta: float = 1.0
) -> LinearOracle:
    """The optimum that a linear (beta-)VAE with one shared noise variance can reach on data with these eigenvalues.

    For ``beta=1`` this is the maximum likelihood of probabilistic PCA (Tipping and Bishop, 1999). In general it is
    reverse water-filling: with θ = beta·σ², dimension j is active iff λ_j > θ, the rate is ½ Σ (ln λ_j/θ)₊ over the
    ``latent_dim`` largest eigenvalues, and the expected squared error is Σ min(λ_j, θ) plus what is left out. If σ² is
    learnt, it equals that squared error per column.

    Parameters
    ----------
    eigenvalues : array-like, shape (d,)
        The eigenvalues of XᵀX/n, X centred, in any order; all d of them.
    latent_dim : int
        The dimensions of the code. More than d change nothing.
    sigma_squared : float, optional
        A fixed noise variance; None learns it.
    beta : float
        The weight of the KL term.

    Returns
    -------
    LinearOracle
        ``sigma_squared`` (squared units of the data), ``active_dimensions``, ``rate_nats`` (KL per row),
        ``log_likelihood_per_row`` (nats; the log-likelihood itself for ``beta=1``, otherwise the evidence lower bound
        reached) and ``squared_error`` (summed over columns, decoding samples of the posterior).

    Raises
    ------
    InputError
        The eigenvalues are negative or not finite, or so many vanish that the likelihood has no maximum.
    ParameterError
        ``latent_dim``, ``sigma_squared`` or ``beta`` is out of range.

    Examples
    --------
    >>> oracle = probabilistic_pca([4.0, 1.0, 1.0], latent_dim=1)
    >>> oracle.sigma_squared, oracle.active_dimensions, round(oracle.rate_nats, 4)
    (1.0, 1, 0.6931)
    """
    spectrum = _spectrum(eigenvalues)
    if latent_dim < 0:
        raise ParameterError(f"`latent_dim` must be at least 0; got {latent_dim}.")
    if not (math.isfinite(beta) and beta > 0):
        raise ParameterError(f"`beta` must be a positive number; got {beta}.")
    columns, coded = len(spectrum), min(latent_dim, len(spectrum))
    if sigma_squared is None:
        sigma_squared = _learnt_variance(spectrum, coded, beta)
    elif not (math.isfinite(sigma_squared) and sigma_squared > 0):
        raise ParameterError(f"`sigma_squared` must be a positive number; got {sigma_squared}.")
    water = beta * sigma_squared
    active = int((spectrum[:coded] > water * (1 + _TIE)).sum())
    rate = 0.5 * float(np.log(spectrum[:active] / water).sum())
    error = active * water + float(spectrum[active:].sum())
    bound = -0.5 * (columns * math.log(2 * math.pi * sigma_squared) + error / sigma_squared) - rate
    return LinearOracle(sigma_squared, active, rate, bound, error)


def expected_active(
    eigenvalues: Any, sigma_squared: float, n_rows: int, *, latent_dim: int | None = None, beta: float = 1.0
) -> int:
    """How many latent dimensions a linear model would use, pure noise not counted.

    The eigenvalues of n rows of pure noise with variance σ² spread up to the Marchenko-Pastur edge σ²(1 + √(d/n))².
    Only what rises above that edge (and above beta·σ²) is signal that a collapsed dimension could have carried.

    Parameters
    ----------
    eigenvalues : array-like, shape (d,)
        The eigenvalues of XᵀX/n, X centred.
    sigma_squared : float
        The noise variance of the fitted likelihood, in the same units.
    n_rows : int
        The number of rows behind the eigenvalues.
    latent_dim : int, optional
        The dimensions that the code has; the result never exceeds it.
    beta : float
        The weight of the KL term.

    Returns
    -------
    int
        Between 0 and d.

    Examples
    --------
    >>> expected_active([5.0, 1.2, 0.9, 0.9], sigma_squared=1.0, n_rows=400)
    1
    """
    spectrum = _spectrum(eigenvalues)
    if not (math.isfinite(sigma_squared) and sigma_squared >= 0):
        raise ParameterError(f"`sigma_squared` must be a number of at least 0; got {sigma_squared}.")
    if n_rows < 1:
        raise ParameterError(f"`n_rows` must be at least 1; got {n_rows}.")
    edge = (1 + math.sqrt(len(spectrum) / n_rows)) ** 2
    count = int((spectrum > sigma_squared * max(beta, edge) * (1 + _TIE)).sum())
    return count if latent_dim is None else min(count, latent_dim)


def _spectrum(eigenvalues: Any) -> FloatArray:
    values = finite_rows("eigenvalues", eigenvalues).ravel()
    # Rounding in an eigen-decomposition leaves tiny negative values where the truth is zero.
    if values.min() < -1e-8 * max(1.0, float(np.abs(values).max())):
        raise InputError(f"`eigenvalues` of a covariance cannot be negative; got {values.min()}.")
    return np.sort(np.clip(values, 0.0, None))[::-1]


def _learnt_variance(spectrum: FloatArray, coded: int, beta: float) -> float:
    """The σ² that equals the optimum's squared error per column.

    With a active dimensions that is Σ_{j>a} λ_j / (d − a·beta). The loss is convex in ln σ², so the first a that is
    consistent with its own σ² is the optimum (the largest σ² if several are as good).
    """
    columns = len(spectrum)
    for active in range(coded + 1):
        if columns - active * beta <= 0:
            break
        variance = float(spectrum[active:].sum()) / (columns - active * beta)
        following = spectrum[active] if active < coded else 0.0
        if variance > 0 and following <= beta * variance * (1 + _TIE):
            return variance
    raise InputError(
        f"The noise variance vanishes: the data leave nothing outside {coded} latent dimensions, so the likelihood has "
        "no maximum. Use a smaller `latent_dim` or pass `sigma_squared`."
    )
