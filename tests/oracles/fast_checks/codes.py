"""Deterministic and quantised codes: what is passed on, what it costs, and where its gradient goes."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from isthmus.components.latents.codebook import Codebook
from isthmus.components.latents.finite_scalar import FiniteScalar
from isthmus.components.latents.ordered import Ordered
from isthmus.components.latents.point import Point
from isthmus.components.latents.residual_quantised import ResidualQuantised
from isthmus.components.latents.vector_quantised import VectorQuantised
from isthmus.components.penalties.codebook import CodebookLoss
from isthmus.components.penalties.commitment import Commitment
from isthmus.distributions import DiagonalNormal, FlowPosterior, QuantisedPosterior, UniformCodes, kl_divergence

from .known_numbers import close, values
from .passes import pass_with


def the_largest_units_pass() -> None:
    raw = torch.tensor([[3.0, -4.0, 1.0], [-0.5, 0.2, 2.0]], dtype=torch.float64, requires_grad=True)
    posterior = Point(top_k=2).build(3)(raw)
    assert posterior.code.tolist() == [[3.0, -4.0, 0.0], [-0.5, 0.0, 2.0]]
    (gradient,) = torch.autograd.grad(posterior.code.sum(), raw)
    assert gradient.tolist() == [[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]]
    assert posterior.slope.tolist() == gradient.tolist()
    for activation in ("relu", "sigmoid", "tanh"):
        posterior = Point(activation=activation).build(3)(raw)
        (gradient,) = torch.autograd.grad(posterior.code.sum(), raw)
        close(posterior.slope.detach(), gradient, 1e-12)


def prefixes_have_the_lengths_of_their_distribution() -> None:
    code = values(4, 4)
    tails = torch.tensor([0.1, 0.3, 0.6, 0.9]).double()
    noise = torch.from_numpy(stats.norm.isf(tails))[:, None]
    for spec, lengths in (
        (Ordered(), [4, 3, 2, 1]),  # P(longer than l) = 1 - l/4
        (Ordered("geometric", rate=0.5), [4, 2, 1, 1]),  # P(longer than l) = 2^-l
    ):
        posterior = spec.build(4).double()(code)
        cut = np.where(np.arange(4) < np.array(lengths)[:, None], code.numpy(), 0)
        close(posterior.sample(noise), cut, 0)
        close(posterior.code, code, 0)


def grid_points_are_the_nearest() -> None:
    latent = FiniteScalar(levels=(5, 2)).build(2).double()
    raw = (2 * values(40, 2)).requires_grad_()
    posterior = latent(raw)
    bounded = np.tanh(raw.detach().numpy())
    grids = [np.linspace(-1, 1, 5), np.array([-1.0, 1.0])]
    wanted = np.stack([grid[np.abs(bounded[:, [j]] - grid).argmin(1)] for j, grid in enumerate(grids)], 1)
    close(posterior.code.detach(), wanted, 1e-12)
    close(posterior.log_levels, math.log(10), 1e-12)
    (gradient,) = torch.autograd.grad(posterior.code.sum(), raw)
    close(gradient, 1 - bounded**2, 1e-12)


def the_grid_follows_what_is_normal() -> None:
    """Its centre becomes the mean, and its unit the standard deviation."""
    latent = FiniteScalar(levels=5, decay=0.8).build(1).double()
    quantiles = torch.special.ndtri((torch.arange(500, dtype=torch.float64) + 0.5) / 500)
    rows = (4 - 3 * quantiles)[:, None]
    for _ in range(80):
        latent.load_state_dict(latent.state_dict() | latent.updates(latent(rows), None))
    close(latent.centre, 4.0, 1e-6)
    close(latent.scale, 3.0, 0.01)


def _vectors() -> tuple[Tensor, Tensor]:
    return values(3, 2), values(12, 4, seed=1)


def the_nearest_vectors_replace_the_encoders() -> None:
    vectors, raw = _vectors()
    raw.requires_grad_()
    latent = VectorQuantised(n_codes=3, tokens=2, decay=0.9, reset_below=0.0).build(4).double()
    latent.codebook.assign(vectors)
    posterior = latent(raw)
    tokens = raw.detach().reshape(12, 2, 2)
    nearest = torch.cdist(tokens, vectors).argmin(-1)
    assert posterior.symbols.tolist() == nearest.tolist()
    close(posterior.code.detach(), vectors[nearest].reshape(12, 4), 1e-12)
    weights = values(12, 4, seed=2)
    (gradient,) = torch.autograd.grad((weights * posterior.code).sum(), raw)
    close(gradient, weights, 0)
    uniform = UniformCodes(2 * math.log(3), (3, 3), lambda symbols: symbols)
    close(kl_divergence(posterior, uniform), np.full(12, 2 * math.log(3)), 1e-12)
    close(kl_divergence(posterior, uniform), -uniform.log_prob(posterior.symbols.double()), 1e-12)
    close(latent.log_levels, 2 * math.log(3), 1e-12)
    # The running averages: what a code keeps of itself, and what the rows that chose it give.
    counts, sums = latent.codebook.counts.clone(), latent.codebook.sums.clone()
    found = latent.updates(posterior, None)
    chosen = torch.nn.functional.one_hot(nearest.flatten(), 3).double() / 12
    close(found["codebook.counts"], 0.9 * counts + 0.1 * chosen.sum(0), 1e-12)
    close(found["codebook.sums"], 0.9 * sums + 0.1 * chosen.T @ tokens.reshape(24, 2), 1e-12)


def codes_without_rows_begin_anew() -> None:
    vectors, raw = _vectors()
    codebook = Codebook(3, 2, decay=0.9, reset_below=0.5).double()
    codebook.assign(vectors)
    codebook.counts[1] = 0.01  # the uniform share is 1/3
    codebook.sums[1] = 0.01 * vectors[1]
    rows, keys = raw[:, None, :2], values(12, seed=3)
    found = codebook.updates(rows, codebook.choose(rows), keys)
    renewed = found["sums"] / found["counts"][:, None]
    close(renewed[1], rows[int(keys.argmin()), 0], 1e-12)
    close(found["counts"][1], 1 / 3, 1e-7)
    assert not torch.isclose(renewed[0], rows[:, 0]).all(-1).any(), "a code that is chosen stays"
    codebook.begin(rows[:, 0], torch.Generator().manual_seed(0))
    chosen = codebook.choose(rows[:, 0])
    centres = torch.stack([rows[chosen == code, 0].mean(0) for code in range(3)])
    close(codebook.vectors, centres, 1e-9)  # Lloyd's fixed point


def stages_quantise_what_the_others_leave() -> None:
    raw = values(10, 2)
    stages = [values(3, 2, seed=1), 0.5 * values(3, 2, seed=2), 0.3 * values(3, 2, seed=3)]
    latent = ResidualQuantised(n_codes=3, stages=3, decay=0.9, reset_below=0.0).build(2).double()
    for codebook, vectors in zip(latent.codebooks, stages, strict=True):
        codebook.assign(vectors)
    posterior = latent(raw)
    updates = latent.updates(posterior, None)
    remainder, wanted = raw, torch.zeros_like(raw)
    for number, vectors in enumerate(stages):
        nearest = torch.cdist(remainder, vectors).argmin(-1)
        assert posterior.symbols[:, number].tolist() == nearest.tolist()
        chosen = torch.nn.functional.one_hot(nearest, 3).double() / 10
        close(updates[f"codebooks.{number}.sums"], 0.9 * vectors / 3 + 0.1 * chosen.T @ remainder, 1e-6)
        wanted, remainder = wanted + vectors[nearest], remainder - vectors[nearest]
    close(posterior.code, wanted, 1e-6)
    close(posterior.log_levels, 3 * math.log(3), 1e-12)


def each_quantisation_loss_moves_one_side() -> None:
    encoded, quantised = values(5, 2).requires_grad_(), values(5, 2, seed=1).requires_grad_()
    posterior = QuantisedPosterior(encoded, quantised, torch.zeros(5, 1).long(), 0.0)
    difference = (encoded - quantised).detach()
    for spec, moved, still in ((Commitment(), encoded, quantised), (CodebookLoss(), quantised, encoded)):
        value = spec.value(pass_with(posterior))
        close(value.detach(), difference.square().sum(), 1e-12)
        gradient, none = torch.autograd.grad(value, (moved, still), allow_unused=True)
        close(gradient, 2 * difference * (1 if moved is encoded else -1), 1e-12)
        assert none is None
    # What is decoded moves the encoder only.
    gradient, none = torch.autograd.grad(posterior.code.sum(), (encoded, quantised), allow_unused=True)
    close(gradient, np.ones((5, 2)), 0)
    assert none is None


class _Doubling:
    """A flow whose Jacobian is known."""

    def __call__(self, value: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        return 2 * value, torch.full(value.shape[:-1], value.shape[-1] * math.log(2), dtype=value.dtype)

    def inverse(self, image: Tensor, context: Tensor) -> Tensor:
        return image / 2


def flows_change_the_volume() -> None:
    mean, log_std = values(5, 3), 0.3 * values(5, 3, seed=1)
    posterior = FlowPosterior(DiagonalNormal(mean, log_std), _Doubling(), values(5, 1))
    z = posterior.sample(values(5, 3, seed=2))
    wanted = stats.norm.logpdf(z, 2 * mean, 2 * log_std.exp()).sum(-1)
    close(posterior.log_prob(z), wanted)
    close(posterior.log_prob(z.clone()), wanted)
