"""Cells that the encoder is not shown."""

from __future__ import annotations

import pytest
import torch

from isthmus.components.corruptions.chain import Chain
from isthmus.components.corruptions.hiding import Hiding
from isthmus.components.corruptions.masking import Masking
from isthmus.components.networks.mlp import MLP
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.noise import Noise
from isthmus.core.random import torch_generator
from isthmus.models.defaults import Parts, complete

BLOCKS = [
    Block("continuous", 0, 2, (2,)),
    Block("categorical", 2, 8, (6,), cardinality=3),
    Block("missing", 8, 10, (2,), of=(1, 3)),
]


def masks(spec: Hiding, rows: int = 40_000) -> torch.Tensor:
    noise = torch.randn(rows, spec.noise_width(BLOCKS), generator=torch_generator(0), dtype=torch.float64)
    return spec.visible(noise, BLOCKS)


def test_from_nothing_to_everything_is_hidden_equally_often() -> None:
    """With rates that are uniform, the number of hidden columns is uniform from 0 to 4."""
    visible = masks(Hiding())
    assert visible.shape == (40_000, 6)
    hidden = (~visible[:, :4]).sum(1)
    shares = torch.bincount(hidden, minlength=5) / len(hidden)
    torch.testing.assert_close(shares, torch.tensor([0.6, 0.1, 0.1, 0.1, 0.1]), atol=0.01, rtol=0)
    by_column = visible[:, :4].double().mean(0)
    torch.testing.assert_close(by_column, torch.full((4,), 0.75).double(), atol=0.01, rtol=0)
    assert torch.equal(visible[:, 4:], visible[:, [1, 3]])


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_the_share_of_rows_is_what_was_asked_for(share: float) -> None:
    nothing = masks(Hiding(share)).all(1).double().mean()
    assert float(nothing) == pytest.approx(1 - share * 0.8, abs=0.01)


def test_hidden_cells_become_zero_with_all_their_levels() -> None:
    noise = torch.tensor([[-2.0, -9, 9, 9, -9], [0.5, 9, -9, -9, 9]]).double()
    seen = Hiding().corrupt(torch.ones(2, 10).double(), noise, BLOCKS)
    assert seen.tolist() == [[1.0] * 10, [1, 0, 0, 0, 0, 1, 1, 1, 0, 1]]


def test_in_a_chain_it_hides_as_it_does_alone() -> None:
    chain = Chain((Masking(0.5), Hiding(1.0)))
    model = complete(Parts(2, network=MLP(hidden=()), corruption=chain), BLOCKS).build(BLOCKS, torch_generator(0))
    assert model.inputs.aware
    noise = torch.randn(3, chain.noise_width(BLOCKS), generator=torch_generator(1))
    found = model.forward_pass(Batch(torch.ones(3, 10)), Noise(corruption=noise))
    assert found.context is not None
    assert found.context.visible is not None
    assert torch.equal(found.context.visible, Hiding(1.0).visible(noise[:, 6:], BLOCKS))


def test_a_share_is_a_probability() -> None:
    with pytest.raises(ParameterError, match=r"Hiding: `share` must be a number in \[0, 1\]; got 1.5"):
        Hiding(1.5).validate()
