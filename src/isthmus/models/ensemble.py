"""Many small denoising autoencoders as one model, trained together by the same loop as any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from isthmus.components.networks.activations import activation
from isthmus.components.networks.batched import UnitsInUse, members_linear
from isthmus.components.networks.layers import initialise
from isthmus.components.networks.mlp import MLP
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.loss_terms import LossTerms, Weight
from isthmus.core.noise import Noise
from isthmus.core.parameter_group import ParameterGroup
from isthmus.core.progress import Progress

from .encoder_inputs import EncoderInputs

# The widths of the members lie evenly between this share of the layers and all of it.
NARROWEST = 0.5
# How far beyond the range of the training rows a network is still shown what there is, in widths of that range: normal
# rows of heavy-tailed columns go some way beyond.
MARGIN = 1.0
LEAST_MARGIN = 0.5  # standard deviations


@dataclass(frozen=True)
class EnsembleSpec:
    """What an :class:`Ensemble` is built of.

    Attributes
    ----------
    members : int
    hidden : tuple of int
        The widths of the hidden layers of the widest member; the narrowest has half of them.
    activation : str
    hiding : float
        In training each member is shown a row without a share of its cells; the share is uniform between 0 and this.
    noise : float
        The standard deviation of the noise on what it is shown, in standard deviations of a column.
    hidden_weight : float
        How many times more than one that it is shown a cell counts that a member is not shown.
    trim : float
        The share of the rows of each batch, those that are reconstructed worst, from which nothing is learnt.
    """

    members: int
    hidden: tuple[int, ...]
    activation: str = "relu"
    hiding: float = 0.6
    noise: float = 0.1
    hidden_weight: float = 5.0
    trim: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready description."""
        return {**asdict(self), "hidden": list(self.hidden)}

    @classmethod
    def from_json(cls, description: Mapping[str, Any]) -> EnsembleSpec:
        """The spec that :meth:`to_json` described."""
        return cls(**{**description, "hidden": tuple(description["hidden"])})

    def build(self, blocks: Sequence[Block], generator: Generator | None = None) -> Ensemble:
        """The model for rows of these blocks, its weights drawn from ``generator``."""
        model = Ensemble(self, blocks)
        if generator is not None:
            initialise(model, generator)
        return model


class Ensemble(nn.Module):
    """Denoising autoencoders of different widths, over-complete, whose weights lie in one tensor a layer.

    Each is shown rows without some of their cells, and with noise, and gives back the whole rows (Vincent, Larochelle,
    Lajoie, Bengio & Manzagol 2010, Stacked denoising autoencoders): numbers with the least squared error, levels with
    the least cross-entropy. What lies far beyond the range of the training rows is shown at the end of a wider range,
    so that a row far away is never reconstructed, in whatever direction it lies.

    Attributes
    ----------
    centre, spread : Tensor, shape (d,)
        The mean and the standard deviation of the training rows, of numbers; 0 and 1 for levels and indicators.
    low, high : Tensor, shape (d,)
        The range of what a network is shown.
    """

    centre: Tensor
    spread: Tensor
    low: Tensor
    high: Tensor
    shift: Tensor
    scale: Tensor
    numeric: Tensor

    def __init__(self, spec: EnsembleSpec, blocks: Sequence[Block]) -> None:
        super().__init__()
        self.spec, self.blocks = spec, tuple(blocks)
        self.members = spec.members
        self.inputs = EncoderInputs(blocks)
        self.expansion = self.inputs.expansion
        self.width, self.columns = self.expansion.width, self.expansion.columns
        shares = torch.linspace(NARROWEST, 1.0, self.members).tolist() if self.members > 1 else [1.0]
        network = MLP(hidden=spec.hidden, activation=spec.activation)
        built = network.build_members(self.width + self.columns, self.width, self.members, shares)
        if not activation(spec.activation)(torch.zeros(2)).any():
            # What is not in use gives 0 as it is (see BatchedLinear), and need not be set to 0 at every step.
            built = nn.Sequential(*(layer for layer in built.children() if not isinstance(layer, UnitsInUse)))
        self.network = built
        for name, value in (("centre", 0.0), ("spread", 1.0), ("low", -1.0), ("high", 1.0)):
            self.register_buffer(name, torch.full((self.width,), value))
        # How raw uint8 rows become features, as in other models.
        self.register_buffer("shift", torch.zeros(self.width))
        self.register_buffer("scale", torch.ones(self.width))
        numeric = [not block.cardinality and block.kind != "missing" for block in blocks for _ in range(block.width)]
        self.register_buffer("numeric", torch.tensor(numeric), persistent=False)

    # Rows

    def rows(self, batch: Batch) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Standardised rows (n, d), and which of their cells are present and visible, (n, columns); None for all."""
        features, present = self.features(batch), batch.present
        standardised = (self.inputs(features) - self.centre) / self.spread
        return standardised, present, present if batch.visible is None else batch.visible

    def features(self, batch: Batch) -> Tensor:
        """The rows as floats, (n, d); 0 in absent cells."""
        values = batch.values
        if values.dtype == torch.uint8:
            values = (values.float() - self.shift[: values.shape[-1]]) * self.scale[: values.shape[-1]]
        return self.expansion(values, batch)

    def begin(self, batch: Batch) -> None:
        """Take centre, spread and range from the training rows."""
        features = self.inputs(self.features(batch)).double()
        known = torch.ones_like(features, dtype=torch.bool)
        if batch.present is not None:
            known = self.expansion.per_feature(batch.present)
        count = known.sum(0).clamp_min(1)
        centre = torch.where(known, features, 0.0).sum(0) / count
        spread = (torch.where(known, features - centre, 0.0).square().sum(0) / count).sqrt()
        # What hardly varies beside its own size is a constant, and keeps its unit.
        varies = spread > 1e-6 * centre.abs().clamp_min(torch.finfo(torch.float32).tiny)
        self.centre.copy_(torch.where(self.numeric, centre, 0.0))
        self.spread.copy_(torch.where(self.numeric & varies, spread, 1.0))
        rows = (features - self.centre) / self.spread
        low, high = torch.where(known, rows, 0.0).amin(0), torch.where(known, rows, 0.0).amax(0)
        margin = MARGIN * (high - low) + LEAST_MARGIN
        self.low.copy_(low - margin)
        self.high.copy_(high + margin)

    # A pass

    def forward(self, rows: Tensor, visible: Tensor | None = None) -> Tensor:
        """What each member gives back of rows (n, d) or (members, n, d): (members, n, d).

        Numbers as they are, standardised; of a column of levels, the logarithms of their probabilities.

        ``visible``, (n, columns) or (members, n, columns): the cells that the members are shown.
        """
        return self.outputs(self.raw(rows, visible))

    def raw(
        self, rows: Tensor, visible: Tensor | None = None, seen: Tensor | None = None, asked: Tensor | None = None
    ) -> Tensor:
        """What comes out of the networks: (members, n, d), or (members, n, k).

        Parameters
        ----------
        rows, visible : Tensor
            As :meth:`forward` takes them.
        seen : Tensor, shape (members, columns), optional
            1 where a member is shown a column of any row. None: everywhere.
        asked : Tensor of int64, shape (members, k), optional
            The features that each member is asked for. None: all.
        """
        shown = torch.minimum(torch.maximum(rows, self.low), self.high)
        layers: list[Any] = list(self.network.children())
        first, last, steady = layers[0], layers[-1], not self.training
        weight, bias = first.weight, first.bias
        if seen is not None:
            # What a member is never shown is left out of its weights rather than of each row.
            weight = weight * torch.cat([self.expansion.per_feature(seen), seen], -1)[:, None]
        if visible is None:
            # All flags are 1: their weights are a part of the bias.
            weight, of_flags = weight.split([self.width, self.columns], -1)
            found = members_linear(shown, weight, bias + of_flags.sum(-1), steady)
        else:
            flags = visible.to(shown.dtype)
            shown = shown * self.expansion.per_feature(flags)
            found = members_linear(torch.cat([shown, flags], -1), weight, bias, steady)
        for layer in layers[1:-1]:
            found = layer(found)
        if asked is None:
            return last(found)
        weight = last.weight.gather(1, asked[..., None].expand(-1, -1, last.in_features))
        return members_linear(found, weight, last.bias.gather(1, asked), steady)

    def outputs(self, raw: Tensor) -> Tensor:
        """What :meth:`raw` gave of whole rows, (..., d): of levels, the logarithms of their probabilities."""
        if not any(block.cardinality for block in self.blocks):
            return raw
        parts = []
        for block in self.blocks:
            part = raw[..., block.start : block.stop]
            if block.cardinality:
                part = functional.log_softmax(part.unflatten(-1, (-1, block.cardinality)), -1).flatten(-2)
            parts.append(part)
        return torch.cat(parts, -1)

    def costs(self, given: Tensor, rows: Tensor) -> Tensor:
        """What each cell costs, (members, n, columns): half the squared error of numbers, −log p of levels.

        ``given`` (members, n, d) is what :meth:`forward` gave for ``rows`` (n, d). Levels that are absent or unknown
        cost nothing here.
        """
        parts = []
        for block in self.blocks:
            mine, theirs = given[..., block.start : block.stop], rows[..., block.start : block.stop]
            if block.cardinality:
                parts.append(-(mine * theirs).unflatten(-1, (-1, block.cardinality)).sum(-1))
            else:
                parts.append((mine - theirs).square() * 0.5)
        return parts[0] if len(parts) == 1 else torch.cat(parts, -1)

    def as_features(self, given: Tensor) -> Tensor:
        """What :meth:`forward` gives, as features: numbers in the schema's scale, probabilities of levels."""
        numbers = given * self.spread + self.centre
        parts = []
        for block in self.blocks:
            part = numbers[..., block.start : block.stop]
            if block.cardinality:
                part = part.exp()
            elif block.kind == "count":
                part = (part * self.inputs.scale[block.start : block.stop]).expm1().clamp_min(0.0)
            elif block.kind in ("binary", "missing"):
                part = part.clamp(0.0, 1.0)
            parts.append(part)
        return torch.cat(parts, -1)

    # What the training loop asks for

    @property
    def whole_batch_penalties(self) -> list[str]:
        return []

    def draw_noise(self, rows: int, generator: Generator) -> Noise:
        """For each row the members' rates, then a pool for what is hidden, and one for the noise.

        Member m takes the numbers of a pool from the m-th on: each for itself is independent normal, which is all that
        networks without a common loss can see, and no more is drawn than by a single one and its neighbours' one.
        """
        width = 3 * self.members + self.columns + self.width - 2
        return Noise(corruption=torch.randn(rows, width, generator=generator, device=generator.device))

    def corrupted(self, rows: Tensor, present: Tensor | None, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Rows as the members are shown them, (members, n, d); 1 where they see the cell, (members, n, columns)."""
        members, hidden = self.members, self.columns + self.members - 1
        rates = torch.special.ndtri(torch.special.ndtr(noise[:, :members]) * self.spec.hiding)
        pools = noise[:, members : members + hidden].unfold(1, self.columns, 1)
        # Truth values as floats: these are multiplied several times as fast as truth values are chosen by.
        visible = (pools >= rates[..., None]).to(rows.dtype).transpose(0, 1)
        if present is not None:
            visible = visible * present
        added = noise[:, members + hidden :].unfold(1, self.width, 1).transpose(0, 1)
        return torch.addcmul(rows, added, self.numeric.to(rows.dtype), value=self.spec.noise), visible

    def weights(self, progress: Progress) -> dict[str, float]:
        return {"reconstruction": 1.0}

    def settled(self, progress: Progress) -> bool:
        return True

    def parameter_groups(self) -> list[ParameterGroup]:
        return [ParameterGroup("encoder", tuple(self.network.parameters()))]

    def loss(self, batch: Batch, noise: Noise | None, weights: Mapping[str, Weight]) -> LossTerms:
        """The mean cost of the members, summed over rows; in training without those that are trimmed."""
        rows, present, visible = self.rows(batch)
        shown = rows
        if visible is not None:
            visible = visible.to(rows.dtype)
        if noise is not None and noise.corruption is not None:
            shown, visible = self.corrupted(rows, visible, noise.corruption)
        costs = self.costs(self(shown, visible), rows)
        if visible is not None:
            costs = costs * (self.spec.hidden_weight + (1 - self.spec.hidden_weight) * visible)
        if present is not None:
            costs = costs * present
        by_row = costs.sum(-1).mean(0)
        trimmed = int(self.spec.trim * len(by_row)) if self.training else 0
        if trimmed:
            limit = by_row.detach().kthvalue(len(by_row) - trimmed).values
            by_row = torch.where(by_row <= limit, by_row, 0.0)
        return LossTerms({"reconstruction": by_row.sum()}, dict(weights), len(by_row))

    def apply_updates(self, updates: Mapping[str, Tensor]) -> None:
        """Nothing: no buffer changes during training."""

    def use_generator(self, generator: Generator | None) -> bool:
        """Whether a layer draws random numbers of its own: none does."""
        return False
