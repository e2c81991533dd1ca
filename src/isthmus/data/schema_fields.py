"""What a schema holds, and what follows from it at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.core.blocks import Block

from .assignment import position_of_key
from .columns import Columns
from .matrix import ColumnType, Label
from .roles import Roles


@dataclass(frozen=True, eq=False)
class SchemaFields:
    """The fields of a :class:`~.schema.Schema`, which says what they mean."""

    container: str
    row_shape: tuple[int, ...]
    labels: tuple[Label, ...] | None
    types: tuple[ColumnType, ...]
    blocks: tuple[Block, ...]
    columns: Columns
    scaling: str
    stored_uint8: bool
    roles: Roles = field(default_factory=Roles)
    within_range: bool = False
    missing: str = "error"
    missing_rates: tuple[float, ...] = ()

    @property
    def n_features(self) -> int:
        """The number of the user's columns, those with a role among them; for images h * w * c."""
        return math.prod(self.row_shape)

    @property
    def n_encoded(self) -> int:
        """The number of features in an encoded row: the width of all blocks together."""
        return self.blocks[-1].stop

    @property
    def condition_width(self) -> int:
        """The number of features that all conditions become; 0 without."""
        return self.roles.condition_width

    @property
    def has_exposure(self) -> bool:
        """A column says how long or how much was counted in each row."""
        return self.roles.exposure is not None

    @property
    def mean_exposure(self) -> float:
        """The mean exposure of the training data; 1 without."""
        return 1.0 if self.roles.exposure is None else self.roles.exposure.mean

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The column names of a frame, if all of them are text."""
        if self.labels is None or not all(isinstance(label, str) for label in self.labels):
            return None
        return tuple(str(label) for label in self.labels)

    @property
    def shift(self) -> Tensor:
        """float32, shape (d,), encoded order: ``features = (values - shift) * scale``."""
        return _float32(np.append(self.columns.shift, np.zeros(self.n_encoded - len(self.columns))))

    @property
    def scale(self) -> Tensor:
        """float32, shape (d,), encoded order; kept within float32's range (``columns.scale`` is exact)."""
        return _float32(np.append(self.columns.scale, np.ones(self.n_encoded - len(self.columns))))

    @cached_property
    def encoded_sources(self) -> tuple[int, ...]:
        """The user's column of each encoded one: numbers, categorical columns, and those that indicators speak of."""
        sources = [*self.columns.source.tolist(), *(column.source for column in self.roles.categorical)]
        return (*sources, *(sources[column] for column in self.indicated))

    @property
    def indicated(self) -> tuple[int, ...]:
        """The encoded columns that have an indicator of missing cells."""
        return self.blocks[-1].of

    def column_name(self, column: int) -> str:
        """The user's column in the user's words: "column 'age'", "column 3" or "pixel (4, 5)"."""
        if self.labels is not None:
            return f"column {self.labels[column]!r}"
        if len(self.row_shape) > 1:
            return f"pixel {tuple(int(part) for part in np.unravel_index(column, self.row_shape))}"
        return f"column {column}"

    def position_of(self, key: Any) -> int | None:
        """The column that the user calls ``key``."""
        if self.labels is None:
            return position_of_key(key, self.n_features)
        return self.labels.index(key) if key in self.labels else None


def _float32(values: np.ndarray) -> Tensor:
    limit = float(np.finfo(np.float32).max)
    with np.errstate(under="ignore"):
        return torch.from_numpy(np.clip(values, -limit, limit).astype(np.float32))
