"""Structural similarity and convolutions of norm 1, against what they are, written out."""

from __future__ import annotations

import numpy as np
import torch

from isthmus.components.networks.spectral_convolutions import (
    SpectralConvolution,
    SpectralMap,
    SpectralResizeConvolution,
    SpectralTransposedConvolution,
)
from isthmus.core.random import torch_generator
from isthmus.core.structural_similarity import WEIGHTS, exponents, scales_for, similarity_terms

from .known_numbers import close, item, values

SIZE = (9, 8)


def similarity_is_that_of_windows() -> None:
    first, second = (0.5 + 0.2 * values(*SIZE, seed=seed) for seed in (0, 1))
    assert scales_for(*SIZE) == (3, 2)
    wanted = [_at_one_scale(first.numpy(), second.numpy())[1].mean()]
    halved = [one[:8].reshape(4, 2, 4, 2).mean((1, 3)).numpy() for one in (first, second)]
    luminance, structure = _at_one_scale(*halved)
    close(similarity_terms(first, second), [*wanted, (luminance * structure).mean()])
    close(similarity_terms(first, first), [1.0, 1.0])


def fewer_scales_share_the_whole() -> None:
    close(exponents(torch.ones(2, dtype=torch.float64)), np.array(WEIGHTS[:2]) / sum(WEIGHTS[:2]))
    assert [scales_for(*size) for size in ((8, 8), (28, 40), (256, 256))] == [(3, 2), (11, 2), (11, 5)]


def spectral_convolutions_are_divided_by_the_norm_of_the_operator() -> None:
    for layer in (
        SpectralConvolution(1, 2, 3, (2, 2), 2, before=(3, 4)),
        SpectralResizeConvolution(1, 2, 3, (5, 7), before=(3, 4)),
        SpectralTransposedConvolution(1, 2, 4, (5, 7), before=(3, 4)),
    ):
        layer.double()
        layer.initialise(torch_generator(0))
        matrix = _matrix(layer)
        largest = np.linalg.norm(matrix, 2)
        close(item(layer.largest_singular_value()), largest, 0.02)
        maps = values(2, 1, 3, 4)
        wanted = (maps.flatten(1).numpy() @ matrix.T) / item(layer.largest_singular_value())
        with torch.no_grad():
            layer.bias.fill_(0.25)
        close(layer(maps).detach().flatten(1), wanted + 0.25)
        after = values(2, *layer(maps).shape[1:])
        close(layer.adjoint(after).detach().flatten(1), after.flatten(1).numpy() @ matrix)


def a_training_step_follows_the_weights_by_one_power_iteration() -> None:
    layer = SpectralConvolution(1, 2, 3, (2, 2), 2, before=(3, 4)).double().train()
    layer.initialise(torch_generator(0))
    layer.right.copy_(values(1, 1, 3, 4))
    matrix = _matrix(layer)
    left = matrix @ layer.right.flatten().numpy()
    layer.largest_singular_value()
    wanted = matrix.T @ left
    close(layer.pending["right"].flatten(), wanted / np.linalg.norm(wanted))
    layer.eval().largest_singular_value()
    assert not layer.pending


def _matrix(layer: SpectralMap) -> np.ndarray:
    columns = [layer.product(row.reshape(1, 1, 3, 4), None).detach().flatten() for row in torch.eye(12).double()]
    return torch.stack(columns, 1).numpy()


def _at_one_scale(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Luminance, and contrast times structure, in each window of 3 × 3."""
    line = np.exp(-0.5 * (np.array([-1, 0, 1]) * 11 / (1.5 * 3)) ** 2)
    weights = np.outer(line, line) / line.sum() ** 2
    places = [(row, column) for row in range(first.shape[0] - 2) for column in range(first.shape[1] - 2)]
    found = []
    for row, column in places:
        a, b = (one[row : row + 3, column : column + 3] for one in (first, second))
        mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
        covariance = (weights * (a - mean_a) * (b - mean_b)).sum()
        spread = (weights * (a - mean_a) ** 2).sum() + (weights * (b - mean_b) ** 2).sum()
        luminance = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
        found.append((luminance, (2 * covariance + 9e-4) / (spread + 9e-4)))
    return tuple(np.array(found).T)  # type: ignore[return-value]
