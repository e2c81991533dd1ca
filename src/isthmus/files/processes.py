"""Who left this file behind, and are they still alive?"""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path


def process_table() -> str:
    """Eight hexadecimal digits that name the table in which this process's id means something.

    Two machines, or two containers, on a shared folder number their processes independently.
    """
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return hashlib.sha256(f"{platform.node()} {namespace}".encode()).hexdigest()[:8]


def may_be_alive(pid: int) -> bool:
    """Whether process ``pid`` of this process table may still run.

    On Windows always False: there a file that a living process holds open cannot be deleted, so the attempt to
    delete it is the test (and ``os.kill`` would end the process instead of asking).
    """
    if os.name == "nt":
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
