"""Parts that make no sense together are refused by ``fit``, in one message: what, why, and what instead."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from isthmus import (
    KL,
    MLP,
    VAE,
    VQVAE,
    ActivationTarget,
    AdversarialMatching,
    AdversarialTotalCorrelation,
    Autoencoder,
    Capacity,
    CategoricalMixture,
    CodeAlone,
    CodebookLoss,
    CodeNorm,
    CombinedImportanceWeighted,
    Commitment,
    Completion,
    Contraction,
    DecoderGradient,
    DisentangledInferredPrior,
    FiniteScalar,
    FlowLatent,
    FlowPrior,
    FreeBits,
    FullGaussian,
    HypersphericalLatent,
    ImportanceWeighted,
    L1Sparsity,
    LinearReadout,
    MaximumMeanDiscrepancy,
    Mixture,
    MultipleImportanceWeighted,
    MultiScaleSimilarity,
    Ordered,
    PartiallyImportanceWeighted,
    Point,
    ResidualQuantised,
    SlicedWasserstein,
    StandardNormal,
    TotalCorrelation,
    UniformSphere,
    UniformSymbols,
    VampPrior,
    VectorQuantised,
    VonMisesFisherMixture,
    WeightDecay,
    WithoutCode,
)
from isthmus.components.priors.conditional_mixture import ConditionalMixture
from isthmus.components.priors.symbol_transformer import SymbolTransformer
from isthmus.core.errors import CompositionWarning, ParameterError
from isthmus.core.registry import registered

X = np.random.default_rng(0).normal(size=(24, 6))
PIXELS = np.random.default_rng(1).random((24, 64))
SMALL = {"latent_dim": 4, "max_epochs": 1, "network": MLP(hidden=(4,)), "random_state": 0}

LATENTS = {
    "gaussian": (VAE, {}),
    "flow": (VAE, {"latent": FlowLatent(hidden=(4,))}),
    "hyperspherical": (VAE, {"latent": HypersphericalLatent()}),
    "point": (Autoencoder, {}),
    "ordered": (Autoencoder, {"latent": Ordered()}),
    "vector-quantised": (VQVAE, {"n_codes": 4, "tokens": 2}),
    "residual-quantised": (VQVAE, {"latent": ResidualQuantised(n_codes=4)}),
    "finite-scalar": (VQVAE, {"latent": FiniteScalar()}),
}
SPACES = {
    "euclidean": ("gaussian", "flow", "point", "ordered"),
    "sphere": ("hyperspherical",),
    "symbols": ("vector-quantised", "residual-quantised", "finite-scalar"),
}
SPACE = {name: space for space, names in SPACES.items() for name in names}
STOCHASTIC = ("gaussian", "flow", "hyperspherical")
WEIGHTED = (
    ImportanceWeighted(),
    MultipleImportanceWeighted(samples=2, repeats=2),
    PartiallyImportanceWeighted(samples=2, repeats=2),
    CombinedImportanceWeighted(),
)


def model(where, **parts):
    estimator, own = LATENTS[where]
    return estimator(**{**SMALL, **own, **parts})


def refusal(estimator):
    """The one message, said by ``fit``, which leaves nothing behind."""
    with pytest.raises(ParameterError) as caught:
        estimator.fit(X)
    assert caught.value.__cause__ is None
    assert not hasattr(estimator, "module_")
    return str(caught.value)


# Penalties


ANYWHERE = ("euclidean", "sphere", "symbols")
CONTINUOUS = ("euclidean", "sphere")
PENALTIES = {
    "activation-target": (ActivationTarget(), ()),
    "adversarial-matching": (AdversarialMatching(critic=MLP(hidden=(4,))), CONTINUOUS),
    "adversarial-total-correlation": (AdversarialTotalCorrelation(critic=MLP(hidden=(4,))), ("euclidean",)),
    "capacity": (Capacity(), STOCHASTIC),
    "code-alone": (CodeAlone(), ANYWHERE),
    "code-norm": (CodeNorm(), ("euclidean",)),
    "codebook": (CodebookLoss(), ()),
    "commitment": (Commitment(), ("symbols",)),
    "completion": (Completion(), ANYWHERE),
    "contraction": (Contraction(), CONTINUOUS),
    "decoder-gradient": (DecoderGradient(), ("euclidean",)),
    "disentangled-inferred-prior": (DisentangledInferredPrior(), ("gaussian",)),
    "free-bits": (FreeBits(), ("gaussian",)),
    "kl": (KL(), STOCHASTIC),
    "l1-sparsity": (L1Sparsity(), CONTINUOUS),
    "linear-readout": (LinearReadout(), CONTINUOUS),
    "maximum-mean-discrepancy": (MaximumMeanDiscrepancy(), CONTINUOUS),
    "multi-scale-similarity": (MultiScaleSimilarity(shape=(8, 8, 1)), ANYWHERE),
    "sliced-wasserstein": (SlicedWasserstein(), CONTINUOUS),
    "total-correlation": (TotalCorrelation(), ("gaussian",)),
    "weight-decay": (WeightDecay(), ANYWHERE),
    "without-code": (WithoutCode(), ANYWHERE),
}


def test_the_table_below_has_every_penalty():
    assert set(PENALTIES) == {name for axis, name in registered() if axis == "penalty"}


@pytest.mark.parametrize("latent", LATENTS)
@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_is_taken_where_it_is_defined_and_refused_elsewhere(name, latent):
    penalty, where = PENALTIES[name]
    fitting = model(latent, penalties={"it": penalty})
    if SPACE[latent] in where or latent in where:
        rows = PIXELS if hasattr(penalty, "shape") else X
        assert fitting.fit(rows).composition_.penalties["it"] == penalty
        return
    words = refusal(fitting)
    assert words.startswith(f"penalty `it` ({type(penalty).__name__}) ")
    assert f"`{latent}`" in words
    assert (
        words.endswith("eave the penalty out.")
        or "Use latent=Point(activation='sigmoid')" in words
        or ("Leave the penalty out, or use VectorQuantised(update='gradient')." in words)
    )


def test_each_reason_in_full():
    assert refusal(model("point", penalties={"kl": KL()})) == (
        "penalty `kl` (KL) needs a stochastic latent; `point` has no distribution. Use latent=GaussianLatent(), or "
        "leave the penalty out."
    )
    assert refusal(model("hyperspherical", penalties={"size": CodeNorm()})) == (
        "penalty `size` (CodeNorm) is defined for euclidean codes; those of `hyperspherical` are sphere. Use another "
        "latent, or leave the penalty out."
    )
    assert refusal(model("point", penalties={"sparse": ActivationTarget()})) == (
        "penalty `sparse` (ActivationTarget) needs codes between 0 and 1; those of latent `point` are any numbers. Use "
        "latent=Point(activation='sigmoid'), or L1Sparsity() for codes of any range."
    )
    assert refusal(model("flow", penalties={"kl": KL(), "tc": TotalCorrelation()})) == (
        "penalty `tc` (TotalCorrelation) needs the means and standard deviations of Gaussian posteriors; those of "
        "latent `flow` are none. Use latent=GaussianLatent(), or leave the penalty out."
    )
    assert refusal(model("gaussian", penalties={"kl": FreeBits()}, prior=Mixture(n_components=2))) == (
        "penalty `kl` (FreeBits) needs a prior whose dimensions are independent; those of prior `mixture` are not. Use "
        "prior=StandardNormal(), or KL() in its place."
    )
    model("point", latent=Point(activation="sigmoid"), penalties={"sparse": ActivationTarget()}).fit(X)


@pytest.mark.parametrize(
    ("latent", "prior"),
    [
        ("point", Mixture(n_components=2)),
        ("point", FullGaussian()),
        ("point", FlowPrior(hidden=(4,))),
        ("vector-quantised", CategoricalMixture(n_components=2)),
    ],
)
def test_a_learnt_prior_that_nothing_would_move(latent, prior):
    assert refusal(model(latent, prior=prior)) == (
        f"prior `{prior.name}` is learnt, and no penalty here moves it: it would stay as it was drawn. Leave `prior` "
        "at 'auto' (`sample` fits a density to the codes after training), or add a penalty such as "
        "penalties={'mmd': MaximumMeanDiscrepancy()}."
    )


@pytest.mark.parametrize(
    ("latent", "parts"),
    [
        ("gaussian", {}),
        ("gaussian", {"objective": ImportanceWeighted(samples=2)}),
        ("point", {"penalties": {"mmd": MaximumMeanDiscrepancy()}}),
        ("point", {"penalties": {"sliced": SlicedWasserstein()}}),
    ],
)
@pytest.mark.parametrize("prior", [Mixture(n_components=2), FullGaussian()])
def test_a_learnt_prior_that_something_moves(latent, parts, prior):
    learnt = dict(model(latent, prior=prior, max_epochs=4, **parts).fit(X).module_.prior.named_parameters())
    (log_diagonal,) = [value for name, value in learnt.items() if "log_diagonal" in name]  # it begins at zero
    assert log_diagonal.detach().abs().min() > 0


def test_a_learnt_prior_of_a_stochastic_code_names_the_divergence_that_was_replaced():
    assert refusal(model("gaussian", prior=Mixture(n_components=2), penalties={"c": Contraction()})) == (
        "prior `mixture` is learnt, and no penalty here moves it: it would stay as it was drawn. `penalties` replaces "
        "the automatic KL: add it, as in penalties={'kl': KL(), …}."
    )


@pytest.mark.parametrize(
    ("latent", "parts", "told"),
    [
        ("gaussian", {"penalties": {"c": Contraction()}}, True),
        ("flow", {"penalties": {}}, True),
        ("gaussian", {"penalties": {"c": Contraction(), "kl": KL()}}, False),
        ("gaussian", {"penalties": {"kl": FreeBits()}}, False),
        ("gaussian", {"penalties": {"mmd": MaximumMeanDiscrepancy()}}, False),
        ("gaussian", {"objective": ImportanceWeighted(samples=2), "penalties": {}}, False),
        ("point", {"penalties": {"c": Contraction()}}, False),
    ],
)
def test_a_stochastic_code_without_a_divergence_is_told(latent, parts, told):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CompositionWarning)
        model(latent, **parts).fit(X)
    words = [str(one.message) for one in caught if issubclass(one.category, CompositionWarning)]
    assert words == told * [
        f"Nothing pulls the codes of latent `{latent}` towards the prior: `penalties` replaces the automatic KL. Add "
        "it, as in penalties={'kl': KL(), …}, unless that is what you want."
    ]


def test_a_codebook_is_trained_in_one_way():
    assert refusal(model("vector-quantised", penalties={"commitment": Commitment(), "it": CodebookLoss()})) == (
        "penalty `it` (CodebookLoss) has nothing to train: latent `vector-quantised` has no codebook that a gradient "
        "moves. Leave the penalty out, or use VectorQuantised(update='gradient')."
    )
    by_gradient = VectorQuantised(n_codes=4, update="gradient")
    assert refusal(VQVAE(**SMALL, latent=by_gradient, penalties={"commitment": Commitment()})) == (
        "VectorQuantised(update='gradient') needs the penalty that trains its codebook: add "
        "penalties={'commitment': Commitment(), 'codebook': CodebookLoss()}, or leave `penalties` at 'auto'."
    )
    automatic = VQVAE(**SMALL, latent=by_gradient).fit(X).composition_.penalties
    assert automatic == {"commitment": Commitment(), "codebook": CodebookLoss()}


@pytest.mark.parametrize("name", ["reconstruction", "total", "a__b", "a.b", "a/b", "", 3])
def test_a_penalty_may_not_take_the_name_of_something_else(name):
    words = refusal(model("gaussian", penalties={name: KL()}))
    assert words.startswith(f"`penalties` has the name {name!r}")
    assert "Rename it" in words


@pytest.mark.parametrize(
    ("taken", "parts"),
    [
        ("importance_bound", {"objective": ImportanceWeighted()}),
        ("evidence_bound", {"objective": CombinedImportanceWeighted()}),
        ("multiple_importance_bound", {"objective": PartiallyImportanceWeighted()}),
        ("kl_weight", {"first": {"kl": KL()}}),
        ("it_critic", {"first": {"it": AdversarialMatching(critic=MLP(hidden=(4,)))}}),
    ],
)
def test_nor_that_of_another_part_of_the_loss(taken, parts):
    parts = dict(parts)
    penalties = {**parts.pop("first", {}), taken: CodeNorm()}
    assert refusal(model("gaussian", penalties=penalties, **parts)).startswith(
        f"`penalties` has the name '{taken}', which is that of another part of the loss."
    )


# Priors


PRIORS = {
    "categorical-mixture": (CategoricalMixture(n_components=2), "symbols"),
    "symbol-transformer": (SymbolTransformer(heads=1, head_width=2, layers=1), "symbols"),
    "flow": (FlowPrior(hidden=(4,), transforms=1), "euclidean"),
    "full-gaussian": (FullGaussian(), "euclidean"),
    "mixture": (Mixture(n_components=2), "euclidean"),
    "standard-normal": (StandardNormal(), "euclidean"),
    "uniform-sphere": (UniformSphere(), "sphere"),
    "uniform-symbols": (UniformSymbols(), "symbols"),
    "vamp": (VampPrior(n_components=3), "euclidean"),
    "von-mises-fisher-mixture": (VonMisesFisherMixture(n_components=2), "sphere"),
}


def test_the_table_above_has_every_prior_and_every_latent():
    assert set(PRIORS) == {name for axis, name in registered() if axis == "prior"}
    assert set(LATENTS) == {name for axis, name in registered() if axis == "latent"}


@pytest.mark.parametrize("latent", LATENTS)
@pytest.mark.parametrize("name", PRIORS)
def test_a_prior_is_one_over_the_codes_of_the_latent(name, latent):
    prior, space = PRIORS[name]
    fitting = model(latent, prior=prior)
    if SPACE[latent] != space:
        assert refusal(fitting) == (
            f"prior `{name}` is over {space} codes; those of latent `{latent}` are {SPACE[latent]}. Leave `prior` at "
            "'auto', or choose one of the same kind."
        )
    elif name == "vamp" and latent != "gaussian":
        assert refusal(fitting) == (
            f"prior `vamp` is a mixture of Gaussian posteriors; those of latent `{latent}` are none. Use "
            "latent=GaussianLatent(), or another prior."
        )
    elif latent in STOCHASTIC:
        assert fitting.fit(X).composition_.prior == prior


def test_a_density_that_is_fitted_to_codes_is_no_prior():
    assert refusal(model("gaussian", prior=ConditionalMixture(n_components=2))) == (
        "prior `conditional-mixture` is a density that is fitted to the codes of a trained model: no model can be "
        "trained with it. Leave `prior` at 'auto'; `sample` finds out whether it explains the codes best."
    )


# Objectives


@pytest.mark.parametrize("objective", WEIGHTED, ids=lambda one: one.name)
@pytest.mark.parametrize("latent", [name for name in LATENTS if name not in STOCHASTIC])
def test_importance_weighting_needs_a_density_to_weigh_with(latent, objective):
    assert refusal(model(latent, objective=objective)) == (
        f"objective `{objective.name}`: importance weighting needs a stochastic latent; `{latent}` has none. Use "
        "latent=GaussianLatent(), or objective=PenalisedLikelihood()."
    )


@pytest.mark.parametrize("objective", WEIGHTED, ids=lambda one: one.name)
def test_what_an_importance_weighted_objective_does_not_go_with(objective):
    assert refusal(model("gaussian", objective=objective, penalties={"kl": KL()})) == (
        f"penalty `kl` (KL) counts the divergence from the prior a second time: objective `{objective.name}` contains "
        "it already. Leave the penalty out."
    )
    assert refusal(model("gaussian", objective=objective, beta=2.0)) == (
        f"`beta`=2.0 sets the weight of the automatic KL penalty, and there is none with latent `gaussian` and "
        f"objective `{objective.name}`. Leave `beta` at 1."
    )
    assert "`warmup_epochs`=3 delays the automatic KL penalty, but there is none with this latent and objective" in (
        refusal(model("gaussian", objective=objective, warmup_epochs=3))
    )
    for penalty in (
        Capacity(),
        FreeBits(),
        TotalCorrelation(),
        AdversarialTotalCorrelation(),
        DisentangledInferredPrior(),
        MaximumMeanDiscrepancy(),
        SlicedWasserstein(),
        AdversarialMatching(),
    ):
        assert refusal(model("gaussian", objective=objective, penalties={"it": penalty})) == (
            f"penalty `it` ({type(penalty).__name__}) looks at one code per row; objective `{objective.name}` draws "
            f"{objective.draws}. Use objective=PenalisedLikelihood(), or leave the penalty out."
        )
    model("gaussian", objective=objective, penalties={"decay": WeightDecay(weight=1e-4)}).fit(X)
