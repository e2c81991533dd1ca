"""Importance-weighted objectives, against sums over samples in numpy."""

from __future__ import annotations

import numpy as np
import torch
from scipy import special, stats

from isthmus.components.objectives.base import Objective
from isthmus.components.objectives.combined_importance_weighted import CombinedImportanceWeighted
from isthmus.components.objectives.importance_weighted import ImportanceWeighted
from isthmus.components.objectives.multiple_importance_weighted import MultipleImportanceWeighted
from isthmus.components.objectives.partially_importance_weighted import PartiallyImportanceWeighted
from isthmus.components.penalties.code_norm import CodeNorm
from isthmus.core.loss_terms import LossTerms
from isthmus.core.progress import START, Progress
from isthmus.core.schedule import LinearSchedule
from isthmus.distributions import DiagonalNormal

from .known_numbers import close, item, values
from .passes import pass_with

ROWS, DRAWS = 5, 6


def _of(
    objective: Objective, progress: Progress = START, norm_weight: float | None = None
) -> tuple[LossTerms, np.ndarray, np.ndarray]:
    """An objective's terms for a linear decoder, log p(x|z) and the log-weights, both (draws, rows).

    With ``norm_weight``, the penalty "norm" on the size of the codes stands beside it.
    """
    posterior = DiagonalNormal(values(ROWS, 2), 0.4 * values(ROWS, 2, seed=1))
    noise, matrix, x = values(DRAWS, ROWS, 2, seed=2), values(2, 3), values(ROWS, 3)
    z = posterior.sample(noise)
    likelihood = DiagonalNormal(z @ matrix, torch.full((3,), -0.3, dtype=torch.float64))
    found = pass_with(posterior, z, features=x, likelihood=likelihood)
    fit = stats.norm.logpdf(x, z @ matrix, np.exp(-0.3)).sum(-1)
    log_prior = stats.norm.logpdf(z).sum(-1)
    log_posterior = stats.norm.logpdf(z, posterior.mean, posterior.stddev).sum(-1)
    weights = dict(objective.weights_at(progress))
    penalties = {} if norm_weight is None else {"norm": CodeNorm().build(2, 3)}
    if norm_weight is not None:
        weights["norm"] = norm_weight
    terms = objective.terms(found, penalties, weights)
    close(item(terms.parts["reconstruction"]), -fit.mean(0).sum())
    assert terms.rows == ROWS
    return terms, fit, fit + log_prior - log_posterior


def _bound(log_weights: np.ndarray) -> np.ndarray:
    return special.logsumexp(log_weights, 0) - np.log(len(log_weights))


def one_bound_of_all_samples() -> None:
    objective = ImportanceWeighted(samples=DRAWS)
    assert objective.draws == DRAWS
    terms, _, log_weights = _of(objective)
    close(item(terms.total), -_bound(log_weights).mean())


def the_mean_of_several_bounds() -> None:
    objective = MultipleImportanceWeighted(samples=2, repeats=3)
    assert objective.draws == DRAWS
    terms, _, log_weights = _of(objective)
    close(item(terms.total), -np.mean([_bound(log_weights[start : start + 2]) for start in (0, 2, 4)]))


def one_bound_for_the_decoder_and_several_for_the_encoder() -> None:
    terms, _, log_weights = _of(PartiallyImportanceWeighted(samples=2, repeats=3))
    close(item(terms.total), -_bound(log_weights).mean())
    close(item(terms.total_of("decoder")), -_bound(log_weights).mean())
    several = -np.mean([_bound(log_weights[start : start + 2]) for start in (0, 2, 4)])
    close(item(terms.total_of("encoder")), several)
    assert abs(several + _bound(log_weights).mean()) > 1e-3, "the two must differ for this to say anything"
    # Both minimise the penalties.
    with_norm, _, _ = _of(PartiallyImportanceWeighted(samples=2, repeats=3), norm_weight=0.5)
    norm = 0.5 * item(with_norm.parts["norm"]) / ROWS
    assert norm > 1e-3
    close(item(with_norm.total_of("encoder")), several + norm)
    close(item(with_norm.total_of("decoder")), -_bound(log_weights).mean() + norm)


def a_share_of_the_evidence_bound() -> None:
    scheduled = LinearSchedule(1, 0, until=1.0)
    for share, progress, wanted in ((0.25, START, 0.25), (scheduled, Progress(3, 0.1), 0.9)):
        terms, _, log_weights = _of(CombinedImportanceWeighted(share=share, samples=DRAWS), progress)
        evidence, importance = log_weights.mean(0).mean(), _bound(log_weights).mean()
        close(item(terms.total), -wanted * evidence - (1 - wanted) * importance)
