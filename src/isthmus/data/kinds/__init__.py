"""The kinds of columns, one file each, in the order in which their blocks stand in the encoded row."""

from .binary import Binary
from .continuous import Continuous
from .kind import Kind
from .unit_interval import UnitInterval

KINDS: dict[str, Kind] = {kind.name: kind for kind in (Binary(), UnitInterval(), Continuous())}
"""By name. Data is of the first kind that it fits."""

__all__ = ["KINDS", "Binary", "Continuous", "Kind", "UnitInterval"]
