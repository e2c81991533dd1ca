"""The kinds of columns, one file each, in the order in which their blocks stand in the encoded row."""

from .binary import Binary
from .categorical import Categorical, most_likely, write_one_hot
from .continuous import Continuous
from .count import Count
from .kind import AffineKind, Kind
from .unit_interval import UnitInterval

AFFINE: dict[str, AffineKind] = {kind.name: kind for kind in (Binary(), UnitInterval(), Continuous(), Count())}
"""The kinds of numbers, by name. Data is of the first kind that it fits."""

KINDS: dict[str, Kind] = {**AFFINE, Categorical.name: Categorical()}
"""All kinds, by name. Levels stand last, so that the numbers of a row are one contiguous piece."""

__all__ = [
    "AFFINE",
    "KINDS",
    "AffineKind",
    "Binary",
    "Categorical",
    "Continuous",
    "Count",
    "Kind",
    "UnitInterval",
    "most_likely",
    "write_one_hot",
]
