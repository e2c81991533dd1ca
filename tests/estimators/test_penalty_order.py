"""The order in which penalties were given is no part of a model."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import isthmus
from isthmus import KL, MLP, VAE, AdversarialMatching, AdversarialTotalCorrelation, Contraction, TotalCorrelation
from isthmus.core.errors import ParameterError

X = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
SMALL = {"latent_dim": 2, "network": MLP(hidden=(4,)), "max_epochs": 2, "random_state": 0}
CRITIC = MLP(hidden=(3,))
PENALTIES = {
    "z": KL(),
    "tc": TotalCorrelation(2),
    "c": Contraction(0.01),
    "match": AdversarialMatching(critic=CRITIC),
    "factor": AdversarialTotalCorrelation(critic=CRITIC),
}


@pytest.mark.parametrize("order", ["tc c", "c tc", "z tc c", "match factor z", "factor match z"])
def test_a_model_is_loaded_as_it_was_whatever_the_order(order, tmp_path):
    order = order.split()
    model = VAE(**SMALL, penalties={name: PENALTIES[name] for name in order}).fit(X)
    model.save(tmp_path / "m.safetensors")
    again = isthmus.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.transform(X), model.transform(X))
    for name in order:
        tensors = zip(
            model.module_.penalties_by_name[name].state_dict().items(),
            again.module_.penalties_by_name[name].state_dict().items(),
            strict=True,
        )
        for (key, before), (other, after) in tensors:
            assert key == other
            assert np.array_equal(before, after), f"{name}.{key}"


def test_two_critics_of_one_shape_do_not_change_places(tmp_path):
    found = []
    for number, order in enumerate(itertools.permutations(("match", "factor", "z"))):
        model = VAE(**SMALL, penalties={name: PENALTIES[name] for name in order}).fit(X)
        model.save(tmp_path / f"{number}.safetensors")
        found.append(isthmus.load(tmp_path / f"{number}.safetensors").module_)
        own = model.module_.penalties_by_name["match"].critic[0].weight.detach()
        loaded = found[-1].penalties_by_name["match"].critic[0].weight.detach()
        np.testing.assert_array_equal(own, loaded)


def test_a_penalty_joins_those_that_are_named():
    model = isthmus.recipe("beta-tc-vae", **SMALL)
    names = set(model.penalties)
    model.set_params(penalties__c=Contraction(0.5), penalties__c__weight=0.25)
    assert set(model.penalties) == {*names, "c"}
    assert model.penalties["c"] == Contraction(0.25)
    assert set(isthmus.recipe("beta-tc-vae", penalties__c=Contraction()).penalties) == {*names, "c"}
    with pytest.raises(ParameterError, match=r"VAE\.penalties has no parameter `d`\. It has: c, kl"):
        model.set_params(penalties__d=0.5)
    with pytest.raises(ParameterError, match=r"while `penalties` is 'auto'\. Name all of them, for example"):
        VAE().set_params(penalties__c=Contraction())


def test_the_prior_that_is_suggested_is_one_over_the_same_codes():
    with pytest.raises(ParameterError, match=r"for example prior=Mixture\(n_components=3\)\."):
        VAE().set_params(prior__n_components=3)
