"""Limits on files, checked before anything is parsed."""

from __future__ import annotations

from pathlib import Path

from isthmus.core.errors import InputError


def check_file(path: str | Path, max_bytes: int, parameter: str) -> Path:
    """The path, if it is a readable file of at most ``max_bytes``; :class:`InputError` otherwise."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder. Expected a file.")
    try:
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InputError(f"{path} cannot be read: {reason}. Check the path.") from error
    if size > max_bytes:
        raise InputError(
            f"{path} has {human(size)}, which is above the limit of {human(max_bytes)}. Split it, or raise {parameter}."
        )
    return path


def human(size: int) -> str:
    """A number of bytes for people: "16 MiB"."""
    amount = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{amount:.4g} {unit}"
