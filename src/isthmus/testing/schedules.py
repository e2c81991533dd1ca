"""What every schedule must do."""

from __future__ import annotations

import math

from isthmus.core.schedule import Schedule, settled, value_at

from .requirement import require
from .specs import check_spec

POINTS = 48


def check_schedule(spec: Schedule) -> None:
    """A finite number >= 0 at every moment of a run, which no longer changes once it has settled.

    Parameters
    ----------
    spec : Schedule

    Raises
    ------
    AssertionError
        Naming the broken rule.

    Examples
    --------
    >>> from isthmus.core.schedule import LinearSchedule
    >>> check_schedule(LinearSchedule(0, 4))
    """
    check_spec(spec)
    who = type(spec).__name__
    settles, final = spec.settles, spec.at(1.0)
    require(0 <= settles <= 1, f"{who}.settles is {settles!r}, expected a share of the run in [0, 1]")
    fractions = sorted({*(point / POINTS for point in range(POINTS + 1)), settles})
    for fraction in fractions:
        value = spec.at(fraction)
        require(isinstance(value, float), f"{who}.at({fraction}) gives {value!r}, expected a float")
        require(math.isfinite(value) and value >= 0, f"{who}.at({fraction}) is {value}: weights are finite and >= 0")
        require(spec.at(fraction) == value, f"{who}.at({fraction}) differs from call to call")
        require(value_at(spec, fraction) == value, f"{who}: a weight does not follow the schedule at {fraction}")
        if fraction >= settles:
            require(value == final, f"{who} has settled at {settles}, but changes to {value} at {fraction}")
            require(settled(spec, fraction), f"{who}: a weight has not settled at {fraction}")
