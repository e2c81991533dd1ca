"""Numbers, sizes and data that go with no model are refused by ``fit``, in one message, however deep they lie."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus import (
    KL,
    MLP,
    VAE,
    VQVAE,
    AdversarialTotalCorrelation,
    Autoencoder,
    Bernoulli,
    Binarisation,
    Capacity,
    Categorical,
    CombinedImportanceWeighted,
    Commitment,
    ContinuousBernoulli,
    CosineSchedule,
    CyclicalSchedule,
    DiscretisedLogistic,
    FiniteScalar,
    FlowLatent,
    Gaussian,
    GaussianNoise,
    HypersphericalLatent,
    ImportanceWeighted,
    LinearSchedule,
    Masking,
    NegativeBinomial,
    Point,
    Poisson,
    StudentT,
    TotalCorrelation,
    VampPrior,
    VectorQuantised,
    ZeroInflatedNegativeBinomial,
)
from isthmus.core.errors import InputError, ParameterError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 6))
COUNTS = RNG.poisson(3, size=(24, 6)).astype(float)
SHARES = RNG.random((24, 6))
BITS = (SHARES > 0.5).astype(float)
NEGATIVE = COUNTS.copy()
NEGATIVE[1, 0] = -2
SMALL = {"latent_dim": 4, "max_epochs": 1, "network": MLP(hidden=(4,)), "random_state": 0}


def model(**parts):
    return VAE(**{**SMALL, **parts})


def refusal(estimator, rows=X, kind=ParameterError):
    """The one message, said by ``fit``, which leaves nothing behind."""
    with pytest.raises(kind) as caught:
        estimator.fit(rows)
    assert caught.value.__cause__ is None
    assert not hasattr(estimator, "module_")
    return str(caught.value)


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
            VQVAE(commitment=1.0, latent=FiniteScalar()),
            "`commitment`=1.0 holds the encoder near a codebook, and latent `finite-scalar` has none. Leave "
            "`commitment` at 0.25.",
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
    assert words in refusal(model(likelihood=likelihood, schema=schema), rows)


@pytest.mark.parametrize(
    ("schema", "rows", "words"),
    [
        ("count", NEGATIVE, "The data is said to be count, but row 1, column 0 is -2; expected a whole number from 0"),
        ("count", SHARES, "The data is said to be count, but row 0, column 0 is 0."),
        ("binary", SHARES, '; expected 0 or 1. Correct the value, or use schema="auto".'),
    ],
)
def test_data_that_are_not_what_they_are_said_to_be(schema, rows, words):
    assert words in refusal(model(schema=schema), rows, InputError)


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
    assert words in refusal(model(corruption=corruption, schema=schema), rows)


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
            "VectorQuantised: `tokens` must be 'auto', or an integer in [1, inf); got 0.",
        ),
        ({"latent": FiniteScalar(levels="many"), "latent_dim": "auto"}, "FiniteScalar: `levels` must be "),
        ({"corruption": Masking(rate=2)}, "Masking: `rate` must be a number in [0, 1]; got 2."),
    ],
    ids=str,
)
def test_numbers_out_of_range_are_named_however_deep(parts, words):
    assert refusal(model(**parts)).startswith(words)
