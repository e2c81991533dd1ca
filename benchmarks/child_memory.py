"""The memory of one task, in a fresh process that is watched from outside."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

MIB = 2**20


def status(process_id: int, field: str) -> int:
    """A field of /proc/PID/status in bytes (Linux)."""
    for line in Path(f"/proc/{process_id}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    return 0


def ready() -> None:
    """Of the child: everything is loaded; wait for the word to begin."""
    print("ready", flush=True)
    sys.stdin.readline()


def done(*words: object) -> None:
    """Of the child: the task is over; say what it came to, and hold its memory until that is heard."""
    print(*words, flush=True)
    sys.stdin.readline()


def watched(command: Sequence[str], every_seconds: float = 0.002) -> tuple[int, int, list[str]]:
    """Anonymous memory in bytes before the task and at its peak, and the words that the child gave to :func:`done`.

    Pages of mapped files are not counted: the system takes them back when it needs them.
    """
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None or process.stdout.readline().strip() != "ready":
            raise SystemExit("The child process did not start; its error stands above.")
        before = peak = status(process.pid, "RssAnon")
        finished = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not finished.is_set():
                peak = max(peak, status(process.pid, "RssAnon"))
                time.sleep(every_seconds)

        watcher = threading.Thread(target=watch)
        watcher.start()
        process.stdin.write("go\n")
        process.stdin.flush()
        words = process.stdout.readline().split()
        finished.set()
        watcher.join()
        if not words:
            raise SystemExit("The child process failed; its error stands above.")
        process.stdin.write("end\n")
        process.stdin.flush()
    return before, peak, words
