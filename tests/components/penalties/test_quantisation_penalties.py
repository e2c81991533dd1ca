"""The two sides of the distance between encoder and codebook: equal in value, each with a gradient of its own."""

from __future__ import annotations

import torch

from isthmus.components.latents.vector_quantised import VectorQuantised
from isthmus.components.networks.layers import initialise
from isthmus.components.penalties.codebook import CodebookLoss
from isthmus.components.penalties.commitment import Commitment
from isthmus.core.random import torch_generator
from isthmus.testing.examples import example_model, example_passes


def test_values_are_squared_distances_summed_over_rows_and_dimensions() -> None:
    model = example_model(False, {"c": Commitment()}, latent=VectorQuantised(n_codes=3, tokens=1))
    whole, _ = example_passes(model)
    wanted = (whole.posterior.encoded - whole.posterior.quantised).square().sum()
    assert wanted > 0
    torch.testing.assert_close(Commitment(weight=9.0).value(whole), wanted)
    torch.testing.assert_close(CodebookLoss().value(whole), wanted)


def test_each_penalty_moves_its_own_side() -> None:
    model = example_model(
        False, {"codebook": CodebookLoss()}, latent=VectorQuantised(n_codes=3, tokens=1, update="gradient")
    )
    initialise(model.latent, torch_generator(0))
    whole, _ = example_passes(model)
    encoded, weight = whole.posterior.encoded, model.latent.codebook.weight
    difference = 2 * (encoded - whole.posterior.quantised).detach()
    found = torch.autograd.grad(Commitment().value(whole), [encoded, weight], allow_unused=True, retain_graph=True)
    torch.testing.assert_close(found[0], difference)
    assert found[1] is None
    found = torch.autograd.grad(CodebookLoss().value(whole), [encoded, weight], allow_unused=True)
    assert found[0] is None
    wanted = torch.zeros_like(weight).index_add_(0, whole.posterior.symbols[:, 0], -difference)
    torch.testing.assert_close(found[1], wanted)
