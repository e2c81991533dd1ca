"""DisentangledInferredPrior: against numpy's covariance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from isthmus.components.penalties.disentangled_inferred_prior import DisentangledInferredPrior
from isthmus.core.batch import Batch
from isthmus.core.errors import ParameterError
from isthmus.core.random import torch_generator
from isthmus.distributions import DiagonalNormal, PointMass
from isthmus.testing.examples import LATENT_DIM, WIDTH, example_model

ROWS = 7


def values(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch_generator(seed), dtype=torch.float64)


@pytest.mark.parametrize("shared", [False, True], ids=["own deviations", "shared deviations"])
@pytest.mark.parametrize(
    ("kind", "diagonal_ratio", "ratio"), [("i", "auto", 10.0), ("ii", "auto", 1.0), ("i", 0.0, 0.0), ("ii", 3.5, 3.5)]
)
def test_value_is_rows_times_the_papers_sums(
    kind: str, diagonal_ratio: float | str, ratio: float, shared: bool
) -> None:
    mean = 2 * values(ROWS, LATENT_DIM) + torch.tensor([5.0, -3.0])
    log_std = 0.5 * (values(LATENT_DIM, seed=1) if shared else values(ROWS, LATENT_DIM, seed=1))
    posterior = DiagonalNormal(mean, log_std)
    found = example_model(True).pass_of(posterior, Batch(values(ROWS, WIDTH)), None)
    covariance = np.cov(mean.numpy(), rowvar=False, bias=True)
    if kind == "ii":
        covariance += np.diag(np.exp(2 * np.broadcast_to(log_std.numpy(), mean.shape)).mean(0))
    off = (covariance**2).sum() - (np.diag(covariance) ** 2).sum()
    wanted = off + ratio * ((np.diag(covariance) - 1) ** 2).sum()
    spec = DisentangledInferredPrior(kind=kind, diagonal_ratio=diagonal_ratio)
    assert float(spec.value(found)) == pytest.approx(ROWS * wanted, rel=1e-12)


def test_codes_with_the_identity_as_covariance_cost_nothing() -> None:
    mean = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)
    for kind, spread, deviation in (("i", 1.0, 0.3), ("ii", 0.8, 0.6)):
        posterior = DiagonalNormal(spread * mean, torch.full_like(mean, np.log(deviation)))
        found = example_model(True).pass_of(posterior, Batch(values(4, WIDTH)), None)
        assert float(DisentangledInferredPrior(kind=kind).value(found)) == pytest.approx(0.0, abs=1e-28)


def test_other_posteriors_are_refused_by_name() -> None:
    found = example_model(False).pass_of(PointMass(values(ROWS, LATENT_DIM)), Batch(values(ROWS, WIDTH)), None)
    with pytest.raises(ParameterError, match=r"DisentangledInferredPrior needs .* got a PointMass"):
        DisentangledInferredPrior().value(found)
