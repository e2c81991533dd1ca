"""Linear models, whose optimum is known: the composition of the library in float64, and the formulas in numpy.

λ₁ ≥ λ₂ ≥ … are the eigenvalues of S = XᵀX/n (X centred) and U its eigenvectors: Tipping & Bishop (1999),
Probabilistic principal component analysis; Lucas et al. (2019), Don't blame the ELBO!, arXiv:1911.02469.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from isthmus.components.latents.gaussian import GaussianLatent
from isthmus.components.latents.point import Point
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.networks.mlp import MLP
from isthmus.components.objectives.penalised_likelihood import PenalisedLikelihood
from isthmus.components.penalties.kl import KL
from isthmus.components.priors.standard_normal import StandardNormal
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.loss_terms import LossTerms
from isthmus.core.noise import Noise
from isthmus.core.progress import END
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.composition import Composition

SPECTRUM = (9.0, 4.0, 1.5, 0.6, 0.3, 0.1)


@dataclass(frozen=True)
class Data:
    """Rows with a known spectrum.

    Attributes
    ----------
    rows : Tensor of float64, shape (n, d)
    mean : ndarray, shape (d,)
    eigenvalues : ndarray, shape (d,)
        Descending.
    eigenvectors : ndarray, shape (d, d)
        In columns.
    """

    rows: Tensor
    mean: np.ndarray
    eigenvalues: np.ndarray
    eigenvectors: np.ndarray

    @property
    def width(self) -> int:
        return self.rows.shape[1]


def data_of(rows: np.ndarray) -> Data:
    """The spectrum of given rows."""
    rows = np.asarray(rows, dtype=np.float64)
    centred = rows - rows.mean(0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(rows))
    return Data(torch.from_numpy(rows), rows.mean(0), values[::-1].copy(), vectors[:, ::-1].copy())


def known_data(rows: int = 60, spectrum: tuple[float, ...] = SPECTRUM, seed: int = 0) -> Data:
    """Rows whose covariance has exactly this spectrum, around a mean that is not zero."""
    generator = np.random.Generator(np.random.PCG64(seed))
    width = len(spectrum)
    whitened = generator.normal(size=(rows, width))
    whitened = np.linalg.qr(whitened - whitened.mean(0))[0] * math.sqrt(rows)
    rotation = np.linalg.qr(generator.normal(size=(width, width)))[0]
    return data_of(whitened * np.sqrt(spectrum) @ rotation.T + generator.normal(size=width))


def linear_model(
    width: int,
    latent_dim: int,
    sigma: str | float = "shared",
    beta: float = 1.0,
    stochastic: bool = True,
    seed: int = 0,
) -> ComposedAutoencoder:
    """The composition with linear networks, in float64, with random weights."""
    network = MLP(hidden=())
    composition = Composition(
        latent_dim=latent_dim,
        encoder=network,
        decoder=network,
        latent=GaussianLatent() if stochastic else Point(),
        prior=StandardNormal(),
        likelihoods=(Gaussian(sigma=sigma, mean="identity"),),
        penalties={"kl": KL(weight=beta)} if stochastic else {},
        objective=PenalisedLikelihood(),
    )
    generator = torch.Generator().manual_seed(seed)
    return composition.build([Block("continuous", 0, width, (width,))], generator).double()


def noise_variance(data: Data, latent_dim: int) -> float:
    """The maximum-likelihood σ² of probabilistic PCA: the mean of the eigenvalues that are left out."""
    return float(data.eigenvalues[latent_dim:].mean())


def log_likelihood_per_row(data: Data, latent_dim: int) -> float:
    """The maximum of probabilistic PCA's log-likelihood, nats per row."""
    variance = noise_variance(data, latent_dim)
    kept = np.log(data.eigenvalues[:latent_dim]).sum()
    width = data.width
    return float(-0.5 * (width * math.log(2 * math.pi) + kept + (width - latent_dim) * math.log(variance) + width))


@torch.no_grad()
def set_optimum(
    model: ComposedAutoencoder, data: Data, variance: float, beta: float = 1.0, rotation: np.ndarray | None = None
) -> np.ndarray:
    """Write the optimal weights for a noise variance into the model; returns the decoder's matrix W (d, q).

    Dimensions with λ ≤ θ = βσ² are off: their weights are 0, their posterior is the prior. A ``rotation`` (q, q) of
    the code leaves p(x) as it is; the diagonal posterior is then the best there is.
    """
    q = model.latent_dim
    values, vectors = data.eigenvalues[:q], data.eigenvectors[:, :q]
    weights = vectors * np.sqrt(np.clip(values - beta * variance, 0, None))
    if rotation is not None:
        weights = weights @ rotation
    precision = np.eye(q) + weights.T @ weights / (beta * variance)
    to_code = np.linalg.solve(precision, weights.T) / (beta * variance)
    encoder, decoder = model.encoder[0], model.decoder[0]
    encoder.weight.zero_()
    encoder.bias.zero_()
    encoder.weight[:q] = torch.from_numpy(to_code)
    encoder.bias[:q] = torch.from_numpy(-to_code @ data.mean)
    encoder.bias[q:] = torch.from_numpy(-0.5 * np.log(np.diag(precision)))
    decoder.weight.copy_(torch.from_numpy(weights))
    decoder.bias.copy_(torch.from_numpy(data.mean))
    model.likelihood.parts[0].variance.fill_(variance)
    return weights


def sigma_points(model: ComposedAutoencoder, rows: Tensor) -> tuple[Batch, Noise | None]:
    """Rows repeated once per noise point ±√q·e_j, which average every quadratic function of the noise exactly.

    With a linear decoder the squared error is quadratic in the noise, so that the loss of this batch is the exact
    expectation over the posterior, not an estimate.
    """
    if not model.stochastic:
        return Batch(rows), None
    q = model.latent_dim
    directions = math.sqrt(q) * torch.eye(q, dtype=rows.dtype)
    points = torch.cat([directions, -directions])
    return Batch(rows.repeat(2 * q, 1)), Noise(points.repeat_interleave(len(rows), 0))


def exact_loss(model: ComposedAutoencoder, rows: Tensor) -> LossTerms:
    """The model's own loss with the expectation over the noise taken exactly."""
    batch, noise = sigma_points(model, rows)
    return model.loss(batch, noise, model.weights(END))  # after any warm-up


def train(model: ComposedAutoencoder, rows: Tensor, rounds: int = 20, steps: int = 40) -> ComposedAutoencoder:
    """Minimise the model's own loss by L-BFGS; a shared σ² is recomputed exactly between rounds."""
    learnt = model.likelihood.parts[0].learnt
    for _ in range(rounds if learnt else 1):
        optimiser = torch.optim.LBFGS(
            model.parameters(),
            max_iter=steps if learnt else 8 * steps,
            history_size=20,
            tolerance_grad=1e-12,
            tolerance_change=1e-16,
            line_search_fn="strong_wolfe",
        )

        def closure(optimiser: torch.optim.LBFGS = optimiser) -> Tensor:
            optimiser.zero_grad()
            loss = exact_loss(model, rows).total
            loss.backward()
            return loss

        optimiser.step(closure)
        if learnt:
            calibrate(model, rows)
    return model


@torch.no_grad()
def calibrate(model: ComposedAutoencoder, rows: Tensor) -> None:
    """The exact maximum-likelihood σ² through the model's own statistics."""
    batch, noise = sigma_points(model, rows)
    found = model.forward_pass(batch, noise)
    statistics = model.likelihood.statistics(found.likelihood, found.features)
    model.likelihood.calibrate(statistics.reshape(-1), len(batch))


@torch.no_grad()
def squared_error(model: ComposedAutoencoder, rows: Tensor) -> float:
    """The expected squared error per row, summed over columns."""
    batch, noise = sigma_points(model, rows)
    found = model.forward_pass(batch, noise)
    return float((found.likelihood.mean - found.features).square().sum(-1).mean())


@torch.no_grad()
def rate(model: ComposedAutoencoder, rows: Tensor) -> float:
    """The KL term per row, in nats."""
    terms = exact_loss(model, rows)
    return float(terms.parts["kl"]) / terms.rows
