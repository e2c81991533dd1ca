"""A trainer's run as plain values and tensors, and back: for checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from isthmus.core.errors import ResumeError

from .checkpoints import CheckpointFolder
from .history import History
from .run_state import RunState
from .snapshot import model_part, restore

if TYPE_CHECKING:
    from .loop import Trainer


def save(trainer: Trainer, folder: CheckpointFolder) -> None:
    """Write everything from which the run goes on to the same bits."""
    state = trainer.state
    tensors = _prefixed("live.", trainer.live)
    tensors.update(_prefixed("untrained.", state.untrained))
    tensors.update(_prefixed("best.", state.best_copies or {}))
    tensors.update(trainer.means.tensors())
    tensors["generator.now"] = trainer.generator.get_state()
    tensors["noise_generator.now"] = trainer.noise_generator.get_state()
    if state.begun:
        tensors.update(_prefixed("start.", state.start))
        tensors["generator.start"], tensors["noise_generator.start"] = state.generator, state.noise_generator
    manifest = {
        **state.to_json(),
        "history": trainer.history.to_json(),
        "counters": trainer.step.counters(),
        "splits": trainer.step.splits,
        "held_out_chunk": trainer.held_out.chunk,
        "part_names": list(trainer.means.names),
        "rows": trainer.means.rows,
    }
    folder.save(manifest, tensors)


def resume(trainer: Trainer, folder: CheckpointFolder) -> bool:
    """Put a trainer where the folder's newest checkpoint stands; False if there is none.

    If the checkpoint belongs to another run (and that was accepted), or lacks the generators' states, the epoch that
    was under way begins anew.
    """
    found = folder.load()
    if found is None:
        return False
    tensors = found.tensors
    try:
        state = RunState.from_json(found.state)
        live, untrained = _part(tensors, "live."), _part(tensors, "untrained.")
        start = _part(tensors, "start.") if state.begun else {}
        best = None if state.best is None else _part(tensors, "best.")
        history = History.from_json(found.state["history"])
        counters = found.state["counters"]
        trainer.step.splits = int(found.state["splits"])
        trainer.held_out.chunk = int(found.state["held_out_chunk"])
        names, rows = list(found.state["part_names"]), int(found.state["rows"])
        sums = {name: tensors[name] for name in ("sums.pending", "sums.folded")}
    except (KeyError, TypeError, ValueError) as error:
        raise ResumeError(f"Checkpoint {found.path} is incomplete ({error!r}). Train in another folder.") from error
    for copies in (live, *([start] if state.begun else [])):
        _check(found.path, copies, trainer.live)
    for copies in (untrained, *([] if best is None else [best])):
        _check(found.path, copies, model_part(trainer.live))
    device = trainer.device
    trainer.history.rows[:], trainer.history.events[:] = history.rows, history.events
    if state.begun and not found.exact:
        live, counters, rows = start, state.step_at_start, 0
        state = replace(state, begun=False, position=0)
    trainer.state = replace(
        state,
        start=_on(device, start),
        best_copies=None if best is None else _on(device, best),
        untrained=_on(device, untrained),
    )
    restore(trainer.live, live)
    trainer.step.restore_counters(counters)
    trainer.step.part_names = tuple(names)
    if state.begun:
        trainer.means.restore(sums, names, rows, device)
    _restore_generators(trainer, tensors)
    return True


def _restore_generators(trainer: Trainer, tensors: Mapping[str, Tensor]) -> None:
    """An unfinished epoch begins again with the draws it began with."""
    moment = "start" if trainer.state.begun else "now"
    for name, generator in (("generator", trainer.generator), ("noise_generator", trainer.noise_generator)):
        saved = tensors.get(f"{name}.{moment}")
        # A generator of another kind of device (only where a mismatch was accepted) has a state of another size.
        if saved is not None and saved.numel() == generator.get_state().numel():
            generator.set_state(saved)
    trainer.state.generator = trainer.generator.get_state()
    trainer.state.noise_generator = trainer.noise_generator.get_state()


def _check(path: Any, saved: Mapping[str, Tensor], live: Mapping[str, Tensor]) -> None:
    """Refuse tensors that are not exactly those of the model and the optimiser."""
    for name in sorted({*saved, *live}):
        there, here = saved.get(name), live.get(name)
        if there is None or here is None or there.shape != here.shape or there.dtype != here.dtype:
            raise ResumeError(
                f"Checkpoint {path} holds another model: {name!r} is {_words(there)} there and {_words(here)} here. "
                "Train in another folder."
            )


def _words(tensor: Tensor | None) -> str:
    return "missing" if tensor is None else f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in tensors.items()}


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _on(device: torch.device, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.to(device) for name, tensor in tensors.items()}
