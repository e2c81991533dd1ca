"""What a kind of column has to answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from ..statistics import ColumnStatistics, Flags, Floats


class Kind(ABC):
    """A kind of column: which data it fits, how it is scaled for the model, and what decoded values mean.

    To add a kind, write one file with a subclass, and list it in ``kinds/__init__.py``; ``Block.kind`` carries its
    name to networks and likelihoods. Every kind is an affine map: ``feature = (x - shift) * scale``.
    """

    name: ClassVar[str]
    is_density: ClassVar[bool]
    """Likelihoods of this kind are densities (and need the scaling's Jacobian), not probability masses."""

    @abstractmethod
    def fits_matrix(self, statistics: ColumnStatistics) -> bool:
        """A homogeneous array as a whole is of this kind."""

    @abstractmethod
    def fits_columns(self, statistics: ColumnStatistics) -> Flags:
        """Which columns of a frame, each judged alone, are of this kind."""

    @abstractmethod
    def bounds(self, statistics: ColumnStatistics, shared: bool) -> tuple[Floats, Floats]:
        """The range that decoded values are held to; one range for all columns if ``shared``."""

    @abstractmethod
    def affine(self, statistics: ColumnStatistics, low: Floats, high: Floats, scaling: str) -> tuple[Floats, Floats]:
        """Shift and scale of each column."""

    @abstractmethod
    def restore(self, values: Floats, low: Floats, high: Floats) -> Floats:
        """Decoded values in the user's units, put back into the kind's range."""

    def refuses(self, values: np.ndarray, training: bool) -> Flags | None:
        """Which cells cannot be of this kind; None: any number can."""
        return None
