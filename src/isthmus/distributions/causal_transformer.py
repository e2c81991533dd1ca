"""A transformer that tells each symbol of a sequence from those before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from isthmus.core.steady_linear import steady_linear

WIDER = 4  # the hidden units of a block, in widths
FIRST_EMBEDDING = 0.1


class CausalTransformer(nn.Module):
    """Symbols (..., n, T) -> the logits of each place given the places before it, (..., n, T, K).

    Vaswani et al. (2017), Attention is all you need, arXiv:1706.03762, with the normalisation before each block (Xiong
    et al. 2020, arXiv:2002.04745). Until :meth:`initialise` all parameters are zero, which makes all symbols equally
    likely.

    Parameters
    ----------
    levels : sequence of int
        How many symbols there are at each of the T places; K is the largest. Others have the logit −inf.
    width : int
        Of the vectors that stand for places; ``heads`` must divide it.
    heads, layers : int
    """

    known: Tensor

    def __init__(self, levels: Sequence[int], width: int, heads: int, layers: int) -> None:
        super().__init__()
        most = max(levels)
        # The last row is what the first place is told.
        self.symbols = nn.Parameter(torch.zeros(most + 1, width))
        self.places = nn.Parameter(torch.zeros(len(levels), width))
        self.blocks = nn.ModuleList([_Block(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.output = _Linear(width, most)
        known = torch.arange(most) < torch.tensor(list(levels)).reshape(-1, 1)
        self.register_buffer("known", known, persistent=False)

    @torch.no_grad()
    def initialise(self, generator: Generator) -> None:
        """Small normal embeddings; layers draw their own weights; the logits begin near zero."""
        for table in (self.symbols, self.places):
            table.normal_(0.0, FIRST_EMBEDDING, generator=generator)

    def one_by_one(self) -> Callable[[Tensor], Tensor]:
        """The same logits for one place after the other, of which each is computed once.

        Returns
        -------
        callable
            To be called with symbols (n, 0), then with those and one more (n, 1), and so on: the logits (n, K) of the
            next place. It remembers what attention needs of the places before.
        """
        memories: list[list[Tensor]] = [[] for _ in self.blocks]

        def following(symbols: Tensor) -> Tensor:
            rows, place = symbols.shape
            last = symbols[:, -1] if place else symbols.new_full((rows,), len(self.symbols) - 1)
            vectors = (functional.embedding(last, self.symbols) + self.places[place]).unsqueeze(1)
            for block, memory in zip(self.blocks, memories, strict=True):
                vectors = block.next(vectors, memory, place, len(self.places))  # type: ignore[operator]
            logits: Tensor = self.output(self.norm(vectors)).squeeze(1)
            return logits.masked_fill(~self.known[place], -torch.inf)

        return following

    def forward(self, symbols: Tensor) -> Tensor:
        leading = symbols.shape[:-1]
        known = symbols.reshape(-1, symbols.shape[-1])
        start = known.new_full((len(known), 1), len(self.symbols) - 1)
        before = torch.cat([start, known[:, :-1]], -1)
        vectors = functional.embedding(before, self.symbols) + self.places[: before.shape[1]]
        for block in self.blocks:
            vectors = block(vectors)
        logits = self.output(self.norm(vectors))
        masked: Tensor = logits.masked_fill(~self.known[: before.shape[1]], -torch.inf)
        return masked.reshape(*leading, *masked.shape[1:])


class _Block(nn.Module):
    """Attention to what came before, then two layers for each place."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.first_norm, self.second_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.questions = _Linear(width, 3 * width)
        self.answers = _Linear(width, width)
        self.inner = _Linear(width, WIDER * width)
        self.outer = _Linear(WIDER * width, width)

    def forward(self, vectors: Tensor) -> Tensor:
        query, key, value = self._compared(vectors)
        return self._answered(vectors, functional.scaled_dot_product_attention(query, key, value, is_causal=True))

    def next(self, vectors: Tensor, memory: list[Tensor], place: int, places: int) -> Tensor:
        """What :meth:`forward` gives at one place, (n, 1, width): ``memory`` has keys and values of those before."""
        query, *new = self._compared(vectors)
        if not memory:
            memory += [one.new_empty(*one.shape[:2], places, one.shape[3]) for one in new]
        for kept, one in zip(memory, new, strict=True):
            kept[:, :, place] = one.squeeze(2)
        key, value = (kept[:, :, : place + 1] for kept in memory)
        return self._answered(vectors, functional.scaled_dot_product_attention(query, key, value))

    def _compared(self, vectors: Tensor) -> tuple[Tensor, ...]:
        """Queries, keys and values, each (n, heads, T, width of a head)."""
        parts = self.questions(self.first_norm(vectors)).unflatten(-1, (3, self.heads, -1))
        return parts.permute(2, 0, 3, 1, 4).unbind(0)

    def _answered(self, vectors: Tensor, attended: Tensor) -> Tensor:
        vectors = vectors + self.answers(attended.transpose(1, 2).flatten(-2))
        update: Tensor = self.outer(functional.gelu(self.inner(self.second_norm(vectors))))
        return vectors + update


class _Linear(nn.Module):
    """A linear layer that draws its weights by Glorot & Bengio (2010) from the run's own generator."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features))

    def initialise(self, generator: Generator) -> None:
        nn.init.xavier_uniform_(self.weight, generator=generator)

    def forward(self, rows: Tensor) -> Tensor:
        linear: Callable[..., Tensor] = functional.linear if self.training else steady_linear
        return linear(rows, self.weight, self.bias)
