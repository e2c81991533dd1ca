"""The log-probability of a row, column by column."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import torch
from torch import Tensor

from isthmus.core.errors import ParameterError

from .bernoulli import IndependentBernoulli
from .categorical import IndependentCategorical
from .continuous_bernoulli import ContinuousBernoulli
from .discretised_logistic import DiscretisedLogisticMixture
from .joint import Joint
from .laplace import IndependentLaplace
from .negative_binomial import IndependentNegativeBinomial
from .normal import DiagonalNormal, IsotropicNormal
from .poisson import IndependentPoisson
from .student_t import IndependentStudentT
from .zero_inflated import ZeroInflatedNegativeBinomial


@singledispatch
def log_prob_by_column(distribution: Any, value: Tensor) -> Tensor:
    """log p(x_j) of each column under a likelihood whose columns are independent: (n, d) -> (n, columns).

    They add up to ``distribution.log_prob(value)``. The levels of a categorical column are one column together.

    Most are asked about rows of a single column: with parameters (n, d, 1) the sum over columns is one over nothing.

    Raises
    ------
    ParameterError
        The columns are not independent, or it is not known whether they are.

    Examples
    --------
    >>> coins = IndependentBernoulli(torch.tensor([[0.0, 200.0]]))
    >>> log_prob_by_column(coins, torch.ones(1, 2))
    tensor([[-0.6931,  0.0000]])
    """
    own = getattr(distribution, "log_prob_by_column", None)
    if own is None:
        raise ParameterError(
            f"The likelihood gives {type(distribution).__name__}, whose log-probability is not known column by column. "
            "Use another likelihood, or give that distribution a method log_prob_by_column(value) -> (n, columns)."
        )
    terms: Tensor = own(value)
    return terms


@log_prob_by_column.register
def _joint(distribution: Joint, value: Tensor) -> Tensor:
    return torch.cat([log_prob_by_column(part, value[..., start:stop]) for start, stop, part in distribution.parts], -1)


@log_prob_by_column.register
def _isotropic(distribution: IsotropicNormal, value: Tensor) -> Tensor:
    return IsotropicNormal(_single(distribution.mean), distribution.variance).log_prob(_single(value))


@log_prob_by_column.register
def _diagonal(distribution: DiagonalNormal, value: Tensor) -> Tensor:
    return DiagonalNormal(_single(distribution.mean), _single(distribution.log_std)).log_prob(_single(value))


@log_prob_by_column.register(IndependentBernoulli)
@log_prob_by_column.register(ContinuousBernoulli)
def _coins(distribution: IndependentBernoulli | ContinuousBernoulli, value: Tensor) -> Tensor:
    return type(distribution)(_single(distribution.logits)).log_prob(_single(value))


@log_prob_by_column.register
def _laplace(distribution: IndependentLaplace, value: Tensor) -> Tensor:
    return IndependentLaplace(_single(distribution.location), _single(distribution.scale)).log_prob(_single(value))


@log_prob_by_column.register
def _student(distribution: IndependentStudentT, value: Tensor) -> Tensor:
    parameters = distribution.location, distribution.scale, distribution.degrees_of_freedom
    return IndependentStudentT(*map(_single, parameters)).log_prob(_single(value))


@log_prob_by_column.register
def _poisson(distribution: IndependentPoisson, value: Tensor) -> Tensor:
    return IndependentPoisson(_single(distribution.log_rate)).log_prob(_single(value))


@log_prob_by_column.register(IndependentNegativeBinomial)
@log_prob_by_column.register(ZeroInflatedNegativeBinomial)
def _counts(distribution: IndependentNegativeBinomial | ZeroInflatedNegativeBinomial, value: Tensor) -> Tensor:
    return distribution.log_mass(value)


@log_prob_by_column.register
def _categorical(distribution: IndependentCategorical, value: Tensor) -> Tensor:
    levels = (-1, distribution.cardinality)
    columns = IndependentCategorical(distribution.logits.unflatten(-1, levels), distribution.cardinality)
    return columns.log_prob(value.unflatten(-1, levels))


@log_prob_by_column.register
def _discretised(distribution: DiscretisedLogisticMixture, value: Tensor) -> Tensor:
    parameters = distribution.mixture_logits, distribution.locations, distribution.log_scales
    logits, locations, log_scales = (one.unsqueeze(-2) for one in parameters)
    return DiscretisedLogisticMixture(logits, locations, log_scales, distribution.step).log_prob(_single(value))


def _single(parameter: Tensor) -> Tensor:
    """(..., d) -> (..., d, 1); what all columns share stays as it is."""
    return parameter.unsqueeze(-1) if parameter.ndim else parameter
