"""The numbers of a model and its optimiser, copied aside and put back."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


class Snapshot:
    """Copies of some tensors, to return to.

    Parameters
    ----------
    tensors : dict of str to Tensor
        The live tensors; :meth:`take` copies their values, :meth:`restore` writes them back in place.
    """

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.live = tensors
        self.copies: dict[str, Tensor] = {}
        self.take()

    @torch.no_grad()
    def take(self) -> None:
        """Copy the live values aside."""
        if not self.copies:
            self.copies = {name: tensor.detach().clone() for name, tensor in self.live.items()}
            return
        for group in _by_dtype(self.live):
            torch._foreach_copy_([self.copies[name] for name in group], [self.live[name].detach() for name in group])

    @torch.no_grad()
    def restore(self) -> None:
        """Write the copies back."""
        for name, tensor in self.live.items():
            tensor.copy_(self.copies[name])

    @torch.no_grad()
    def restore_from(self, saved: dict[str, Tensor], prefix: str, copies_only: bool = False) -> None:
        """Take over copies from a checkpoint's tensors, named with ``prefix``; and write them to the live tensors."""
        for name, copy in self.copies.items():
            copy.copy_(saved[prefix + name])
        if not copies_only:
            self.restore()


def _by_dtype(tensors: dict[str, Tensor]) -> Iterable[list[str]]:
    groups: dict[torch.dtype, list[str]] = {}
    for name, tensor in tensors.items():
        groups.setdefault(tensor.dtype, []).append(name)
    return groups.values()
