"""Models whose encoder is told which cells it sees: everything composes with them, and holes change nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from isthmus.components.corruptions.hiding import Hiding
from isthmus.components.corruptions.masking import Masking
from isthmus.components.latents.gaussian import GaussianLatent
from isthmus.components.latents.point import Point
from isthmus.components.latents.vector_quantised import VectorQuantised
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.networks.mlp import MLP
from isthmus.components.objectives.penalised_likelihood import PenalisedLikelihood
from isthmus.components.penalties.contraction import Contraction
from isthmus.components.priors.vamp import VampPrior
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.noise import Noise
from isthmus.core.progress import END
from isthmus.core.random import torch_generator
from isthmus.core.registry import registered
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.composition import Composition
from isthmus.models.defaults import Parts, complete, likelihood_for

ROWS, CONDITIONS = 6, 2
DATA = (
    Block("continuous", 0, 2, (2,)),
    Block("count", 2, 3, (1,), variance=4.0, mean=2.0),
    Block("categorical", 3, 9, (6,), cardinality=3),
)
HOLED = (*DATA, Block("missing", 9, 11, (2,), of=(1, 4)))
LATENTS = (GaussianLatent(), Point(), Point(activation="sigmoid"), VectorQuantised(n_codes=4, tokens=1))
LATENTS = (*LATENTS, LATENTS[-1].replace(update="gradient"))
# What looks at images needs some, and there are no holes in them here.
PENALTIES = {
    name: cls()
    for (axis, name), cls in sorted(registered().items())
    if axis == "penalty" and not hasattr(cls(), "shape")
}
OBJECTIVES = {name: cls() for (axis, name), cls in sorted(registered().items()) if axis == "objective"}


def accepted(blocks: tuple[Block, ...], **parts: object) -> Composition:
    """The composition with the first latent that it takes, and a likelihood for each block."""
    refused: ParameterError | None = None
    for latent in LATENTS:
        try:
            given = Parts(latent_dim=2, network=MLP(hidden=(3,), activation="tanh"), latent=latent, **parts)  # type: ignore[arg-type]
            found = complete(given, blocks)
        except ParameterError as error:
            refused = error
            continue
        return found
    raise refused or AssertionError


def composition(blocks: tuple[Block, ...], kind: str, name: str) -> Composition:
    if name == "code-alone":  # it looks at likelihoods of whole rows only
        return accepted(blocks)
    if kind == "objective":
        found = accepted(blocks, objective=OBJECTIVES[name])
    elif kind == "prior":
        found = accepted(blocks, prior=VampPrior(3), stochastic=True)
    else:
        try:
            found = accepted(blocks, penalties={name: PENALTIES[name]})
        except ParameterError:  # it goes with another one only
            found = accepted(blocks, penalties={name: PENALTIES[name], "commitment": PENALTIES["commitment"]})
    penalties = {name: one for name, one in found.penalties.items() if name != "code_alone"}
    likelihoods = tuple(likelihood_for(block, squared_error=False) for block in blocks)
    return replace(found, likelihoods=likelihoods, penalties=penalties)


def rows(blocks: tuple[Block, ...]) -> Tensor:
    normal = torch.randn(ROWS, 9, generator=torch_generator(0), dtype=torch.float64)
    normal[:, 2] = normal[:, 2].abs().mul(3).round()
    levels = normal[:, 3:].unflatten(1, (2, 3)).argmax(-1)
    normal[:, 3:] = torch.nn.functional.one_hot(levels, 3).flatten(1).to(normal)
    return torch.cat([normal, torch.zeros(ROWS, blocks[-1].stop - 9)], 1)


def built(composition: Composition, blocks: tuple[Block, ...], batch: Batch) -> ComposedAutoencoder:
    model = composition.build(blocks, torch_generator(1), CONDITIONS).double()
    model.begin(batch, ROWS, torch_generator(2))
    return model


CASES = [
    *[("penalty", name) for name in PENALTIES],
    *[("objective", name) for name in OBJECTIVES],
    ("prior", "vamp"),
]
CONDITION = torch.randn(ROWS, CONDITIONS, generator=torch_generator(9), dtype=torch.float64)


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_an_aware_encoder_that_ignores_its_flags_is_the_plain_one(kind: str, name: str) -> None:
    plain_parts = replace(composition(DATA, kind, name), corruption=None)
    batch = Batch(rows(DATA), condition=CONDITION)
    plain = built(plain_parts, DATA, batch)
    aware = built(replace(plain_parts, corruption=Hiding(share=0.0)), DATA, batch)
    width, flags = plain.width, 5
    kept = torch.tensor([*range(width), *range(width + flags, width + flags + CONDITIONS)])
    with torch.no_grad():
        for key, tensor in plain.state_dict().items():
            target = aware.state_dict()[key]
            if target.shape == tensor.shape:
                target.copy_(tensor)
            else:  # what is as wide as the encoder's input
                target[..., kept] = tensor
                target[..., width : width + flags] = 1.0 if key.startswith("prior") else 0.0
    noise = plain.draw_noise(ROWS, torch_generator(3)) or Noise()
    told = aware.draw_noise(ROWS, torch_generator(3))
    assert told is not None
    assert told.corruption is not None
    assert told.corruption.shape == (ROWS, 1 + flags)
    weights = plain.weights(END)
    wanted, found = (
        plain.loss(batch, noise, weights),
        aware.loss(batch, replace(noise, corruption=told.corruption), weights),
    )
    assert set(found.parts) == set(wanted.parts)
    for part, value in wanted.parts.items():
        torch.testing.assert_close(found.parts[part], value, rtol=1e-9, atol=1e-9)
    found.total.backward()
    wanted.total.backward()
    for (key, mine), theirs in zip(aware.decoder.named_parameters(), plain.decoder.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, msg=key)
    assert all(one.grad is None or one.grad.isfinite().all() for one in aware.parameters())


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_what_stands_in_an_absent_cell_changes_nothing(kind: str, name: str) -> None:
    parts = composition(HOLED, kind, name)
    assert parts.corruption == Hiding()
    parts = replace(parts, corruption=Hiding(share=1.0))
    present = torch.rand(ROWS, 7, generator=torch_generator(5)) < 0.6
    present[:, 5:] = True
    features = rows(HOLED)
    features[:, 9:] = (~present[:, [1, 4]]).double()
    other = torch.where(present[:, [0, 1, 2, 3, 3, 3, 4, 4, 4, 5, 6]], features, torch.nan)
    other[0] = torch.where(other[0].isnan(), 7.0, other[0])
    batch, same = (Batch(one, present, condition=CONDITION) for one in (features, other))
    model = built(parts, HOLED, batch)
    noise, weights = model.draw_noise(ROWS, torch_generator(3)), model.weights(END)
    gradients = []
    for one in (batch, same):
        model.zero_grad()
        terms = model.loss(one, noise, weights)
        terms.total.backward()
        gradients.append([terms.total.detach(), *[p.grad for p in model.parameters() if p.grad is not None]])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
    assert all(one.isfinite().all() for one in gradients[0])
    if not model.whole_batch_penalties:
        pieces = (slice(0, 2), slice(2, ROWS))
        halves = [model.loss(batch.rows(s), None if noise is None else noise[s], weights) for s in pieces]
        total = sum(half.total.detach() * half.rows for half in halves) / ROWS
        torch.testing.assert_close(total, gradients[0][0])


def test_rows_without_holes_are_the_same_whether_or_not_they_say_so() -> None:
    model = built(composition(HOLED, "penalty", "kl"), HOLED, Batch(rows(HOLED), condition=CONDITION))
    batch = Batch(rows(HOLED), condition=CONDITION)
    told = Batch(rows(HOLED), torch.ones(ROWS, 7, dtype=torch.bool), condition=CONDITION)
    a, b = (model.loss(one, None, {}).total.detach() for one in (batch, told))
    assert torch.equal(a, b)


def test_the_default_for_holes_hides_cells_and_can_be_left_out() -> None:
    assert complete(Parts(), HOLED).corruption == Hiding()
    assert complete(Parts(), DATA).corruption is None
    assert complete(Parts(corruption=Masking()), HOLED).corruption == Masking()
    without = complete(Parts(corruption=None), HOLED)
    assert without.corruption is None
    assert without.build(HOLED).inputs.aware
    assert [
        one.name
        for one in complete(Parts(likelihood=Gaussian()), (DATA[0], Block("missing", 2, 3, (1,), of=(0,)))).likelihoods
    ] == [
        "gaussian",
        "bernoulli",
    ]
    assert Composition.from_json(complete(Parts(), HOLED).to_json()).corruption == Hiding()


def test_what_needs_a_plain_encoder_says_so() -> None:
    with pytest.raises(
        ParameterError, match="tied`=True needs an encoder that is shown every cell and told of no holes"
    ):
        complete(Parts(network=MLP(tied=True), corruption=Hiding()), DATA[:1]).build(DATA[:1])
    parts = Parts(
        2, network=MLP(hidden=()), penalties={"it": Contraction(estimator="exact")}, objective=PenalisedLikelihood()
    )
    model = complete(parts, HOLED).build(HOLED)
    with pytest.raises(ParameterError, match="on rows without counts, conditions and holes"):
        model.loss(Batch(torch.zeros(2, 11)), None, {"it": 1.0})
