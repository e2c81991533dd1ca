"""Checkpoints that cannot be read, and run folders that are in use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from isthmus.core.errors import CheckpointWarning, ModelFileError, RunFolderBusyError
from isthmus.files.sealed import read_sealed
from isthmus.training.checkpoints import KIND


def two_checkpoints(workshop, path):
    with workshop.folder(path, every_seconds=0) as folder:
        reference = workshop.trainer(checkpoints=folder)
        reference.run()
    newest, older = sorted(path.glob("checkpoint-*"), reverse=True)
    return reference, newest, older


def test_a_corrupt_newest_checkpoint_is_passed_over_with_a_warning(workshop, tmp_path):
    reference, newest, older = two_checkpoints(workshop, tmp_path)
    content = bytearray(newest.read_bytes())
    content[-100] ^= 1
    newest.write_bytes(content)
    with workshop.folder(tmp_path) as folder:
        trainer = workshop.trainer(checkpoints=folder)
        with pytest.warns(CheckpointWarning) as caught:
            result = trainer.run()
    assert len(caught) == 1
    words = str(caught[0].message)
    assert words.startswith(f"Checkpoint {newest} cannot be read (Cannot load")
    assert words.endswith(f"going on from {older} instead.")
    assert result.epochs == 3
    assert workshop.same(workshop.weights(trainer.model), workshop.weights(reference.model))
    # The damaged one is gone, and two good ones are kept.
    kept = sorted(tmp_path.glob("checkpoint-*"))
    assert newest not in kept
    assert kept[0] == older
    assert len(kept) == 2
    for path in kept:
        read_sealed(path, KIND, allow_nonfinite=True)


def test_only_corrupt_checkpoints_are_an_error(workshop, tmp_path):
    _, newest, older = two_checkpoints(workshop, tmp_path)
    for path in (newest, older):
        path.write_bytes(path.read_bytes()[:-5])
    with (
        workshop.folder(tmp_path) as folder,
        pytest.warns(CheckpointWarning),
        pytest.raises(ModelFileError, match=older.name),
    ):
        workshop.trainer(checkpoints=folder).run()
    assert newest.exists()
    assert older.exists()


HOLDER = """
import sys, time
from isthmus.training.checkpoints import CheckpointFolder
with CheckpointFolder(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_folder_in_use_is_refused_and_recovered_after_a_kill(workshop, tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout.readline().strip() == b"held"
            with pytest.raises(RunFolderBusyError) as caught, workshop.folder(tmp_path):
                pass
            assert f"The run folder '{tmp_path}' is in use by process {child.pid}." in str(caught.value)
        finally:
            child.send_signal(signal.SIGKILL)
    with workshop.folder(tmp_path) as folder:
        assert workshop.trainer(checkpoints=folder).run().epochs == 3
