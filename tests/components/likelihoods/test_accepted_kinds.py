"""Which kinds of data each likelihood takes, and what it says to the others."""

from __future__ import annotations

import pytest

import isthmus.components  # noqa: F401 - registers every likelihood
from isthmus.core.blocks import KINDS, Block
from isthmus.core.errors import ParameterError
from isthmus.core.registry import registered

REAL = {"continuous", "unit-interval", "binary"}
ACCEPTED = {
    "gaussian": REAL,
    "laplace": REAL,
    "student-t": REAL,
    "bernoulli": {"binary"},
    "continuous-bernoulli": {"unit-interval"},
    "discretised-logistic": {"unit-interval"},
    "categorical": {"categorical"},
    "poisson": {"count"},
    "negative-binomial": {"count"},
    "zero-inflated-negative-binomial": {"count"},
}
REMEDIES = {
    "gaussian": "declare schema='continuous'",
    "bernoulli": "binarise the data first",
    "poisson": "declare schema='count'",
    "categorical": "declare schema='categorical'",
    "discretised-logistic": "declare schema='unit-interval'",
}
INSTEAD = {
    "binary": "likelihood=Bernoulli()",
    "unit-interval": "ContinuousBernoulli()",
    "continuous": "likelihood=Gaussian()",
    "count": "likelihood=NegativeBinomial() or Poisson()",
    "categorical": "likelihood=Categorical()",
}


def block_of(kind: str) -> Block:
    return Block(kind, 0, 4, (4,), step=0.25 if kind == "unit-interval" else 0.0, cardinality=2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", sorted(ACCEPTED))
def test_a_likelihood_takes_its_kinds_and_explains_itself_to_the_others(name, kind):
    cls = registered()["likelihood", name]
    assert cls().parameter_shape(block_of(kind)) >= 4
    if kind in ACCEPTED[name]:
        cls().build(block_of(kind))
        return
    with pytest.raises(ParameterError) as caught:
        cls().build(block_of(kind))
    words = str(caught.value)
    assert words.startswith(f"likelihood {cls.__name__} needs ")
    assert f"but the schema found {kind} data." in words
    assert INSTEAD[kind] in words
    assert REMEDIES.get(name, "declare schema=") in words


def test_every_likelihood_is_in_the_table():
    known = {
        name
        for (axis, name), cls in registered().items()
        if axis == "likelihood" and cls.__module__.startswith("isthmus.")
    }
    assert known >= set(ACCEPTED)
