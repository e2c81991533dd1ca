"""The same seed gives the same bits, here and in a fresh process; nothing of the caller's is touched."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys

import numpy as np
import pytest
import torch

import isthmus
from isthmus import VAE, Autoencoder

SCRIPT = """
import hashlib, sys
import numpy as np
import torch
torch.set_num_threads(1)
import isthmus
X = np.random.default_rng(0).normal(size=(120, 5)).astype(np.float32)
network = isthmus.MLP(hidden=(8,), dropout=0.1, normalisation="batch")
model = isthmus.VAE(2, network=network, max_epochs=3, random_state=5).fit(X)
digest = hashlib.sha256()
for name, tensor in sorted(model.module_.state_dict().items()):
    digest.update(name.encode() + tensor.numpy().tobytes())
for found in (model.transform(X), model.score_samples(X), model.sample(5, random_state=1)):
    digest.update(found.tobytes())
print(digest.hexdigest())
"""


def digest_here():
    threads = torch.get_num_threads()
    printed = []
    try:
        exec(compile(SCRIPT, "script", "exec"), {"print": printed.append})  # noqa: S102 (our own text, above)
    finally:
        torch.set_num_threads(threads)
    return printed[0]


def test_same_seed_same_bits_also_in_a_fresh_process_with_another_hash_seed():
    first = digest_here()
    assert digest_here() == first
    for hash_seed in ("4242",):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        found = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
        )
        assert found.stdout.strip() == first


@pytest.mark.parametrize("seed", [0, np.int64(7), 2**62])
def test_integer_seeds(seed):
    X = np.random.default_rng(0).normal(size=(60, 3))
    fits = [Autoencoder(1, max_epochs=2, random_state=seed).fit(X).transform(X) for _ in range(2)]
    np.testing.assert_array_equal(*fits)
    other = Autoencoder(1, max_epochs=2, random_state=int(seed) + 1).fit(X).transform(X)
    assert not np.array_equal(fits[0], other)


def test_without_a_seed_two_fits_differ():
    X = np.random.default_rng(0).normal(size=(60, 3))
    first, second = (VAE(1, max_epochs=1).fit(X).transform(X) for _ in range(2))
    assert not np.array_equal(first, second)


def test_the_callers_state_is_untouched():
    X = np.random.default_rng(0).normal(size=(80, 4))
    content = hashlib.sha256(X.tobytes()).hexdigest()
    X.flags.writeable = False
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    state = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    grad = torch.is_grad_enabled()
    try:
        network = isthmus.MLP(hidden=(8,), dropout=0.1)
        model = VAE(2, network=network, max_epochs=2, random_state=0).fit(X)
        model.transform(X), model.score_samples(X), model.sample(3, random_state=0), model.interpolate(X[0], X[1])
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(dtype)
    assert torch.equal(torch.get_rng_state(), state[0])
    assert np.array_equal(np.random.get_state()[1], state[1])
    assert random.getstate() == state[2]
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled() == grad
    assert hashlib.sha256(X.tobytes()).hexdigest() == content
    # And the caller's default dtype does not change the result.
    plain = VAE(2, network=network, max_epochs=2, random_state=0).fit(X)
    np.testing.assert_array_equal(plain.transform(X), model.transform(X))
