"""One live process per run folder; the dead do not count."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from isthmus.core.errors import RunFolderBusyError
from isthmus.files import run_lock
from isthmus.files.processes import process_table
from isthmus.files.run_lock import RunLock

HOLDER = """
import sys, time
from isthmus.files import run_lock
if sys.argv[2] == "creation":
    run_lock.fcntl = None
with run_lock.RunLock(sys.argv[1]):
    assert "torch" not in sys.modules
    print("held", flush=True)
    sys.stdin.readline()
"""

needs_signals = pytest.mark.skipif(os.name == "nt", reason="POSIX signals and pids")


@pytest.fixture(params=["flock", "creation"])
def method(request, monkeypatch):
    """With the operating system's locks, and without (as on Windows and some network file systems)."""
    if request.param == "creation":
        monkeypatch.setattr(run_lock, "fcntl", None)
    elif run_lock.fcntl is None:
        pytest.skip("no flock here")
    return request.param


@contextmanager
def holding_process(folder: Path, method: str):
    command = [sys.executable, "-S", "-c", HOLDER, str(folder), method]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline().strip() == b"held"
            yield child
        finally:
            child.kill()


def refusal(folder: Path) -> str:
    with pytest.raises(RunFolderBusyError) as caught, RunLock(folder):
        pass
    assert f"The run folder {str(folder)!r} is in use by " in str(caught.value)
    assert "Wait until it has finished, stop it, or use another folder." in str(caught.value)
    return str(caught.value)


def test_a_live_process_keeps_others_out_until_it_ends(tmp_path, method):
    with holding_process(tmp_path, method) as child:
        assert f"in use by process {child.pid}." in refusal(tmp_path)
        assert f"in use by process {child.pid}." in refusal(tmp_path)
        child.communicate(b"\n")
    with RunLock(tmp_path):
        pass


@needs_signals
def test_a_lock_left_by_a_killed_process_is_recovered(tmp_path, method):
    for _ in range(2):
        with holding_process(tmp_path, method) as child:
            child.send_signal(signal.SIGKILL)
            child.wait()
            assert str(child.pid) in "".join(path.read_text() for path in tmp_path.iterdir())  # it left its name
            with RunLock(tmp_path):
                assert f"in use by this process ({os.getpid()})" in refusal(tmp_path)


def test_a_second_lock_in_the_same_process_is_refused(tmp_path, method):
    with RunLock(tmp_path) as lock:
        assert f"in use by this process ({os.getpid()})" in refusal(tmp_path)
        with pytest.raises(RunFolderBusyError), lock:
            pass
        refusal(tmp_path)  # the failed attempts have not released it
        with RunLock(tmp_path / "other"):
            pass
    with lock, pytest.raises(RunFolderBusyError):
        RunLock(str(tmp_path)).__enter__()
    with RunLock(tmp_path):
        pass


def test_the_lock_is_released_by_an_error(tmp_path, method):
    with pytest.raises(ZeroDivisionError), RunLock(tmp_path):
        raise ZeroDivisionError
    with RunLock(tmp_path):
        pass


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_to_the_folder_is_the_same_folder(tmp_path, method):
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "run")
    with RunLock(tmp_path / "run"):
        refusal(tmp_path / "link")


def test_what_stays_in_the_folder(tmp_path, method):
    folder = tmp_path / "made" / "on demand"
    with RunLock(folder):
        (name,) = [path.name for path in folder.iterdir()]
        signature = json.loads((folder / name).read_text())
        assert signature["pid"] == os.getpid()
        assert signature["table"] == process_table()
    left = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert left == ({"run.lock": b""} if method == "flock" else {})


def test_another_machines_lock_is_respected(tmp_path, monkeypatch):
    monkeypatch.setattr(run_lock, "fcntl", None)
    owner = tmp_path / run_lock.OWNER_NAME
    table = "00000000" if process_table() != "00000000" else "11111111"
    owner.write_text(json.dumps({"pid": 2**22 + 1, "host": "far-away", "table": table}))
    message = refusal(tmp_path)
    assert f"in use by process {2**22 + 1} on far-away. " in message
    assert f"If it is surely gone, delete {str(owner)!r}." in message
    assert owner.exists()


def test_an_unsigned_owner_file_is_stale_after_a_minute(tmp_path, monkeypatch):
    monkeypatch.setattr(run_lock, "fcntl", None)
    owner = tmp_path / run_lock.OWNER_NAME
    owner.write_bytes(b"")
    assert "in use by another process." in refusal(tmp_path)
    old = time.time() - 2 * run_lock.UNSIGNED_SECONDS
    os.utime(owner, (old, old))
    with RunLock(tmp_path):
        refusal(tmp_path)


@needs_signals
def test_recovery_that_comes_second_puts_the_lock_back(tmp_path, monkeypatch):
    """Two processes find the same stale lock; the slower one must not remove the lock that the faster one took."""
    monkeypatch.setattr(run_lock, "fcntl", None)
    owner = tmp_path / run_lock.OWNER_NAME
    live = json.dumps({"pid": os.getppid(), "host": None, "table": process_table()})
    owner.write_text(live)
    dead = {"pid": 2**22 + 1, "table": process_table()}
    assert run_lock._remove_stale(str(owner), dead) is False
    assert owner.read_text() == live
    assert [path.name for path in tmp_path.iterdir()] == [run_lock.OWNER_NAME]
    assert run_lock._remove_stale(str(tmp_path / "gone"), dead) is True


@pytest.mark.skipif(run_lock.fcntl is None, reason="no flock here")
def test_a_file_system_without_flock_falls_back_to_creation(tmp_path, monkeypatch):
    def unsupported(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(run_lock.fcntl, "flock", unsupported)
    with RunLock(tmp_path):
        assert {path.name for path in tmp_path.iterdir()} == {"run.lock", "run.lock.owner"}
        with holding_process(tmp_path / "other", "creation") as child:
            assert f"in use by process {child.pid}." in refusal(tmp_path / "other")
    assert {path.name for path in tmp_path.iterdir()} == {"run.lock", "other"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_neither_holds_nor_releases_the_lock(tmp_path, method):
    lock = RunLock(tmp_path)
    lock.__enter__()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        lock.__exit__(None, None, None)  # must leave the parent's lock alone
        os.write(writer, b"x")
        time.sleep(60)
        os._exit(0)
    try:
        assert os.read(reader, 1) == b"x"
        code = (
            "import sys; from isthmus.files import run_lock\n"
            "if sys.argv[2] == 'creation': run_lock.fcntl = None\n"
            "try: run_lock.RunLock(sys.argv[1]).__enter__()\n"
            "except run_lock.RunFolderBusyError as error: print(error)\n"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-S", "-c", code, str(tmp_path), method]
        told = subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout
        assert f"in use by process {os.getpid()}." in told
        lock.__exit__(None, None, None)
        with RunLock(tmp_path):  # although the child lives
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)
        os.close(writer)


def test_folders_that_cannot_be_locked(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileExistsError, match=r"Cannot create the run folder .*: a file of that name is in the way"):
        RunLock(tmp_path / "file").__enter__()
    real = os.open

    def read_only(path, flags, *rest, **more):
        if str(path).startswith(str(tmp_path)):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return real(path, flags, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", read_only)
        with pytest.raises(OSError, match=r"Cannot lock the run folder .*: the file system is read-only") as caught:
            RunLock(tmp_path / "run").__enter__()
    assert caught.value.errno == errno.EROFS
    with RunLock(tmp_path / "run"):  # the failure has left nothing behind
        pass
