"""One spelling per value, and limits that hold before parsing."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.files import canonical
from isthmus.files.canonical import canonical_json, check_limits, parse_canonical

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(values)
def test_round_trip_of_any_value(value):
    text = canonical_json(value)
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")).encode()
    parsed = parse_canonical(text)
    assert parsed == value
    assert canonical_json(parsed) == text
    assert json.dumps(parsed, sort_keys=True) == json.dumps(value, sort_keys=True)  # tells 1 from 1.0 and -0.0 from 0.0


def test_order_of_keys_does_not_matter_and_tuples_are_lists():
    assert (
        canonical_json({"b": (1, 2), "a": "é"})
        == canonical_json({"a": "é", "b": [1, 2]})
        == (b'{"a":"\\u00e9","b":[1,2]}')
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": [1.0, float("nan")]}, r"^manifest\.a\[1\] is nan, which JSON cannot hold; use null$"),
        ({"a": {"b": float("-inf")}}, r"^manifest\.a\.b is -inf, which JSON cannot hold"),
        ({"a": {1: 2}}, r"^manifest\.a has the key 1 of type int; JSON keys are str"),
        ({"a": {3}}, r"^manifest\.a is of type set; use plain numbers"),
        ({"a": b"x"}, r"^manifest\.a is of type bytes; use plain"),
        ({"a": object}, r"^manifest\.a is of type type; use plain"),
    ],
)
def test_values_that_json_cannot_hold_are_named(value, words):
    with pytest.raises(ValueError, match=words):
        canonical_json(value, "manifest")


def nested(depth):
    value: list = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_depth_limit_is_exact_both_ways():
    at_limit = canonical_json(nested(canonical.MAX_DEPTH))
    assert parse_canonical(at_limit) == nested(canonical.MAX_DEPTH)
    with pytest.raises(ValueError, match="is nested too deeply"):
        canonical_json(nested(canonical.MAX_DEPTH + 1))
    with pytest.raises(ValueError, match="nested deeper than the 64 levels allowed"):
        parse_canonical(b"[" + at_limit + b"]")
    itself: list = []
    itself.append(itself)
    with pytest.raises(ValueError, match="is nested too deeply"):
        canonical_json(itself)


def test_brackets_inside_strings_do_not_count():
    tricky = {"a": "[" * 500, 'k"[[[': '\\"[' * 100, "end\\": "]}" * 70}
    assert parse_canonical(canonical_json(tricky)) == tricky


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"b":1,"a":2}', "not spelt canonically"),
        (b'{"a": 1}', "not spelt canonically"),
        (b'{"a":1}\n', "not spelt canonically"),
        (b'{"a":1e2}', "not spelt canonically"),
        (b'{"a":1e999}', "not spelt canonically"),
        (b'{"a":"\\u0041"}', "not spelt canonically"),
        (b'{"a":NaN}', "not spelt canonically"),
        (b'{"a":1,"a":1}', "holds the key 'a' twice"),
        (b'{"a":{"b":1,"b":2}}', "holds the key 'b' twice"),
        ('{"a":"é"}'.encode(), "not valid ASCII JSON"),
        (b'{"a":1', "not valid ASCII JSON"),
        (b'{"a":[1}]', "not valid ASCII JSON"),
        (b"", "not valid ASCII JSON"),
        (b"9" * 5000, "not valid ASCII JSON"),
    ],
)
def test_every_other_spelling_is_refused(text, words):
    with pytest.raises(ValueError, match=words):
        parse_canonical(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"[" * 8_000_000, "more than the 400,000 lists and objects"),
        (b"[" * 300_000 + b"]" * 300_000, "nested deeper than the 64 levels"),
        (b'{"a":' * 300_000 + b"1" + b"}" * 300_000, "nested deeper than the 64 levels"),
        (b"[" + b"[]," * 2_700_000 + b"[]]", "more than the 400,000 lists and objects"),
        (b'["' + b'","' * 2_700_000 + b'"' + b"[" * 80, "nested deeper than the 64 levels"),
        (b" " * (canonical.MAX_BYTES + 1), "more than the 8,388,608 allowed"),
    ],
    ids=["open", "deep lists", "deep objects", "many lists", "many strings", "long"],
)
def test_hostile_text_is_refused_fast(text, words):
    began = time.process_time()
    with pytest.raises(ValueError, match=words):
        check_limits(text, "header")
    assert time.process_time() - began < 1.0
