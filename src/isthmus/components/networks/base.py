"""The contract of networks."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from torch import nn

from isthmus.core.spec import Spec


@dataclass(frozen=True)
class Network(Spec):
    """A spec of a network from vectors to vectors.

    To add one: subclass, implement :meth:`build`, register it on the axis "network". The module may draw random
    numbers only from layers of :mod:`isthmus.components.networks.layers`, which take the run's generator.
    """

    @abstractmethod
    def build(self, in_features: int, out_features: int, mirrored: bool = False) -> nn.Module:
        """A module (n, in_features) -> (n, out_features).

        ``mirrored`` asks for the layers in reverse order: the decoder that mirrors an encoder of the same spec.
        """
