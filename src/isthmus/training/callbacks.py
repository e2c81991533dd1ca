"""What may watch a run, and stop it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from .history import History


@dataclass(frozen=True)
class EpochEnd:
    """What a callback is told after each epoch.

    Attributes
    ----------
    epoch, max_epochs : int
    history : History
        Up to and including this epoch.
    model : torch module
        As it stands now; reading it is fine, changing it is at your own risk.
    """

    epoch: int
    max_epochs: int
    history: History
    model: Any


class Callback:
    """Base of callbacks: override what you need. Returning True from :meth:`on_epoch_end` stops the run."""

    def on_start(self, max_epochs: int) -> None:
        """Called before the first step."""

    def on_epoch_end(self, event: EpochEnd) -> bool | None:
        """Called after each epoch and its validation."""

    def on_end(self) -> None:
        """Called once when training is over, also after an error."""


class StopRequest(Callback):
    """A flag that the loop looks at before every step: set :attr:`reason` to stop the run cleanly.

    >>> stop = StopRequest()
    >>> stop.reason = "SIGTERM"
    """

    def __init__(self) -> None:
        self.reason: str | None = None


class ProgressBar(Callback):
    """One bar over the epochs on standard error, with the current losses; silent where there is no terminal."""

    def __init__(self, description: str = "fit", disable: bool | None = None) -> None:
        self.description = description
        self.disable = disable
        self._bar: Any = None

    def on_start(self, max_epochs: int) -> None:
        # disable=None lets tqdm stay silent when standard error is not a terminal.
        self._bar = tqdm(total=max_epochs, desc=self.description, unit="epoch", disable=self.disable, leave=False)

    def on_epoch_end(self, event: EpochEnd) -> None:
        row = event.history.rows[-1]
        figures = {"train": f"{row['train/total']:.4g}"}
        if not math.isnan(row.get("validation/total", math.nan)):
            figures["held out"] = f"{row['validation/total']:.4g}"
        self._bar.set_postfix(figures, refresh=False)
        self._bar.update(event.epoch - self._bar.n)

    def on_end(self) -> None:
        if self._bar is not None:
            self._bar.close()


@contextmanager
def step_bar(description: str, disable: bool | None = None) -> Iterator[Callable[[int, int], None]]:
    """A bar over steps on standard error: a function to call with how many are done, and how many there will be.

    It appears with the first step, so that what takes no steps shows nothing; silent where there is no terminal.
    """
    bars: list[Any] = []

    def on_step(done: int, steps: int) -> None:
        if not bars:
            bars.append(tqdm(total=steps, desc=description, unit="step", disable=disable, leave=False))
        bars[0].update(done - bars[0].n)

    try:
        yield on_step
    finally:
        for bar in bars:
            bar.close()
