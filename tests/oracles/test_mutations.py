"""Oracle 20: a seeded bug in the loss code turns at least one exact check red."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mutation_runner import KILLED, PASSED, mutated
from mutations import MUTATIONS, Mutation

import isthmus

HERE = Path(__file__).parent
SOURCE = Path(isthmus.__file__).parents[1]


@pytest.fixture(scope="module")
def verdicts() -> dict[str, dict[str, object]]:
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
    return {verdict["name"]: verdict for verdict in map(json.loads, found.stdout.splitlines())}


def test_the_list_is_long_enough_and_has_no_doubles() -> None:
    assert len(MUTATIONS) >= 25
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
    assert len({(mutation.file, mutation.mutated) for mutation in MUTATIONS}) == len(MUTATIONS)
    assert all(mutation.original != mutation.mutated for mutation in MUTATIONS)


def test_a_line_that_is_gone_is_noticed() -> None:
    with pytest.raises(ValueError, match=r"holds 0 lines 'x = 1', expected exactly one"):
        mutated("y = 2\n", Mutation("", "file.py", "x = 1", "x = 2"))


def test_the_code_as_it_is_passes(verdicts: dict[str, dict[str, object]]) -> None:
    assert verdicts[""]["status"] == PASSED, verdicts[""]["words"]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_mutation_is_killed(mutation: Mutation, verdicts: dict[str, dict[str, object]]) -> None:
    verdict = verdicts[mutation.name]
    assert verdict["status"] == KILLED, f"survived: {mutation.mutated}" if not verdict["words"] else verdict["words"]
