"""A network of the user's own, named by its import path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar

import torch
from torch import Generator, nn

from isthmus.core.constraints import Constraint, InstanceOf
from isthmus.core.errors import ParameterError
from isthmus.core.registry import register

from .base import Network


@register("network", "custom")
@dataclass(frozen=True)
class Custom(Network):
    """A module made by ``function(in_features, out_features, mirrored=..., **kwargs)`` from your own package.

    Networks come in by import path, not as live modules: ``clone`` would copy weights, and a model file that names
    a path loads only where that path is trusted, ``isthmus.load(file, trust=["package:function"])``.

    Parameters
    ----------
    path : str
        "package.module:function".
    kwargs : dict of plain values
        Passed on to the function.

    Examples
    --------
    >>> Custom("my_package.networks:wide", {"width": 64})
    Custom(path='my_package.networks:wide', kwargs={'width': 64})
    """

    path: str = ""
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "path": (InstanceOf(str, "an import path 'package.module:function'"),),
        "kwargs": (InstanceOf(Mapping, "a dict of plain values"),),
    }

    def build(self, in_features: int, out_features: int, mirrored: bool = False) -> nn.Module:
        module_name, separator, attribute = self.path.partition(":")
        if not separator:
            raise ParameterError(f"Custom: `path` must look like 'package.module:function'; got {self.path!r}.")
        try:
            function = getattr(import_module(module_name), attribute)
        except (ImportError, AttributeError) as error:
            raise ParameterError(f"Custom: cannot import {self.path!r}: {error}.") from error
        network = function(in_features, out_features, mirrored=mirrored, **self.kwargs)
        if not isinstance(network, nn.Module):
            raise ParameterError(f"Custom: {self.path!r} must return a torch module; got {type(network).__name__}.")
        return _Seeded(network)


class _Seeded(nn.Module):
    """Wraps a foreign module so that its parameters are drawn anew from the run's generator."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def initialise(self, generator: Generator) -> None:
        # Foreign layers only know the global generator: lend them a seeded state and put the caller's back.
        with torch.random.fork_rng(devices=[]):
            torch.random.set_rng_state(generator.get_state())
            for layer in self.network.modules():
                reset: Any = getattr(layer, "reset_parameters", None)
                if reset is not None:
                    reset()
            generator.set_state(torch.random.get_rng_state())

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.network(rows)
