"""What a decoder that looks at the row itself says without any code."""

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


@register("penalty", "without-code")
@dataclass(frozen=True)
class WithoutCode(Penalty):
    """weight · −log p(x): the whole row column by column, with a value of its own for "no code" where the code was.

    A decoder that goes column by column learns to take from the code what the code says best, the more so the more is
    asked of the code (``LinearReadout``, ``CodeAlone``); rows drawn at codes that nobody encoded inherit what is wrong
    with those codes. Without one the decoder is a density over rows by itself, which ``sample`` draws from: a code that
    is hidden in part of the training is also how Ho & Salimans (2022, Classifier-free diffusion guidance,
    arXiv:2207.12598) get an unconditional model out of a conditional one.

    For likelihoods that can do without a code (``Autoregressive``); zero for others.

    Parameters
    ----------
    weight : float or Schedule

    Examples
    --------
    >>> WithoutCode().to_json()["params"]
    {'weight': 1.0}
    """

    looks_at_reconstruction: ClassVar[bool] = True
    differentiable: ClassVar[bool] = False  # nothing of it reaches the encoder

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        batch, features, context = forward_pass.batch, forward_pass.features, forward_pass.context
        likelihood: Any = forward_pass.decode(torch.zeros_like(forward_pass.z))
        if not hasattr(likelihood, "without_code"):
            return features.new_zeros(())
        likelihood = likelihood.without_code()
        columns = likelihood.model.columns
        known = features.new_ones(len(features), columns, dtype=torch.bool) if batch.present is None else batch.present
        share = 1.0
        if context is not None and context.present is not None and not torch.compiler.is_compiling():
            # The rows of which nothing is hidden stand for all: half of the work, and `Completion` has the others.
            rows = (context.present == known).all(-1).nonzero().squeeze(-1)
            if not len(rows):
                return features.new_zeros(())
            share = len(rows) / len(features)
            likelihood, features, known = (likelihood.of_rows(rows), features[rows], known[rows])
        total: Tensor = -likelihood.observing(known).log_prob(features).sum() / share
        return total
