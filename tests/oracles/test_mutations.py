"""Oracle 20: a seeded bug in the loss code turns at least one exact check red."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fast_checks import CHECKS, MODULES
from mutation_runner import AFRESH, KILLED, PASSED, UNDONE, ModuleCodeError, changed_functions, mutated
from mutations import MUTATIONS, Mutation

import isthmus

HERE = Path(__file__).parent
SOURCE = Path(isthmus.__file__).parents[1]


def test_the_list_is_long_enough_and_has_no_doubles() -> None:
    assert len(MUTATIONS) >= 250
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
    assert len({(one.file, one.original, one.mutated) for one in MUTATIONS}) == len(MUTATIONS)
    assert all(mutation.original != mutation.mutated for mutation in MUTATIONS)
    assert {mutation.judge for mutation in MUTATIONS} <= set(MODULES)
    assert {check.__module__.removeprefix("fast_checks.") for check in CHECKS} == set(MODULES)
    assert len({check.__name__ for check in CHECKS}) == len(CHECKS)


def test_a_line_that_is_gone_is_noticed() -> None:
    with pytest.raises(ValueError, match=r"holds 0 lines 'x = 1', expected exactly one"):
        mutated("y = 2\n", Mutation("", "file.py", "loss", "x = 1", "x = 2"))


def test_only_the_code_of_functions_is_replaced() -> None:
    """What else a bug changes, only a new import of the package can show."""
    text = "LIMIT = 3\n\nclass Shape:\n    sides = 4\n\n    def area(self):\n        return 1.0\n"
    original = compile(text, "shape.py", "exec")

    def changed(old: str, new: str) -> list[str]:
        return [code.co_qualname for code in changed_functions(original, compile(text.replace(old, new), "", "exec"))]

    assert changed("LIMIT", "LIMIT") == []
    assert changed("1.0", "self.sides * 2.0") == ["Shape.area"]
    for old, new in (("LIMIT = 3", "LIMIT = 4"), ("sides = 4", "sides = LIMIT"), ("area", "size")):
        with pytest.raises(ModuleCodeError):
            changed(old, new)


def test_every_mutation_is_killed_and_the_code_as_it_is_passes() -> None:
    """One test, so that the runner runs once, however many processes share the tests."""
    if not hasattr(os, "fork"):
        pytest.skip("needs os.fork")
    found = subprocess.run(
        [sys.executable, str(HERE / "mutation_runner.py"), str(SOURCE)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert found.returncode == 0, found.stderr
    verdicts = {verdict["name"]: verdict for verdict in map(json.loads, found.stdout.splitlines())}
    wanted = {AFRESH: PASSED, UNDONE: PASSED} | {mutation.name: KILLED for mutation in MUTATIONS}
    assert set(verdicts) == set(wanted)
    missed = [
        f"{name}: {verdicts[name]['status']} {verdicts[name]['words']}"
        for name, status in wanted.items()
        if verdicts[name]["status"] != status
    ]
    assert not missed, "\n".join(missed)
