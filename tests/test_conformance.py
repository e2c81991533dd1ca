"""Every component, distribution, recipe and estimator keeps its contract: found by discovery, not by a list."""

from __future__ import annotations

import inspect
import math
import pickle
from importlib import import_module
from pkgutil import walk_packages

import numpy as np
import pytest
import torch

import isthmus
import isthmus.components  # registers every component
import isthmus.distributions
from isthmus import KL, MLP, Custom, Gaussian, GaussianLatent
from isthmus.components.likelihoods.gaussian import GaussianLikelihood
from isthmus.components.networks.layers import Linear, initialise
from isthmus.core.registry import registered
from isthmus.core.spec import Spec
from isthmus.distributions import (
    ContinuousBernoulli,
    DiagonalMixture,
    DiagonalNormal,
    DiscretisedLogisticMixture,
    Distribution,
    FlowDistribution,
    FlowPosterior,
    FullNormal,
    IndependentBernoulli,
    IndependentCategorical,
    IndependentLaplace,
    IndependentNegativeBinomial,
    IndependentPoisson,
    IndependentStudentT,
    IsotropicNormal,
    Joint,
    NormalMixture,
    OrderedPointMass,
    PointMass,
    QuantisedPosterior,
    SphericalMixture,
    StandardNormal,
    SymbolMixture,
    SymbolSequence,
    UniformCodes,
    UniformSphere,
    VonMisesFisher,
    ZeroInflatedNegativeBinomial,
    kl_divergence,
)
from isthmus.distributions.autoregressive_flow import AutoregressiveFlow
from isthmus.distributions.causal_transformer import CausalTransformer
from isthmus.estimators.base import BaseAutoencoder
from isthmus.estimators.recipe import ESTIMATORS
from isthmus.models.recipes import RECIPES
from isthmus.testing import (
    CHECKS,
    check_component,
    check_distribution,
    check_estimator_contract,
    check_spec,
    small_recipe,
    variants,
)
from isthmus.testing.estimators import example_data

# A component that means nothing without parameters is given some here. Nothing is ever left out.
NEEDS_PARAMETERS = {("network", "custom"): Custom("isthmus.testing.networks:two_layers", {"width": 7})}
SHARED = {"max_epochs": 2, "latent_dim": 4}


def everything() -> None:
    """Import every module, so that every subclass is known."""
    for module in walk_packages(isthmus.__path__, "isthmus."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


def components() -> list[Spec]:
    return [
        variant
        for where, cls in sorted(registered().items())
        if cls.__module__.startswith("isthmus.")
        for variant in variants(NEEDS_PARAMETERS.get(where, cls()))
        if where not in NEEDS_PARAMETERS or variant == NEEDS_PARAMETERS[where]
    ]


def subclasses(cls: type) -> set[type]:
    found = {sub for child in cls.__subclasses__() for sub in subclasses(child)} | set(cls.__subclasses__())
    return {sub for sub in found if sub.__module__.startswith("isthmus.")}


@pytest.mark.parametrize("spec", components(), ids=repr)
def test_component(spec: Spec) -> None:
    check_component(spec)


@pytest.mark.parametrize("where", sorted(registered()), ids="/".join)
def test_default_spec(where: tuple[str, str]) -> None:
    check_spec(registered()[where]())


def test_every_concrete_spec_is_registered_and_every_axis_has_a_check() -> None:
    everything()
    concrete = {cls for cls in subclasses(Spec) if not inspect.isabstract(cls) and not subclasses(cls)}
    abstract = {cls.__name__ for cls in subclasses(Spec) - concrete}
    assert abstract == {
        "Bounds",
        "Corruption",
        "CriticPenalty",
        "DispersedCount",
        "Latent",
        "Likelihood",
        "Network",
        "Objective",
        "Penalty",
        "Prior",
        "Ramp",
        "RepeatedBounds",
        "Schedule",
    }
    assert concrete == {cls for cls in registered().values() if cls.__module__.startswith("isthmus.")}
    assert set(CHECKS) == {axis for axis, _ in registered()}


# Distributions


def matrix(*shape: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


def triangle(*shape: int) -> torch.Tensor:
    return matrix(*shape, scale=0.3).tril(-1) + torch.diag_embed(matrix(*shape[:-1], scale=0.3).exp())


def unit(*shape: int) -> torch.Tensor:
    return torch.nn.functional.normalize(matrix(*shape), dim=-1)


def small_flow(context: int = 0) -> AutoregressiveFlow:
    flow = AutoregressiveFlow(2, transforms=2, hidden=(8,), kind="affine", context=context)
    initialise(flow, torch.Generator().manual_seed(0))
    return flow.double().requires_grad_(False)


def small_transformer() -> CausalTransformer:
    transformer = CausalTransformer((3, 2), width=4, heads=2, layers=1)
    initialise(torch.nn.ModuleList([transformer]), torch.Generator().manual_seed(0))
    return transformer.double().requires_grad_(False)


def distribution_examples() -> list[Distribution]:
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    return [
        StandardNormal(3, dtype=torch.float64),
        DiagonalNormal(matrix(4, 3), matrix(4, 3, scale=0.5)),
        IsotropicNormal(matrix(4, 3), torch.tensor(0.3, dtype=torch.float64)),
        FullNormal(matrix(3), triangle(3, 3)),
        NormalMixture(weights.log(), matrix(3, 2), triangle(3, 2, 2)),
        IndependentBernoulli(matrix(4, 3)),
        DiagonalMixture(weights.log(), matrix(3, 2), matrix(3, 2, scale=0.3)),
        PointMass(matrix(4, 3)),
        OrderedPointMass(matrix(4, 3), torch.tensor([0.7, 0.4], dtype=torch.float64).log()),
        IndependentLaplace(matrix(4, 3), matrix(3, scale=0.5).exp()),
        IndependentStudentT(matrix(4, 3), matrix(3, scale=0.5).exp(), 2 + matrix(3).exp()),
        ContinuousBernoulli(matrix(4, 3)),
        IndependentCategorical(matrix(4, 6), 3),
        DiscretisedLogisticMixture(matrix(4, 2, 3), matrix(4, 2, 3).sigmoid(), matrix(4, 2, 3) - 2, 1 / 16),
        IndependentPoisson(matrix(4, 3)),
        IndependentNegativeBinomial(matrix(4, 3), matrix(3)),
        ZeroInflatedNegativeBinomial(matrix(4, 3), matrix(3), matrix(4, 3)),
        VonMisesFisher(unit(4, 3), matrix(4, 1).exp()),
        UniformSphere(3, dtype=torch.float64),
        SphericalMixture(weights.log(), unit(3, 3), matrix(3).exp()),
        FlowDistribution(small_flow(), dtype=torch.float64),
        FlowPosterior(DiagonalNormal(matrix(4, 2), matrix(4, 2, scale=0.3)), small_flow(context=3), matrix(4, 3)),
        QuantisedPosterior(matrix(4, 2), matrix(4, 2) + 1, torch.zeros(4, 2, dtype=torch.int64), 2 * math.log(3)),
        UniformCodes(2 * math.log(3), (3, 3), lambda symbols: symbols.double()),
        SymbolMixture(weights.log(), matrix(3, 2, 4).log_softmax(-1)),
        SymbolSequence(small_transformer(), 2),
        Joint(
            [
                (0, 1, DiagonalNormal(matrix(4, 1), matrix(4, 1))),
                (1, 3, IsotropicNormal(matrix(4, 2), torch.tensor(2.0, dtype=torch.float64))),
            ]
        ),
    ]


@pytest.mark.parametrize("distribution", distribution_examples(), ids=lambda one: type(one).__name__)
def test_distribution(distribution: Distribution) -> None:
    shared = isinstance(distribution, (UniformCodes, SymbolMixture, SymbolSequence))
    check_distribution(distribution, step=getattr(distribution, "step", 1.0), shared=shared)


def test_every_distribution_has_an_example() -> None:
    everything()
    concrete = {cls for cls in subclasses(Distribution) if not inspect.isabstract(cls)}
    assert {type(one) for one in distribution_examples()} == concrete


# Estimators and recipes


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_estimator(name: str) -> None:
    check_estimator_contract(ESTIMATORS[name](**SHARED, network=MLP(hidden=(8,))))


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_recipe(name: str) -> None:
    check_estimator_contract(small_recipe(name))


def test_every_estimator_is_known_by_name() -> None:
    everything()
    concrete = {cls for cls in subclasses(BaseAutoencoder) if not subclasses(cls)}
    assert set(ESTIMATORS.values()) == concrete
    assert {recipe.estimator for recipe in RECIPES.values()} <= set(ESTIMATORS)


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_fitted_estimator_survives_pickling_in_memory(name: str) -> None:
    X = example_data()
    fitted = ESTIMATORS[name](**SHARED, random_state=0).fit(X)
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301 - what joblib does between processes
    assert np.array_equal(again.transform(X), fitted.transform(X))
    assert np.array_equal(again.score_samples(X), fitted.score_samples(X))


# The public names


@pytest.mark.parametrize("name", sorted(set(isthmus.__all__) - {"__version__", "errors"}))
def test_public_name_is_documented_with_its_parameters(name: str) -> None:
    public = getattr(isthmus, name)
    text = inspect.getdoc(public) or ""
    assert text, f"isthmus.{name} has no docstring"
    parameters = [parameter for parameter in inspect.signature(public).parameters if parameter != "self"]
    if not parameters or issubclass_of(public, Exception):
        return
    bases = public.__mro__[:-1] if inspect.isclass(public) else (public,)
    everywhere = "\n".join(inspect.getdoc(base) or "" for base in bases)
    assert "Parameters\n----------" in everywhere, f"isthmus.{name} has parameters but no Parameters section"
    undocumented = [parameter for parameter in parameters if parameter not in everywhere]
    assert not undocumented, f"isthmus.{name} does not say what {undocumented} mean"


@pytest.mark.parametrize("name", sorted(set(isthmus.__all__) - {"__version__", "errors"}))
def test_public_class_has_a_conformance_entry(name: str) -> None:
    public = getattr(isthmus, name)
    if not inspect.isclass(public):
        return
    checked = {type(spec) for spec in components()} | set(ESTIMATORS.values())
    plain = {isthmus.Callback, isthmus.Checkpoint, isthmus.StopRequest}
    assert public in checked | plain, f"isthmus.{name} is public, but no conformance check covers it"


def issubclass_of(value: object, cls: type) -> bool:
    return inspect.isclass(value) and issubclass(value, cls)


# The checks themselves must be able to fail


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
