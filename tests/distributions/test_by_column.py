"""Log-probabilities by column: every likelihood, found by discovery."""

from __future__ import annotations

import pytest
import torch

import isthmus.components
from isthmus.components.likelihoods.per_column import PerColumn
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.registry import registered
from isthmus.distributions import StandardNormal, log_prob_by_column
from isthmus.testing import variants
from isthmus.uses.scoring import summed_by_column

BLOCKS = [
    Block("binary", 0, 3, (3,)),
    Block("unit-interval", 0, 3, (3,), step=1 / 15, variance=0.05),
    Block("continuous", 0, 3, (3,)),
    Block("count", 0, 3, (3,), mean=2.0, variance=2.0),
    Block("categorical", 0, 6, (6,), cardinality=2),
]


LIKELIHOODS = {name: cls for (axis, name), cls in registered().items() if axis == "likelihood"}


def built():
    for name, cls in LIKELIHOODS.items():
        for spec in variants(cls()):
            for block in BLOCKS:
                try:
                    yield pytest.param(spec.build(block), spec, block, id=f"{name}-{block.kind}-{spec}")
                except ParameterError:
                    continue


@pytest.mark.parametrize(("module", "spec", "block"), list(built()))
def test_columns_add_up_and_each_depends_on_itself_only(module, spec, block):
    generator = torch.Generator().manual_seed(0)
    parameters = torch.randn(4, spec.parameter_shape(block), generator=generator, dtype=torch.float64)
    distribution = module.double()(parameters)
    value, other = distribution.draw(4, generator), distribution.draw(4, generator)
    terms = log_prob_by_column(distribution, value)
    assert terms.shape == (4, 3)
    torch.testing.assert_close(terms.sum(-1), distribution.log_prob(value))
    changed = value.clone()
    changed[:, block.width // 3 * 2 :] = other[:, block.width // 3 * 2 :]
    torch.testing.assert_close(log_prob_by_column(distribution, changed)[:, :2], terms[:, :2])


def test_every_likelihood_was_built():
    found = {type(parameters.values[1]) for parameters in built()}
    assert found == set(LIKELIHOODS.values())


def test_blocks_stand_side_by_side():
    blocks = [Block("continuous", 0, 2, (2,)), Block("categorical", 2, 8, (6,), cardinality=3)]
    likelihood = PerColumn([isthmus.Gaussian(), isthmus.Categorical()], blocks).double()
    distribution = likelihood(torch.randn(5, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    value = distribution.draw(5, torch.Generator().manual_seed(1))
    terms = log_prob_by_column(distribution, value)
    assert terms.shape == (5, 4)
    torch.testing.assert_close(terms.sum(-1), distribution.log_prob(value))
    torch.testing.assert_close(summed_by_column(value, blocks)[:, 2:], torch.ones(5, 2).double())


def test_what_is_not_known_by_column_is_refused_or_says_it_itself():
    with pytest.raises(ParameterError, match="gives StandardNormal, whose log-probability is not known column by col"):
        log_prob_by_column(StandardNormal(2), torch.zeros(1, 2))

    class Own:
        def log_prob_by_column(self, value):
            return -value

    assert log_prob_by_column(Own(), torch.ones(1, 1)).item() == -1
