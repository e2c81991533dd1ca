"""Large files are decoded some at a time, and come in order all the same."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

MOST_THREADS = 8
LARGE_FILE = 4 << 10
ASKED = 16

Result = TypeVar("Result")


def threads_for(paths: Sequence[Path]) -> int:
    """One thread for small files, whose decoding is mostly Python, which has one lock; else as many as processors."""
    some = paths[:: max(1, len(paths) // ASKED)][:ASKED]
    sizes = [path.stat().st_size for path in some if path.is_file()]
    if sum(sizes) < LARGE_FILE * len(sizes) or len(paths) < 2:
        return 1
    return min(MOST_THREADS, os.cpu_count() or 1)


def in_order(
    function: Callable[[Path], Result], paths: Sequence[Path], threads: int
) -> Generator[Callable[[], Result], None, None]:
    """For each path, in order, a callable that gives ``function(path)`` or raises what it raised.

    Only a few results beyond the one asked for are made before it is.
    """
    if threads == 1:
        for path in paths:
            yield lambda path=path: function(path)  # type: ignore[misc]
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="isthmus-images")
    waiting: deque[Future[Result]] = deque()
    try:
        for path in paths:
            waiting.append(pool.submit(function, path))
            if len(waiting) >= 2 * threads:
                yield waiting.popleft().result
        while waiting:
            yield waiting.popleft().result
    finally:
        pool.shutdown(cancel_futures=True)
