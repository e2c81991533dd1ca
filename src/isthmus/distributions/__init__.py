"""Distributions with the few methods that models need, and the KL divergence of each pair of types.

They validate nothing and cache nothing: they are built in every training step.
"""

from .base import Distribution, Posterior
from .bernoulli import IndependentBernoulli
from .divergence import kl_divergence, register_kl
from .joint import Joint
from .mixture import NormalMixture
from .normal import DiagonalNormal, FullNormal, IsotropicNormal, StandardNormal
from .point import PointMass

__all__ = [
    "DiagonalNormal",
    "Distribution",
    "FullNormal",
    "IndependentBernoulli",
    "IsotropicNormal",
    "Joint",
    "NormalMixture",
    "PointMass",
    "Posterior",
    "StandardNormal",
    "kl_divergence",
    "register_kl",
]
