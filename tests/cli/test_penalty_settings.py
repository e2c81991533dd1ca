"""Penalties that are set stand beside those that are there."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus import (
    KL,
    MLP,
    VAE,
    VQVAE,
    AdversarialTotalCorrelation,
    Autoencoder,
    Capacity,
    Commitment,
    Contraction,
    Convolutional,
    CyclicalSchedule,
    LinearSchedule,
    MaximumMeanDiscrepancy,
    TotalCorrelation,
    VectorQuantised,
    WeightDecay,
)
from isthmus.cli.assembling import assemble
from isthmus.cli.settings import settings_tree
from isthmus.components.penalties.codebook import CodebookLoss
from isthmus.core.errors import ParameterError
from isthmus.estimators.recipe import recipe

WARMED_UP = LinearSchedule(0.0, 1.0, until=0.1)


def made(name: str, *assignments: str) -> Any:
    return assemble(name, settings_tree({}, assignments, {}))


@pytest.mark.parametrize(
    ("name", "assignments", "expected"),
    [
        # What is a constructor parameter stays one, and the rest automatic.
        ("vae", ["penalties.kl.weight=2"], VAE(beta=2)),
        ("beta-vae", ["penalties.kl.warmup_epochs=3"], VAE(beta=4.0, warmup_epochs=3)),
        ("vq-vae", ["penalties.commitment.weight=0.5"], VQVAE(commitment=0.5)),
        ("vae", ["penalties=auto"], VAE()),
        ("factor-vae", ["penalties=auto"], VAE()),
        # Beside the automatic ones, with their weights and warm-up.
        (
            "vae",
            ["penalties.contraction.weight=0.1"],
            VAE(penalties={"kl": KL(weight=WARMED_UP), "contraction": Contraction(weight=0.1)}),
        ),
        (
            "vae",
            ["penalties.contraction.weight=0.1", "penalties.kl.weight=3"],
            VAE(penalties={"kl": KL(weight=LinearSchedule(0.0, 3.0)), "contraction": Contraction(weight=0.1)}),
        ),
        (
            "vae",
            ["penalties.contraction.weight=0.1", "beta=3", "warmup_epochs=2"],
            VAE(penalties={"kl": KL(weight=3.0, warmup_epochs=2.0), "contraction": Contraction(weight=0.1)}),
        ),
        (
            "vq-vae",
            ["penalties.weight_decay.weight=0.1"],
            VQVAE(penalties={"commitment": Commitment(weight=0.25), "weight_decay": WeightDecay(weight=0.1)}),
        ),
        (
            "vq-vae",
            ["penalties.weight_decay.weight=0.1", "commitment=0.5"],
            VQVAE(penalties={"commitment": Commitment(weight=0.5), "weight_decay": WeightDecay(weight=0.1)}),
        ),
        (
            "vq-vae",
            ["latent.update=gradient", "penalties.codebook.weight=2"],
            VQVAE(
                latent=VectorQuantised(n_codes=512, tokens="auto", update="gradient"),
                penalties={"commitment": Commitment(weight=0.25), "codebook": CodebookLoss(weight=2)},
            ),
        ),
        ("iwae", ["penalties.weight_decay.weight=0.1"], recipe("iwae", penalties={"weight_decay": WeightDecay(0.1)})),
        # Schedules.
        ("vae", ["penalties.kl.weight=cyclical"], VAE(penalties={"kl": KL(weight=CyclicalSchedule())})),
        (
            "vae",
            ["penalties.kl.weight=cyclical", "penalties.kl.weight.cycles=2"],
            VAE(penalties={"kl": KL(weight=CyclicalSchedule(cycles=2))}),
        ),
        (
            "vae",
            ["penalties.kl.weight={component=linear, end=4, until=0.5}"],
            VAE(penalties={"kl": KL(weight=LinearSchedule(0.0, 4, until=0.5))}),
        ),
        ("vae", ["penalties.kl.weight.until=0.5"], VAE(penalties={"kl": KL(weight=LinearSchedule(until=0.5))})),
        (
            "annealed-beta-vae",
            ["penalties.kl.capacity.end=12"],
            VAE(penalties={"kl": Capacity(weight=100.0, capacity=LinearSchedule(0.0, 12, until=0.5))}),
        ),
        # In place of what is there, or without it.
        ("vae", ["penalties.kl=capacity"], VAE(penalties={"kl": Capacity()})),
        ("vae", ["penalties.kl=none"], VAE(penalties={})),
        ("info-vae", ["penalties.matching=none"], VAE(penalties={"kl": KL(weight=0.5)})),
        ("info-vae", ["penalties.matching.weight=7"], recipe("info-vae", penalties__matching__weight=7)),
        # Without automatic ones.
        ("autoencoder", ["penalties.kl.weight=2"], Autoencoder(penalties={"kl": KL(weight=2)})),
        (
            "autoencoder",
            ["penalties.weight_decay.on=both", "penalties.mmd=maximum-mean-discrepancy"],
            Autoencoder(penalties={"weight_decay": WeightDecay(on="both"), "mmd": MaximumMeanDiscrepancy()}),
        ),
        # beta sets a weight of the recipe's, unless that is set by its name.
        ("beta-tc-vae", ["beta=3"], recipe("beta-tc-vae", beta=3)),
        (
            "beta-tc-vae",
            ["penalties.total_correlation.weight=9"],
            VAE(penalties={"kl": KL(weight=WARMED_UP), "total_correlation": TotalCorrelation(weight=9)}),
        ),
        (
            "beta-tc-vae",
            ["penalties.total_correlation.estimator=stratified"],
            recipe("beta-tc-vae", penalties__total_correlation__estimator="stratified"),
        ),
        (
            "beta-tc-vae",
            ["beta=3", "penalties.total_correlation=total-correlation"],
            recipe("beta-tc-vae", beta=3, penalties__total_correlation__weight=5.0),
        ),
        (
            "beta-tc-vae",
            ["penalties.total_correlation=adversarial-total-correlation"],
            VAE(penalties={"kl": KL(weight=WARMED_UP), "total_correlation": AdversarialTotalCorrelation()}),
        ),
        ("beta-tc-vae", ["penalties.total_correlation=none"], VAE(penalties={"kl": KL(weight=WARMED_UP)})),
    ],
)
def test_settings_mean_what_python_means(name: str, assignments: list[str], expected: Any) -> None:
    estimator = made(name, *assignments)
    assert type(estimator) is type(expected)
    assert estimator.get_params(deep=False) == expected.get_params(deep=False)
    estimator.refuse_without_effect()


def test_a_critic_that_was_left_to_us_can_be_changed_in_part() -> None:
    penalty = made("factor-vae", "penalties.total_correlation.critic.hidden=[32]").penalties["total_correlation"]
    assert penalty.critic == MLP(hidden=(32,), activation="relu")
    whole = made("factor-vae", "penalties.total_correlation.critic=mlp").penalties["total_correlation"]
    assert whole.critic == MLP()


@pytest.mark.parametrize(
    ("name", "assignments", "message"),
    [
        ("vae", ["penalties=3"], "`penalties` takes names and parameters, such as penalties.kl.weight=2; got 3."),
        ("vae", ["penalties.kl=3"], "`penalties.kl` takes parameters, such as penalties.kl.weight=2; got 3."),
        ("vae", ["penalties.kl.wieght=3"], "KL has no parameter `wieght`. Did you mean `weight`?"),
        ("vae", ["penalties.lk.weight=3"], "No penalty is called 'lk'. Known: activation-target, "),
        ("vae", ["penalties.contracton.weight=3"], "No penalty is called 'contracton'. Did you mean 'contraction'?"),
        ("vae", ["beta=2", "penalties.kl.weight=3"], "`beta` and `penalties.kl.weight` are the same. Leave one out."),
        (
            "vq-vae",
            ["commitment=2", "penalties.commitment.weight=3"],
            "`commitment` and `penalties.commitment.weight` are the same. Leave one out.",
        ),
        (
            "beta-tc-vae",
            ["beta=2", "penalties.total_correlation.weight=3"],
            "`beta` and `penalties.total_correlation` set the same weight. Leave one out.",
        ),
        ("vae", ["penalties.decay=none"], "There is no penalty `decay` to leave out. There are: kl."),
        ("autoencoder", ["penalties.kl=none"], "There is no penalty `kl` to leave out. There are: none."),
        ("vae", ["penalties.kl.weight=cyclic"], "No schedule is called 'cyclic'. Did you mean 'cyclical'?"),
        (
            "autoencoder",
            ["penalties.contraction.weight={until=0.5}"],
            "Cannot set `penalties.contraction.weight.until` while `penalties.contraction.weight` is 1.0. Choose one "
            "as well: --set penalties.contraction.weight=cosine (known: cosine, cyclical, linear).",
        ),
        (
            "vae",
            ["penalties.kl.weight.cycles=3"],
            "LinearSchedule has no parameter `cycles`. It has: end, start, until. It is a parameter of another "
            "schedule: add --set penalties.kl.weight=cyclical.",
        ),
        ("vae", ["penalties.kl.weight=-1"], "VAE: `beta` must be a number in [0, inf); got -1."),
    ],
)
def test_mistakes_are_named_with_the_fix(name: str, assignments: list[str], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        made(name, *assignments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_penalties_of_a_convolutional_model() -> None:
    found = made("vae", "network=convolutional", "penalties.weight_decay.weight=0.1")
    assert found.network == Convolutional()
    assert found.penalties == {"kl": KL(weight=WARMED_UP), "weight_decay": WeightDecay(weight=0.1)}
