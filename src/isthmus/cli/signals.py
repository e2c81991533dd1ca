"""Ctrl-C and SIGTERM during training: the first asks for a clean stop, the second is obeyed at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from isthmus.training.callbacks import StopRequest

SIGNALS = (signal.SIGINT, signal.SIGTERM)
STANDARD_ERROR = 2


class TrainingStop(StopRequest):
    """A stop request that knows whether training has begun."""

    def __init__(self) -> None:
        super().__init__()
        self.started = False

    def on_start(self, max_epochs: int) -> None:
        self.started = True

    @property
    def exit_code(self) -> int:
        """128 plus the number of the signal that stopped the run, as shells have it; 0 without one."""
        return 0 if self.reason is None else 128 + signal.Signals[self.reason]


class StopSignals:
    """Context manager that installs the handlers, and puts back those that were there.

    Before training has begun there is nothing to save: SIGINT raises KeyboardInterrupt, SIGTERM SystemExit(143).
    During training a signal's name becomes the request's reason, which the loop sees before its next step. A second
    signal ends the process at once: a thread waits for it, because a handler would have to wait for the end of
    whatever computation the main thread is in.

    Outside of the main thread, where Python allows no handlers, it does nothing.

    Parameters
    ----------
    stop : TrainingStop
    """

    def __init__(self, stop: TrainingStop) -> None:
        self.stop = stop
        self._previous: dict[signal.Signals, Any] = {}
        self._previous_wakeup = -1
        self._writer = -1

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self
        reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        threading.Thread(target=_leave_at_second, args=(reader,), name="stop-signals", daemon=True).start()
        self._previous_wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._previous = {number: signal.signal(number, self._first) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._writer < 0:
            return
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_wakeup)
        os.close(self._writer)
        self._writer = -1

    def _first(self, number: int, _: FrameType | None) -> None:
        if self.stop.reason is not None:
            return
        self.stop.reason = signal.Signals(number).name
        if self.stop.started:
            _tell(f"{self.stop.reason}: stopping and saving; once more to quit without saving.")
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            _tell("SIGTERM before training began; nothing was saved.")
            raise SystemExit(self.stop.exit_code)


def _leave_at_second(reader: int) -> None:
    """Read the numbers of signals as they arrive, until the writing end is closed."""
    seen = 0
    while number := os.read(reader, 1):
        if number[0] in SIGNALS:
            seen += 1
        if seen == 2:
            _tell("quit at once; nothing more was saved.")
            os._exit(128 + number[0])
    os.close(reader)


def _tell(text: str) -> None:
    # Straight to the descriptor: a handler may have interrupted a write to the buffered stream.
    os.write(STANDARD_ERROR, f"\nisthmus: {text}\n".encode())
