"""What a fitted code carries, and whether that is what the data allow."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.core.random import torch_generator
from isthmus.core.row_source import RowSource
from isthmus.distributions import DiagonalNormal, kl_divergence
from isthmus.metrics.codebooks import codebook_usage
from isthmus.metrics.latents import active_units, expected_active, probabilistic_pca
from isthmus.models.autoencoder import ComposedAutoencoder

MAXIMUM_ROWS = 10_000
# The spectrum of very wide rows is not worth its cost.
MAXIMUM_WIDTH = 4096
# What float32 features leave of an eigenvalue that is 0, as a share of the largest.
ROUNDING = 1e-6
# The rate of pairs without a closed form is estimated with one sample a row, always the same.
NOISE_SEED = 2014
COLLAPSED_PERPLEXITY = 1.5
ACTIVE_SHARE = 0.01
CONSTANT = 1e-5
_OF_SYMBOLS = ("symbols_used", "perplexity", "unused_codes")


@dataclass(frozen=True)
class Diagnosis:
    """What a fitted code carries.

    Attributes
    ----------
    active_units : int
        Dimensions whose posterior mean varies by more than 0.01 over the rows (Burda et al. 2016); of a deterministic
        code, by more than a hundredth of the widest one's variance.
    rate : float or None
        Mean KL(q(z|x)‖p(z)) in nats per row; None for a deterministic code.
    rate_per_dimension : list of float or None
        Its share per dimension, where the posterior and the prior factorise.
    expected_active : int or None
        How many dimensions a linear model of the same size would use; computed only where fewer than all are active.
    symbols_used, perplexity : float or None
        Where codes are symbols: the share of a place's symbols that occur, and how many of them, used equally often,
        would carry as much; means over the places of a code.
    unused_codes : str or None
        Words about a codebook of which more than half is hardly ever chosen.
    """

    active_units: int
    rate: float | None
    rate_per_dimension: list[float] | None
    expected_active: int | None
    symbols_used: float | None = None
    perplexity: float | None = None
    unused_codes: str | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return {name: value for name, value in asdict(self).items() if value is not None or name not in _OF_SYMBOLS}

    def collapse_message(self, latent_dim: int) -> str | None:
        """Words for a collapse that the linear oracle does not excuse, or None."""
        if self.perplexity is not None and self.perplexity < COLLAPSED_PERPLEXITY:
            return (
                f"The codes hardly vary: each place uses {self.perplexity:.2g} symbols on average (perplexity). Train "
                "longer, or use a larger `latent_dim`; `diagnosis_` shows the effect."
            )
        if self.active_units == 0 and self.rate is None:
            return (
                f"None of the {latent_dim} latent dimensions varies: the code has collapsed. Lower the weights of the "
                "penalties, or train longer; `active_units_` shows the effect."
            )
        if self.expected_active is None or 2 * self.active_units >= self.expected_active:
            return None
        return (
            f"{self.active_units} of {latent_dim} latent dimensions are active, where a linear model of the data would "
            f"use {self.expected_active}: the posterior has collapsed to the prior. Lower `beta`, lengthen "
            "`warmup_epochs`, or train longer; `active_units_` and `rate_` show the effect."
        )


@torch.no_grad()
def diagnose(model: ComposedAutoencoder, rows: RowSource, index: Tensor, noise_variance: float | None) -> Diagnosis:
    """Look at (at most 10,000 of) the rows at ``index``.

    ``noise_variance`` is a fixed σ² of the likelihood: directions below it are rightly left out (Lucas et al. 2019).
    """
    model.eval()
    index = index[:MAXIMUM_ROWS]
    device = model.scale.device
    batch = rows.take(index).to(device)
    features = model.features(batch)
    posterior = model.encode(features, model.context(batch, features))
    codes = posterior.code.float().cpu().numpy()
    if not model.bounded:
        return Diagnosis(_varying(codes), None, None, None)
    active = active_units(codes)
    prior = model.prior(model.encode_inputs)
    z = posterior.code
    if model.stochastic:
        shape = (len(index), model.noise_width)
        noise = torch.randn(shape, generator=torch_generator(NOISE_SEED, device), device=device, dtype=features.dtype)
        z = posterior.sample(noise)
    rate = float(kl_divergence(posterior, prior, z).double().mean())
    if model.code_space == "symbols":
        used = _usage(posterior.symbols, model.levels)  # type: ignore[attr-defined]
        return Diagnosis(active, rate, None, None, *used, unused_codes=model.latent.diagnose(posterior))
    shares = None
    if isinstance(posterior, DiagonalNormal) and type(prior).__name__ == "StandardNormal":
        per_dimension = 0.5 * (posterior.mean.square() + (2 * posterior.log_std).exp() - 1) - posterior.log_std
        shares = [float(value) for value in per_dimension.double().mean(0)]
    expected = None
    if (
        model.stochastic
        and model.code_space == "euclidean"
        and active < model.latent_dim
        and model.width <= MAXIMUM_WIDTH
        and len(index) > 2
    ):
        expected = _expected_active(features.double().cpu().numpy(), model.latent_dim, noise_variance)
    return Diagnosis(active, rate, shares, expected)


def _varying(codes: np.ndarray) -> int:
    """How many dimensions of a deterministic code vary. It has no prior to give it a scale: the widest one does."""
    variances = codes.var(0, dtype=np.float64)
    widest = variances.max()
    return int((variances > ACTIVE_SHARE * widest).sum()) if widest > CONSTANT else 0


def _usage(symbols: Tensor, levels: tuple[int, ...]) -> tuple[float, float]:
    """The means over places of the share of symbols used, and of their perplexity."""
    found = [codebook_usage(column.cpu().numpy(), n) for column, n in zip(symbols.unbind(-1), levels, strict=True)]
    return tuple(float(np.mean(column)) for column in zip(*found, strict=True))  # type: ignore[return-value]


def _expected_active(features: np.ndarray, latent_dim: int, noise_variance: float | None) -> int:
    centred = features - features.mean(0)
    eigenvalues = np.linalg.eigvalsh(centred.T @ centred / len(features))[::-1].clip(min=0)
    if noise_variance is None:
        dim = min(latent_dim, len(eigenvalues) - 1)
        if dim < 1:
            return 0
        # A linear model of so many dimensions leaves nothing over: its noise would vanish.
        rounding = ROUNDING * eigenvalues[0]
        if eigenvalues[dim:].sum() <= rounding:
            return int((eigenvalues[:dim] > rounding).sum())
        noise_variance = float(probabilistic_pca(eigenvalues, dim)[0])
    return min(latent_dim, int(expected_active(eigenvalues, noise_variance, len(features))))
