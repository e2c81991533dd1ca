"""One training run per folder."""

# ruff: noqa: PTH103, PTH104, PTH108, PTH116, PTH118, PTH123 (descriptors and plain strings, as the calls want them)

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import time
from types import TracebackType
from typing import Any, Self

from isthmus.core.errors import RunFolderBusyError

from .os_errors import WRITE_FIXES, PathLike, explained
from .processes import may_be_alive, process_table

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK_NAME = "run.lock"
OWNER_NAME = "run.lock.owner"

# A process signs within milliseconds of creating the owner file; one that is unsigned for longer died in between.
UNSIGNED_SECONDS = 60.0

# What a file system answers that knows no flock.
_NO_FLOCK = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}

_held: dict[str, RunLock] = {}


class RunLock:
    """Context manager: hold a folder against every other live process, and every other lock of this one.

    The operating system releases the lock when the process ends, however it ends: a lock left by a killed process
    is taken over without further ado. The file ``run.lock`` inside the folder names the holder, and stays. Where
    there is no ``flock`` (Windows, some network file systems), the existence of ``run.lock.owner`` is the lock, and
    it is stale when its process is dead.

    Parameters
    ----------
    folder : str or path-like
        Created if it does not exist (with its parents).

    Raises
    ------
    RunFolderBusyError
        On entering, if somebody else holds the folder; the message names the folder and the process id.
    OSError
        On entering, if the folder cannot be created or written to.

    Examples
    --------
    >>> import tempfile
    >>> with RunLock(tempfile.mkdtemp()):
    ...     pass  # train, save checkpoints
    """

    def __init__(self, folder: PathLike) -> None:
        self.folder = os.fspath(folder)
        self._key = ""
        self._path = ""
        self._descriptor = -1
        self._by_creation = False

    def __enter__(self) -> Self:
        try:
            os.makedirs(self.folder, exist_ok=True)
        except OSError as error:
            raise explained(error, "create the run folder", self.folder, WRITE_FIXES) from error
        self._key = os.path.realpath(self.folder)
        if self._descriptor >= 0 or _held.setdefault(self._key, self) is not self:
            raise self._busy({"pid": os.getpid(), "table": process_table()})
        try:
            self._acquire()
        except BaseException as error:
            _held.pop(self._key, None)
            self._close()
            if isinstance(error, OSError):
                raise explained(error, "lock the run folder", self.folder, WRITE_FIXES) from error
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._descriptor < 0:  # a forked child leaves the block that its parent is still in
            return
        with contextlib.suppress(OSError):
            if not self._by_creation:
                os.ftruncate(self._descriptor, 0)
            elif os.name != "nt":
                os.unlink(self._path)  # while still held, so that it cannot be a successor's
        self._close()
        if self._by_creation and os.name == "nt":  # there an open file, a successor's too, cannot be deleted
            with contextlib.suppress(OSError):
                os.unlink(self._path)
        _held.pop(self._key, None)

    def _acquire(self) -> None:
        if fcntl is not None and self._acquire_by_flock():
            return
        self._by_creation = True
        self._path = os.path.join(self._key, OWNER_NAME)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
        for last_attempt in (False, True):
            try:
                self._descriptor = os.open(self._path, flags, 0o666)
            except FileExistsError:
                holder = _holder(self._path)
                if last_attempt or not _remove_stale(self._path, holder):
                    raise self._busy(holder) from None
            else:
                self._sign()
                return

    def _acquire_by_flock(self) -> bool:
        """Whether the lock was taken; False where the file system has no such locks."""
        self._by_creation = False
        self._path = os.path.join(self._key, LOCK_NAME)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self._busy(_holder(self._path)) from None
        except OSError as error:
            if error.errno not in _NO_FLOCK:
                raise
            self._close()
            return False
        self._sign()
        return True

    def _sign(self) -> None:
        """Write into the lock file who holds it, for the message that others get."""
        text = json.dumps({"pid": os.getpid(), "host": platform.node(), "table": process_table()})
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, text.encode())

    def _busy(self, holder: dict[str, Any]) -> RunFolderBusyError:
        pid = holder.get("pid")
        who = "another process" if pid is None else f"process {pid}"
        if pid == os.getpid() and holder.get("table") == process_table():
            who = f"this process ({pid})"
        elif holder.get("host") not in (None, platform.node()):
            who += f" on {holder['host']}"
        remedy = "Wait until it has finished, stop it, or use another folder."
        if self._by_creation:
            remedy += f" If it is surely gone, delete {self._path!r}."
        return RunFolderBusyError(f"The run folder {self.folder!r} is in use by {who}. {remedy}")

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


def _holder(path: str) -> dict[str, Any]:
    """What the lock file says; waits a moment for a holder that is just signing."""
    for _ in range(20):
        with contextlib.suppress(OSError, ValueError):
            with open(path, "rb") as file:
                holder = json.loads(file.read(1000))
            if isinstance(holder, dict) and type(holder.get("pid")) is int:
                return holder
        time.sleep(0.01)
    return {}


def _remove_stale(path: str, holder: dict[str, Any]) -> bool:
    """Whether an owner file that nobody holds any more was removed, so that it is worth trying again."""
    try:
        if os.name == "nt":
            os.unlink(path)  # refused while the owner has it open
            return True
        if not _is_stale(path, holder):
            return False
        aside = f"{path}.{os.getpid()}"
        os.rename(path, aside)
        # Somebody may have recovered the lock between our look and our rename: then it is put back.
        stale = _is_stale(aside, _holder(aside))
        if not stale:
            os.link(aside, path)
        os.unlink(aside)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return stale


def _is_stale(path: str, holder: dict[str, Any]) -> bool:
    if not holder:
        return time.time() - os.stat(path).st_mtime > UNSIGNED_SECONDS
    return holder.get("table") == process_table() and not may_be_alive(holder["pid"])


def _forget_after_fork() -> None:
    """A forked child shares the parent's lock; closing its copy leaves the parent as the only holder."""
    for lock in list(_held.values()):
        with contextlib.suppress(OSError):
            lock._close()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
