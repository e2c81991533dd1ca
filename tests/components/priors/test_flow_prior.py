"""Flow priors: densities by brute force, draws that come back as noise."""

from __future__ import annotations

import pytest
import torch

from isthmus.components.networks.layers import initialise
from isthmus.components.priors.flow import FlowPrior
from isthmus.core.random import torch_generator
from isthmus.distributions import StandardNormal
from isthmus.distributions.autoregressive_flow import MaskedLinear, MaskedNetwork


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch_generator(seed), dtype=torch.float64)


def bent(kind: str, dim: int = 3):
    module = FlowPrior(transforms=2, hidden=(8,), kind=kind).build(dim)
    initialise(torch.nn.ModuleList([module]), torch_generator(0))
    module = module.double()
    for weight in module.parameters():
        weight.data += 0.2 * normal(*weight.shape, seed=1)
    return module


@pytest.mark.parametrize("dim", [1, 3])
@pytest.mark.parametrize("kind", ["spline", "affine"])
def test_density_is_that_of_the_change_of_variables(kind: str, dim: int) -> None:
    """log p(z) = log N(u) + log |det du/dz|, with the Jacobian by autograd."""
    module = bent(kind, dim)
    z = normal(1, dim)
    jacobian = torch.autograd.functional.jacobian(lambda one: module.flow(one)[0][0], z)[:, 0]
    wanted = StandardNormal(dim).log_prob(module.flow(z)[0]) + torch.linalg.slogdet(jacobian).logabsdet
    assert (jacobian - torch.eye(dim)).abs().max() > 0.02
    torch.testing.assert_close(module().log_prob(z), wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["spline", "affine"])
def test_draws_are_the_inverse_of_the_flow(kind: str) -> None:
    module = bent(kind)
    noise = normal(4, 6, 4)
    z = module().sample_shared(noise)
    torch.testing.assert_close(module.flow(z)[0], noise[..., :-1], rtol=0, atol=1e-8)
    density = module().log_prob(z)
    assert density.shape == (4, 6)
    torch.testing.assert_close(module().log_prob(z[2]), density[2])


@pytest.mark.parametrize("kind", ["spline", "affine"])
def test_zero_weights_are_the_standard_normal(kind: str) -> None:
    z = normal(5, 3)
    distribution = FlowPrior(kind=kind).build(3).double()()
    torch.testing.assert_close(distribution.log_prob(z), StandardNormal(3).log_prob(z))
    assert torch.equal(
        distribution.draw(4, torch_generator(1)).float(), distribution.draw(4, torch_generator(1)).float()
    )


@pytest.mark.parametrize("hidden", [(), (5,), (4, 7)])
@pytest.mark.parametrize("context", [0, 2])
def test_outputs_depend_on_earlier_inputs_and_the_context_only(hidden: tuple[int, ...], context: int) -> None:
    network = MaskedNetwork(4, 2, hidden, context).double()
    for weight in network.parameters():
        weight.data += 1 + normal(*weight.shape).abs()
    known = normal(1, context) if context else None
    jacobian = torch.autograd.functional.jacobian(lambda value: network(value, known)[0], normal(1, 4))[:, :, 0]
    before = torch.arange(4)[:, None] > torch.arange(4)
    assert ((jacobian != 0).any(1) == before).all()
    if known is not None:
        found = torch.autograd.functional.jacobian(lambda given: network(normal(1, 4), given)[0], known)
        assert (found != 0).all()


def test_weights_are_drawn_by_the_inputs_that_a_unit_sees() -> None:
    mask = torch.tensor([[True, False, False, False], [True, True, True, True]])
    layer = MaskedLinear(mask, gain=0.5)
    layer.initialise(torch_generator(0))
    assert (layer.weight[0, 1:] == 0).all()
    assert layer.weight[0].abs().max() <= 0.5
    assert layer.weight[1].abs().max() <= 0.25
    assert layer.weight[1].abs().max() > 0


def test_a_row_has_the_same_bits_in_any_batch() -> None:
    module = bent("affine", 5).float().eval()
    rows = torch.randn(64, 5, generator=torch_generator(3))
    order = torch.randperm(64, generator=torch_generator(4))
    assert torch.equal(module.flow(rows[order])[0], module.flow(rows)[0][order])
