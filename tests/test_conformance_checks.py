"""The conformance checks themselves must be able to fail."""

from __future__ import annotations

import math

import pytest
import torch

import isthmus
import isthmus.components  # registers every component
import isthmus.distributions
from isthmus import KL, MLP, Gaussian, GaussianLatent
from isthmus.components.likelihoods.gaussian import GaussianLikelihood
from isthmus.components.networks.layers import Linear
from isthmus.distributions import (
    DiagonalNormal,
    Distribution,
    IsotropicNormal,
    StandardNormal,
    kl_divergence,
)
from isthmus.testing import (
    check_component,
    check_distribution,
)


def matrix(*shape: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


def test_checks_notice_a_mean_in_place_of_a_sum() -> None:
    class Averaging(DiagonalNormal):
        def log_prob(self, value: torch.Tensor) -> torch.Tensor:
            return super().log_prob(value) / value.shape[-1]

    with pytest.raises(AssertionError, match=r"Averaging: draws do not follow|disagree widely"):
        check_distribution(Averaging(matrix(4, 3), matrix(4, 3, scale=0.2)))


def test_checks_notice_a_variance_in_place_of_a_deviation() -> None:
    class Squared(DiagonalNormal):
        def sample(self, noise: torch.Tensor) -> torch.Tensor:
            return self.mean + (2 * self.log_std).exp() * noise

    with pytest.raises(AssertionError, match="Squared"):
        check_distribution(Squared(matrix(4, 3), matrix(4, 3, scale=0.5) - 0.5))


def test_checks_notice_the_global_generator() -> None:
    class Global(StandardNormal):
        def draw(self, rows: int, generator: torch.Generator | None = None) -> torch.Tensor:
            return torch.randn(rows, self.dim, dtype=torch.float64)

    with pytest.raises(AssertionError, match=r"Global\.draw changes the global random state of torch"):
        check_distribution(Global(2))


def test_checks_refuse_what_is_not_registered() -> None:
    class Unregistered(MLP):
        pass

    with pytest.raises(AssertionError, match="must be registered"):
        check_component(Unregistered(hidden=(3,)))


def impure_updates(self: GaussianLikelihood, distribution: IsotropicNormal, target: torch.Tensor) -> dict:
    self.variance.mul_(0.9)
    return {"variance": self.variance.clone()}


def drawn_globally(self: Linear, generator: torch.Generator) -> None:
    torch.nn.init.normal_(self.weight)


FAULTS = {
    "the error averaged over features": (
        (IsotropicNormal, "log_prob", lambda self, value: -0.5 * (value - self.mean).square().mean(-1) / self.variance),
        Gaussian(sigma=1.0),
        "IsotropicNormal: draws do not follow",
    ),
    "a step that changes a buffer": (
        (GaussianLikelihood, "updates", impure_updates),
        Gaussian(),
        r"Gaussian\.updates or \.statistics changed buffer 'variance'",
    ),
    "running sums that do not average": (
        (GaussianLikelihood, "updates", lambda self, q, x: {"variance": (x - q.mean).square().sum().detach()}),
        Gaussian(),
        r"Gaussian\.updates of a batch must be the average",
    ),
    "a calibration that is not the maximum": (
        (GaussianLikelihood, "calibrate", lambda self, statistics, rows: self.variance.fill_(statistics)),
        Gaussian(),
        r"Gaussian\.calibrate makes the rows less likely",
    ),
    "a sample without noise": (
        (DiagonalNormal, "sample", lambda self, noise: self.mean.expand(noise.shape)),
        GaussianLatent(),
        "all draws are equal|GaussianLatent",
    ),
    "a code that is a sample": (
        (DiagonalNormal, "code", property(lambda self: self.mean + torch.randn_like(self.mean))),
        GaussianLatent(),
        "GaussianLatent changes the global random state of torch",
    ),
    "a divergence averaged over rows": (
        (KL, "value", lambda self, found, *more: kl_divergence(found.posterior, found.prior, found.z).mean()),
        KL(),
        r"KL\.value must be a sum over rows",
    ),
    "a divergence without gradient": (
        (KL, "value", lambda self, found, *more: kl_divergence(found.posterior, found.prior, found.z).sum().detach()),
        KL(),
        "no gradient reaches the inputs",
    ),
    "a warm-up that never ends": (
        (KL, "weight_at", lambda self, epoch: 0.5 * self.weight),
        KL(),
        "after its warm-up the weight must be 1.0",
    ),
    "weights from the global generator": (
        (Linear, "initialise", drawn_globally),
        MLP(hidden=(3,)),
        "changes the global random state of torch",
    ),
    "matrix products that round by position": (
        (
            Linear,
            "forward",
            lambda self, rows: torch.nn.functional.linear(rows, self.weight, self.bias) + position(rows),
        ),
        MLP(hidden=(3,)),
        "a row's bits depend on its position",
    ),
    "a prior that draws too widely": (
        (StandardNormal, "draw", lambda self, rows, g=None: 1.5 * noise_of(self, rows, g)),
        isthmus.StandardNormal(),
        "StandardNormal: draws do not follow|disagree widely",
    ),
}


def position(rows: torch.Tensor) -> torch.Tensor:
    return 1e-7 * torch.arange(len(rows))[:, None]


def noise_of(prior: StandardNormal, rows: int, generator: torch.Generator | None) -> torch.Tensor:
    return torch.randn(rows, prior.dim, generator=generator, dtype=prior.dtype)


@pytest.mark.parametrize("name", FAULTS)
def test_checks_notice(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (owner, attribute, fault), spec, message = FAULTS[name]
    check_component(spec)
    monkeypatch.setattr(owner, attribute, fault)
    with pytest.raises(AssertionError, match=message):
        check_component(spec)


@pytest.mark.parametrize("factor", [1.0, 1.3])
def test_checks_can_judge_heavy_tails(factor: float) -> None:
    """Draws without a mean and a variance still follow their density, or do not."""

    class Cauchy(Distribution):
        def __init__(self, mode: torch.Tensor) -> None:
            self.mode = mode

        def log_prob(self, value: torch.Tensor) -> torch.Tensor:
            return (-math.log(math.pi) - (value - self.mode).square().log1p()).sum(-1)

        def draw(self, rows: int, generator: torch.Generator | None = None) -> torch.Tensor:
            uniform = torch.rand(self.mode.shape, generator=generator, dtype=torch.float64)
            return self.mode + factor * torch.tan(math.pi * (uniform - 0.5))

    if factor == 1.0:
        check_distribution(Cauchy(matrix(4, 3)))
        return
    with pytest.raises(AssertionError, match="Cauchy: draws do not follow"):
        check_distribution(Cauchy(matrix(4, 3)))
