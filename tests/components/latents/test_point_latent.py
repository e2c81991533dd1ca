"""Deterministic codes: activations, the k largest, and the derivative that penalties are told."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from isthmus.components.latents.point import Point
from isthmus.core.errors import ParameterError
from isthmus.core.random import torch_generator
from isthmus.distributions import PointMass
from isthmus.models.defaults import Parts, complete

VALUES = torch.tensor([[0.5, -3.0, 2.0, -0.25], [-1.0, -2.0, -4.0, -3.0]], dtype=torch.float64)


def code_of(spec: Point, values: Tensor = VALUES) -> Tensor:
    return spec.build(values.shape[-1])(values).code


def test_the_encoders_output_itself_is_the_default_code() -> None:
    assert code_of(Point()) is VALUES
    assert repr(Point().build(4)) == "PointLatent()"


def test_activations() -> None:
    torch.testing.assert_close(code_of(Point("relu")), VALUES.clamp_min(0), rtol=0, atol=0)
    torch.testing.assert_close(code_of(Point("sigmoid")), 1 / (1 + (-VALUES).exp()), rtol=1e-12, atol=0)
    torch.testing.assert_close(code_of(Point("tanh")), (1 - 2 / ((2 * VALUES).exp() + 1)), rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("identity", [[0, -3.0, 2.0, 0], [0, 0, -4.0, -3.0]]),
        ("relu", [[0.5, 0, 2.0, 0], [0, 0, 0, 0]]),
    ],
)
def test_only_the_largest_magnitudes_pass(activation: str, expected: list[list[float]]) -> None:
    wanted = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(code_of(Point(activation, top_k=2)), wanted, rtol=0, atol=0)


def test_the_largest_sigmoids_pass_by_value() -> None:
    expected = torch.sigmoid(VALUES) * torch.tensor([[1.0, 0, 1, 0], [1, 1, 0, 0]])
    torch.testing.assert_close(code_of(Point("sigmoid", top_k=2)), expected, rtol=0, atol=0)


def test_all_pass_when_k_is_the_size_of_the_code() -> None:
    torch.testing.assert_close(code_of(Point("tanh", top_k=4)), VALUES.tanh(), rtol=0, atol=0)


@pytest.mark.parametrize("training", [True, False])
def test_the_choice_is_made_in_training_and_afterwards(training: bool) -> None:
    module = Point(top_k=1).build(4).train(training)
    assert (module(VALUES).code != 0).sum(-1).tolist() == [1, 1]
    assert torch.equal(module(VALUES).sample(torch.zeros(2, 4)), module(VALUES).code)


def test_more_than_the_code_has_is_refused() -> None:
    assert Point(top_k=4).parameter_shape(4) == 4
    message = r"Point: `top_k` must be at most the size of the code, `latent_dim`=4; got 5\."
    with pytest.raises(ParameterError, match=message):
        Point(top_k=5).parameter_shape(4)
    with pytest.raises(ParameterError, match="top_k"):
        complete(Parts(latent_dim=2, latent=Point(top_k=3)), [])


@pytest.mark.parametrize("top_k", [None, 2])
@pytest.mark.parametrize("activation", ["identity", "relu", "sigmoid", "tanh"])
def test_the_slope_is_the_derivative_of_the_code(activation: str, top_k: int | None) -> None:
    values = torch.randn(6, 5, generator=torch_generator(0), dtype=torch.float64)
    module = Point(activation, top_k).build(5)
    jacobian = torch.func.vmap(torch.func.jacrev(lambda row: module(row[None]).code[0]))(values)
    torch.testing.assert_close(module(values).slope, jacobian.diagonal(dim1=1, dim2=2), rtol=1e-12, atol=1e-14)
    assert not (jacobian - torch.diag_embed(jacobian.diagonal(dim1=1, dim2=2))).any()


def test_a_point_of_unknown_origin_has_no_slope() -> None:
    assert PointMass(VALUES).slope is None
