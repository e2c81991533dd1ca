"""How many threads a command computes with."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

NARROW = 256
"""Rows with fewer columns fill no second core: its thread is waited for more often than it helps."""
CHOICES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables of the environment by which people choose for themselves."""


def choose_threads(row_shape: Sequence[int]) -> None:
    """One thread until the command ends if rows of this shape are narrow, unless the environment says how many.

    Threads wait for one another in a loop that does nothing, so that two on a core that something else keeps busy are
    not a little slower than one, but a hundred times.
    """
    import torch

    if len(row_shape) != 1 or row_shape[0] >= NARROW or any(name in os.environ for name in CHOICES):
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    click.get_current_context().call_on_close(lambda: torch.set_num_threads(before))
