"""A decoder that shares the encoder's weights."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional

import isthmus
from isthmus import MLP, VAE, Autoencoder, Contraction, Point, WeightDecay
from isthmus.core.errors import ParameterError

X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
SMALL = {"latent_dim": 2, "max_epochs": 3, "random_state": 0}


def fitted(**parts):
    network = MLP(hidden=(4, 3), activation="tanh", tied=True)
    return Autoencoder(**{**SMALL, "network": network, **parts}).fit(X)


def test_the_decoder_is_the_encoder_transposed() -> None:
    module = fitted().module_
    matrices = [module.encoder[place].weight for place in (0, 2, 4)]
    biases = [module.decoder[place].bias for place in (0, 2, 4)]
    z = torch.randn(7, 2, generator=torch.Generator().manual_seed(0))
    first = torch.tanh(functional.linear(z, matrices[2].T, biases[0]))
    second = torch.tanh(functional.linear(first, matrices[1].T, biases[1]))
    torch.testing.assert_close(module.decoder(z), functional.linear(second, matrices[0].T, biases[2]))
    assert all(bias.detach().abs().sum() > 0 for bias in biases), "biases are learnt"


def test_the_matrices_are_counted_saved_and_trained_once() -> None:
    module = fitted().module_
    assert {name for name in module.state_dict() if name.startswith("decoder")} == {
        f"decoder.{place}.bias" for place in (0, 2, 4)
    }
    assert sum(p.numel() for p in module.decoder.parameters()) == 3 + 4 + 5


def test_a_matrix_has_the_gradients_of_both_its_uses() -> None:
    module, rows = fitted(network=MLP(hidden=(), tied=True)).module_, torch.from_numpy(X)
    (encoding,), (decoding,) = module.encoder, module.decoder
    module.zero_grad()
    module.decoder(module.encoder(rows)).square().sum().backward()
    uses = [encoding.weight.detach().clone().requires_grad_(True) for _ in range(2)]
    code = functional.linear(rows, uses[0], encoding.bias.detach())
    output = functional.linear(code, uses[1].T, decoding.bias.detach())
    first, second = torch.autograd.grad(output.square().sum(), uses)
    torch.testing.assert_close(encoding.weight.grad, first + second, rtol=1e-4, atol=1e-4)
    assert min(first.abs().max(), second.abs().max()) > 1e-2


def test_it_is_saved_copied_and_cloned(tmp_path) -> None:
    model = fitted()
    model.save(tmp_path / "tied.safetensors")
    again = isthmus.load(tmp_path / "tied.safetensors")
    np.testing.assert_array_equal(again.reconstruct(X), model.reconstruct(X))
    copied = copy.deepcopy(model.module_)
    with torch.no_grad():
        copied.encoder[0].weight.zero_()
    assert copied.decoder[4].weight.abs().sum() == 0, "the copy is tied to the copy"
    assert model.module_.decoder[4].weight.abs().sum() > 0


def test_a_linear_one_finds_the_principal_components() -> None:
    rows = X * np.array([3, 2, 1, 0.3, 0.1], dtype=np.float32)
    model = isthmus.recipe("linear-autoencoder", latent_dim=2, network=MLP(hidden=(), tied=True), random_state=0)
    model.set_params(max_epochs=400, learning_rate=0.01, validation_fraction=None, scaling="none").fit(rows)
    centred = rows - rows.mean(0)
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    found = model.module_.encoder[0].weight.detach().numpy()
    # Without a constraint the matrix of the best tied linear autoencoder has orthonormal rows (Baldi & Hornik 1989).
    np.testing.assert_allclose(found @ found.T, np.eye(2), atol=0.02)
    np.testing.assert_allclose(found.T @ found, directions[:2].T @ directions[:2], atol=0.02)
    error = np.square(model.reconstruct(rows) - rows).sum()
    assert error == pytest.approx(np.square(values[2:]).sum(), rel=0.01)


def test_with_penalties_on_encoder_and_codes() -> None:
    parts = {"contraction": Contraction(weight=0.1), "decay": WeightDecay(weight=1e-3, on="encoder")}
    history = fitted(network=MLP(hidden=(), tied=True), latent=Point(activation="sigmoid"), penalties=parts).history_
    assert history.column("train/contraction")[-1] > 0
    assert history.column("train/decay")[-1] > 0


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (
            VAE(**SMALL, network=MLP(hidden=(4,), tied=True)),
            "MLP: `tied`=True needs a deterministic latent; the encoder gives latent `gaussian` 4 numbers for 2 codes.",
        ),
        (
            Autoencoder(**SMALL, network=MLP(hidden=(4,), tied=True, activation="gated")),
            "MLP: `tied`=True does not go with `activation`='gated'",
        ),
        (
            Autoencoder(**SMALL, network=MLP(hidden=(4,), tied=True, spectral_norm=True)),
            "MLP: `tied`=True does not go with `spectral_norm`=True",
        ),
        (
            Autoencoder(**SMALL, encoder=MLP(hidden=(4,), tied=True), decoder=MLP(hidden=(4,))),
            "`tied` weights need an encoder and a decoder of one spec; got MLP(",
        ),
        (
            Autoencoder(**SMALL, network=MLP(hidden=(4,), tied=True), schema={4: "condition"}),
            "MLP: `tied`=True needs rows without conditions; the encoder reads 5 numbers, and the decoder gives 4.",
        ),
    ],
)
def test_what_has_no_mirror_is_refused(estimator, words: str) -> None:
    with pytest.raises(ParameterError) as caught:
        estimator.fit(X)
    assert words in str(caught.value)
