"""Oracle 10: a linear autoencoder finds the principal components; its error is what PCA leaves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from linear_models import exact_loss, known_data, linear_model, squared_error, train
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA

import isthmus

DATA = known_data(80)


@pytest.mark.parametrize("latent_dim", [1, 2, 4])
def test_training_the_real_loss_reaches_pca(latent_dim: int) -> None:
    model = train(linear_model(DATA.width, latent_dim, sigma=1.0, stochastic=False), DATA.rows)
    residual = DATA.eigenvalues[latent_dim:].sum()
    assert squared_error(model, DATA.rows) == pytest.approx(residual, rel=1e-7)
    loss = float(exact_loss(model, DATA.rows).total.detach())
    assert loss == pytest.approx(0.5 * residual + 0.5 * DATA.width * np.log(2 * np.pi), rel=1e-9)
    pca = PCA(latent_dim).fit(DATA.rows.numpy())
    projected = pca.inverse_transform(pca.transform(DATA.rows.numpy()))
    np.testing.assert_allclose(model(DATA.rows).detach(), projected, atol=1e-4)
    basis = torch.linalg.qr(model.decoder[0].weight.detach())[0].numpy()
    np.testing.assert_allclose(basis @ basis.T, pca.components_.T @ pca.components_, atol=1e-4)


@pytest.mark.parametrize(("name", "latent_dim"), [("iris", 2), ("digits", 6)])
def test_the_recipe_matches_scikit_learns_pca(name: str, latent_dim: int) -> None:
    X = {"iris": load_iris, "digits": load_digits}[name]().data[:500].astype(float)
    pca = PCA(latent_dim).fit(X)
    projected = pca.inverse_transform(pca.transform(X))
    fitted = isthmus.recipe(
        "linear-autoencoder", latent_dim=latent_dim, validation_fraction=None, patience=None, random_state=0
    ).fit(X)
    reconstructed = fitted.reconstruct(X)
    left = ((X - projected) ** 2).sum(1).mean()
    assert ((X - reconstructed) ** 2).sum(1).mean() == pytest.approx(left, rel=0.01)
    assert ((projected - reconstructed) ** 2).sum(1).mean() < 0.02 * left
    # The score is minus the squared error in scaled features.
    scaled = (X - reconstructed) * fitted.schema_.columns.scale
    np.testing.assert_allclose(-fitted.score_samples(X), (scaled**2).sum(1), rtol=1e-3, atol=1e-5)
