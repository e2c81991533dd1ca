"""A file is written whole or not at all, and every failure says what to do."""

from __future__ import annotations

import errno
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from isthmus.files import atomic
from isthmus.files.atomic import write_atomically
from isthmus.files.processes import may_be_alive, process_table

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX permissions, links or signals")


def dead_process() -> int:
    """The id of a process that has just ended."""
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    child.wait()
    return child.pid


def temporaries(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir() if entry.name.endswith(".tmp")]


def test_writes_all_chunks_of_any_kind(tmp_path):
    path = tmp_path / "a.bin"
    doubles = memoryview(b"\x01\x02" * 8).cast("d")
    write_atomically(path, iter([b"head", b"", memoryview(b"mid"), doubles]))
    assert path.read_bytes() == b"headmid" + b"\x01\x02" * 8
    write_atomically(str(path), [])
    assert path.read_bytes() == b""
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.bin"]


def test_partial_writes_are_continued(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:3]))
    write_atomically(tmp_path / "a.bin", [b"0123456789", b"ab"])
    assert (tmp_path / "a.bin").read_bytes() == b"0123456789ab"


def test_flushes_the_file_before_and_the_folder_after_the_rename(tmp_path, monkeypatch):
    events = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor):
        events.append("folder" if os.path.samestat(os.fstat(descriptor), tmp_path.stat()) else "file")
        real_fsync(descriptor)

    def replace(source, target):
        assert Path(source).parent == tmp_path
        events.append("rename")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write_atomically(tmp_path / "a.bin", [b"x"])
    assert events == ["file", "rename", "folder"] if os.name != "nt" else ["file", "rename"]


@posix
def test_permissions_of_new_and_replaced_files(tmp_path):
    path = tmp_path / "a.bin"
    before = os.umask(0o027)
    try:
        write_atomically(path, [b"1"])
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640
    path.chmod(0o604)
    write_atomically(path, [b"2"])
    assert path.stat().st_mode & 0o777 == 0o604


@posix
def test_links_are_written_through(tmp_path):
    real_folder = tmp_path / "real"
    real_folder.mkdir()
    link = tmp_path / "link.bin"
    link.symlink_to(real_folder / "a.bin")
    for content in (b"created", b"replaced"):
        write_atomically(link, [content])
        assert link.is_symlink()
        assert (real_folder / "a.bin").read_bytes() == content
    assert sorted(entry.name for entry in real_folder.iterdir()) == ["a.bin"]


@posix
def test_link_to_itself_is_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(OSError, match=r"symbolic link that leads back to itself; remove the link") as caught:
        write_atomically(tmp_path / "a", [b"x"])
    assert caught.value.errno == errno.ELOOP
    assert (tmp_path / "a").is_symlink()


def test_long_names_leave_room_for_the_temporary(tmp_path):
    path = tmp_path / ("é" * 120 + ".bin")
    write_atomically(path, [b"x"])
    orphan = tmp_path / f".{atomic._prefix(path.name)}.{process_table()}.{dead_process()}.00000000.tmp"
    orphan.write_bytes(b"half")
    write_atomically(path, [b"y"])
    assert path.read_bytes() == b"y"
    assert temporaries(tmp_path) == []


FAULTS = [
    ("write", errno.ENOSPC, OSError, "the disk is full; free some space"),
    ("write", errno.EIO, OSError, "input/output error; check it"),
    ("write", errno.EDQUOT, OSError, "your disk quota is used up"),
    ("fsync", errno.EIO, OSError, "input/output error; check it"),
    ("fsync", errno.ENOSPC, OSError, "the disk is full; free some space"),
    ("replace", errno.EACCES, PermissionError, "permission denied; choose a folder"),
    ("replace", errno.EBUSY, OSError, "mounted on its own"),
    ("open", errno.EROFS, OSError, "the file system is read-only; choose a folder"),
    ("open", errno.EACCES, PermissionError, "permission denied; choose a folder"),
    ("scandir", errno.EACCES, PermissionError, "permission denied; choose a folder"),
]


@pytest.mark.parametrize(("call", "number", "kind", "words"), FAULTS)
def test_failures_keep_the_previous_file_and_leave_no_temporary(tmp_path, monkeypatch, call, number, kind, words):
    path = tmp_path / "model.bin"
    write_atomically(path, [b"previous"])

    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(kind) as caught:
            write_atomically(path, [b"next", b"content"])
    assert caught.value.errno == number
    assert words in str(caught.value)
    assert f"Cannot save {str(path)!r}" in str(caught.value)
    assert path.read_bytes() == b"previous"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.bin"]


@posix
def test_failing_to_flush_the_folder_is_said(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    write_atomically(path, [b"previous"])
    real = os.fsync

    def fsync(descriptor):
        if os.path.samestat(os.fstat(descriptor), tmp_path.stat()):
            raise OSError(errno.EIO, "x")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="The new file is in place, but a power failure") as caught:
        write_atomically(path, [b"next"])
    assert caught.value.errno == errno.EIO
    assert path.read_bytes() == b"next"
    assert temporaries(tmp_path) == []


@posix
def test_file_systems_that_cannot_flush_a_folder_are_accepted(tmp_path, monkeypatch):
    real = os.fsync

    def fsync(descriptor):
        if os.path.samestat(os.fstat(descriptor), tmp_path.stat()):
            raise OSError(errno.EINVAL, "x")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(tmp_path / "a.bin", [b"x"])
    assert (tmp_path / "a.bin").read_bytes() == b"x"


@pytest.mark.parametrize("error", [ValueError("bad chunk"), KeyboardInterrupt(), OSError(errno.EIO, "from the source")])
def test_errors_of_the_content_pass_through_unchanged(tmp_path, error):
    path = tmp_path / "a.bin"
    write_atomically(path, [b"previous"])

    def chunks():
        yield b"half"
        raise error

    with pytest.raises(type(error)) as caught:
        write_atomically(path, chunks())
    assert caught.value is error
    assert path.read_bytes() == b"previous"
    assert temporaries(tmp_path) == []


def test_target_is_a_folder(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "keep").write_bytes(b"x")
    with pytest.raises(IsADirectoryError, match=r"Cannot save .*models'?: it is a folder; give the path of a file"):
        write_atomically(folder, [b"x"])
    assert (folder / "keep").read_bytes() == b"x"
    assert temporaries(tmp_path) == []


def test_folder_is_missing_or_a_file(tmp_path):
    missing = tmp_path / "nowhere" / "a.bin"
    with pytest.raises(FileNotFoundError, match="its folder does not exist; create the folder first") as caught:
        write_atomically(missing, [b"x"])
    assert repr(str(missing)) in str(caught.value)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match="a part of its path is a file, not a folder"):
        write_atomically(tmp_path / "file" / "a.bin", [b"x"])


@posix
def test_devices_pipes_and_protected_files_are_not_replaced(tmp_path, monkeypatch):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="it is a device or a pipe; give the path of an ordinary file"):
        write_atomically(pipe, [b"x"])
    assert pipe.is_fifo()
    protected = tmp_path / "protected.bin"
    protected.write_bytes(b"previous")
    monkeypatch.setattr(os, "access", lambda path, mode: not (Path(path) == protected and mode == os.W_OK))
    with pytest.raises(PermissionError, match="permission denied; choose a folder and file that you can write to"):
        write_atomically(protected, [b"x"])
    assert protected.read_bytes() == b"previous"


def test_only_orphans_of_the_same_file_are_removed(tmp_path):
    here, dead, old = process_table(), dead_process(), time.time() - 2 * atomic.ORPHAN_SECONDS
    elsewhere = "00000000" if here != "00000000" else "11111111"
    alive = os.getppid()
    cases = {  # name -> (is old, is removed)
        f".a.bin.{here}.{dead}.01234567.tmp": (False, True),  # its process is dead
        f".a.bin.{here}.{os.getpid()}.01234567.tmp": (False, True),  # our id, but not ours
        f".a.bin.{here}.99999999999999999999.01234567.tmp": (False, True),  # no process has such an id
        f".a.bin.{here}.{alive}.01234567.tmp": (False, False),  # may be writing
        f".a.bin.{here}.{alive}.01234568.tmp": (True, True),  # nobody writes for so long
        f".a.bin.{elsewhere}.{dead}.01234567.tmp": (False, False),  # another machine's process may live
        f".a.bin.{elsewhere}.{dead}.01234568.tmp": (True, True),
        f".b.bin.{here}.{dead}.01234567.tmp": (False, False),  # another file's
        f".aXbin.{here}.{dead}.01234567.tmp": (False, False),
        f".a.bin.{here}.{dead}.01234567.tmp.keep": (False, False),
        f"a.bin.{here}.{dead}.01234567.tmp": (False, False),
    }
    for name, (is_old, _) in cases.items():
        (tmp_path / name).write_bytes(b"half")
        if is_old:
            os.utime(tmp_path / name, (old, old))
    write_atomically(tmp_path / "a.bin", [b"x"])
    left = {entry.name for entry in tmp_path.iterdir()}
    assert left == {"a.bin"} | {name for name, (_, removed) in cases.items() if not removed}


def test_a_save_within_a_save_leaves_the_outer_temporary_alone(tmp_path):
    path = tmp_path / "a.bin"

    def outer():
        yield b"outer"
        write_atomically(path, [b"inner"])
        assert path.read_bytes() == b"inner"

    write_atomically(path, outer())
    assert path.read_bytes() == b"outer"


def test_liveness():
    assert may_be_alive(os.getpid()) == (os.name != "nt")
    assert not may_be_alive(dead_process())
    assert re.fullmatch("[0-9a-f]{8}", process_table())


CHILD = """
import sys
from isthmus.files.atomic import write_atomically
assert "torch" not in sys.modules and "numpy" not in sys.modules
contents = [[bytes([letter]) * 50_000] * 8 for letter in b"AB"]
turn = 0
while True:
    write_atomically(sys.argv[1], contents[turn % 2])
    if turn == 0:
        print("saved", flush=True)
    turn += 1
"""
VALID = {bytes([letter]) * 400_000 for letter in b"AB"}


def kill_at_random_moments(folder: Path, kills: int, seed: int) -> int:
    """Kill a process that saves in a loop; after each kill the file must be whole. Returns the temporaries seen."""
    path = folder / "model.bin"
    moments = random.Random(seed)
    torn_saves = 0
    for _ in range(kills):
        command = [sys.executable, "-S", "-c", CHILD, str(path)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"saved\n"
            time.sleep(moments.uniform(0, 0.02))
            child.kill()
        assert path.read_bytes() in VALID
        left = temporaries(folder)
        assert len(left) <= 1, "the next save must remove what a killed one left"
        torn_saves += len(left)
    write_atomically(path, [b"end"])
    assert path.read_bytes() == b"end"
    assert [entry.name for entry in folder.iterdir()] == ["model.bin"]
    return torn_saves


def test_sigkill_at_random_moments(tmp_path):
    # If no kill had hit a save half-way, the test would prove nothing.
    assert kill_at_random_moments(tmp_path, 40, seed=0) > 0


@pytest.mark.slow
def test_sigkill_a_thousand_times(tmp_path):
    assert kill_at_random_moments(tmp_path, 1000, seed=1) > 100
