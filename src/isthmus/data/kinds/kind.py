"""What a kind of column has to answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from torch import Tensor

from ..statistics import ColumnStatistics, Flags, Floats


class Kind(ABC):
    """A kind of column; ``Block.kind`` carries its name to networks and likelihoods.

    To add a kind, write one file with a subclass, and list it in ``kinds/__init__.py``. Numbers that are shifted and
    scaled are an :class:`AffineKind`; levels, which become one-hot, are :class:`~.categorical.Categorical`.
    """

    name: ClassVar[str]
    is_density: ClassVar[bool]
    """Likelihoods of this kind are densities (and need the scaling's Jacobian), not probability masses."""


class AffineKind(Kind):
    """A kind of number: which data it fits, how it is scaled, and what decoded values mean.

    A number becomes one feature, ``(x - shift) * scale``.
    """

    expects_in_training: ClassVar[str] = ""
    """Which values the kind takes in training, in words; empty: any number."""
    expects: ClassVar[str] = ""
    """Which values it takes afterwards."""

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

    def refuses(self, values: np.ndarray, training: bool) -> Flags:
        """Which of the user's cells cannot be of this kind."""
        return np.zeros(values.shape, dtype=bool)

    def suspects(self, features: Tensor) -> bool:
        """A quick look at encoded cells: some could be refused, so that the user's own cells need the exact look."""
        return bool(self.expects)
