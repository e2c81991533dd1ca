"""Parameters that hold several components are lists of names and tables."""

from __future__ import annotations

import pytest

from isthmus import Augmentation, Chain, GaussianNoise, Masking
from isthmus.cli.assembling import assemble
from isthmus.cli.settings import settings_tree
from isthmus.core.errors import ParameterError


def corruption(*assignments: str) -> object:
    return assemble("vae", settings_tree({}, assignments, {})).corruption


def test_a_chain_is_a_list_of_names_and_tables() -> None:
    given = 'corruption.parts=[{component="augmentation", flip=false, shift=1}, "masking"]'
    assert corruption("corruption=chain", given) == Chain((Augmentation(flip=False, shift=1), Masking()))
    assert corruption("corruption=chain") == Chain((Augmentation(), GaussianNoise()))


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(ParameterError, match=r"No corruption is called 'maskin'\. Did you mean 'masking'\?"):
        corruption("corruption=chain", 'corruption.parts=["maskin"]')
    with pytest.raises(ParameterError, match="Masking has no parameter `rat`"):
        corruption("corruption=chain", 'corruption.parts=[{component="masking", rat=0.1}]')
