"""Distributions with the few methods that models need, and the KL divergence of each pair of types.

They validate nothing and cache nothing: they are built in every training step.
"""

from .base import Distribution, Posterior
from .bernoulli import IndependentBernoulli
from .by_column import log_prob_by_column
from .categorical import IndependentCategorical
from .column_by_column import ColumnByColumn
from .continuous_bernoulli import ContinuousBernoulli
from .diagonal_mixture import DiagonalMixture
from .discretised_logistic import DiscretisedLogisticMixture
from .divergence import kl_divergence, kl_per_dimension, register_kl
from .flow import FlowDistribution, FlowPosterior
from .hyperspherical import UniformSphere, VonMisesFisher
from .joint import Joint
from .laplace import IndependentLaplace
from .mixture import FiniteMixture, NormalMixture
from .negative_binomial import IndependentNegativeBinomial
from .normal import DiagonalNormal, FullNormal, IsotropicNormal, StandardNormal
from .observed import Observed, observed
from .point import OrderedPointMass, PointMass
from .poisson import IndependentPoisson
from .quantised import QuantisedPosterior, UniformCodes
from .rowwise_mixture import RowwiseNormalMixture
from .spherical_mixture import SphericalMixture
from .student_t import IndependentStudentT
from .symbol_mixture import SymbolMixture
from .symbol_sequence import SymbolSequence
from .zero_inflated import ZeroInflatedNegativeBinomial

__all__ = [
    "ColumnByColumn",
    "ContinuousBernoulli",
    "DiagonalMixture",
    "DiagonalNormal",
    "DiscretisedLogisticMixture",
    "Distribution",
    "FiniteMixture",
    "FlowDistribution",
    "FlowPosterior",
    "FullNormal",
    "IndependentBernoulli",
    "IndependentCategorical",
    "IndependentLaplace",
    "IndependentNegativeBinomial",
    "IndependentPoisson",
    "IndependentStudentT",
    "IsotropicNormal",
    "Joint",
    "NormalMixture",
    "Observed",
    "OrderedPointMass",
    "PointMass",
    "Posterior",
    "QuantisedPosterior",
    "RowwiseNormalMixture",
    "SphericalMixture",
    "StandardNormal",
    "SymbolMixture",
    "SymbolSequence",
    "UniformCodes",
    "UniformSphere",
    "VonMisesFisher",
    "ZeroInflatedNegativeBinomial",
    "kl_divergence",
    "kl_per_dimension",
    "log_prob_by_column",
    "observed",
    "register_kl",
]
