"""The check of schedules must be able to fail."""

from __future__ import annotations

import pytest

from isthmus.core.schedule import CyclicalSchedule, LinearSchedule
from isthmus.testing import check_schedule

FAULTS = {
    "a weight below 0": ("at", lambda self, fraction: fraction - 0.5, "finite and >= 0"),
    "an integer": ("at", lambda self, fraction: 1, "expected a float"),
    "a change after the end": ("at", lambda self, fraction: float(fraction), "has settled at 0.1, but changes"),
    "an end after the end": ("settles", property(lambda self: 1.5), r"expected a share of the run in \[0, 1\]"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_check_of_schedules_notices(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attribute, fault, message = FAULTS[name]
    check_schedule(LinearSchedule())
    check_schedule(CyclicalSchedule())
    monkeypatch.setattr(LinearSchedule, attribute, fault)
    with pytest.raises(AssertionError, match=message):
        check_schedule(LinearSchedule())
