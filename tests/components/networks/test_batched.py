"""Networks that are trained together are the networks that they would be alone."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from isthmus.components.networks.batched import BatchedLayerNorm, BatchedLinear
from isthmus.components.networks.layers import Linear, initialise
from isthmus.components.networks.mlp import MLP
from isthmus.core.errors import ParameterError
from isthmus.core.random import torch_generator

SHARES = (0.25, 0.5, 1.0)


def built(spec: MLP, shares: tuple[float, ...] = (), members: int = 3) -> nn.Module:
    network = spec.build_members(5, 3, members, shares)
    initialise(network, torch_generator(0))
    for number, parameter in enumerate(network.parameters()):
        if parameter.dim() == 2:  # biases and norms off their beginnings
            parameter.data += torch.randn(parameter.shape, generator=torch_generator(number))
    return network.double()


def alone(
    spec: MLP, network: nn.Module, member: int, share: float
) -> tuple[nn.Module, list[tuple[nn.Parameter, nn.Parameter]]]:
    """The member as a network of its own, with its own width; and which parameters correspond."""
    single = MLP(**{**spec.get_params(deep=False), "hidden": tuple(max(1, round(share * w)) for w in spec.hidden)})
    module = single.build(5, 3).double()
    own = [layer for layer in module if isinstance(layer, (Linear, nn.LayerNorm))]
    batched = [layer for layer in network if isinstance(layer, (BatchedLinear, BatchedLayerNorm))]
    pairs = []
    for mine, theirs in zip(own, batched, strict=True):
        for name in ("weight", "bias"):
            target, source = getattr(mine, name), getattr(theirs, name)
            target.data.copy_(source.data[member][tuple(slice(size) for size in target.shape)])
            pairs.append((target, source))
    return module, pairs


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("spec", "shares"),
    [
        (MLP(hidden=(8, 4)), SHARES),
        (MLP(hidden=(8, 4)), ()),
        (MLP(hidden=(8,), normalisation="layer", activation="tanh"), SHARES),
        (MLP(hidden=(8,), activation="gated"), ()),
        (MLP(hidden=()), ()),
    ],
)
def test_each_member_is_the_network_that_it_would_be_alone(spec, shares, training) -> None:
    network = built(spec, shares).train(training)
    rows = torch.randn(7, 5, generator=torch_generator(9), dtype=torch.float64)
    target = torch.randn(3, 7, 3, generator=torch_generator(8), dtype=torch.float64)
    found = network(rows)
    assert found.shape == (3, 7, 3)
    (found * target).sum().backward()
    for member, share in enumerate(shares or (1.0,) * 3):
        single, pairs = alone(spec, network, member, share)
        expected = single.train(training)(rows)
        torch.testing.assert_close(found[member], expected, rtol=1e-12, atol=1e-12)
        (expected * target[member]).sum().backward()
        for mine, theirs in pairs:
            inside = tuple(slice(size) for size in mine.shape)
            gradient = theirs.grad[member]
            torch.testing.assert_close(gradient[inside], mine.grad, rtol=1e-12, atol=1e-12)
            # What a narrower member does not have is never trained.
            assert gradient.abs().sum() == pytest.approx(float(mine.grad.abs().sum()), rel=1e-12)


def test_members_may_be_shown_rows_of_their_own() -> None:
    network = built(MLP(hidden=(8,)), SHARES)
    rows = torch.randn(3, 7, 5, generator=torch_generator(1), dtype=torch.float64)
    found = network(rows)
    for member in range(3):
        torch.testing.assert_close(found[member], network(rows[member])[member], rtol=1e-12, atol=1e-12)


def test_each_member_begins_as_wide_as_glorot_and_bengio_say() -> None:
    network = MLP(hidden=(400,)).build_members(100, 50, 2, (0.25, 1.0))
    initialise(network, torch_generator(0))
    first, last = network[0].weight.detach(), network[-1].weight.detach()
    for member, width in ((0, 100), (1, 400)):
        assert float(first[member, :width].abs().max()) == pytest.approx((6 / (100 + width)) ** 0.5, rel=1e-2)
        assert float(last[member, :, :width].abs().max()) == pytest.approx((6 / (50 + width)) ** 0.5, rel=1e-2)
    assert not torch.equal(first[0], first[1])


def test_a_row_has_the_same_bits_wherever_it_stands() -> None:
    for width, members in itertools.product((1, 5, 6, 10, 50, 70), (1, 8)):
        network = MLP(hidden=(width, 48)).build_members(width, width, members).eval()
        initialise(network, torch_generator(width))
        rows = torch.randn(64, width, generator=torch_generator(2))
        order = torch.randperm(64, generator=torch_generator(3))
        with torch.inference_mode():
            assert torch.equal(network(rows)[:, order], network(rows[order])), width


def test_what_members_cannot_have_is_refused_by_name() -> None:
    for spec, words in (
        (MLP(hidden=(4,), normalisation="batch"), "normalisation='batch'"),
        (MLP(hidden=(4,), spectral_norm=True), "spectral_norm=True"),
        (MLP(hidden=(4,), tied=True), "tied=True"),
    ):
        with pytest.raises(ParameterError, match=f"cannot have {words}"):
            spec.build_members(3, 3, 2)
    with pytest.raises(ParameterError, match=r"`shares` must be 2 numbers in \(0, 1\]; got \(0.5,\)"):
        MLP(hidden=(4,)).build_members(3, 3, 2, (0.5,))
    with pytest.raises(ParameterError, match=r"got \(0.0, 1.0\)"):
        MLP(hidden=(4,)).build_members(3, 3, 2, (0.0, 1.0))
    with pytest.raises(ParameterError, match="gated layers cannot be of different widths"):
        MLP(hidden=(4,), activation="gated").build_members(3, 3, 2, (0.5, 1.0))
    with pytest.raises(ParameterError, match="must be widths"):
        MLP().build_members(3, 3, 2)
