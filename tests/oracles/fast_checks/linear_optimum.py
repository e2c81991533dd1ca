"""The loss of linear models at their known optimum, and its gradient."""

from __future__ import annotations

import math

import numpy as np
import torch
from linear_models import (
    calibrate,
    exact_loss,
    known_data,
    linear_model,
    log_likelihood_per_row,
    noise_variance,
    rate,
    set_optimum,
)

from isthmus.core.batch import Batch
from isthmus.core.noise import Noise

from .known_numbers import close, item, values


def the_bound_at_the_optimum_is_the_log_likelihood() -> None:
    data = known_data(40)
    for q in (1, 3):
        model = linear_model(data.width, q)
        set_optimum(model, data, noise_variance(data, q))
        terms = exact_loss(model, data.rows)
        close(-item(terms.total), log_likelihood_per_row(data, q), 1e-11)
        variance = noise_variance(data, q)
        close(rate(model, data.rows), 0.5 * np.log(data.eigenvalues[:q] / variance).sum(), 1e-11)
        close(model.encode(data.rows[:1]).stddev[0].detach() ** 2, variance / data.eigenvalues[:q], 1e-11)
        # At the optimum every gradient vanishes, and the calibrated variance stays where it is.
        terms.total.backward()
        for parameter in model.parameters():
            close(parameter.grad, np.zeros(parameter.shape), 1e-9)
        calibrate(model, data.rows)
        close(model.likelihood.parts[0].variance, variance, 1e-11)
        close(model.likelihood.parts[0].sigma, math.sqrt(variance), 1e-11)


def the_rotated_optimum_loses_what_correlations_cost() -> None:
    data, q = known_data(40), 2
    variance = noise_variance(data, q)
    angle = 0.7
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    model = linear_model(data.width, q)
    weights = set_optimum(model, data, variance, rotation=rotation)
    precision = np.eye(q) + weights.T @ weights / variance
    lost = 0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])
    close(-item(exact_loss(model, data.rows).total), log_likelihood_per_row(data, q) - lost, 1e-11)


def the_weighted_bound_at_its_optimum() -> None:
    data, q, beta, variance = known_data(40), 4, 2.5, 0.5
    model = linear_model(data.width, q, sigma=math.sqrt(variance), beta=beta)
    set_optimum(model, data, variance, beta)
    water = beta * variance
    terms = exact_loss(model, data.rows)
    rate_wanted = 0.5 * np.log(np.clip(data.eigenvalues[:q] / water, 1, None)).sum()
    error_wanted = np.minimum(data.eigenvalues, water)[:q].sum() + data.eigenvalues[q:].sum()
    close(item(terms.parts["kl"]) / terms.rows, rate_wanted, 1e-11)
    reconstruction = 0.5 * (data.width * math.log(2 * math.pi * variance) + error_wanted / variance)
    close(item(terms.parts["reconstruction"]) / terms.rows, reconstruction, 1e-11)
    close(item(terms.total), reconstruction + beta * rate_wanted, 1e-11)
    terms.total.backward()
    for parameter in model.parameters():
        close(parameter.grad, np.zeros(parameter.shape), 1e-9)
    assert not exact_loss(model, data.rows).updates, "a fixed variance must not be updated"


def gradients_are_those_of_finite_differences() -> None:
    """The whole loss by every weight: nothing is detached that should not be."""
    data = known_data(6)
    model = linear_model(data.width, 2)
    noise, direction_seed, step = Noise(values(6, 2)), 11, 1e-6
    model.loss(Batch(data.rows), noise, {"kl": 0.7}).total.backward()
    for number, parameter in enumerate(model.parameters()):
        direction = values(*parameter.shape, seed=direction_seed + number)
        losses = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter.add_(sign * step * direction)
                losses.append(item(model.loss(Batch(data.rows), noise, {"kl": 0.7}).total))
                parameter.sub_(sign * step * direction)
        close(float((parameter.grad * direction).sum()), (losses[0] - losses[1]) / (2 * step), 1e-6)
