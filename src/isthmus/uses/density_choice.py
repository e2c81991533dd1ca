"""Which of several fitted densities describes codes best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from isthmus.components.priors.base import Prior, PriorModule

CHUNK = 1024


class Candidate(NamedTuple):
    """A prior component with fitted parameters, and how many of these are free."""

    spec: Prior
    module: PriorModule
    free_parameters: int


def best_density(
    candidates: Sequence[Candidate],
    codes: np.ndarray,
    held_out: np.ndarray | None,
    conditions: np.ndarray | None = None,
    held_out_conditions: np.ndarray | None = None,
) -> tuple[Prior, PriorModule]:
    """The candidate with the greatest mean log-likelihood of ``held_out`` rows, given what conditions they have.

    With fewer than two of them, the one with the best Bayesian information criterion (Schwarz 1978) on the ``codes``
    that it was fitted to. Its parameters are fixed, in float32.

    Parameters
    ----------
    candidates : sequence of Candidate
    codes, held_out : ndarray, shape (n, width)
        Float codes, or integer symbols.
    conditions, held_out_conditions : ndarray, shape (n, c), optional
        Encoded.
    """
    if held_out is not None and len(held_out) >= 2:
        scores = [_mean_log_prob(one.module, held_out, held_out_conditions) for one in candidates]
    else:
        cost = 0.5 * math.log(len(codes)) / len(codes)
        fits = [_mean_log_prob(one.module, codes, conditions) for one in candidates]
        scores = [fit - cost * one.free_parameters for fit, one in zip(fits, candidates, strict=True)]
    best = candidates[int(np.argmax(scores))]
    return best.spec, best.module.requires_grad_(False).eval()


@torch.inference_mode()
def _mean_log_prob(module: PriorModule, codes: np.ndarray, conditions: np.ndarray | None) -> float:
    rows = torch.from_numpy(np.asarray(codes, dtype=np.int64 if codes.dtype.kind in "iu" else np.float64))
    module.double().eval()
    if conditions is None:
        density = module()
        values = [density.log_prob(piece) for piece in rows.split(CHUNK)]
    else:
        known = torch.from_numpy(np.asarray(conditions, dtype=np.float64)).split(CHUNK)
        values = [module.given(one).log_prob(piece) for piece, one in zip(rows.split(CHUNK), known, strict=True)]
    value = float(torch.cat(values).mean())
    module.float()
    return value if math.isfinite(value) else -math.inf
