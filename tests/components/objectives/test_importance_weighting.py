"""The importance-weighted family against sums written out in numpy, and what each part is weighted with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from torch import Tensor

from isthmus.components.objectives.base import Objective
from isthmus.components.objectives.combined_importance_weighted import CombinedImportanceWeighted
from isthmus.components.objectives.importance_weighted import ImportanceWeighted
from isthmus.components.objectives.log_weights import log_weights
from isthmus.components.objectives.multiple_importance_weighted import MultipleImportanceWeighted
from isthmus.components.objectives.partially_importance_weighted import PartiallyImportanceWeighted
from isthmus.components.penalties.kl import KL
from isthmus.core.errors import ParameterError
from isthmus.core.loss_terms import LossTerms
from isthmus.core.progress import END, START, Progress
from isthmus.core.schedule import LinearSchedule
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.testing import check_component, variants
from isthmus.testing.examples import ROWS, example_model, example_rows

EVERY = (
    ImportanceWeighted(3),
    MultipleImportanceWeighted(3, 2),
    PartiallyImportanceWeighted(3, 2),
    CombinedImportanceWeighted(samples=6, share=0.25),
)


def by_hand(model: ComposedAutoencoder) -> tuple[np.ndarray, np.ndarray]:
    """log p(x|z_k) and log-weights, (draws, n), one draw after the other."""
    batch, noise = example_rows(model)
    x, posterior = batch.values, model.encode(batch.values)
    likelihoods, found = [], []
    for draw in range(noise.latent.shape[1]):
        z = posterior.mean + posterior.stddev * noise.latent[:, draw]
        likelihoods.append(model.decode(z).log_prob(x))
        found.append(likelihoods[-1] + model.prior().log_prob(z) - posterior.log_prob(z))
    return torch.stack(likelihoods).numpy(), torch.stack(found).numpy()


def terms_of(objective: Objective) -> tuple[LossTerms, np.ndarray, np.ndarray, ComposedAutoencoder]:
    model = example_model(True, {}, objective)
    with torch.no_grad():
        return model.loss(*example_rows(model), model.weights(END)), *by_hand(model), model


def close(got: Tensor, wanted: float) -> None:
    np.testing.assert_allclose(float(got), wanted, rtol=1e-12)


@pytest.mark.parametrize("objective", [one for spec in EVERY for one in variants(spec)], ids=repr)
def test_conformance(objective: Objective) -> None:
    check_component(objective)


@pytest.mark.parametrize("objective", EVERY, ids=repr)
def test_reconstruction_is_the_mean_over_draws_and_only_told(objective: Objective) -> None:
    terms, likelihoods, _, _ = terms_of(objective)
    close(terms.parts["reconstruction"], -likelihoods.mean(0).sum())
    assert terms.weights["reconstruction"] == 0.0
    assert terms.rows == ROWS


def test_importance_weighted() -> None:
    terms, _, found, _ = terms_of(ImportanceWeighted(3))
    assert set(terms.parts) == {"reconstruction", "importance_bound"}
    bound = -np.log(np.exp(found).mean(0)).sum()
    close(terms.parts["importance_bound"], bound)
    close(terms.total, bound / ROWS)


def test_one_sample_is_the_evidence_bound_with_a_sampled_rate() -> None:
    terms, _, found, _ = terms_of(ImportanceWeighted(1))
    close(terms.total, -found.mean())


def test_multiple_importance_weighted_averages_bounds_of_neighbouring_draws() -> None:
    terms, _, found, _ = terms_of(MultipleImportanceWeighted(samples=3, repeats=2))
    bounds = [np.log(np.exp(found[start : start + 3]).mean(0)) for start in (0, 3)]
    close(terms.total, -np.mean(bounds, 0).mean())
    assert not np.isclose(float(terms.total), -np.log(np.exp(found).mean(0)).mean())


def test_partially_importance_weighted_gives_the_encoder_the_looser_bound() -> None:
    terms, _, found, _ = terms_of(PartiallyImportanceWeighted(samples=3, repeats=2))
    bounds = [logsumexp(found[start : start + 3], 0) - np.log(3) for start in (0, 3)]
    close(terms.total_of("encoder"), -np.mean(bounds, 0).mean())
    for group in ("decoder", "prior"):
        close(terms.total_of(group), -(logsumexp(found, 0) - np.log(6)).mean())
    close(terms.total, -(logsumexp(found, 0) - np.log(6)).mean())


def test_combined_importance_weighted_mixes_both_bounds() -> None:
    terms, _, found, _ = terms_of(CombinedImportanceWeighted(share=0.25, samples=6))
    evidence, importance = -found.mean(), -(logsumexp(found, 0) - np.log(6)).mean()
    close(terms.total, 0.25 * evidence + 0.75 * importance)
    for share, wanted in ((1.0, evidence), (0.0, importance)):
        close(terms_of(CombinedImportanceWeighted(samples=6, share=share))[0].total, wanted)


def test_the_share_can_be_scheduled() -> None:
    objective = CombinedImportanceWeighted(share=LinearSchedule(1.0, 0.2, until=0.5))
    assert objective.weights_at(START) == {"reconstruction": 0.0, "evidence_bound": 1.0, "importance_bound": 0.0}
    halfway = objective.weights_at(Progress(3.0, 0.25))
    assert halfway["evidence_bound"] == pytest.approx(0.6)
    assert halfway["importance_bound"] == pytest.approx(0.4)
    assert not objective.settled(Progress(3.0, 0.25))
    assert objective.settled(Progress(3.0, 0.5))
    objective.validate()
    with pytest.raises(ParameterError, match=r"`share` must stay between 0 and 1 .* is 2 when 100% of it is over"):
        CombinedImportanceWeighted(share=LinearSchedule(0.5, 2.0)).validate()


def test_a_pass_without_noise_counts_as_one_draw() -> None:
    model = example_model(True, {}, ImportanceWeighted(3))
    batch, _ = example_rows(model)
    with torch.no_grad():
        found = model.forward_pass(batch, None)
        likelihood, weights = log_weights(found)
    assert likelihood.shape == weights.shape == (1, ROWS)
    q, z = found.posterior, found.posterior.mean
    expected = found.likelihood.log_prob(batch.values) + found.prior.log_prob(z) - q.log_prob(z)
    assert torch.equal(weights[0], expected.detach()) or torch.allclose(weights[0], expected.detach(), rtol=1e-14)


@pytest.mark.parametrize("objective", EVERY, ids=repr)
def test_what_makes_no_sense_is_refused(objective: Objective) -> None:
    with pytest.raises(ParameterError, match="needs a stochastic latent; `point` has none"):
        example_model(False, {}, objective)
    with pytest.raises(ParameterError, match="counts the divergence from the prior a second time"):
        example_model(True, {"kl": KL()}, objective)
