"""Specs are values: read, replaced, described and rebuilt by name."""

import json

import numpy as np
import pytest

import isthmus.components  # noqa: F401  (registers every component)
from isthmus import KL, MLP, VAE, Custom, Gaussian, Mixture
from isthmus.core.errors import ParameterError
from isthmus.core.registry import lookup, names, register
from isthmus.core.spec import replaced_params, spec_from_json


def test_replace_makes_a_copy():
    first = MLP(hidden=(8,))
    second = first.replace(hidden=(4, 2), activation="relu")
    assert (first.hidden, second.hidden, second.activation) == ((8,), (4, 2), "relu")


def test_replace_names_an_unknown_parameter():
    with pytest.raises(ParameterError, match=r"MLP has no parameter `width`. It has: activation, dropout, hidden"):
        MLP().replace(width=3)


def test_nested_changes_reach_specs_and_dicts_of_specs():
    params = {"prior": Mixture(n_components=2), "penalties": {"kl": KL()}}
    changed = replaced_params("VAE", params, {"prior__n_components": 4, "penalties__kl__weight": 0.5})
    assert changed["prior"].n_components == 4
    assert changed["penalties"]["kl"].weight == 0.5
    assert params["prior"].n_components == 2
    assert params["penalties"]["kl"].weight == 1.0


def test_a_spec_and_its_inner_value_may_be_set_at_once():
    changed = replaced_params("VAE", {"prior": "auto"}, {"prior": Mixture(), "prior__n_components": 7})
    assert changed["prior"] == Mixture(n_components=7)


def test_setting_inside_a_plain_value_says_so():
    with pytest.raises(ParameterError, match=r"cannot set `prior__n_components` while `prior` is 'auto'"):
        replaced_params("VAE", {"prior": "auto"}, {"prior__n_components": 3})


@pytest.mark.parametrize(
    "spec", [MLP(hidden=(3, 2)), Gaussian(sigma=0.5), Custom("a.b:c", {"width": 3}), KL(weight=np.float64(2))]
)
def test_json_round_trip(spec):
    assert spec_from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_json_refuses_what_it_does_not_know():
    with pytest.raises(ParameterError, match=r"No network is called 'mpl'. Did you mean 'mlp'"):
        spec_from_json({"component": "network/mpl", "params": {}})
    with pytest.raises(ParameterError, match=r"MLP has no parameter 'width'"):
        spec_from_json({"component": "network/mlp", "params": {"width": 3}})
    with pytest.raises(ParameterError, match=r"Not the description of a component"):
        spec_from_json({"component": "network/mlp"})
    with pytest.raises(ParameterError, match=r"plain values only; got object"):
        Custom("a:b", {"x": object()}).to_json()


def test_a_name_is_taken_once():
    with pytest.raises(ParameterError, match=r"network 'mlp' is already registered"):

        @register("network", "mlp")
        class Impostor:
            pass

    assert lookup("network", "mlp") is MLP
    assert {"point", "gaussian"} <= set(names("latent"))


def test_a_tuple_given_as_a_list_is_accepted():
    model = VAE(2, network=MLP(hidden=[8, 4]), max_epochs=1, random_state=0)
    rows = np.random.default_rng(0).normal(size=(40, 3))
    assert model.fit_transform(rows).shape == (40, 2)
