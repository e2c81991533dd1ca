"""The public check of likelihoods notices what it promises to notice."""

from __future__ import annotations

import pytest
import torch

from isthmus.components.likelihoods.categorical import Categorical, CategoricalLikelihood
from isthmus.components.likelihoods.count_rates import CountLikelihood
from isthmus.components.likelihoods.discretised_logistic import DiscretisedLogistic, DiscretisedLogisticLikelihood
from isthmus.components.likelihoods.dispersed_count import DispersedCountLikelihood
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.likelihoods.negative_binomial import NegativeBinomial
from isthmus.components.likelihoods.poisson import Poisson
from isthmus.components.likelihoods.running_scale import RunningScaleLikelihood
from isthmus.components.likelihoods.student_t import StudentT, StudentTLikelihood
from isthmus.distributions import DiscretisedLogisticMixture, IndependentCategorical, IndependentPoisson
from isthmus.testing import check_component


def ignoring_exposure(self, output, exposure):
    return (output + self.offset).clamp(-30, 30)


def wrong_rows(self, output, exposure):
    exposure = self.typical_exposure if exposure is None else exposure.expand(*output.shape[:-1], 1).flip(-2)
    return (output + self.offset + exposure.log()).clamp(-30, 30)


def unbounded(self, output, exposure):
    return output + self.offset + (self.typical_exposure if exposure is None else exposure).log()


def moving_begin(self, target, exposure):
    self.offset.add_(1.0)


def every_draw_counts(self, distribution, target):
    cells = self.deviation(target.double() - distribution.mean.double())
    return cells.flatten(0, -2).sum(0)


def all_cells(self, distribution, target, present=None):
    return self.deviation(target.double() - distribution.mean.double()).sum(-2).reshape(-1, self.width).mean(0)


def one_step_only(self, statistics, rows):
    self.squared_scale.mul_(0.9)


def fixed_theta(self, parameters):
    return self.log_inverse_dispersion.detach()


FAULTS = {
    "exposure ignored": (CountLikelihood, "log_mean", ignoring_exposure, Poisson(), "must double the mean"),
    "exposure of other rows": (CountLikelihood, "log_mean", wrong_rows, Poisson(), "exposure must be its own"),
    "begin that adds up": (CountLikelihood, "begin", moving_begin, Poisson(), "begin is not repeatable"),
    "no whole numbers": (
        IndependentPoisson,
        "draw",
        lambda self, rows, generator=None: self.log_rate.detach().exp(),
        Poisson(),
        "is_density|no whole number",
    ),
    "levels called a density": (DiscretisedLogisticLikelihood, "is_density", True, DiscretisedLogistic(), "is_density"),
    "the masses of neighbours": (
        DiscretisedLogisticMixture,
        "log_prob",
        lambda self, value: self._log_mass(1 - value).sum(-1),
        DiscretisedLogistic(),
        "do not come as often",
    ),
    "no one-hot draws": (
        IndependentCategorical,
        "draw",
        lambda self, rows, generator=None: torch.ones_like(self.logits),
        Categorical(),
        "must be one-hot",
    ),
    "nothing to say": (CategoricalLikelihood, "describe", lambda self: "", Categorical(), "describe must give"),
    "samples counted twice": (
        RunningScaleLikelihood,
        "statistics",
        every_draw_counts,
        Gaussian(sigma="per-feature"),
        "statistics of several samples must be their mean",
    ),
    "a width that is not": (
        RunningScaleLikelihood,
        "statistics",
        lambda self, distribution, target: (target - distribution.mean).double().square().sum((-2, -1)).mean(),
        Gaussian(sigma="per-feature"),
        "statistics_width says 3",
    ),
    "errors of absent cells": (
        RunningScaleLikelihood,
        "statistics",
        all_cells,
        Gaussian(sigma="per-feature"),
        "statistics looks at absent cells",
    ),
    "calibration by steps": (StudentTLikelihood, "calibrate", one_step_only, StudentT(), "not repeatable|less likely"),
    "a parameter out of reach": (
        DispersedCountLikelihood,
        "log_theta",
        fixed_theta,
        NegativeBinomial(),
        "by its own parameter 'log_inverse_dispersion': no gradient",
    ),
    "overflow in float32": (CountLikelihood, "log_mean", unbounded, Poisson(), "size 60 is not finite in float32"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_seeded_fault_is_found(fault, monkeypatch):
    target, name, broken, spec, message = FAULTS[fault]
    check_component(spec)
    monkeypatch.setattr(target, name, broken)
    with pytest.raises(AssertionError, match=message):
        check_component(spec)
