"""The operating system's errors, in words that name the file and the fix."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping

PathLike = str | os.PathLike[str]

_ELSEWHERE = "choose a folder and file that you can write to"

WRITE_FIXES = {
    errno.ENOSPC: "the disk is full; free some space or choose another disk",
    errno.EDQUOT: "your disk quota is used up; free some space or choose another disk",
    errno.EFBIG: "the file is larger than the file system or the process's limit allows; choose another disk",
    errno.EIO: "the disk reported an input/output error; check it and choose another one",
    errno.EROFS: f"the file system is read-only; {_ELSEWHERE}",
    errno.EACCES: f"permission denied; {_ELSEWHERE}",
    errno.EPERM: f"the operation is not permitted there; {_ELSEWHERE}",
    errno.ENOENT: "its folder does not exist; create the folder first",
    errno.ENOTDIR: "a part of its path is a file, not a folder; choose another path",
    errno.EISDIR: "it is a folder; give the path of a file",
    errno.EEXIST: "a file of that name is in the way; choose another path",
    errno.ENAMETOOLONG: "its name is too long for the file system; choose a shorter one",
    errno.ELOOP: "it is a symbolic link that leads back to itself; remove the link",
    errno.EBUSY: "the file is mounted on its own and cannot be replaced; choose an ordinary folder",
    errno.EXDEV: "the file is mounted on its own and cannot be replaced; choose an ordinary folder",
}

READ_FIXES = {
    errno.ENOENT: "there is no such file; check the path",
    errno.ENOTDIR: "a part of its path is a file, not a folder; check the path",
    errno.EACCES: "permission denied; make the file readable",
    errno.EPERM: "permission denied; make the file readable",
    errno.EIO: "the disk reported an input/output error; check it and restore the file from a copy",
    errno.ELOOP: "it is a symbolic link that leads back to itself; remove the link",
}


def explained(error: OSError, action: str, path: PathLike, fixes: Mapping[int, str], note: str = "") -> OSError:
    """The same error (subclass and errno) with the message "Cannot {action} {path}: {what is wrong; the fix}."

    >>> explained(OSError(errno.ENOENT, "No such file or directory"), "load", "vae.safetensors", READ_FIXES)
    FileNotFoundError(2, "Cannot load 'vae.safetensors': there is no such file; check the path.")
    """
    reason = fixes.get(error.errno or 0, error.strerror or str(error))
    message = f"Cannot {action} {os.fspath(path)!r}: {reason}.{note}"
    return OSError(error.errno, message) if error.errno else OSError(message)
