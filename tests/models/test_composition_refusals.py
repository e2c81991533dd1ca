"""What makes no sense is refused by ``fit``, in one message: the parameter, the value, the reason, the remedy."""

from __future__ import annotations

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
    Bernoulli,
    Binarisation,
    Capacity,
    Categorical,
    CategoricalMixture,
    CodebookLoss,
    CodeNorm,
    CombinedImportanceWeighted,
    Commitment,
    ContinuousBernoulli,
    Contraction,
    CosineSchedule,
    CyclicalSchedule,
    DecoderGradient,
    DiscretisedLogistic,
    DisentangledInferredPrior,
    FiniteScalar,
    FlowLatent,
    FlowPrior,
    FreeBits,
    FullGaussian,
    Gaussian,
    GaussianNoise,
    HypersphericalLatent,
    ImportanceWeighted,
    L1Sparsity,
    LinearSchedule,
    Masking,
    MaximumMeanDiscrepancy,
    Mixture,
    MultipleImportanceWeighted,
    NegativeBinomial,
    Ordered,
    PartiallyImportanceWeighted,
    Point,
    Poisson,
    ResidualQuantised,
    SlicedWasserstein,
    StandardNormal,
    StudentT,
    TotalCorrelation,
    UniformSphere,
    UniformSymbols,
    VampPrior,
    VectorQuantised,
    VonMisesFisherMixture,
    WeightDecay,
    ZeroInflatedNegativeBinomial,
)
from isthmus.core.errors import InputError, ParameterError
from isthmus.core.registry import registered

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 6))
COUNTS = RNG.poisson(3, size=(24, 6)).astype(float)
SHARES = RNG.random((24, 6))
BITS = (SHARES > 0.5).astype(float)
NEGATIVE = COUNTS.copy()
NEGATIVE[1, 0] = -2
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


def refusal(estimator, rows=X, kind=ParameterError):
    """The one message, said by ``fit``, which leaves nothing behind."""
    with pytest.raises(kind) as caught:
        estimator.fit(rows)
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
    "code-norm": (CodeNorm(), ("euclidean",)),
    "codebook": (CodebookLoss(), ()),
    "commitment": (Commitment(), ("symbols",)),
    "contraction": (Contraction(), CONTINUOUS),
    "decoder-gradient": (DecoderGradient(), ("euclidean",)),
    "disentangled-inferred-prior": (DisentangledInferredPrior(), ("gaussian",)),
    "free-bits": (FreeBits(), ("gaussian",)),
    "kl": (KL(), STOCHASTIC),
    "l1-sparsity": (L1Sparsity(), CONTINUOUS),
    "maximum-mean-discrepancy": (MaximumMeanDiscrepancy(), CONTINUOUS),
    "sliced-wasserstein": (SlicedWasserstein(), CONTINUOUS),
    "total-correlation": (TotalCorrelation(), ("gaussian",)),
    "weight-decay": (WeightDecay(), ANYWHERE),
}


def test_the_table_below_has_every_penalty():
    assert set(PENALTIES) == {name for axis, name in registered() if axis == "penalty"}


@pytest.mark.parametrize("latent", LATENTS)
@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_is_taken_where_it_is_defined_and_refused_elsewhere(name, latent):
    penalty, where = PENALTIES[name]
    fitting = model(latent, penalties={"it": penalty})
    if SPACE[latent] in where or latent in where:
        assert fitting.fit(X).composition_.penalties["it"] == penalty
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


# Numbers that another choice has made meaningless


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (VAE(beta=2.0, penalties={"kl": KL()}), "but `penalties` is given explicitly. Set penalties={'kl': KL(weight"),
        (VAE(beta=2.0, penalties={"kl": Capacity()}), "`beta`=2.0 sets the weight of the automatic KL penalty, but"),
        (VAE(beta=2.0, penalties={}), "`beta`=2.0 sets the weight of the automatic KL penalty, but `penalties`"),
        (VAE(beta=2.0, latent=Point()), "there is none with latent `point` and objective `penalised-likelihood`."),
        (VAE(beta=2.0, latent=VectorQuantised()), "there is none with latent `vector-quantised` and objective"),
        (
            VAE(beta=0.5, penalties={"kl": KL(), "tc": TotalCorrelation()}),
            "`beta`=0.5 would give penalty `tc` (TotalCorrelation) the weight -0.5. Use a `beta` of at least 1.",
        ),
        (
            VAE(beta=3.0, penalties={"kl": KL(), "tc": TotalCorrelation(weight=7.0)}),
            "`beta`=3.0 and the weight of penalty `tc` (TotalCorrelation), 7.0, set the same number. Leave the weight",
        ),
        (
            VAE(warmup_epochs=3, penalties={"kl": KL()}),
            "`warmup_epochs`=3 delays the automatic KL penalty, but `penalties` is given explicitly. Set "
            "penalties={'kl': KL(warmup_epochs=...)} instead; leave `warmup_epochs` at 'auto'.",
        ),
        (
            VQVAE(commitment=1.0, penalties={"commitment": Commitment()}),
            "`commitment`=1.0 is meant for the automatic penalties, but `penalties` is given explicitly. Say it there, "
            "as in penalties={'commitment': Commitment(weight=...)}, and leave `commitment` at 0.25.",
        ),
        (
            VQVAE(n_codes=16, latent=FiniteScalar()),
            "`n_codes`=16 is meant for the automatic latent, but `latent` is given explicitly. Say it there, as in "
            "latent=VectorQuantised(...), and leave `n_codes` at 512.",
        ),
        (VQVAE(tokens=2, latent=VectorQuantised(tokens=1)), "`tokens`=2 is meant for the automatic latent, but"),
    ],
    ids=str,
)
def test_a_number_without_effect_is_refused(estimator, words):
    assert words in refusal(estimator.set_params(**SMALL))


def test_a_number_that_is_said_twice_is_not_refused():
    VQVAE(n_codes=4, tokens=2, latent=VectorQuantised(n_codes=4, tokens=2, decay=0.9)).set_params(**SMALL).fit(X)
    VAE(beta=3.0, penalties={"kl": KL(), "tc": TotalCorrelation(weight=2.0)}).set_params(**SMALL).fit(X)


# Sizes of codes


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (VQVAE(4, tokens=3), "VectorQuantised: `tokens` must divide `latent_dim`; got tokens=3 and latent_dim=4. Use"),
        (Autoencoder(4, latent=Point(top_k=5)), "Point: `top_k` must be at most the size of the code, `latent_dim`=4;"),
        (
            VAE(1, latent=HypersphericalLatent()),
            "HypersphericalLatent: `latent_dim` must be at least 2; got 1: the unit sphere of one dimension is two "
            "points. Use latent_dim=2 or more, or latent=GaussianLatent().",
        ),
    ],
    ids=str,
)
def test_sizes_of_codes_that_make_no_sense(estimator, words):
    assert words in refusal(estimator)


# Data and likelihoods


@pytest.mark.parametrize(
    ("likelihood", "rows", "schema", "words"),
    [
        (Poisson(), X, "auto", "likelihood Poisson needs counts, but the schema found continuous data. Use"),
        (Poisson(), COUNTS, "auto", "or declare schema='count' if they are counts."),
        (NegativeBinomial(), SHARES, "auto", "NegativeBinomial needs counts, but the schema found unit-interval data"),
        (ZeroInflatedNegativeBinomial(), BITS, "auto", "needs counts, but the schema found binary data. Use"),
        (Gaussian(), COUNTS, "count", "Use likelihood=NegativeBinomial() or Poisson(), or declare schema='continuous'"),
        (StudentT(), COUNTS, "count", "likelihood StudentT needs real numbers, but the schema found count data."),
        (Bernoulli(), X, "auto", "likelihood Bernoulli needs data in {0, 1}, but the schema found continuous data."),
        (
            Bernoulli(),
            SHARES,
            "auto",
            "Use likelihood=Gaussian() (squared error) or ContinuousBernoulli(), or binarise",
        ),
        (ContinuousBernoulli(), X, "auto", "needs data in [0, 1], but the schema found continuous data. Use"),
        (
            ContinuousBernoulli(),
            BITS,
            "auto",
            "found binary data. Use likelihood=Bernoulli(), or declare schema='unit-",
        ),
        (DiscretisedLogistic(), X, "auto", "needs levels in [0, 1], such as pixels, but the schema found continuous"),
        (DiscretisedLogistic(), SHARES, "auto", "but these unit-interval data were not measured in equal steps"),
        (Categorical(), X, "auto", "Categorical needs levels, but the schema found continuous data. Use"),
    ],
    ids=lambda one: one.name if hasattr(one, "name") else None,
)
def test_a_likelihood_of_other_data(likelihood, rows, schema, words):
    assert words in refusal(model("gaussian", likelihood=likelihood, schema=schema), rows)


@pytest.mark.parametrize(
    ("schema", "rows", "words"),
    [
        ("count", NEGATIVE, "The data is said to be count, but row 1, column 0 is -2; expected a whole number from 0"),
        ("count", SHARES, "The data is said to be count, but row 0, column 0 is 0."),
        ("binary", SHARES, '; expected 0 or 1. Correct the value, or use schema="auto".'),
    ],
)
def test_data_that_are_not_what_they_are_said_to_be(schema, rows, words):
    assert words in refusal(model("gaussian", schema=schema), rows, InputError)


@pytest.mark.parametrize(
    ("corruption", "rows", "schema", "words"),
    [
        (Binarisation(), X, "auto", "corruption Binarisation needs values in [0, 1], but the schema found continuous"),
        (
            GaussianNoise(),
            COUNTS,
            "count",
            "corruption GaussianNoise damages continuous and unit-interval columns; the",
        ),
        (GaussianNoise(), BITS, "auto", "the data has binary ones only. Use Masking() or SwapNoise()."),
    ],
)
def test_damage_that_the_data_cannot_take(corruption, rows, schema, words):
    assert words in refusal(model("gaussian", corruption=corruption, schema=schema), rows)


# Numbers out of range, however deep


WEIGHT = "must be a number in [0, inf), or a schedule such as isthmus.LinearSchedule(0, 1, until=0.1); got "


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"penalties": {"kl": KL(weight=-1.0)}}, f"KL: `weight` {WEIGHT}-1.0."),
        ({"penalties": {"kl": KL(weight="big")}}, f"KL: `weight` {WEIGHT}'big'."),
        ({"penalties": {"kl": KL(weight=float("nan"))}}, f"KL: `weight` {WEIGHT}nan."),
        ({"penalties": {"kl": KL(weight=MLP(hidden=()))}}, f"KL: `weight` {WEIGHT}MLP(hidden=(), "),
        (
            {"penalties": {"kl": KL(weight=LinearSchedule(until=2))}},
            "LinearSchedule: `until` must be a number in (0, 1]; got 2.",
        ),
        (
            {"penalties": {"kl": KL(weight=LinearSchedule(start=-1))}},
            "LinearSchedule: `start` must be a number in [0, inf); got -1.",
        ),
        (
            {"penalties": {"kl": KL(weight=LinearSchedule(start=LinearSchedule()))}},
            "LinearSchedule: `start` must be a number in [0, inf); got LinearSchedule(",
        ),
        (
            {"penalties": {"kl": KL(weight=CosineSchedule(until=0))}},
            "CosineSchedule: `until` must be a number in (0, 1]; got 0.",
        ),
        (
            {"penalties": {"kl": KL(weight=CyclicalSchedule(cycles=0))}},
            "CyclicalSchedule: `cycles` must be an integer in [1, inf); got 0.",
        ),
        (
            {"penalties": {"kl": KL(weight=CyclicalSchedule(ramp=0))}},
            "CyclicalSchedule: `ramp` must be a number in (0, 1]; got 0.",
        ),
        ({"penalties": {"kl": KL(warmup_epochs=-1)}}, "KL: `warmup_epochs` must be a number in [0, inf); got -1."),
        (
            {"penalties": {"kl": Capacity(capacity=LinearSchedule(until=2))}},
            "LinearSchedule: `until` must be a number in (0, 1]; got 2.",
        ),
        (
            {"penalties": {"it": AdversarialTotalCorrelation(critic=MLP(hidden=(0,)))}},
            "MLP: `hidden` must be 'auto', or a sequence",
        ),
        (
            {"penalties": {"it": AdversarialTotalCorrelation(critic=Gaussian())}},
            "AdversarialTotalCorrelation: `critic` must be 'auto', or a network such as",
        ),
        (
            {"penalties": {"it": Gaussian()}},
            "`penalties` must be 'auto' or a dict of named penalty specs; got {'it': Gaussian(",
        ),
        (
            {"objective": ImportanceWeighted(samples=0)},
            "ImportanceWeighted: `samples` must be an integer in [1, inf); got 0.",
        ),
        (
            {"objective": CombinedImportanceWeighted(share=LinearSchedule(0, 1, until=3))},
            "LinearSchedule: `until` must be a number in (0, 1]; got 3.",
        ),
        ({"prior": VampPrior(n_components=0)}, "VampPrior: `n_components` must be an integer in [1, inf); got 0."),
        ({"prior": KL()}, "`prior` must be 'auto' or a Prior spec; got KL("),
        ({"latent": FlowLatent(transforms=0)}, "FlowLatent: `transforms` must be an integer in [1, inf); got 0."),
        (
            {"latent": VectorQuantised(tokens=0), "latent_dim": "auto"},
            "VectorQuantised: `tokens` must be an integer in [1, inf); got 0.",
        ),
        ({"latent": FiniteScalar(levels="many"), "latent_dim": "auto"}, "FiniteScalar: `levels` must be "),
        ({"corruption": Masking(rate=2)}, "Masking: `rate` must be a number in [0, 1]; got 2."),
    ],
    ids=str,
)
def test_numbers_out_of_range_are_named_however_deep(parts, words):
    assert refusal(model("gaussian", **parts)).startswith(words)
