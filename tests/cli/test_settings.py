"""Settings as people write them become one tree."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from isthmus.cli.settings import parse_assignment, parse_value, read_config, settings_tree
from isthmus.core.errors import ParameterError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500", 500),
        ("-3", -3),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("3.", 3.0),
        ("inf", math.inf),
        ("true", True),
        ("False", False),
        ("None", None),
        ("null", None),
        ("[64, 32]", (64, 32)),
        ("[]", ()),
        ('["a", [1]]', ("a", (1,))),
        ('{component = "mixture"}', {"component": "mixture"}),
        ("{component=linear, end=4}", {"component": "linear", "end": 4}),
        ("{component = linear, inner = {a=b, c=[1, 2]}}", {"component": "linear", "inner": {"a": "b", "c": (1, 2)}}),
        ("{component}", "{component}"),
        ("{a=b, {c=d}", "{a=b, {c=d}"),
        ('{"a": [1, null]}', {"a": (1, None)}),
        ('"500"', "500"),
        ("none", "none"),
        ("mixture", "mixture"),
        ("linear-vae", "linear-vae"),
        ("2020-01-01", "2020-01-01"),
        ("1\nother = 2", "1\nother = 2"),
        ("", ""),
    ],
)
def test_values(text: str, value: Any) -> None:
    parsed = parse_value(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_dots_and_double_underscores_lead_into_tables() -> None:
    assert parse_assignment("prior.n_components=500") == (("prior", "n_components"), 500)
    assert parse_assignment("penalties__kl__weight = 2") == (("penalties", "kl", "weight"), 2)
    assert parse_assignment("network.path=a=b") == (("network", "path"), "a=b")


@pytest.mark.parametrize("text", ["beta", "=3", "prior.=3", ".prior=3"])
def test_what_is_no_assignment_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match=r"--set takes KEY=VALUE, such as --set prior\.n_components=500; got"):
        parse_assignment(text)


def test_flags_override_the_config_and_leave_it_as_it_is() -> None:
    config = {"latent_dim": 2, "prior": {"component": "mixture", "n_components": 3}, "beta": 4.0}
    tree = settings_tree(config, ["prior.n_components=5", "beta=1"], {"latent_dim": 8, "max_epochs": None})
    assert tree == {"latent_dim": 8, "prior": {"component": "mixture", "n_components": 5}, "beta": 1}
    assert config["prior"] == {"component": "mixture", "n_components": 3}


def test_a_component_comes_before_its_parameters_in_any_order() -> None:
    expected = {"prior": {"component": "mixture", "n_components": 5}}
    assert settings_tree({}, ["prior.n_components=5", "prior=mixture"], {}) == expected
    assert settings_tree({}, ["prior=mixture", "prior.n_components=5"], {}) == expected
    # Another component makes the parameters of the config's meaningless.
    config = {"prior": {"component": "mixture", "n_components": 3}}
    assert settings_tree(config, ["prior=full-gaussian"], {}) == {"prior": "full-gaussian"}
    assert settings_tree({"network": "auto"}, ["network.hidden=[4]"], {}) == {"network": {"hidden": (4,)}}


@pytest.mark.parametrize(
    ("assignments", "flags", "message"),
    [
        (["beta=1", "beta=2"], {}, "`beta` is set twice. Leave one out."),
        (["latent_dim=1"], {"latent_dim": 2}, "`latent_dim` is set twice, by --latent-dim and by --set latent_dim=…"),
        (["beta=1", "beta.x=2"], {}, "Cannot set `beta.x`: `beta` is 1, which has no parameters."),
    ],
)
def test_contradictions_are_refused(assignments: list[str], flags: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        settings_tree({}, assignments, flags)
    assert message in str(caught.value)


def test_config_file(tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text('recipe = "beta-vae"\n[network]\nhidden = [8, 4]\n[penalties.kl]\nweight = 2\n', encoding="utf-8")
    assert read_config(path) == {
        "recipe": "beta-vae",
        "network": {"hidden": (8, 4)},
        "penalties": {"kl": {"weight": 2}},
    }


@pytest.mark.parametrize(
    ("content", "words"), [(b"a = \n", "line 1"), (b"a = '\xff'", "0xff"), (b"x" * (1 << 21), "larger than 1,048,576")]
)
def test_bad_config_files_are_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "model.toml"
    path.write_bytes(content)
    with pytest.raises(ParameterError) as caught:
        read_config(path)
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


def test_missing_config_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"Cannot read '.*none\.toml': there is no such file"):
        read_config(tmp_path / "none.toml")
