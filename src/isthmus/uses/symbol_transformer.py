"""A transformer fitted to the symbols of quantised codes, after training."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from isthmus.components.networks.layers import initialise
from isthmus.components.priors.symbol_transformer import SymbolTransformer, SymbolTransformerPrior
from isthmus.core.random import torch_generator

# Few rows are trained on in small batches: at an equal number of steps they reach a higher likelihood than large ones,
# in a third of the time. The batch grows with the data until so many epochs no longer fit in the steps.
SMALLEST_BATCH, LARGEST_BATCH = 512, 4096
MINIMUM_STEPS, MAXIMUM_STEPS = 60, 600
EPOCHS = 12
WARM_UP = 0.1
LEARNING_RATE = 3e-3
LARGEST_NORM = 1.0
# How often held-out rows are looked at, and how often without a gain before it ends.
CHECKS, PATIENCE = 20, 4
# Without held-out rows, every tenth row is one here.
HELD_OUT = 10

# Called after each step with the number of steps done and the number there will be at most.
OnStep = Callable[[int, int], None]


def fit_symbol_transformer(
    spec: SymbolTransformer,
    symbols: np.ndarray,
    levels: Sequence[int],
    held_out: np.ndarray | None,
    seed: int,
    *,
    max_seconds: float | None = None,
    on_step: OnStep | None = None,
) -> SymbolTransformerPrior:
    """The prior component that ``spec`` describes, trained by maximum likelihood.

    Adam with a one-cycle rate, 12 epochs of batches of 512 to 4,096 symbols, but at least 60 and at most 600 steps;
    the parameters that were best on ``held_out`` rows are kept (every tenth row of ``symbols`` if there are fewer than
    two).

    Parameters
    ----------
    spec : SymbolTransformer
    symbols, held_out : ndarray of int, shape (n, T)
    levels : sequence of int
        How many symbols there are at each of the T places.
    seed : int
    max_seconds : float or None
        Stop after so much time, whatever the step; the rate then follows the clock.
    on_step : callable or None
        Called as ``on_step(done, steps)`` after each step.

    Returns
    -------
    SymbolTransformerPrior
    """
    module = spec.build(0, levels=tuple(levels))
    generator = torch_generator(seed)
    initialise(torch.nn.ModuleList([module]), generator)
    rows, judged = _parts(symbols, held_out)
    size = _batch_rows(len(rows), len(levels))
    steps = min(max(MINIMUM_STEPS, EPOCHS * math.ceil(len(rows) / size)), MAXIMUM_STEPS)
    optimiser = torch.optim.Adam(module.parameters(), LEARNING_RATE)
    best, best_loss, since = copy.deepcopy(module.state_dict()), _loss(module, judged), 0
    order, began = torch.empty(0, dtype=torch.int64), time.monotonic()
    for step in range(steps):
        done = (step + 1) / steps
        if max_seconds is not None:
            done = max(done, (time.monotonic() - began) / max_seconds)
        last = step + 1 == steps or done >= 1
        if len(order) < size:
            order = torch.cat([order, torch.randperm(len(rows), generator=generator)])
        chosen, order = order[:size], order[size:]
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * _one_cycle(min(1.0, done))
        with torch.enable_grad():
            loss = -module().log_prob(rows[chosen]).mean() / len(levels)
            optimiser.zero_grad()
            loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), LARGEST_NORM)
        optimiser.step()
        if on_step is not None:
            on_step(step + 1, steps)
        if last or (step + 1) % max(1, steps // CHECKS) == 0:
            reached = _loss(module, judged)
            since = since + 1 if not reached < best_loss else 0
            if reached < best_loss:
                best, best_loss = copy.deepcopy(module.state_dict()), reached
            if last or since >= PATIENCE:
                break
    module.load_state_dict(best)
    return module


def _parts(symbols: np.ndarray, held_out: np.ndarray | None) -> tuple[Tensor, Tensor]:
    rows = torch.from_numpy(np.ascontiguousarray(symbols, dtype=np.int64))
    if held_out is not None and len(held_out) >= 2:
        return rows, torch.from_numpy(np.ascontiguousarray(held_out, dtype=np.int64))
    every = torch.arange(len(rows)) % HELD_OUT == HELD_OUT - 1
    return (rows[~every], rows[every]) if every.any() else (rows, rows)


def _batch_rows(rows: int, tokens: int) -> int:
    symbols = min(max(rows * tokens * EPOCHS // MAXIMUM_STEPS, SMALLEST_BATCH), LARGEST_BATCH)
    return max(1, min(rows, symbols // tokens))


def _one_cycle(share: float) -> float:
    """Up to 1 in the first tenth, then down to 0 like half a cosine."""
    if share < WARM_UP:
        return share / WARM_UP
    return 0.5 + 0.5 * math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP))


@torch.inference_mode()
def _loss(module: SymbolTransformerPrior, rows: Tensor) -> float:
    """Nats per row."""
    module.eval()
    pieces = [-module().log_prob(piece).double().sum() for piece in rows.split(max(1, LARGEST_BATCH // rows.shape[1]))]
    module.train()
    return float(torch.stack(pieces).sum()) / len(rows)
