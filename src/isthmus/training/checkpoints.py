"""A folder of checkpoints: the state of a run, from which it goes on to the same bits."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from isthmus.core.errors import CheckpointWarning, ModelFileError, ResumeError
from isthmus.files.run_lock import RunLock
from isthmus.files.sealed import read_sealed, write_sealed

from .history import History

KIND = "isthmus-checkpoint"
KEEP = 2
GLOB = "checkpoint-*.safetensors"


@dataclass
class RunState:
    """Everything about a run that is not a tensor of the model or the optimiser.

    Attributes
    ----------
    epoch : int
        Completed epochs.
    position : int
        Completed steps of the epoch under way.
    seconds : float
        Training time of completed work; ``clock`` is when that time began to run in this process.
    """

    epoch: int = 0
    position: int = 0
    seconds: float = 0.0
    clock: float = 0.0
    initial: float | None = None
    best: float | None = None
    epochs_without_gain: int = 0
    rate_factor: float = 1.0
    retries: int = 0
    guard_at_start: dict[str, float] = field(default_factory=lambda: {"mean": 0.0, "seen": 0})
    history: History = field(default_factory=History)
    generator: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.uint8))
    noise_generator: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.uint8))

    _PLAIN = ("epoch", "position", "seconds", "initial", "best", "epochs_without_gain", "rate_factor", "retries")

    def to_json(self) -> dict[str, Any]:
        """The plain values, JSON-ready."""
        plain = {name: getattr(self, name) for name in self._PLAIN}
        return {**plain, "guard_at_start": self.guard_at_start, "history": self.history.to_json()}

    @classmethod
    def from_saved(cls, manifest: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> RunState:
        """The state that a checkpoint holds."""
        state = cls(**{name: manifest[name] for name in cls._PLAIN})
        state.guard_at_start = dict(manifest["guard_at_start"])
        state.history = History.from_json(manifest["history"])
        state.generator, state.noise_generator = tensors["generator.start"], tensors["noise_generator.start"]
        return state


class CheckpointFolder:
    """Saves a run's state now and then, keeps the newest two, and finds the one to resume from.

    Use it as a context manager: it holds the folder against other processes.

    Parameters
    ----------
    folder : str or path-like
        Created if needed.
    identity : dict of str to str or number
        What the run is: data, composition, settings, versions. A checkpoint of another identity is refused.
    every_seconds : float
        The least time between two checkpoints; the end of a run and an interrupt always save.
    accept_mismatch : bool
        Resume although the identity differs: the result is then not that of an uninterrupted run.

    Raises
    ------
    ResumeError
        On loading, if the checkpoint belongs to other data, parameters or versions, naming each difference.
    RunFolderBusyError
        On entering, if another live process uses the folder.
    """

    def __init__(
        self,
        folder: str | Path,
        identity: Mapping[str, Any],
        every_seconds: float = 60.0,
        accept_mismatch: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.identity = dict(identity)
        self.every_seconds = every_seconds
        self.accept_mismatch = accept_mismatch
        self._saved_at = time.monotonic()
        self._lock = RunLock(self.folder)

    def __enter__(self) -> CheckpointFolder:
        self._lock.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self._lock.__exit__(*details)

    def due(self) -> bool:
        """Whether it is time for another checkpoint."""
        return time.monotonic() - self._saved_at >= self.every_seconds

    def save(self, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Path:
        """Write a new checkpoint, then remove all but the newest two."""
        number = max((self._number(path) for path in self._files()), default=0) + 1
        path = self.folder / f"checkpoint-{number:06d}.safetensors"
        manifest = {"identity": self.identity, "state": dict(state)}
        # An optimiser's moments may be infinite in a run that is about to be rolled back.
        write_sealed(path, KIND, manifest, dict(tensors), allow_nonfinite=True)
        self._saved_at = time.monotonic()
        for old in self._files()[:-KEEP]:
            old.unlink(missing_ok=True)
        return path

    def load(self) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """State and tensors of the newest readable checkpoint; None in a folder without any."""
        files = self._files()
        for position, path in enumerate(reversed(files)):
            try:
                manifest, tensors = read_sealed(path, KIND, allow_nonfinite=True)
            except ModelFileError as error:
                older = files[: len(files) - position - 1]
                if not older:
                    raise
                warnings.warn(
                    f"Checkpoint {path} cannot be read ({error}); going on from {older[-1]} instead.",
                    CheckpointWarning,
                    stacklevel=5,
                )
                continue
            self._check_identity(path, manifest["identity"], tensors)
            return manifest["state"], tensors
        return None

    def _check_identity(self, path: Path, saved: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        if "generator.start" not in tensors:
            raise ResumeError(f"Checkpoint {path} holds no generator state: an exact resume is impossible.")
        differences = [
            f"{name} (checkpoint: {saved.get(name)!r}, now: {self.identity.get(name)!r})"
            for name in sorted({*saved, *self.identity})
            if saved.get(name) != self.identity.get(name)
        ]
        if differences and not self.accept_mismatch:
            raise ResumeError(
                f"Checkpoint {path} belongs to another run. It differs in {'; '.join(differences)}. Train in another "
                "folder, or resume all the same with Checkpoint(folder, accept_mismatch=True) or `--accept-mismatch`."
            )

    def _files(self) -> list[Path]:
        return sorted((path for path in self.folder.glob(GLOB)), key=self._number)

    @staticmethod
    def _number(path: Path) -> int:
        digits = path.name.removeprefix("checkpoint-").removesuffix(".safetensors")
        return int(digits) if digits.isdigit() else 0
