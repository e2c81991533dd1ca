"""What the command shows while something takes long."""

from __future__ import annotations

import multiprocessing

from tqdm import tqdm

from isthmus.training.callbacks import Callback, EpochEnd, ProgressBar

from .session import say


class EpochLines(Callback):
    """One line per epoch on standard error: for logs, where a bar would be of no use."""

    def on_epoch_end(self, event: EpochEnd) -> None:
        row = event.history.rows[-1]
        words = [f"epoch {event.epoch}/{event.max_epochs}", f"train {row['train/total']:.6g}"]
        if "validation/total" in row:
            words.append(f"held out {row['validation/total']:.6g}")
        say("  ".join([*words, f"learning rate {row['learning_rate']:.3g}"]))


def progress_callbacks(description: str, quiet: bool, verbose: bool) -> list[Callback]:
    """Lines if asked for; otherwise a bar, which is silent where there is no terminal and in child processes."""
    if quiet:
        return []
    if verbose:
        return [EpochLines()]
    return [ProgressBar(description, disable=_silent())]


def progress_bar(total: int | None, description: str, unit: str) -> tqdm:
    """A bar for anything that takes long; a context manager with ``update(n)``."""
    return tqdm(total=total, desc=description, unit=unit, disable=_silent(), leave=False)


def _silent() -> bool | None:
    """None leaves it to tqdm: silent where standard error is no terminal."""
    return True if multiprocessing.parent_process() is not None else None
