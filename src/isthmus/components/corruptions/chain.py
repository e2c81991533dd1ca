"""Several corruptions, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.core.constraints import Constraint
from isthmus.core.errors import ParameterError
from isthmus.core.registry import register

from .augmentation import Augmentation
from .base import Corruption
from .gaussian_noise import GaussianNoise


class Corruptions:
    """A tuple or list of at least one corruption."""

    def accepts(self, value: Any) -> bool:
        return isinstance(value, (tuple, list)) and len(value) > 0 and all(isinstance(one, Corruption) for one in value)

    def describe(self) -> str:
        return "at least one corruption in a sequence, such as (isthmus.Augmentation(), isthmus.Masking())"


@register("corruption", "chain")
@dataclass(frozen=True)
class Chain(Corruption):
    """One corruption after the other: augmentation and noise, binarisation and hidden cells.

    First those that make another draw of the data, which the likelihood is then asked about (Augmentation,
    Binarisation); after them those that damage what the encoder sees.

    Parameters
    ----------
    parts : sequence of Corruption
        In this order; at least one, and no chains.

    Raises
    ------
    ParameterError
        By :meth:`validate`, for damage before a part that replaces what the likelihood is asked about. By
        :meth:`noise_width`, for data that one of the parts refuses.

    Examples
    --------
    >>> from isthmus import Binarisation, Masking
    >>> rows, noise = torch.tensor([[0.1, 0.9]]), torch.tensor([[2.0, -2.0, 2.0, -2.0]])
    >>> target, seen = Chain((Binarisation(), Masking())).applied(rows, noise, [Block("unit-interval", 0, 2, (2,))])
    >>> target, seen
    (tensor([[0., 1.]]), tensor([[0., 0.]]))
    """

    parts: tuple[Corruption, ...] = (Augmentation(), GaussianNoise())

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {"parts": (Corruptions(),)}

    @property
    def replaces_target(self) -> bool:  # type: ignore[override]
        return any(part.replaces_target for part in self.parts)

    def validate(self) -> None:
        super().validate()
        for part in self.parts:
            if isinstance(part, Chain):
                raise ParameterError("Chain: `parts` has a chain among them. Write its parts there themselves.")
            part.validate()
        for before, after in pairwise(self.parts):
            if after.replaces_target and not before.replaces_target:
                first, second = type(before).__name__, type(after).__name__
                raise ParameterError(
                    f"Chain: `parts` has {first} before {second}, which gives another image to encoder and likelihood "
                    f"alike: the damage would become the target. Put {second} first."
                )

    def noise_width(self, blocks: Sequence[Block]) -> int:
        width = 0
        for part in self.parts:
            width += part.noise_width(blocks)
            blocks = part.blocks_after(blocks)
        return width

    def corrupt(self, features: Tensor, noise: Tensor, blocks: Sequence[Block]) -> Tensor:
        return self.applied(features, noise, blocks)[1]

    def applied(self, features: Tensor, noise: Tensor, blocks: Sequence[Block]) -> tuple[Tensor, Tensor]:
        target = seen = features
        for part, own, given in self._steps(noise, blocks):
            seen = part.corrupt(seen, own, given)
            target = seen if part.replaces_target else target
        return target, seen

    def visible(self, noise: Tensor, blocks: Sequence[Block]) -> Tensor | None:
        masks = [part.visible(own, given) for part, own, given in self._steps(noise, blocks)]
        found = [mask for mask in masks if mask is not None]
        return reduce(torch.logical_and, found) if found else None

    def blocks_after(self, blocks: Sequence[Block]) -> Sequence[Block]:
        return reduce(lambda given, part: part.blocks_after(given), self.parts, blocks)

    def _steps(self, noise: Tensor, blocks: Sequence[Block]) -> Iterator[tuple[Corruption, Tensor, Sequence[Block]]]:
        """Each part, its own share of the noise, and what the rows are made of when they come to it."""
        start = 0
        for part in self.parts:
            stop = start + part.noise_width(blocks)
            yield part, noise[:, start:stop], blocks
            start, blocks = stop, part.blocks_after(blocks)
