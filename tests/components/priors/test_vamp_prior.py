"""VampPrior: the mixture of the posteriors of pseudo-inputs that begin at rows and stay within their range."""

from __future__ import annotations

import math

import pytest
import torch

from isthmus.components.priors.vamp import VampPrior
from isthmus.core.errors import ParameterError
from isthmus.core.random import torch_generator
from isthmus.distributions import DiagonalNormal, PointMass, kl_divergence


def encode(inputs: torch.Tensor) -> DiagonalNormal:
    return DiagonalNormal(2 * inputs[:, :2], 0.1 * inputs[:, 1:3])


def test_density_is_the_mean_of_the_posteriors() -> None:
    module = VampPrior(n_components=4).build(2, width=3).double()
    module.pseudo_inputs.data = torch.randn(4, 3, generator=torch_generator(0), dtype=torch.float64)
    z = torch.randn(5, 2, generator=torch_generator(1), dtype=torch.float64)
    each = [encode(one[None]).log_prob(z) for one in module.pseudo_inputs]
    wanted = torch.stack(each).logsumexp(0) - math.log(4)
    torch.testing.assert_close(module(encode).log_prob(z), wanted, rtol=0, atol=1e-10)
    q = encode(torch.ones(5, 3).double())
    torch.testing.assert_close(kl_divergence(q, module(encode), z), q.log_prob(z) - wanted)


def test_learnt_weights_replace_equal_ones() -> None:
    module = VampPrior(n_components=2, learn_weights=True).build(2, width=3)
    assert dict(module.named_parameters()).keys() == {"pseudo_inputs", "weight_logits"}
    module.weight_logits.data = torch.tensor([0.0, math.log(3)])
    assert module(encode).log_weights.exp().tolist() == pytest.approx([0.25, 0.75])
    assert "weight_logits" not in VampPrior(n_components=2).build(2, width=3).state_dict()


def test_begins_at_each_row_once_before_any_twice() -> None:
    rows = torch.arange(3.0)[:, None] * torch.tensor([1.0, 100.0])
    module = VampPrior(n_components=7).build(2, width=2)
    module.begin(rows, torch_generator(0))
    start = module.pseudo_inputs.detach()
    nearest = (start[:, None] - rows).abs()[..., 0].argmin(1)
    assert sorted(nearest.bincount().tolist()) == [2, 2, 3]
    assert (start - rows[nearest]).abs().max(0).values.tolist() == pytest.approx([0.02, 2.0], abs=2.0)
    assert len(start.unique(dim=0)) == 7
    assert (start >= rows.amin(0)).all()
    assert (start <= rows.amax(0)).all()
    again = VampPrior(n_components=7).build(2, width=2)
    again.begin(rows, torch_generator(0))
    assert torch.equal(again.pseudo_inputs, module.pseudo_inputs)


def test_binary_rows_leave_every_pseudo_input_free_to_move() -> None:
    rows = (torch.rand(50, 4, generator=torch_generator(0)) > 0.5).float()
    module = VampPrior(n_components=20).build(2, width=4)
    module.begin(rows, torch_generator(1))
    seen: list[torch.Tensor] = []
    module(lambda inputs: (seen.append(inputs), encode(inputs))[1])
    seen[0].sum().backward()
    assert (module.pseudo_inputs.grad == 1).all()


def test_pseudo_inputs_are_clipped_to_the_range_of_the_rows() -> None:
    module = VampPrior(n_components=2).build(2, width=2)
    module.begin(torch.tensor([[0.0, -3.0], [1.0, 5.0]]), torch_generator(0))
    module.pseudo_inputs.data = torch.tensor([[7.0, -9.0], [0.25, 9.0]])
    seen: list[torch.Tensor] = []
    module(lambda inputs: (seen.append(inputs), DiagonalNormal(inputs, inputs))[1])
    assert seen[0].tolist() == [[1, -3], [0.25, 5]]


def test_refuses_what_it_cannot_mix() -> None:
    module = VampPrior(n_components=2).build(2, width=2)
    with pytest.raises(
        ParameterError, match=r"prior `vamp`.*this latent gives a PointMass\. Use latent=GaussianLatent"
    ):
        module(PointMass)
    with pytest.raises(ParameterError, match=r"call it with the model's `encode_inputs`"):
        module()
