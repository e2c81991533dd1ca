"""Critics: what they minimise, what the model does, and that neither moves the other's parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.functional import softplus

from isthmus.components.latents.gaussian import GaussianLatent
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.networks.layers import initialise
from isthmus.components.networks.mlp import MLP
from isthmus.components.objectives.penalised_likelihood import PenalisedLikelihood
from isthmus.components.penalties.adversarial_matching import AdversarialMatching
from isthmus.components.penalties.adversarial_total_correlation import AdversarialTotalCorrelation
from isthmus.components.priors.standard_normal import StandardNormal
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.progress import START
from isthmus.distributions import PointMass
from isthmus.models.composition import Composition

from .known_numbers import close, item, values
from .passes import pass_with

NETWORK = MLP(hidden=(3,), activation="tanh")
ROWS, DIM = 6, 2


def _built(spec: Any) -> Any:
    module = spec.build(DIM, 4).double()
    initialise(module, torch.Generator().manual_seed(0))
    return module


def critics_tell_codes_from_draws() -> None:
    noise = values(ROWS, DIM + 1, seed=1)
    module = _built(AdversarialMatching(critic=NETWORK))
    z = values(ROWS, DIM).requires_grad_()
    found = pass_with(PointMass(z))
    of_codes, of_draws = module.logits(z).detach(), module.logits(noise[:, :-1]).detach()
    close(item(module.value(found)), softplus(-of_codes).sum(), 1e-12)
    loss = module.critic_loss(found, noise)
    close(item(loss), softplus(-of_draws).sum() + softplus(of_codes).sum(), 1e-12)
    assert torch.autograd.grad(loss, z, allow_unused=True)[0] is None, "the critic's loss must not move codes"


def critics_tell_codes_from_permuted_ones() -> None:
    noise = values(ROWS, DIM, seed=1)
    module = _built(AdversarialTotalCorrelation(critic=NETWORK))
    z = values(ROWS, DIM).requires_grad_()
    found = pass_with(PointMass(z))
    close(item(module.value(found)), module.logits(z).sum().detach(), 1e-12)
    order = np.argsort(noise.numpy(), 0)
    permuted = torch.from_numpy(np.take_along_axis(z.detach().numpy(), order, 0))
    loss = module.critic_loss(found, noise)
    wanted = softplus(-module.logits(z)).sum() + softplus(module.logits(permuted)).sum()
    close(item(loss), item(wanted), 1e-12)
    assert torch.autograd.grad(loss, z, allow_unused=True)[0] is None, "the critic's loss must not move codes"


def critics_have_a_loss_of_their_own() -> None:
    composition = Composition(
        latent_dim=DIM,
        encoder=MLP(hidden=()),
        decoder=MLP(hidden=()),
        latent=GaussianLatent(),
        prior=StandardNormal(),
        likelihoods=(Gaussian(),),
        penalties={"matching": AdversarialMatching(weight=0.7, critic=NETWORK, rate_factor=0.2)},
        objective=PenalisedLikelihood(),
    )
    model = composition.build([Block("continuous", 0, 4, (4,))], torch.Generator().manual_seed(0)).double()
    noise = model.draw_noise(ROWS, torch.Generator().manual_seed(1))
    terms = model.loss(Batch(values(ROWS, 4)), noise, model.weights(START))
    parts = {name: item(part) for name, part in terms.parts.items()}
    close(item(terms.total), (parts["reconstruction"] + 0.7 * parts["matching"]) / ROWS, 1e-12)
    close(item(terms.total_of("matching_critic")), parts["matching_critic"] / ROWS, 1e-12)
    groups = {group.name: group for group in model.parameter_groups()}
    critic = groups["matching_critic"]
    assert {id(parameter) for parameter in critic.parameters} == {
        id(parameter) for parameter in model.penalty_modules.parameters()
    }
    assert (critic.rate_factor, critic.betas) == (0.2, (0.5, 0.9))
    others = {id(p) for name in ("encoder", "decoder") for p in groups[name].parameters}
    assert others.isdisjoint(id(parameter) for parameter in critic.parameters)
