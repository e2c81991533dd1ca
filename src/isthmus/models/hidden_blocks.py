"""Which columns each member of an ensemble is not shown when it is asked for them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

# How many passes at most the hidden cells of a row take.
MOST_PASSES = 2


class HiddenBlocks(nn.Module):
    """Blocks of columns, each hidden from a member in a pass, and asked of that member alone.

    The answers are gathered in rounds: of the first round every column is a part, of further ones those for which there
    is time to be hidden again, from another member.

    Parameters
    ----------
    column_of : Tensor of int64, shape (d,)
        The column of each feature.
    columns, members : int

    Attributes
    ----------
    hides : Tensor of bool, shape (passes, members, columns)
        Which columns each member does not see.
    asked : Tensor of int64, shape (passes, members, k)
        Their features, the first of them again where a block has fewer than k.
    covered : Tensor of bool, shape (rounds, columns)
    """

    hides: Tensor
    asked: Tensor
    covered: Tensor
    _turn: Tensor
    _place: Tensor

    def __init__(self, column_of: Tensor, columns: int, members: int) -> None:
        super().__init__()
        hides = hidden_by(columns, members)
        turns = hides.shape[0] * members
        blocks = min(columns, MOST_PASSES * members)
        turn = torch.arange(math.ceil(turns / blocks))[:, None] * blocks + torch.arange(columns) % blocks
        covered = turn < turns
        turn = torch.where(covered, turn, 0)
        features = [torch.nonzero(one.index_select(0, column_of)).flatten() for one in hides.flatten(0, 1)]
        widest = max(map(len, features))
        asked = torch.stack([torch.cat([one, one[:1].expand(widest - len(one))]) for one in features])
        within = torch.zeros(len(column_of), dtype=torch.int64)
        for one in features:
            within[one] = torch.arange(len(one))
        tensors = {
            "hides": hides,
            "asked": asked.unflatten(0, (-1, members)),
            "covered": covered,
            "_turn": turn,
            # Where the answer for each feature stands among those of all turns, one behind the other.
            "_place": (turn.index_select(1, column_of) * widest + within).flatten(),
        }
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor, persistent=False)

    def gathered(self, answers: Sequence[Tensor]) -> Tensor:
        """Answers of the members in each pass, (members, n, k) each, as whole rows: (rounds, n, d).

        Where a round does not cover a column there are the answers of another one.
        """
        every = torch.cat(list(answers)).transpose(0, 1).flatten(1)
        return every.index_select(1, self._place).unflatten(1, (len(self.covered), -1)).transpose(0, 1)

    def of_rounds(self, values: Tensor) -> Tensor:
        """Of values of each pass, member and column those of each round: (rounds, columns)."""
        return values.flatten(0, 1).gather(0, self._turn)

    def of_members(self, values: Tensor) -> Tensor:
        """Values of each round and column, (rounds, columns), as such of each pass, member and column; 0 where seen."""
        passes, members, columns = self.hides.shape
        found = values.new_zeros(passes * members, columns)
        return found.scatter_add(0, self._turn, values * self.covered).unflatten(0, (passes, members))


def hidden_by(columns: int, members: int) -> Tensor:
    """Which columns each member does not see in each pass: (passes, members, columns) bool.

    Columns are dealt out to as many blocks as there is time for; each block is hidden at least once, from some member.

    >>> hidden_by(3, 2).int().tolist()
    [[[1, 0, 0], [0, 1, 0]], [[0, 0, 1], [1, 0, 0]]]
    """
    blocks = min(columns, MOST_PASSES * members)
    passes = min(MOST_PASSES, math.ceil(2 * blocks / members))
    turn = torch.arange(passes * members).reshape(passes, members, 1) % blocks
    return torch.arange(columns) % blocks == turn
