"""What the visible cells of a row say of the hidden ones, where the decoder may be told of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.registry import register

from .base import NOTHING, Penalty


@register("penalty", "completion")
@dataclass(frozen=True)
class Completion(Penalty):
    """weight · −log p(hidden cells | visible cells, z), in the rows of which cells were hidden from the encoder.

    The decoder is told of the visible cells directly, whatever they are, and learns to fill in the others, column by
    column, each given those before it. It is what ``impute`` and ``sample``
    with some columns given ask of it; Ivanov, Figurnov & Vetrov (2019), Variational autoencoder with arbitrary
    conditioning, arXiv:1806.02382, train the like. What the decoder says of the code is left as it is: no gradient
    reaches it, nor the encoder.

    For likelihoods that can be told of cells (``Autoregressive``) and rows with hidden ones (``corruption=Hiding()``);
    zero for others.

    Parameters
    ----------
    weight : float or Schedule

    Examples
    --------
    >>> Completion().to_json()["params"]
    {'weight': 1.0}
    """

    looks_at_reconstruction: ClassVar[bool] = True
    differentiable: ClassVar[bool] = False

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        likelihood: Any = forward_pass.likelihood
        features, context = forward_pass.features, forward_pass.context
        if not hasattr(likelihood, "completing") or context is None or context.present is None:
            return features.new_zeros(())
        present, shown = forward_pass.batch.present, context.present
        known = torch.ones_like(shown) if present is None else present
        asked = known & ~shown
        if not torch.compiler.is_compiling():  # half of the rows, and half of the work
            rows = asked.any(-1).nonzero().squeeze(-1)
            if not len(rows):
                return features.new_zeros(())
            likelihood, features = likelihood.of_rows(rows), features.index_select(-2, rows)
            known, shown, asked = (cells.index_select(0, rows) for cells in (known, shown, asked))
        told = likelihood.completing(known, shown & asked.any(-1, keepdim=True), features)
        total: Tensor = -torch.where(asked, told.log_prob_by_column(features), 0.0).sum()
        return total
