"""Rows of which some columns are given, in the user's terms."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import numpy as np
import torch

from isthmus.components.likelihoods.gaussian import GaussianLikelihood
from isthmus.components.priors.base import PriorModule
from isthmus.core.errors import ParameterError
from isthmus.data.given_cells import GivenCells
from isthmus.data.schema import Schema
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.uses.conditional_generation import conditional_rows, density_of_codes
from isthmus.uses.imputation_cells import typical_features

from .conditions import given_context
from .fitted import FittedModel


def sampled_given(
    model: FittedModel,
    source: PriorModule,
    asked: GivenCells,
    temperature: float,
    noise: bool,
    seed: int,
    without_code: bool = False,
) -> Any:
    """What ``sample`` says of rows in which columns that are modelled are given."""
    schema, n = model.schema_, len(asked.chosen)
    context, carried = given_context(schema, asked.known, n)
    module = _with_scale(model)
    context = None if context is None else context.to(module.scale.device)
    density = partial(density_of_codes, model.module_, source, temperature)
    typical = typical_features(schema)
    features = conditional_rows(module, density, asked, context, typical, seed, noise, without_code)
    missing = _missing(schema, asked)
    if not noise and schema.indicated:  # of means, only what was asked for is missing
        features[:, -len(schema.indicated) :] = missing
    return schema.decode(
        features, carried=carried, restore_missing=noise or bool(missing.any()), within=_within(asked, features)
    )


def _within(asked: GivenCells, features: np.ndarray) -> dict[int, np.ndarray]:
    """Between which values the numbers of each row are, by column, in the user's units: (2, n)."""
    within: dict[int, np.ndarray] = {}
    for place in range(asked.chosen.shape[1]):
        for option in np.unique(asked.chosen[:, place]):
            rows = asked.chosen[:, place] == option
            for rule in asked.options[option]:
                if rule.levels or not (rule.values or rule.is_range):
                    continue
                ends = within.setdefault(rule.source, np.tile([[-np.inf], [np.inf]], len(features)))
                if rule.is_range:
                    ends[:, rows] = np.array(rule.ends)[:, None]
                    continue
                gaps = np.abs(features[rows, rule.start, None] - np.array(rule.points))
                ends[:, rows] = np.array(rule.values)[gaps.argmin(1)]
    return within


def _missing(schema: Schema, asked: GivenCells) -> np.ndarray:
    """Which cells are asked to be missing, for each indicator: (n, indicators)."""
    found = np.zeros((len(asked.chosen), len(schema.indicated)), dtype=bool)
    first = schema.n_encoded - len(schema.indicated)
    for place in range(asked.chosen.shape[1]):
        for number, option in enumerate(asked.options):
            for rule in option:
                if rule.start >= first and rule.points == (1.0,):
                    found[asked.chosen[:, place] == number, rule.start - first] = True
    return found


def _with_scale(model: FittedModel) -> ComposedAutoencoder:
    """The model, with a noise scale: plain squared error gets that of its own errors in training.

    Raises
    ------
    ParameterError
        There is none to be had.
    """
    module = model.module_
    fixed = [part for part in module.likelihood.parts if getattr(part, "learnt", True) is False]
    if module.stochastic or not fixed:
        return module
    rows = model.history_.rows
    error = rows[-1].get("validation/reconstruction", rows[-1].get("train/reconstruction")) if rows else None
    if len(module.likelihood.parts) > 1 or not isinstance(fixed[0], GaussianLikelihood) or error is None:
        raise ParameterError(
            "sample: `given` needs to know how far rows are from what their codes decode to, but this model was fitted "
            f"with a fixed scale ({fixed[0].describe()}: plain squared error). Fit with likelihoods whose scale is "
            "learnt, or fit a VAE; or declare the column as a condition."
        )
    module = copy.deepcopy(module)
    part, width = module.likelihood.parts[0], module.width
    variance = float(part.variance)
    # nats = error / 2σ² + d/2 · log(2πσ²)
    squared = 2 * variance * (error - width / 2 * np.log(2 * np.pi * variance))
    with torch.no_grad():
        part.variance.fill_(max(squared / width, part.floor))
    return module
