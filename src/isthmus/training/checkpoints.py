"""A folder of checkpoints: the state of a run, from which it goes on to the same bits."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from torch import Tensor

from isthmus.core.errors import CheckpointWarning, ModelFileError, ResumeError
from isthmus.files.run_lock import RunLock
from isthmus.files.sealed import read_manifest, read_sealed, write_sealed

KIND = "isthmus-checkpoint"
KEEP = 2
GLOB = "checkpoint-*.safetensors"


@dataclass(frozen=True)
class SavedRun:
    """What a checkpoint holds.

    Attributes
    ----------
    path : Path
    state : dict
        Plain values.
    tensors : dict of str to Tensor
    exact : bool
        It belongs to this very run and is complete, so that going on ends in the same bits as never stopping.
    """

    path: Path
    state: dict[str, Any]
    tensors: dict[str, Tensor]
    exact: bool


class CheckpointFolder:
    """Saves a run's state now and then, keeps the newest two, and finds the one to resume from.

    Use it as a context manager: it holds the folder against other processes.

    Parameters
    ----------
    folder : str or path-like
        Created if needed.
    every_seconds : float
        The least time between two checkpoints; the end of a run and an interrupt always save.
    accept_mismatch : bool
        Resume although the identity differs: the result is then not that of an uninterrupted run.

    Attributes
    ----------
    identity : dict of plain values
        What the run is: data, composition, settings, versions. Set it before loading or saving; a checkpoint of
        another identity is refused.

    Raises
    ------
    ResumeError
        On loading, if the checkpoint belongs to other data, parameters or versions, naming each difference.
    RunFolderBusyError
        On entering, if another live process uses the folder.
    """

    def __init__(self, folder: str | PathLike[str], every_seconds: float = 60.0, accept_mismatch: bool = False) -> None:
        self.folder = Path(folder)
        self.every_seconds = every_seconds
        self.accept_mismatch = accept_mismatch
        self.identity: dict[str, Any] = {}
        self._saved_at = time.monotonic()
        self._lock = RunLock(self.folder)
        self._damaged: set[Path] = set()

    def __enter__(self) -> CheckpointFolder:
        self._lock.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self._lock.__exit__(*details)

    def due(self) -> bool:
        """Whether it is time for another checkpoint."""
        return time.monotonic() - self._saved_at >= self.every_seconds

    def save(self, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Path:
        """Write a new checkpoint, then remove all but the newest two readable ones."""
        number = max((_number(path) for path in self._files()), default=0) + 1
        path = self.folder / f"checkpoint-{number:06d}.safetensors"
        manifest = {"identity": self.identity, "state": dict(state)}
        # An optimiser's moments may be infinite in a run that is about to be rolled back.
        write_sealed(path, KIND, manifest, dict(tensors), allow_nonfinite=True)
        self._saved_at = time.monotonic()
        readable = [old for old in self._files() if old not in self._damaged]
        for old in (*self._damaged, *readable[:-KEEP]):
            old.unlink(missing_ok=True)
        self._damaged.clear()
        return path

    def saved_identity(self) -> dict[str, Any]:
        """The identity in the newest readable checkpoint; empty in a folder without any."""
        for path in reversed(self._files()):
            try:
                manifest, _ = read_manifest(path, KIND)
            except ModelFileError:
                continue
            return dict(manifest["identity"])
        return {}

    def load(self) -> SavedRun | None:
        """The newest readable checkpoint; None in a folder without any."""
        files = self._files()
        while files:
            path = files.pop()
            try:
                manifest, tensors = read_sealed(path, KIND, allow_nonfinite=True)
            except ModelFileError as error:
                if not files:
                    raise
                message = f"Checkpoint {path} cannot be read ({error}); going on from {files[-1]} instead."
                warnings.warn(message, CheckpointWarning, stacklevel=8)
                self._damaged.add(path)
                continue
            problem = self._mismatch(manifest, tensors)
            if problem is not None and not self.accept_mismatch:
                raise ResumeError(
                    f"Checkpoint {path} {problem}. Train in another folder, or resume all the same with "
                    "Checkpoint(folder, accept_mismatch=True) or `--accept-mismatch`."
                )
            return SavedRun(path, manifest["state"], tensors, exact=problem is None)
        return None

    def _mismatch(self, manifest: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str | None:
        """Why going on from a checkpoint would not end where an uninterrupted run does; None if it would."""
        there, here = _flat(manifest["identity"]), _flat(self.identity)
        differences = [
            f"{name} (checkpoint: {there.get(name)!r}, now: {here.get(name)!r})"
            for name in sorted({*there, *here})
            if there.get(name) != here.get(name)
        ]
        if differences:
            return f"belongs to another run. It differs in {'; '.join(differences)}"
        moment = "start" if manifest["state"].get("begun") else "now"
        if any(f"{name}.{moment}" not in tensors for name in ("generator", "noise_generator")):
            return "holds no generator state, so that an exact resume is impossible"
        return None

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(GLOB), key=_number)


def _number(path: Path) -> int:
    digits = path.name.removeprefix("checkpoint-").removesuffix(".safetensors")
    return int(digits) if digits.isdigit() else 0


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested plain values under dotted names, so that a difference is named exactly."""
    if isinstance(value, (Mapping, list, tuple)):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        flat = {}
        for key, inner in items:
            flat.update(_flat(inner, f"{name}.{key}" if name else str(key)))
        return flat or {name: None}
    return {name: value}
