"""Declared constraints say in one voice what is wrong."""

import numpy as np
import pytest

from isthmus.core.constraints import Boolean, Interval, OneOf, SequenceOf, check_params
from isthmus.core.errors import ParameterError


@pytest.mark.parametrize(
    ("interval", "accepted", "refused"),
    [
        (Interval(1, None, integer=True), [1, 5, np.int64(3)], [0, -1, 1.5, "1", None, True, float("nan")]),
        (Interval(0, 1), [0, 1, 0.5, np.float32(0.25)], [-0.1, 1.1, float("inf"), "x"]),
        (Interval(0, 1, closed="neither"), [0.5], [0, 1]),
        (Interval(0, 1, closed="left"), [0, 0.5], [1]),
        (Interval(0, 1, closed="right"), [1, 0.5], [0]),
    ],
)
def test_intervals(interval, accepted, refused):
    assert all(interval.accepts(value) for value in accepted)
    assert not any(interval.accepts(value) for value in refused)


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (Interval(1, None, integer=True), "an integer in [1, inf)"),
        (Interval(0, 1, closed="neither"), "a number in (0, 1)"),
        (Interval(None, 2), "a number in (-inf, 2]"),
    ],
)
def test_interval_words(interval, words):
    assert interval.describe() == words


def test_literals_do_not_confuse_types():
    assert OneOf("auto", None).accepts(None)
    assert not OneOf(1).accepts(True)
    assert not OneOf("auto").accepts(np.array(["auto", "auto"]))


def test_sequences_and_booleans():
    assert SequenceOf(Interval(1, None, integer=True)).accepts((3, 4))
    assert not SequenceOf(Interval(1, None, integer=True)).accepts((3, 0))
    assert not SequenceOf(Interval(1, None, integer=True)).accepts("34")
    assert Boolean().accepts(np.bool_(True))
    assert not Boolean().accepts(1)


def test_the_message_names_owner_parameter_range_and_value():
    with pytest.raises(ParameterError, match=r"VAE: `latent_dim` must be 'auto', or an integer in \[1, inf\); got 0\."):
        check_params("VAE", {"latent_dim": 0}, {"latent_dim": (OneOf("auto"), Interval(1, None, integer=True))})
