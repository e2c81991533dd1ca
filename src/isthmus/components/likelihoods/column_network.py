"""The network behind rows that go column by column: embeddings of cells in, logits of cells out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from isthmus.core.steady_linear import steady_linear


class ColumnNetwork(nn.Module):
    """From what is said of a row to logits of the cells of each column.

    Numbers say their cell and their value, and the logits of their cells are those of a discretised normal plus one
    of each cell's own: neighbours are alike from the beginning.

    Parameters
    ----------
    sizes : sequence of int
        The cells of each column.
    order : sequence of int
        The columns in the order of the chain.
    width : int
    numbers : dict of int to int
        For columns of numbers, their place among these.
    """

    unknown: Tensor
    offsets: Tensor
    earlier: Tensor
    numeric: Tensor
    numeric_slots: Tensor

    def __init__(self, sizes: Sequence[int], order: Sequence[int], width: int, numbers: Mapping[int, int]) -> None:
        super().__init__()
        self.sizes, self.numbers = list(sizes), dict(numbers)
        self.firsts = [sum(self.sizes[:column]) for column in range(len(self.sizes))]
        rows, places = sum(sizes) + len(sizes), len(numbers)  # one more for each column: "unknown"
        self.register_buffer("unknown", torch.tensor(self.sizes, dtype=torch.int64), persistent=False)
        self.register_buffer("offsets", (self.unknown + 1).cumsum(0) - self.unknown - 1, persistent=False)
        place = torch.tensor(order, dtype=torch.int64).argsort()
        # A product of matrices takes less than half the time of a running sum and its gradient.
        self.register_buffer("earlier", (place < place[:, None]).to(torch.get_default_dtype()), persistent=False)
        self.register_buffer("numeric", torch.tensor(list(numbers), dtype=torch.int64), persistent=False)
        self.total = sum(sizes)
        slots = [self.firsts[column] + slot for column in numbers for slot in range(self.sizes[column])]
        self.register_buffer("numeric_slots", torch.tensor(slots, dtype=torch.int64), persistent=False)
        self.embedding = nn.Parameter(torch.zeros(rows, width))
        self.given_embedding = nn.Parameter(torch.zeros(rows, width))
        self.slopes = nn.Parameter(torch.zeros(places, width))
        self.given_slopes = nn.Parameter(torch.zeros(places, width))
        self.place = nn.Parameter(torch.zeros(len(sizes), width))
        self.no_code = nn.Parameter(torch.zeros(width))
        self.layers = nn.ParameterList([nn.Parameter(torch.zeros(width, width)) for _ in range(2)])
        self.biases = nn.ParameterList([nn.Parameter(torch.zeros(width)) for _ in range(2)])
        # A head for each cell, and two bends for each column of numbers: the slope and curvature of its logits.
        self.heads = nn.Parameter(torch.zeros(sum(sizes), width))
        self.head_biases = nn.Parameter(torch.zeros(sum(sizes)))
        self.bends = nn.Parameter(torch.zeros(2 * places, width))
        self.alone_heads = nn.Parameter(torch.zeros(sum(sizes), width))
        self.alone_biases = nn.Parameter(torch.zeros(sum(sizes)))
        self.alone_bends = nn.Parameter(torch.zeros(2 * places, width))

    def initialise(self, generator: Generator) -> None:
        """Draw the weights from ``generator``; heads begin at zero, and their biases by :meth:`begin`."""
        for table in (self.embedding, self.given_embedding, self.slopes, self.given_slopes, self.place):
            nn.init.normal_(table, std=0.1, generator=generator)
        nn.init.normal_(self.no_code, generator=generator)
        for layer in self.layers:
            nn.init.xavier_uniform_(layer, generator=generator)

    @torch.no_grad()
    def begin(self, positions: Tensor) -> None:
        """Each cell begins as likely as it is among some rows, whose cells these are, (m, columns)."""
        for column, size in enumerate(self.sizes):
            counts = torch.bincount(positions[:, column], minlength=size + 1)[:size].to(self.head_biases)
            shares = ((counts + 0.5) / (counts.sum() + 0.5 * size)).log()
            first = self.firsts[column]
            self.head_biases[first : first + size] = shares
            self.alone_biases[first : first + size] = shares

    def embedded(self, positions: Tensor, column: int, points: Tensor) -> Tensor:
        said = functional.embedding(positions + self.offsets[column], self.embedding)
        place = self.numbers.get(column)
        if place is None:
            return said
        return said + _valued(positions, points[place]).unsqueeze(-1) * self.slopes[place]

    def told(self, positions: Tensor, points: Tensor) -> Tensor:
        """The sum of what the columns before each one say."""
        return self.earlier @ self._said(positions, points, self.embedding, self.slopes)

    def given(self, positions: Tensor, cells: Tensor, points: Tensor) -> Tensor:
        said = self._said(positions, points, self.given_embedding, self.given_slopes)
        return torch.where(cells.unsqueeze(-1), said, 0.0).sum(-2)

    def _said(self, positions: Tensor, points: Tensor, table: Tensor, slopes: Tensor) -> Tensor:
        """What each column says of itself, (..., columns, width)."""
        said = functional.embedding(positions + self.offsets, table)
        if not self.numbers:
            return said
        index = self.numeric
        places = positions.index_select(-1, index)
        values = torch.stack([_valued(places[..., number], one) for number, one in enumerate(points)], -1)
        return said.index_add(-2, index, values.unsqueeze(-1) * slopes)

    def refined(self, hidden: Tensor, column: int | None = None) -> Tensor:
        hidden = hidden + (self.place if column is None else self.place[column])
        for weight, bias in zip(self.layers, self.biases, strict=True):
            hidden = hidden + self._linear(functional.gelu(hidden), weight, bias)
        return functional.gelu(hidden)

    def logits(self, refined: Tensor, column: int, points: Tensor) -> Tensor:
        piece = slice(self.firsts[column], self.firsts[column] + self.sizes[column])
        found = self._linear(refined, self.heads[piece], self.head_biases[piece])
        place = self.numbers.get(column)
        if place is None:
            return found
        bends = self._linear(refined, self.bends[2 * place : 2 * place + 2], None)
        return found + _bent(bends, points[place])

    def all_logits(self, refined: Tensor, points: Tensor, impossible: Tensor | None) -> list[Tensor]:
        """Of the cells of every column at once; those that are ``impossible`` have none of the mass."""
        # Split, not sliced: the gradient of a slice is as large as the whole.
        heads, bends = self.heads.split(self.sizes), self.bends.split(2)
        biases = _without(self.head_biases, impossible).split(self.sizes)
        logits = []
        for column, said in enumerate(refined.unbind(-2)):
            found = self._linear(said, heads[column], biases[column])
            place = self.numbers.get(column)
            if place is not None:
                found = found + _bent(self._linear(said, bends[place], None), points[place])
            logits.append(found)
        return logits

    def alone(self, hidden: Tensor, points: Tensor, impossible: Tensor | None) -> list[Tensor]:
        hidden = functional.gelu(hidden)
        biases = _without(self.alone_biases, impossible)
        logits = list(self._linear(hidden, self.alone_heads, biases).split(self.sizes, -1))
        bends = self._linear(hidden, self.alone_bends, None)
        for column, place in self.numbers.items():
            logits[column] = logits[column] + _bent(bends[..., 2 * place : 2 * place + 2], points[place])
        return logits

    def _linear(self, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return (functional.linear if self.training else steady_linear)(rows, weight, bias)


def _without(biases: Tensor, impossible: Tensor | None) -> Tensor:
    return biases if impossible is None else biases.masked_fill(impossible, -torch.inf)


def _valued(positions: Tensor, points: Tensor) -> Tensor:
    """The value of each cell, 0 where it is unknown."""
    known = positions < len(points)
    return torch.where(known, points[torch.where(known, positions, 0)], 0.0)


def _bent(bends: Tensor, points: Tensor) -> Tensor:
    """slope · x + curvature · x² at the values of cells, (..., 2) -> (..., cells)."""
    return bends[..., :1] * points + bends[..., 1:] * (points * points)
