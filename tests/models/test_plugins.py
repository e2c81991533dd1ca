"""Parts and recipes of other packages, found by their entry points."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from click.testing import CliRunner

import isthmus
from isthmus import MLP, Autoencoder
from isthmus.cli.main import app
from isthmus.core import plugins, registry
from isthmus.core.errors import ModelFileError, ParameterError
from isthmus.models.recipes import find_recipe, installed_recipes

X = np.random.default_rng(0).normal(size=(24, 6))
SMALL = {"latent_dim": 2, "max_epochs": 1, "network": MLP(hidden=(4,)), "random_state": 0}
PARTS = '''
from dataclasses import dataclass

from isthmus.components.penalties.base import NOTHING, Penalty
from isthmus.core.registry import register
from isthmus.models.recipe import Recipe


@register("penalty", "acme-size")
@dataclass(frozen=True)
class Size(Penalty):
    """weight · Σ z⁴."""

    def value(self, forward_pass, noise=None, at=NOTHING):
        return forward_pass.posterior.code.pow(4).sum()


class Unregistered:
    pass


SMALL_CODES = Recipe("acme-autoencoder", "autoencoder", "Small codes.", "Tests.", "‖x − x̂‖² + Σ z⁴", "Acme (2026)",
                     {"penalties": {"size": Size()}})
WRONG = 3
'''
ENTRIES = """
[isthmus.components]
penalty.acme-size = acme_parts:Size
penalty.acme-other-name = acme_parts:Size
penalty.acme-plain = acme_parts:Unregistered
penalty.acme-broken = acme_broken:Size

[isthmus.recipes]
acme-autoencoder = acme_parts:SMALL_CODES
"""


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """A package on the search path, as pip would have installed it; not imported."""
    (tmp_path / "acme_parts.py").write_text(PARTS, encoding="utf-8")
    (tmp_path / "acme_broken.py").write_text("1 / 0", encoding="utf-8")
    described = tmp_path / "acme-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n", encoding="utf-8")
    (described / "entry_points.txt").write_text(ENTRIES, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_COMPONENTS", dict(registry._COMPONENTS))
    plugins._offered.cache_clear()
    yield described
    plugins._offered.cache_clear()
    sys.modules.pop("acme_parts", None)


def test_a_part_is_imported_when_it_is_asked_for_by_name(acme):
    assert "acme-size" in registry.names("penalty")
    assert "acme_parts" not in sys.modules
    size = registry.lookup("penalty", "acme-size")
    assert registry.import_path(size) == "acme_parts:Size"
    model = Autoencoder(**SMALL, penalties={"size": size(weight=0.1)}).fit(X)
    assert model.history_.column("train/size")[-1] > 0


def test_a_recipe_of_a_package_is_one_like_any_other(acme):
    assert [one.name for one in installed_recipes()] == ["acme-autoencoder"]
    assert isthmus.recipe("acme-autoencoder", **SMALL).fit(X).composition_.penalties["size"].name == "acme-size"
    listing = CliRunner().invoke(app, ["recipes"]).output
    assert listing.index("From other packages") < listing.index("acme-autoencoder")
    shown = CliRunner().invoke(app, ["recipes", "acme-autoencoder"])
    assert shown.exit_code == 0
    assert "Acme (2026)" in shown.output
    with pytest.raises(ParameterError, match=r"Did you mean 'acme-autoencoder'\?"):
        find_recipe("acme-autoencoders")


def test_without_such_a_package_there_is_no_group_for_it():
    assert installed_recipes() == []
    assert "other packages" not in CliRunner().invoke(app, ["recipes"]).output


def test_the_command_line_takes_the_part(acme, tmp_path):
    np.save(tmp_path / "x.npy", X)
    settings = ["--set", "penalties.acme_size.weight=0.1", "--max-epochs", "1", "-o", str(tmp_path / "m.safetensors")]
    ran = CliRunner().invoke(app, ["fit", str(tmp_path / "x.npy"), "--recipe", "autoencoder", *settings])
    assert ran.exit_code == 0, ran.output


def test_a_file_that_names_the_part_loads_only_where_it_is_trusted(acme, tmp_path):
    path = tmp_path / "model.safetensors"
    model = isthmus.recipe("acme-autoencoder", **SMALL).fit(X)
    model.save(path)

    def forget():
        registry._COMPONENTS.pop(("penalty", "acme-size"), None)
        sys.modules.pop("acme_parts", None)

    forget()
    for trust in ((), ["acme_parts:SMALL_CODES"]):
        with pytest.raises(ModelFileError, match=r"runs code from 'acme_parts:Size'.*trust=\[\"acme_parts:Size\"\]"):
            isthmus.load(path, trust=trust)
        assert "acme_parts" not in sys.modules
    again = isthmus.load(path, trust=["acme_parts:Size"])
    np.testing.assert_array_equal(again.transform(X), model.transform(X))

    forget()
    (acme / "entry_points.txt").write_text("", encoding="utf-8")
    plugins._offered.cache_clear()
    with pytest.raises(ModelFileError, match="the penalty 'acme-size', which is not registered"):
        isthmus.load(path)
    np.testing.assert_array_equal(isthmus.load(path, trust=["acme_parts:Size"]).transform(X), model.transform(X))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("acme-other-name", "which is not registered as the penalty 'acme-other-name'"),
        ("acme-plain", "which is not registered as the penalty 'acme-plain'"),
        ("acme-broken", "cannot be imported: ZeroDivisionError: division by zero"),
    ],
)
def test_a_package_that_does_not_keep_its_promise_is_named(acme, name, words):
    with pytest.raises(ParameterError) as caught:
        registry.lookup("penalty", name)
    assert str(caught.value).startswith(f"The package 'acme' offers 'penalty.{name}'")
    assert words in str(caught.value)
    assert str(caught.value).endswith("Update or uninstall that package.")


def test_an_entry_point_says_where_the_part_is_defined(acme):
    (acme.parent / "acme_facade.py").write_text("from acme_parts import Size", encoding="utf-8")
    (acme / "entry_points.txt").write_text(
        "[isthmus.components]\npenalty.acme-size = acme_facade:Size\n", encoding="utf-8"
    )
    with pytest.raises(ParameterError, match="which is defined as 'acme_parts:Size'"):
        registry.lookup("penalty", "acme-size")


def test_a_recipe_that_is_none(acme):
    (acme / "entry_points.txt").write_text("[isthmus.recipes]\nacme-wrong = acme_parts:WRONG\n", encoding="utf-8")
    with pytest.raises(ParameterError, match="which is no Recipe of that name"):
        find_recipe("acme-wrong")


def test_ours_keep_their_names(acme):
    (acme / "entry_points.txt").write_text(
        "[isthmus.recipes]\nvae = acme_parts:WRONG\n[isthmus.components]\npenalty.kl = acme_parts:Size\n",
        encoding="utf-8",
    )
    assert find_recipe("vae").estimator == "vae"
    assert registry.lookup("penalty", "kl") is isthmus.KL
    assert registry.names("penalty").count("kl") == 1
