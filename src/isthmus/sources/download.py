"""Fetching a published file once: resumed where it broke off, and kept only if its content is right."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from isthmus._version import __version__
from isthmus.core.errors import InputError
from isthmus.files.os_errors import WRITE_FIXES, explained

from .limits import human

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

TIMEOUT = 20.0
PIECE = 1 << 16
TRIES = 3
PAUSE = 1.0
BUSY = {408, 425, 429, 500, 502, 503, 504}

Check = Callable[[Path], None]


class _TransferError(Exception):
    """The transfer ended before the file did; ``again`` says whether asking once more could help."""

    def __init__(self, reason: str, again: bool) -> None:
        super().__init__(reason)
        self.again = again


def download(
    urls: Sequence[str],
    path: str | Path,
    check: Check,
    *,
    expected: str,
    max_bytes: int,
    timeout: float = TIMEOUT,
    pause: float = PAUSE,
) -> None:
    """Fetch a file from the first of its homes that gives the right content.

    What has arrived stands in ``<path>.part`` until ``check`` has accepted it, then it is renamed to ``path``. An
    interrupted transfer goes on where it stopped, in this call and in the next. Processes that want the same file
    wait for each other, and only the first fetches it. A progress bar shows on a terminal.

    Parameters
    ----------
    urls : sequence of str
        Where the file is published, best home first.
    path : str or Path
        Where it shall be; its folder is created.
    check : callable
        Is given the path of the complete file and raises :class:`InputError` if the content is wrong; the file is
        then deleted.
    expected : str
        What is right ("SHA-256 … of its numbers"), for the messages.
    max_bytes : int
        A file that is longer is refused.
    timeout : float
        Seconds without a sign of life after which a server is given up.
    pause : float
        Seconds to wait before the second try; doubled for each further one.

    Raises
    ------
    InputError
        If every home was reached but the content is wrong.
    ConnectionError
        If no home could be reached. Both messages name the addresses, the reasons, what was expected, and where to
        put the file by hand.
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    reasons: list[str] = []
    wrong: InputError | None = None
    reached = True
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(path.parent):
            if path.exists():
                return
            for url in urls:
                try:
                    _fetch_checked(url, part, check, max_bytes, timeout, pause)
                except _TransferError as error:
                    reached = False
                    reasons.append(f"{url}: {error}")
                except InputError as error:
                    wrong = error
                    reasons.append(f"{url}: {error}")
                else:
                    part.replace(path)
                    return
    except OSError as error:
        raise explained(error, "save", path, WRITE_FIXES) from error
    message = (
        f"{path.name} could not be had. " + " ".join(_sentence(reason) for reason in reasons) + " If this machine "
        f"has no network, fetch the file elsewhere (curl -L -o {path.name} {urls[0]}) and put it at {path}; "
        f"expected is {expected}."
    )
    if wrong is not None and reached:
        raise InputError(message) from wrong
    raise ConnectionError(message)


def _fetch_checked(url: str, part: Path, check: Check, max_bytes: int, timeout: float, pause: float) -> None:
    # What an earlier call left may be of another version, or of another home's file: then it is fetched once more.
    for last in (False, True) if _size(part) else (True,):
        try:
            _fetch_whole(url, part, max_bytes, timeout, pause)
            check(part)
            return
        except InputError:
            part.unlink(missing_ok=True)
            if last:
                raise


def _fetch_whole(url: str, part: Path, max_bytes: int, timeout: float, pause: float) -> None:
    tries, most = 0, _size(part)
    while True:
        try:
            _fetch(url, part, max_bytes, timeout)
            return
        except _TransferError as error:
            if _size(part) > most:
                tries, most = 0, _size(part)
            tries += 1
            if not error.again or tries >= TRIES:
                raise
        time.sleep(pause * 2 ** (tries - 1))


def _fetch(url: str, part: Path, max_bytes: int, timeout: float) -> None:
    """One request: all of the file, or what is missing of it."""
    start = _size(part)
    headers = {"User-Agent": f"isthmus/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    with contextlib.ExitStack() as stack:
        try:
            with _explaining(url):
                response = stack.enter_context(
                    urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout)
                )
        except _TransferError as error:
            if start and isinstance(error.__cause__, urllib.error.HTTPError) and error.__cause__.code == 416:
                if _numbers(error.__cause__.headers.get("Content-Range"))[-1:] == [start]:
                    return  # all of it was there already
                part.unlink()
                raise _TransferError(f"what there was of the file ({start} bytes) does not fit", again=True) from error
            raise
        if start and response.status == 206:
            if _numbers(response.headers.get("Content-Range"))[:1] != [start]:
                part.unlink()
                raise _TransferError("the server sent another part than asked for", again=True)
        else:
            start = 0
        length = _numbers(response.headers.get("Content-Length"))
        total = start + length[0] if length else None
        if total is not None and total > max_bytes:
            raise InputError(f"the file has {human(total)}, expected at most {human(max_bytes)}")
        with part.open("ab" if start else "wb") as file:
            done = start
            for piece in _pieces(url, response, total, start, part.name.removesuffix(".part")):
                file.write(piece)
                done += len(piece)
                if done > max_bytes:
                    raise InputError(f"the file goes on beyond {human(max_bytes)}")
            file.flush()
            os.fsync(file.fileno())
        if total is not None and done < total:
            raise _TransferError(f"the connection ended after {done} of {total} bytes", again=True)


def _pieces(url: str, response: http.client.HTTPResponse, total: int | None, start: int, name: str) -> Iterator[bytes]:
    from tqdm import tqdm

    # disable=None lets tqdm stay silent when standard error is not a terminal.
    with tqdm(
        total=total, initial=start, desc=name, unit="B", unit_scale=True, unit_divisor=1024, disable=None, leave=False
    ) as bar:
        while True:
            with _explaining(url):
                piece = response.read(PIECE)
            if not piece:
                return
            bar.update(len(piece))
            yield piece


@contextlib.contextmanager
def _explaining(url: str) -> Iterator[None]:
    """The network's many errors as one, in words."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        raise _TransferError(f"the server answered {error.code} {error.reason}", again=error.code in BUSY) from error
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, socket.gaierror):
            host = url.split("/")[2]
            raise _TransferError(f"the address of {host} could not be found (no network?)", again=False) from error
        if isinstance(reason, TimeoutError):
            raise _TransferError("the server did not answer in time", again=True) from error
        words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        raise _TransferError(words, again=not isinstance(reason, ConnectionRefusedError)) from error


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the folder against other processes, where the system can; without it two would only fetch twice."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _numbers(header: str | None) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", header or "")]


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
