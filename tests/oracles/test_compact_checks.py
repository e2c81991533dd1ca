"""The compact checks, one test each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fast_checks import CHECKS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_compact_check(check: Callable[[], None]) -> None:
    check()
