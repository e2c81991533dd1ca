"""Parameters with a loss of their own: each group is moved by its loss, by no other, and by all of it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from isthmus.components.networks.mlp import MLP
from isthmus.components.objectives.importance_weighted import ImportanceWeighted
from isthmus.components.objectives.multiple_importance_weighted import MultipleImportanceWeighted
from isthmus.components.objectives.partially_importance_weighted import PartiallyImportanceWeighted
from isthmus.components.penalties.adversarial_matching import AdversarialMatching
from isthmus.components.penalties.adversarial_total_correlation import AdversarialTotalCorrelation
from isthmus.components.penalties.kl import KL
from isthmus.components.priors.mixture import Mixture
from isthmus.core.batch import Batch
from isthmus.core.errors import ParameterError
from isthmus.core.progress import END
from isthmus.core.random import torch_generator
from isthmus.training.step import OptimiserStep

CPU = torch.device("cpu")
CRITIC = MLP(hidden=(6,), activation="relu")


def gradients(loss: Tensor, parameters: dict[str, Tensor]) -> dict[str, Tensor]:
    found = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
    return {
        name: torch.zeros_like(one) if gradient is None else gradient
        for (name, one), gradient in zip(parameters.items(), found, strict=True)
    }


def step_of(workshop, model):
    return OptimiserStep(model, workshop.settings, CPU, lambda kind, words: None)


def stepped(workshop, model, batch, noise, splits=1):
    """One step at rate 0: the gradients that it used, by parameter name."""
    step = step_of(workshop, model)
    step.splits = splits
    assert step.run(batch, noise, model.weights(END), 0.0) is not None
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}, step


def same(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    assert found.keys() == wanted.keys()
    for name in wanted:
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-9, atol=1e-12, msg=lambda m, n=name: f"{n}: {m}")


def prepared(workshop, **parts):
    model = workshop.model(stochastic=True, prior=Mixture(n_components=3), **parts).double()
    generator = torch_generator(2)
    for parameter in model.prior.parameters():  # components that do not coincide
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return model, Batch(workshop.values(rows=10).double()), model.draw_noise(10, generator)


def place(model, name):
    """Penalties' modules are numbered in the order of their names."""
    return sorted(model.penalties).index(name)


@pytest.mark.parametrize("splits", [1, 3])
def test_partially_importance_weighted_groups(workshop, splits):
    model, batch, noise = prepared(workshop, objective=PartiallyImportanceWeighted(samples=3, repeats=2))
    found, _ = stepped(workshop, model, batch, noise, splits)
    parameters = dict(model.named_parameters())
    wanted = {}
    for objective, encoder in ((MultipleImportanceWeighted(3, 2), True), (ImportanceWeighted(6), False)):
        model.objective = objective
        mine = {name: one for name, one in parameters.items() if name.startswith("encoder") == encoder}
        wanted |= gradients(model.loss(batch, noise, model.weights(END)).total, mine)
    same(found, {name: wanted[name] for name in parameters})
    assert all(wanted[name].abs().max() > 0 for name in wanted)


def critics(workshop, **penalties):
    return prepared(workshop, penalties={**penalties, "kl": KL(0.5)})


BOTH = {
    "match": AdversarialMatching(weight=2.0, critic=CRITIC, rate_factor=1.0),
    "factor": AdversarialTotalCorrelation(weight=3.0, critic=CRITIC, rate_factor=0.1),
}


def test_critics_minimise_their_own_loss_and_the_model_minimises_the_rest(workshop):
    model, batch, noise = critics(workshop, **BOTH)
    assert {name for name in model.weights(END) if name.endswith("_critic")} == {"match_critic", "factor_critic"}
    found, step = stepped(workshop, model, batch, noise)
    parts = model.loss(batch, noise, model.weights(END)).parts
    parameters = dict(model.named_parameters())
    own = {name: one for name, one in parameters.items() if not name.startswith("penalty_modules")}
    loss = parts["reconstruction"] + 0.5 * parts["kl"] + 2.0 * parts["match"] + 3.0 * parts["factor"]
    wanted = gradients(loss / 10, own)
    for name in ("factor", "match"):
        prefix = f"penalty_modules.{place(model, name)}."
        mine = {key: one for key, one in parameters.items() if key.startswith(prefix)}
        wanted |= gradients(parts[f"{name}_critic"] / 10, mine)
    same(found, {name: wanted[name] for name in parameters})
    assert all(bool(gradient.any()) for name, gradient in found.items() if "critic" in name)
    # One optimiser per kind of training: the model's, and one for each critic, whose rates differ.
    kinds = [(one.rate_factor, one.betas) for one in step.optimisers]
    assert kinds == [(1.0, (0.9, 0.999)), (1.0, (0.5, 0.9)), (0.1, (0.5, 0.9))]


def test_splitting_a_batch_leaves_a_critic_its_gradient(workshop):
    model, batch, noise = critics(workshop, match=BOTH["match"])
    whole, _ = stepped(workshop, model, batch, noise)
    same(stepped(workshop, model, batch, noise, splits=4)[0], whole)


def test_a_critic_of_permuted_codes_refuses_to_be_split(workshop):
    model, batch, noise = critics(workshop, factor=BOTH["factor"])
    step = step_of(workshop, model)

    def without_memory(*arguments):
        raise torch.OutOfMemoryError("out of memory")

    step._loss = model.loss = without_memory
    with pytest.raises(ParameterError, match="penalty `factor` needs the whole batch at once"):
        step.run(batch, noise, model.weights(END), 0.0)


def test_a_critic_learns_while_the_model_stands_still(workshop):
    """The critic's rate is its own: at factor 0.1 of the run's rate Adam's first step is a tenth as long."""
    model, batch, noise = critics(workshop, **BOTH)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    step = step_of(workshop, model)
    step.run(batch, noise, model.weights(END), 1e-2)
    moved = {name: float((p.detach() - before[name]).abs().max()) for name, p in model.named_parameters()}
    assert moved[f"penalty_modules.{place(model, 'match')}.critic.0.weight"] == pytest.approx(1e-2, rel=1e-3)
    assert moved[f"penalty_modules.{place(model, 'factor')}.critic.0.weight"] == pytest.approx(1e-3, rel=1e-3)
    assert moved["encoder.0.weight"] == pytest.approx(1e-2, rel=1e-3)


def test_parameters_that_are_frozen_stay_out_of_it(workshop):
    model, batch, noise = critics(workshop, match=BOTH["match"])
    model.decoder[0].weight.requires_grad_(False)
    critic = model.penalties_by_name["match"].critic
    critic[0].bias.requires_grad_(False)
    step = step_of(workshop, model)
    assert step.run(batch, noise, model.weights(END), 1e-2) is not None
    assert model.decoder[0].weight.grad is None
    assert critic[0].bias.grad is None
    assert model.decoder[0].bias.grad is not None


def test_a_run_with_a_critic_moves_codes_towards_the_prior(workshop):
    values = 3.0 + workshop.values(rows=256)
    found = {}
    for weight in (0.0, 1.0):
        penalty = AdversarialMatching(weight=weight, critic=MLP(hidden=(32,), activation="relu"), rate_factor=1.0)
        model = workshop.model(penalties={"match": penalty}, hidden=(16,))
        trainer = workshop.trainer(model, values, max_epochs=60, batch_size=64, learning_rate=1e-2)
        trainer.run()
        with torch.no_grad():
            code = trainer.model.eval().encode(values).code
        found[weight] = float(code.mean(0).square().sum() + (code.std(0) - 1).square().sum())
    assert found[1.0] < 0.25 * found[0.0]
