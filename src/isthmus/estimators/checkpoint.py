"""Where and how often a run is saved."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Checkpoint:
    """A folder in which ``fit`` saves its state, and from which it goes on if it finds one there.

    Parameters
    ----------
    folder : str or path-like
    every_seconds : float
        The least time between two checkpoints; the end of a run and an interrupt always save.
    accept_mismatch : bool
        Go on although data, parameters or library versions differ from those of the checkpoint. The result is then
        not that of an uninterrupted run.

    Examples
    --------
    >>> Checkpoint("runs/digits", every_seconds=30)
    Checkpoint(folder='runs/digits', every_seconds=30, accept_mismatch=False)
    """

    folder: str | os.PathLike[str]
    every_seconds: float = 60.0
    accept_mismatch: bool = False
