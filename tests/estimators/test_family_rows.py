"""A row's result depends on that row alone in the rest of the family too: the same bits at any place, in any company.

Ten columns, seven dimensions and layers of 33: fan-ins where unpadded products round differently at different rows.
"""

from __future__ import annotations

import numpy as np
import pytest

from isthmus import (
    MLP,
    VAE,
    VQVAE,
    Autoencoder,
    FiniteScalar,
    FlowLatent,
    FlowPrior,
    FullGaussian,
    HypersphericalLatent,
    Mixture,
    Point,
    ResidualQuantised,
    StudentT,
    VampPrior,
    VonMisesFisherMixture,
    ZeroInflatedNegativeBinomial,
)

ROWS = np.random.default_rng(0).normal(size=(1000, 10)).astype(np.float32)
COUNTS = np.random.default_rng(0).poisson(3, size=(1000, 10)).astype(float)
SMALL = {"latent_dim": 7, "network": MLP(hidden=(10, 33)), "max_epochs": 1, "batch_size": 64, "random_state": 0}

FAMILY = {
    "flow": VAE(latent=FlowLatent(transforms=1, hidden=(10,)), **SMALL),
    "flow prior": VAE(prior=FlowPrior(transforms=1, hidden=(10,)), **SMALL),
    "vamp": VAE(prior=VampPrior(n_components=37), **SMALL),
    "mixture": VAE(prior=Mixture(n_components=5), **SMALL),
    "full gaussian": VAE(prior=FullGaussian(), **SMALL),
    "sphere": VAE(latent=HypersphericalLatent(), **SMALL),
    "mixture on the sphere": VAE(latent=HypersphericalLatent(), prior=VonMisesFisherMixture(n_components=5), **SMALL),
    "codebook": VQVAE(n_codes=37, tokens=1, **SMALL),
    "residual codebooks": VQVAE(latent=ResidualQuantised(n_codes=37, stages=2), **SMALL),
    "rounded": VQVAE(latent=FiniteScalar(), **SMALL),
    "spectral norm": Autoencoder(decoder=MLP(hidden=(10, 33), spectral_norm=True), **SMALL),
    "k-sparse": Autoencoder(latent=Point(activation="relu", top_k=3), **SMALL),
    "heavy tails": VAE(likelihood=StudentT(), **SMALL),
    "counts": VAE(schema="count", likelihood=ZeroInflatedNegativeBinomial(dispersion="decoded"), **SMALL),
    "shares of counts": VAE(schema="count", likelihood=ZeroInflatedNegativeBinomial(library="observed"), **SMALL),
}


@pytest.mark.parametrize("name", FAMILY)
def test_the_same_bits_at_any_place_and_in_any_company(name):
    rows = COUNTS if "counts" in name else ROWS
    model = FAMILY[name].fit(rows[:64])
    order = np.random.default_rng(1).permutation(len(rows))
    for method in ("transform", "codes", "reconstruct", "score_samples"):
        call = getattr(model, method)
        together = call(rows)
        np.testing.assert_array_equal(call(rows[order]), together[order], err_msg=method)
        np.testing.assert_array_equal(call(rows[700:701]), together[700:701], err_msg=method)
