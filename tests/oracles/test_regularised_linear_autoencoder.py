"""Oracle 10, second half: weight decay turns the codes of a linear autoencoder into shrunk principal components."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from linear_models import known_data

from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.networks.mlp import MLP
from isthmus.components.penalties.weight_decay import WeightDecay
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.loss_terms import LossTerms
from isthmus.core.progress import END
from isthmus.core.random import torch_generator
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.defaults import Parts, complete

DATA = known_data()
LATENT_DIM, WEIGHT = 3, 0.4
ROWS = len(DATA.rows)
# Kunin et al. (2019): λ_r(‖W₁‖² + ‖W₂‖²) on the summed squared error, whose half per row is ours.
LAMBDA = ROWS * WEIGHT
SHRINKAGE = np.sqrt(1 - LAMBDA / (ROWS * DATA.eigenvalues[:LATENT_DIM]))


def linear_model(seed: int) -> ComposedAutoencoder:
    block = Block("continuous", 0, DATA.width, (DATA.width,))
    parts = Parts(
        latent_dim=LATENT_DIM,
        network=MLP(hidden=()),
        likelihood=Gaussian(sigma=1.0, mean="identity"),
        penalties={"decay": WeightDecay(weight=WEIGHT, on="both")},
    )
    return complete(parts, [block]).build([block], torch_generator(seed)).double()


def loss_of(model: ComposedAutoencoder) -> LossTerms:
    return model.loss(Batch(DATA.rows), None, model.weights(END))


def model_at_optimum() -> ComposedAutoencoder:
    model = linear_model(0)
    basis = DATA.eigenvectors[:, :LATENT_DIM] * SHRINKAGE
    with torch.no_grad():
        model.encoder[0].weight.copy_(torch.from_numpy(basis.T))
        model.encoder[0].bias.copy_(torch.from_numpy(-basis.T @ DATA.mean))
        model.decoder[0].weight.copy_(torch.from_numpy(basis))
        model.decoder[0].bias.copy_(torch.from_numpy(DATA.mean))
    return model


def test_the_gradient_vanishes_at_the_closed_form() -> None:
    model = model_at_optimum()
    loss_of(model).total.backward()
    for name, parameter in model.named_parameters():
        assert float(parameter.grad.abs().max()) < 1e-12, name


def test_training_reaches_the_closed_form() -> None:
    model = linear_model(5)
    optimiser = torch.optim.LBFGS(
        model.parameters(), max_iter=600, tolerance_grad=1e-12, tolerance_change=1e-16, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = loss_of(model).total
        loss.backward()
        return loss

    optimiser.step(closure)
    best = float(loss_of(model_at_optimum()).total.detach())
    assert float(loss_of(model).total.detach()) == pytest.approx(best, rel=1e-9)
    encoder, decoder = model.encoder[0].weight.detach(), model.decoder[0].weight.detach()
    torch.testing.assert_close(encoder, decoder.T, rtol=0, atol=1e-4)
    np.testing.assert_allclose(torch.linalg.svdvals(decoder), SHRINKAGE, atol=1e-4)
    basis = DATA.eigenvectors[:, :LATENT_DIM]
    np.testing.assert_allclose(decoder @ encoder, basis * SHRINKAGE**2 @ basis.T, atol=1e-4)
