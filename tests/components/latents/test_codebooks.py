"""Codebooks: nearest vectors, moving averages that are k-means, resets, and residual stages."""

from __future__ import annotations

import math

import pytest
import torch

from isthmus.components.latents import codebook
from isthmus.components.latents.codebook import Codebook
from isthmus.components.latents.residual_quantised import ResidualQuantised
from isthmus.components.latents.vector_quantised import VectorQuantised
from isthmus.components.networks.layers import initialise
from isthmus.core.errors import ParameterError
from isthmus.core.random import torch_generator
from isthmus.distributions import QuantisedPosterior


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch_generator(seed), dtype=torch.float64)


def filled(codebook: Codebook, vectors: torch.Tensor) -> Codebook:
    codebook = codebook.double()
    codebook.assign(vectors)
    return codebook


def apply(module: torch.nn.Module, updates: dict[str, torch.Tensor]) -> None:
    for name, value in updates.items():
        module.get_buffer(name).copy_(value)


def lloyd(rows: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """One step of k-means, by loops."""
    nearest = [min(range(len(centres)), key=lambda k: float((row - centres[k]).square().sum())) for row in rows]
    return torch.stack(
        [
            torch.stack([row for row, chosen in zip(rows, nearest, strict=True) if chosen == k]).mean(0)
            if k in nearest
            else centres[k]
            for k in range(len(centres))
        ]
    )


def test_chooses_the_nearest_vector_by_brute_force() -> None:
    codebook = filled(Codebook(7, 3), normal(7, 3, seed=1))
    rows = normal(50, 3, seed=2) + 100 * torch.ones(3)
    codebook.assign(codebook.vectors + 100)
    distances = (rows[:, None] - codebook.vectors).square().sum(-1)
    assert torch.equal(codebook.choose(rows), distances.argmin(-1))


@pytest.mark.parametrize("empty", [False, True])
def test_without_memory_a_step_is_one_of_k_means(empty: bool) -> None:
    """Oracle 17: moving averages on fixed inputs, with decay 0."""
    rows, centres = normal(40, 2, seed=3), normal(5, 2, seed=4)
    if empty:
        centres[2] = 1000.0
    codebook = filled(Codebook(5, 2, decay=0.0), centres)
    for _ in range(4):
        centres = lloyd(rows, centres)
        apply(codebook, codebook.updates(rows[:, None], codebook.choose(rows)[:, None]))
        torch.testing.assert_close(codebook.vectors, centres, rtol=0, atol=1e-10)


def test_averages_are_those_of_the_paper() -> None:
    rows, before = normal(6, 2, seed=5), normal(3, 2, seed=6)
    codebook = filled(Codebook(3, 2, decay=0.9), before)
    symbols = torch.tensor([0, 0, 1, 1, 1, 0])
    found = codebook.updates(rows[:, None], symbols[:, None])
    counts = torch.tensor([0.9 / 3 + 0.1 * 3 / 6, 0.9 / 3 + 0.1 * 3 / 6, 0.9 / 3], dtype=torch.float64)
    sums = 0.9 * before / 3
    sums[0] += 0.1 * rows[symbols == 0].sum(0) / 6
    sums[1] += 0.1 * rows[symbols == 1].sum(0) / 6
    torch.testing.assert_close(found["counts"], counts)
    torch.testing.assert_close(found["sums"], sums)
    apply(codebook, found)
    torch.testing.assert_close(codebook.vectors[2], before[2], rtol=1e-12, atol=0)


def test_a_code_that_is_never_chosen_stays_where_it_is_for_ever() -> None:
    codebook = Codebook(2, 1, decay=0.5).float()
    codebook.assign(torch.tensor([[0.0], [7.0]]))
    rows = torch.zeros(4, 1, 1)
    for _ in range(2000):
        apply(codebook, codebook.updates(rows, torch.zeros(4, 1, dtype=torch.long)))
    assert codebook.vectors[1].item() == pytest.approx(7.0, rel=1e-4)
    assert codebook.counts[1] > 0


def test_dead_codes_become_random_rows_and_only_they() -> None:
    codebook = filled(Codebook(4, 2, per_row=2, decay=0.5, reset_below=0.1), normal(4, 2, seed=7))
    codebook.counts[1] = codebook.counts[3] = 0.01  # 0.1 times the uniform 2 / 4 is 0.05
    rows, symbols = normal(3, 2, 2, seed=8), torch.tensor([[0, 2], [0, 0], [2, 2]])
    keys = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
    found = codebook.updates(rows, symbols, keys)
    kept = codebook.updates(rows, symbols)
    vectors = found["sums"] / found["counts"][:, None]
    torch.testing.assert_close(vectors[1], rows[1, 0])  # the smallest key is that of row 1
    torch.testing.assert_close(vectors[3], rows[1, 1])
    assert found["counts"][[1, 3]].tolist() == [0.5, 0.5]
    for name in ("counts", "sums"):
        assert torch.equal(found[name][[0, 2]], kept[name][[0, 2]])


def test_more_dead_codes_than_vectors_in_the_batch() -> None:
    codebook = filled(Codebook(5, 1, reset_below=0.5), torch.zeros(5, 1))
    codebook.counts.zero_().add_(1e-9)
    found = codebook.updates(torch.tensor([[[1.0]], [[2.0]]]).double(), torch.tensor([[0], [0]]), torch.arange(2.0))
    assert (found["sums"] / found["counts"][:, None])[:, 0].tolist() == pytest.approx([1, 2, 1, 2, 1])


def test_begin_finds_separated_clusters_exactly() -> None:
    centres = torch.tensor([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0]]).double()
    rows = centres.repeat_interleave(20, 0) + normal(60, 2, seed=9)
    codebook = Codebook(3, 2).double()
    codebook.begin(rows, torch_generator(0))
    wanted = rows.view(3, 20, 2).mean(1)
    found = codebook.vectors[(codebook.vectors[None] - wanted[:, None]).square().sum(-1).argmin(1)]
    torch.testing.assert_close(found, wanted)


def test_begin_with_fewer_rows_than_codes_gives_different_vectors() -> None:
    codebook = Codebook(8, 2).double()
    codebook.begin(normal(3, 2), torch_generator(0))
    assert len(codebook.vectors.unique(dim=0)) == 8


def test_says_when_most_codes_are_dead() -> None:
    codebook = Codebook(10, 1)
    assert codebook.diagnose(torch.arange(5).reshape(5, 1)) is None
    # A code counts as dead below a hundredth of the mean, which is 200 here.
    times = torch.tensor([400, 400, 400, 400, 396, 0, 1, 1, 1, 1])
    assert codebook.diagnose(torch.arange(10).repeat_interleave(times).reshape(-1, 2)) is None
    times = torch.tensor([400, 400, 400, 795, 0, 1, 1, 1, 1, 1])
    message = codebook.diagnose(torch.arange(10).repeat_interleave(times).reshape(-1, 2))
    assert message is not None
    assert "6 of 10 codes" in message
    assert "`n_codes`" in message


def test_tokens_are_neighbouring_parts_and_symbols_cost_their_logarithm() -> None:
    module = VectorQuantised(n_codes=2, tokens=3).build(6).double()
    module.codebook.assign(torch.tensor([[0.0, 0.0], [1.0, 1.0]]).double())
    posterior = module(torch.tensor([[0.9, 0.8, 0.1, 0.2, 0.4, 0.9]]).double())
    assert posterior.symbols.tolist() == [[1, 0, 1]]
    assert posterior.code.tolist() == [[1, 1, 0, 0, 1, 1]]
    assert posterior.log_levels == pytest.approx(3 * math.log(2))
    assert torch.equal(module.vectors(posterior.symbols), posterior.code)


def test_tokens_must_divide_the_code() -> None:
    for latent in (VectorQuantised(tokens=3), ResidualQuantised(tokens=3)):
        words = rf"{type(latent).__name__}: `tokens` must divide `latent_dim`; got tokens=3 and latent_dim=8.*=9"
        with pytest.raises(ParameterError, match=words):
            latent.parameter_shape(8)
        assert latent.suitable_dim(8) == 9


def test_residual_tokens_are_quantised_like_rows() -> None:
    spec = ResidualQuantised(n_codes=4, stages=2, tokens=3, decay=0.9)
    parts, alone = spec.build(6).double(), spec.replace(tokens=1).build(2).double()
    initialise(torch.nn.ModuleList([parts]), torch_generator(0))
    for mine, other in zip(alone.codebooks, parts.codebooks, strict=True):
        mine.assign(other.vectors)
    rows = normal(5, 6)
    posterior, single = parts(rows), alone(rows.reshape(15, 2))
    assert torch.equal(posterior.symbols, single.symbols.reshape(5, 6))  # a token's stages side by side
    torch.testing.assert_close(posterior.code, single.code.reshape(5, 6))
    torch.testing.assert_close(parts.vectors(posterior.symbols), posterior.code)
    assert posterior.log_levels == pytest.approx(6 * math.log(4))
    found, wanted = parts.updates(posterior, None), alone.updates(single, None)
    for name, value in wanted.items():  # moving averages are per row, and a row has three tokens
        torch.testing.assert_close(found[name], 3 * value)
    assert spec.symbol_levels(6) == (4,) * 6
    assert parts.describe() == "3 parts, 2 stages of 4 vectors"


def test_begin_sees_no_more_than_a_random_part_of_many_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = torch.arange(1000.0)[:, None]
    seen: list[int] = []
    choose = Codebook.choose
    monkeypatch.setattr(codebook, "FIRST_VECTORS", 50)
    monkeypatch.setattr(
        Codebook, "choose", lambda self, rows, *more: (seen.append(len(rows)), choose(self, rows, *more))[1]
    )
    books = [Codebook(4, 1) for _ in range(2)]
    for book in books:
        book.begin(rows, torch_generator(0))
    assert set(seen) == {50}
    assert torch.equal(books[0].vectors, books[1].vectors)
    assert float(books[0].vectors.max() - books[0].vectors.min()) > 300, "from all over the rows"


def test_the_gradient_codebook_is_a_parameter_that_codes_do_not_reach() -> None:
    spec = VectorQuantised(n_codes=4, update="gradient")
    module = spec.build(2)
    initialise(module, torch_generator(0))
    encoded = torch.randn(5, 2, generator=torch_generator(1), requires_grad=True)
    posterior = module(encoded)
    posterior.sample(torch.zeros(5, 1)).square().sum().backward()
    assert module.codebook.weight.grad is None
    assert encoded.grad is not None
    torch.testing.assert_close(encoded.grad, 2 * posterior.code.detach())
    posterior.quantised.sum().backward()
    assert module.codebook.weight.grad.sum() == 10
    assert spec.noise_width(2) == 0
    assert module.updates(posterior, None) == {}


def test_residual_stages_quantise_what_is_left() -> None:
    module = ResidualQuantised(n_codes=3, stages=2).build(1).double()
    module.codebooks[0].assign(torch.tensor([[-10.0], [0.0], [10.0]]).double())
    module.codebooks[1].assign(torch.tensor([[-1.0], [0.0], [1.0]]).double())
    posterior = module(torch.tensor([[10.8], [-9.1], [0.2]]).double())
    assert posterior.symbols.tolist() == [[2, 2], [0, 2], [1, 1]]
    assert posterior.code[:, 0].tolist() == [11, -9, 0]
    found = module.updates(posterior, None)
    sums = 0.99 * module.codebooks[1].sums.clone()
    sums[1] += 0.01 * 0.2 / 3  # the remainders of the second stage, by the codes that they chose
    sums[2] += 0.01 * (0.8 + 0.9) / 3
    torch.testing.assert_close(found["codebooks.1.sums"], sums)


def test_residual_stages_begin_with_a_smaller_error_each() -> None:
    rows = normal(300, 3)
    errors = []
    for stages in (1, 2, 3):
        module = ResidualQuantised(n_codes=8, stages=stages).build(3).double()
        module.begin(rows, torch_generator(0))
        errors.append(float((module(rows).code - rows).square().sum(-1).mean()))
    assert errors[0] > 1.5 * errors[1] > 2.25 * errors[2]


def test_residual_diagnosis_names_the_stage() -> None:
    module = ResidualQuantised(n_codes=4, stages=2).build(1)
    chosen = torch.arange(4).repeat(2, 1).T
    rows = torch.zeros(4, 1)
    assert module.diagnose(QuantisedPosterior(rows, rows, chosen, 0.0)) is None
    chosen = torch.stack([torch.arange(4), torch.zeros(4, dtype=torch.long)], -1)
    message = module.diagnose(QuantisedPosterior(rows, rows, chosen, 0.0))
    assert (message or "").startswith("Stage 2: 3 of 4 codes")
