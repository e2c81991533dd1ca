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
from isthmus import MLP, Custom
from isthmus.components.likelihoods.autoregressive import Autoregressive, AutoregressiveLikelihood
from isthmus.components.networks.layers import initialise
from isthmus.core.blocks import Block
from isthmus.core.registry import registered
from isthmus.core.spec import Spec
from isthmus.distributions import (
    ColumnByColumn,
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
    Observed,
    OrderedPointMass,
    PointMass,
    QuantisedPosterior,
    RowwiseNormalMixture,
    SphericalMixture,
    StandardNormal,
    SymbolMixture,
    SymbolSequence,
    UniformCodes,
    UniformSphere,
    VonMisesFisher,
    ZeroInflatedNegativeBinomial,
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
        "JointLikelihood",
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


def small_columns() -> AutoregressiveLikelihood:
    """Columns that do not look at each other, so that the mean by the code alone is the mean."""
    likelihood = Autoregressive(width=16, cells=4).build_joint([Block("continuous", 0, 2, (2,))]).double()
    likelihood.begin(matrix(60, 2), None)
    biases = matrix(8).flatten()
    likelihood.network.head_biases.data, likelihood.network.alone_biases.data = biases, biases.clone()
    return likelihood.requires_grad_(False)


def distribution_examples() -> list[Distribution]:
    weights = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    return [
        StandardNormal(3, dtype=torch.float64),
        DiagonalNormal(matrix(4, 3), matrix(4, 3, scale=0.5)),
        IsotropicNormal(matrix(4, 3), torch.tensor(0.3, dtype=torch.float64)),
        FullNormal(matrix(3), triangle(3, 3)),
        NormalMixture(weights.log(), matrix(3, 2), triangle(3, 2, 2)),
        RowwiseNormalMixture(matrix(4, 3).log_softmax(-1), matrix(4, 3, 2), triangle(3, 2, 2)),
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
        ColumnByColumn(small_columns(), matrix(4, 16)),
        # With every cell there: of fewer, log_prob is no longer a density of whole rows.
        Observed(DiagonalNormal(matrix(4, 3), matrix(4, 3, scale=0.5)), torch.ones(4, 3, dtype=torch.bool)),
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
    concrete = {one for one in subclasses(Distribution) if not (inspect.isabstract(one) or one.__name__[0] == "_")}
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


@pytest.mark.parametrize("name", sorted(set(isthmus.__all__) - {"__version__", "datasets", "errors"}))
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


@pytest.mark.parametrize("name", sorted(set(isthmus.__all__) - {"__version__", "datasets", "errors"}))
def test_public_class_has_a_conformance_entry(name: str) -> None:
    public = getattr(isthmus, name)
    if not inspect.isclass(public):
        return
    checked = {type(spec) for spec in components()} | set(ESTIMATORS.values())
    plain = {isthmus.Callback, isthmus.Checkpoint, isthmus.StopRequest}
    plain.add(isthmus.AnomalyDetector)  # no transformer: tests/estimators/test_anomaly_scikit_learn.py
    assert public in checked | plain, f"isthmus.{name} is public, but no conformance check covers it"


def issubclass_of(value: object, cls: type) -> bool:
    return inspect.isclass(value) and issubclass(value, cls)
