"""Write a file whole or not at all.

This module imports nothing heavy, so that a process can save before (or without) loading torch.
"""

# ruff: noqa: PTH108, PTH116, PTH118 (descriptors and plain strings throughout, as the calls want them)

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from .os_errors import WRITE_FIXES, PathLike, explained
from .processes import may_be_alive, process_table

Result = TypeVar("Result")

# A temporary whose process cannot be asked (another machine's, or its id was given to a newer process) is an orphan
# when nobody has written to it for this long.
ORPHAN_SECONDS = 24 * 3600.0

_being_written: set[str] = set()


def write_atomically(path: PathLike, chunks: Iterable[bytes | memoryview]) -> None:
    """Write ``chunks`` to ``path`` such that the file is, at every moment, the old one or the new one.

    The chunks go to a temporary file in the same folder, which is flushed to the disk and renamed over ``path``;
    then the folder is flushed. A symbolic link is followed: the file that it names is replaced, the link stays.
    The permissions of a file that is replaced are kept. Temporaries that killed processes left of the same file
    are removed.

    Parameters
    ----------
    path : str or path-like
        The file to write. Its folder must exist.
    chunks : iterable of bytes or memoryview
        The content. If the iterable raises, the previous file stays and the exception passes through.

    Raises
    ------
    OSError
        The file could not be written (disk full, read-only folder, a folder of that name, ...). The subclass and
        ``errno`` are the operating system's, the message names the file and the fix; the previous file is intact,
        and no temporary is left. (If only the last step fails, flushing the folder, the new file is in place and the
        message says so.)

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "notes.txt"
    >>> write_atomically(path, [b"one, ", b"two"])
    >>> path.read_bytes()
    b'one, two'
    """
    shown = os.fspath(path)
    try:
        target = os.path.realpath(shown)
        mode = _mode_of_previous(target)
        folder, name = os.path.split(target)
        _remove_orphans(folder, name)
        temporary = os.path.join(folder, _temporary_name(name))
    except OSError as error:
        raise explained(error, "save", shown, WRITE_FIXES) from error

    _being_written.add(temporary)
    try:
        _write_and_flush(temporary, chunks, mode, shown)
        _call("save", shown, os.replace, temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    finally:
        _being_written.discard(temporary)
    _flush_folder(folder, shown)


def _mode_of_previous(target: str) -> int | None:
    """The permission bits of the file to be replaced; None if there is none yet."""
    try:
        status = os.lstat(target)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(status.st_mode):  # realpath gave up on it
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if stat.S_ISDIR(status.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):  # replacing /dev/null would be a lasting surprise
        raise OSError(errno.EINVAL, "it is a device or a pipe; give the path of an ordinary file")
    if not os.access(target, os.W_OK):  # a rename would override the protection that somebody gave the file
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    return stat.S_IMODE(status.st_mode)


def _prefix(name: str) -> str:
    """How the temporaries of a file begin; a digest stands for a name that leaves no room for the rest."""
    return name if len(os.fsencode(name)) <= 200 else hashlib.sha256(os.fsencode(name)).hexdigest()


def _temporary_name(name: str) -> str:
    return f".{_prefix(name)}.{process_table()}.{os.getpid()}.{secrets.token_hex(4)}.tmp"


def _remove_orphans(folder: str, name: str) -> None:
    pattern = re.compile(rf"\.{re.escape(_prefix(name))}\.([0-9a-f]{{8}})\.(\d+)\.[0-9a-f]{{8}}\.tmp")
    with os.scandir(folder) as entries:
        found = [(entry.path, match) for entry in entries if (match := pattern.fullmatch(entry.name))]
    for path, match in found:
        with contextlib.suppress(OSError):
            if _is_orphan(path, match.group(1), int(match.group(2))):
                os.unlink(path)


def _is_orphan(path: str, table: str, pid: int) -> bool:
    if path in _being_written and pid == os.getpid():
        return False
    if time.time() - os.stat(path).st_mtime > ORPHAN_SECONDS:
        return True
    # Our own id on a file that we are not writing: a predecessor had it, as happens in containers.
    return table == process_table() and (pid == os.getpid() or not may_be_alive(pid))


def _write_and_flush(temporary: str, chunks: Iterable[bytes | memoryview], mode: int | None, shown: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = _call("save", shown, os.open, temporary, flags, 0o666)
    try:
        if mode is not None and hasattr(os, "fchmod"):
            _call("save", shown, os.fchmod, descriptor, mode)
        for chunk in chunks:
            if len(chunk) == 0:
                continue
            with memoryview(chunk) as whole, whole.cast("B") as view:
                done = 0
                while done < len(view):
                    done += _call("save", shown, os.write, descriptor, view[done:])
        _call("save", shown, os.fsync, descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(folder: str, shown: str) -> None:
    if os.name == "nt":  # Windows cannot open a folder, and its renames are journaled
        return
    note = " The new file is in place, but a power failure in the next seconds could undo that."
    descriptor = _call("flush the folder of", shown, os.open, folder, os.O_RDONLY, note=note)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that know no such flush
            raise explained(error, "flush the folder of", shown, WRITE_FIXES, note) from error
    finally:
        os.close(descriptor)


def _call(action: str, shown: str, function: Callable[..., Result], *arguments: Any, note: str = "") -> Result:
    """An operating-system call, its error explained; an error of the chunks themselves must pass unexplained."""
    try:
        return function(*arguments)
    except OSError as error:
        raise explained(error, action, shown, WRITE_FIXES, note) from error
