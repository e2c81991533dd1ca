"""The density over the codes: the right candidate wins, and it is what scikit-learn fitted."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from isthmus.components.priors.full_gaussian import FullGaussian
from isthmus.components.priors.mixture import Mixture
from isthmus.components.priors.standard_normal import StandardNormal
from isthmus.uses.euclidean_density import _free_parameters, fit_euclidean_density


def standard(generator, n):
    return generator.normal(size=(n, 2))


def correlated(generator, n):
    return generator.normal(size=(n, 2)) @ np.array([[2.0, 1.5], [0.0, 0.3]]) + [4, -1]


def clustered(generator, n):
    return generator.normal(size=(n, 2)) * 0.1 + generator.choice([[-3, 0], [3, 1], [0, 4]], size=n)


@pytest.mark.parametrize("held_out", [True, False], ids=["held-out", "criterion"])
@pytest.mark.parametrize(
    ("draw", "winner"), [(standard, StandardNormal), (correlated, FullGaussian), (clustered, Mixture)]
)
def test_the_true_family_is_chosen(draw, winner, held_out):
    generator = np.random.default_rng(0)
    codes, fresh = draw(generator, 2000), draw(generator, 1000)
    spec, _ = fit_euclidean_density(codes, fresh if held_out else None, seed=0)
    if winner is StandardNormal and held_out:
        # A full Gaussian fitted to 2,000 standard normal rows is as good as N(0, I) on 1,000 others, within noise.
        assert isinstance(spec, (StandardNormal, FullGaussian))
    else:
        assert isinstance(spec, winner)


def test_a_full_gaussian_has_the_moments_of_the_codes():
    codes = correlated(np.random.default_rng(1), 5000)
    _, module = fit_euclidean_density(codes, None, seed=0)
    density = module()
    expected = multivariate_normal(codes.mean(0), np.cov(codes.T, bias=True)).logpdf(codes[:50])
    np.testing.assert_allclose(density.log_prob(torch.from_numpy(codes[:50]).float()).numpy(), expected, atol=1e-3)


def test_a_mixture_is_the_one_that_scikit_learn_fitted():
    codes = clustered(np.random.default_rng(2), 3000)
    spec, module = fit_euclidean_density(codes, None, seed=3)
    fitted = GaussianMixture(
        spec.n_components, reg_covar=1e-6 * codes.var(0).mean(), max_iter=50, tol=1e-2, random_state=3
    ).fit(codes)
    ours = module().log_prob(torch.from_numpy(codes[:100]).float()).numpy()
    np.testing.assert_allclose(ours, fitted.score_samples(codes[:100]), atol=2e-3)


def test_free_parameters_are_counted_as_the_criterion_wants_them():
    assert _free_parameters(StandardNormal().build(3)) == 0
    assert _free_parameters(FullGaussian().build(3)) == 3 + 6
    assert _free_parameters(Mixture(n_components=4).build(3)) == 4 * (3 + 6) + 3


def test_collapsed_and_constant_codes_do_not_stop_the_fit():
    codes = np.zeros((300, 4))
    codes[:, 0] = np.random.default_rng(0).normal(size=300)
    _, module = fit_euclidean_density(codes, codes[:50], seed=0)
    assert torch.isfinite(module().draw(100, torch.Generator().manual_seed(0))).all()
    _, module = fit_euclidean_density(np.zeros((30, 2)), None, seed=0)
    assert torch.isfinite(module().draw(10, torch.Generator().manual_seed(0))).all()


def test_few_codes_fall_back_to_fewer_candidates():
    spec, _ = fit_euclidean_density(np.random.default_rng(0).normal(size=(5, 2)), None, seed=0)
    assert isinstance(spec, (StandardNormal, FullGaussian))
