"""Oracle 12 and its neighbourhood: closed forms and estimates of the encoder's Jacobian against autodiff."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from isthmus.components.corruptions.gaussian_noise import GaussianNoise
from isthmus.components.latents.base import Latent
from isthmus.components.latents.gaussian import GaussianLatent
from isthmus.components.latents.ordered import Ordered
from isthmus.components.latents.point import Point
from isthmus.components.networks.mlp import MLP
from isthmus.components.penalties.contraction import Contraction
from isthmus.components.penalties.encoder_jacobian import closed_form
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.random import torch_generator
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.defaults import Parts, complete
from isthmus.models.encoder_inputs import EncoderInputs

WIDTH, LATENT_DIM, ROWS = 6, 3, 5
BLOCK = Block("continuous", 0, WIDTH, (WIDTH,))
COUNTS = [Block("continuous", 0, 4, (4,)), Block("count", 4, 6, (2,), variance=2.0, mean=2.0)]
SMOOTH = ["gelu", "silu", "tanh", "sigmoid", "elu", "identity"]


def model_of(
    network: MLP, latent: Latent | None = None, latent_dim: int = LATENT_DIM, **others: object
) -> ComposedAutoencoder:
    blocks = others.pop("blocks", [BLOCK])
    condition_width = others.pop("condition_width", 0)
    parts = Parts(latent_dim=latent_dim, network=network, latent=latent or Point(), penalties={}, **others)  # type: ignore[arg-type]
    built = complete(parts, blocks).build(blocks, torch_generator(0), condition_width).double()  # type: ignore[arg-type]
    generator = torch_generator(3)
    with torch.no_grad():
        for parameter in built.parameters():  # biases that are not 0 as well
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return built


def rows(n: int = ROWS) -> Tensor:
    return torch.randn(n, WIDTH, generator=torch_generator(1), dtype=torch.float64)


def pass_of(model: ComposedAutoencoder, batch: Batch | None = None) -> ForwardPass:
    return model.forward_pass(Batch(rows()) if batch is None else batch, None)


def brute_force(found: ForwardPass) -> Tensor:
    """Σ_rows ‖∂code/∂x‖²_F by a pass for each unit of the code."""
    features = found.features.detach().clone().requires_grad_()
    code = found.encode(features).code
    total = torch.zeros((), dtype=features.dtype)
    for unit in range(code.shape[1]):
        (gradient,) = torch.autograd.grad(code[:, unit].sum(), features, create_graph=True)
        total = total + gradient.square().sum()
    return total


def noise_for(spec: Contraction, n: int, latent_dim: int = LATENT_DIM, seed: int = 5) -> Tensor:
    width = spec.noise_width(latent_dim, WIDTH)
    return torch.randn(n, width, generator=torch_generator(seed), dtype=torch.float64)


def gradients(value: Tensor, model: ComposedAutoencoder) -> list[Tensor]:
    parameters = list(model.encoder.parameters())
    found = torch.autograd.grad(value, parameters, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]


def test_one_sigmoid_layer() -> None:
    model = model_of(MLP(hidden=()), Point("sigmoid"))
    weight, bias = model.encoder[0].weight, model.encoder[0].bias
    h = torch.sigmoid(rows() @ weight.T + bias)
    expected = ((h * (1 - h)).square() @ weight.square().sum(1)).sum()
    value = Contraction(estimator="exact").value(pass_of(model))
    torch.testing.assert_close(value, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(value, brute_force(pass_of(model)), rtol=1e-12, atol=0)


@pytest.mark.parametrize("latent", [Point(), Ordered()])
def test_a_linear_encoder(latent: Latent) -> None:
    model = model_of(MLP(hidden=()), latent)
    expected = ROWS * model.encoder[0].weight.square().sum()
    torch.testing.assert_close(Contraction().value(pass_of(model)), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("top_k", [None, 2])
@pytest.mark.parametrize("activation", ["identity", "relu", "sigmoid", "tanh"])
def test_one_layer_with_any_code(activation: str, top_k: int | None) -> None:
    model = model_of(MLP(hidden=()), Point(activation, top_k))
    found = pass_of(model)
    value, expected = Contraction(estimator="exact").value(found), brute_force(found)
    torch.testing.assert_close(value, expected, rtol=1e-11, atol=0)
    for got, wanted in zip(gradients(value, model), gradients(expected, model), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("activation", [*SMOOTH, "relu"])
def test_one_hidden_layer(activation: str) -> None:
    model = model_of(MLP(hidden=(7,), activation=activation))
    found = pass_of(model)
    value, expected = Contraction(estimator="exact").value(found), brute_force(found)
    torch.testing.assert_close(value, expected, rtol=1e-11, atol=0)
    # The products are formed with half of their gradient each: what comes out is the whole.
    for got, wanted in zip(gradients(value, model), gradients(expected, model), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-12)


REFUSED = {
    "two hidden layers": (MLP(hidden=(4, 4)), Point()),
    "a distribution": (MLP(hidden=(4,)), GaussianLatent()),
    "an activation behind a hidden layer": (MLP(hidden=(4,)), Point("sigmoid")),
    "top-k behind a hidden layer": (MLP(hidden=(4,)), Point(top_k=2)),
    "layer normalisation": (MLP(hidden=(4,), normalisation="layer"), Point()),
    "dropout": (MLP(hidden=(4,), dropout=0.5), Point()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_where_there_is_no_closed_form(name: str) -> None:
    network, latent = REFUSED[name]
    model = model_of(network, latent).eval()
    found = pass_of(model)
    assert closed_form(found, whatever_it_costs=True) is None
    message = r"Contraction: `estimator`='exact' knows no closed form .*Use estimator='auto'"
    with pytest.raises(ParameterError, match=message):
        Contraction(estimator="exact").value(found)
    spec = Contraction()
    noise = noise_for(spec, ROWS)
    estimate = Contraction(estimator="hutchinson").value(found, noise)
    assert torch.equal(spec.value(found, noise), estimate)


@pytest.mark.parametrize("name", ["two hidden layers", "a distribution", "top-k behind a hidden layer"])
@pytest.mark.parametrize("probes", [1, 2])
def test_the_estimate_is_unbiased(name: str, probes: int) -> None:
    network, latent = REFUSED[name]
    model = model_of(network, latent)
    spec, draws = Contraction(estimator="hutchinson", probes=probes), 4000
    one = rows(1)
    exact = float(brute_force(pass_of(model, Batch(one))).detach())
    noise = noise_for(spec, draws)
    # The same row many times over: a sum of independent estimates.
    pieces = [
        float(spec.value(pass_of(model, Batch(one.expand(size, -1))), noise[start : start + size]).detach()) / size
        for start, size in ((start, 40) for start in range(0, draws, 40))
    ]
    mean, error = torch.tensor(pieces).mean(), torch.tensor(pieces).std() / len(pieces) ** 0.5
    assert abs(float(mean) - exact) <= 5 * float(error)
    assert float(error) < 0.05 * exact


def test_probes_are_averaged() -> None:
    found = pass_of(model_of(MLP(hidden=(4, 4))))
    noise = noise_for(Contraction(probes=2), ROWS)
    single = Contraction(estimator="hutchinson")
    halves = [single.value(found, half) for half in noise.split(LATENT_DIM, -1)]
    both = Contraction(estimator="hutchinson", probes=2).value(found, noise)
    torch.testing.assert_close(both, (halves[0] + halves[1]) / 2, rtol=1e-12, atol=0)
    # Only the direction of a probe counts.
    torch.testing.assert_close(single.value(found, 3 * noise[:, :3]), halves[0], rtol=1e-12, atol=0)


def test_with_one_code_every_estimate_is_exact() -> None:
    found = pass_of(model_of(MLP(hidden=(4, 4)), latent_dim=1))
    spec = Contraction(estimator="hutchinson")
    value = spec.value(found, noise_for(spec, ROWS, latent_dim=1))
    torch.testing.assert_close(value, brute_force(found), rtol=1e-11, atol=0)


@pytest.mark.parametrize("activation", SMOOTH)
def test_the_estimate_can_be_trained_through(activation: str) -> None:
    """Its gradient by every weight of the encoder is that of finite differences."""
    model = model_of(MLP(hidden=(3, 4), activation=activation))
    spec = Contraction(estimator="hutchinson", probes=2)
    noise = noise_for(spec, ROWS)
    found = gradients(spec.value(pass_of(model), noise), model)
    step = 1e-5
    for number, parameter in enumerate(model.encoder.parameters()):
        direction = torch.randn(parameter.shape, generator=torch_generator(number), dtype=torch.float64)
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter.add_(sign * step * direction)
                values.append(float(spec.value(pass_of(model), noise)))
                parameter.sub_(sign * step * direction)
        expected = (values[0] - values[1]) / (2 * step)
        assert float((found[number] * direction).sum()) == pytest.approx(expected, rel=1e-6, abs=1e-7)


def count_rows(n: int = ROWS) -> Tensor:
    return torch.cat([rows(n)[:, :4], rows(n)[:, 4:].abs().mul(3).round()], 1)


def test_counts_are_differentiated_through_what_the_encoder_is_shown() -> None:
    model = model_of(MLP(hidden=()), latent_dim=1)
    model.inputs = EncoderInputs(COUNTS).double()
    found = pass_of(model, Batch(count_rows()))
    assert closed_form(found, whatever_it_costs=True) is None
    spec = Contraction()
    value = spec.value(found, noise_for(spec, ROWS, latent_dim=1))
    torch.testing.assert_close(value, brute_force(found), rtol=1e-11, atol=0)
    weight = model.encoder[0].weight[0]
    scale = torch.cat([torch.ones(ROWS, 4), 1 / ((1 + count_rows()[:, 4:]) * model.inputs.scale[4:])], 1)
    torch.testing.assert_close(value, (weight * scale).square().sum(), rtol=1e-12, atol=0)


def test_the_condition_is_not_contracted() -> None:
    model = model_of(MLP(hidden=()), latent_dim=1, condition_width=2)
    condition = torch.randn(ROWS, 2, generator=torch_generator(9), dtype=torch.float64)
    found = pass_of(model, Batch(rows(), condition=condition))
    spec = Contraction()
    value = spec.value(found, noise_for(spec, ROWS, latent_dim=1))
    torch.testing.assert_close(value, ROWS * model.encoder[0].weight[:, :WIDTH].square().sum(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("estimator", ["exact", "hutchinson"])
def test_the_jacobian_is_that_at_the_clean_row(estimator: str) -> None:
    model = model_of(MLP(hidden=(4,)), corruption=GaussianNoise(scale=2.0))
    clean = pass_of(model)
    damaged = model.forward_pass(Batch(rows()), model.draw_noise(ROWS, torch_generator(2)))
    assert damaged.inputs is not damaged.features
    spec = Contraction(estimator=estimator)
    noise = noise_for(spec, ROWS)
    assert torch.equal(spec.value(damaged, noise), spec.value(clean, noise))


def test_auto_takes_the_closed_form_only_where_it_is_cheap() -> None:
    for hidden, closed in (((4,), True), ((64,), False)):
        found = pass_of(model_of(MLP(hidden=hidden)))
        assert (closed_form(found) is not None) == closed
        exact = closed_form(found, whatever_it_costs=True)
        assert exact is not None
        torch.testing.assert_close(exact, brute_force(found), rtol=1e-11, atol=0)
    image = [Block("unit-interval", 0, 784, (784,))]
    for hidden, closed in (((256,), True), ((512,), False)):
        found = pass_of(model_of(MLP(hidden=hidden), latent_dim=32, blocks=image), Batch(torch.zeros(2, 784).double()))
        assert (closed_form(found) is not None) == closed


def test_an_estimate_needs_noise_and_exact_needs_none() -> None:
    found = pass_of(model_of(MLP(hidden=(4, 4))))
    with pytest.raises(TypeError, match="it needs noise"):
        Contraction().value(found)
    assert Contraction(estimator="exact").noise_width(LATENT_DIM, WIDTH) == 0
    assert Contraction(estimator="auto", probes=4).noise_width(LATENT_DIM, WIDTH) == 4 * LATENT_DIM


def test_nothing_of_the_step_is_changed() -> None:
    """Running statistics stay those of the step's own pass, and no hook stays behind."""
    model = model_of(MLP(hidden=(4,), normalisation="batch"), corruption=GaussianNoise(scale=2.0)).train()
    noise = model.draw_noise(ROWS, torch_generator(2))
    spec = Contraction(estimator="hutchinson")
    found = model.forward_pass(Batch(rows()), noise)
    before = dict(model.encoder[1].pending)
    spec.value(found, noise_for(spec, ROWS)).backward()
    assert all(torch.equal(before[name], value) for name, value in model.encoder[1].pending.items())
    plain = model_of(MLP(hidden=(4,)))
    Contraction(estimator="exact").value(pass_of(plain))
    assert not any(layer._forward_pre_hooks for layer in plain.encoder.modules())


def test_held_out_rows_are_evaluated_without_gradients() -> None:
    found = pass_of(model_of(MLP(hidden=(4, 4))))
    spec = Contraction()
    noise = noise_for(spec, ROWS)
    with torch.no_grad():
        value = spec.value(found, noise)
    torch.testing.assert_close(value, spec.value(found, noise), rtol=0, atol=0)


def test_the_loss_is_weighted_and_per_row() -> None:
    parts = Parts(
        latent_dim=LATENT_DIM,
        network=MLP(hidden=(4,), activation="tanh"),
        penalties={"contraction": Contraction(weight=0.7)},
    )
    model = complete(parts, [BLOCK]).build([BLOCK], torch_generator(0)).double()
    noise = model.draw_noise(ROWS, torch_generator(1))
    terms = model.loss(Batch(rows()), noise, {"contraction": 0.7})
    exact = brute_force(pass_of(model))
    torch.testing.assert_close(terms.parts["contraction"], exact, rtol=1e-11, atol=0)
    torch.testing.assert_close(terms.total, (terms.parts["reconstruction"] + 0.7 * exact) / ROWS, rtol=1e-11, atol=0)
