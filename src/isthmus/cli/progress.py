"""What the command shows while a model trains."""

from __future__ import annotations

import multiprocessing

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
    in_child = multiprocessing.parent_process() is not None
    return [ProgressBar(description, disable=True if in_child else None)]
