"""The composition: what it hands from part to part."""

from __future__ import annotations

import numpy as np
import torch
from linear_models import linear_model
from scipy import stats

from isthmus.core.batch import Batch
from isthmus.core.noise import Noise

from .known_numbers import close, values


def the_model_hands_over_noise_features_and_updates() -> None:
    model = linear_model(4, 2).float()
    generator = torch.Generator().manual_seed(0)
    noise = model.draw_noise(20_000, generator)
    assert noise.corruption is None
    assert not noise.penalties
    noise = noise.latent
    assert noise.shape == (20_000, 2)
    close(noise.mean(0), np.zeros(2), 0.03)
    close(noise.std(0), np.ones(2), 0.03)
    close(stats.kurtosis(noise.numpy(), axis=0), np.zeros(2), 0.15)
    assert linear_model(4, 2, stochastic=False).draw_noise(3, generator) is None
    model.shift.fill_(10.0)
    model.scale.fill_(0.5)
    raw = torch.tensor([[10, 12, 14, 0]], dtype=torch.uint8)
    assert model.features(Batch(raw)).tolist() == [[0.0, 1.0, 2.0, -5.0]]
    floats = torch.ones(1, 4)
    assert model.features(Batch(floats)) is floats
    model = model.double()
    rows = values(6, 4)
    found = model.forward_pass(Batch(rows), Noise(values(6, 2)))
    close(found.z.detach(), (found.posterior.mean + found.posterior.stddev * values(6, 2)).detach(), 1e-12)
    close(model.forward_pass(Batch(rows), None).z.detach(), found.posterior.code.detach(), 0)
    terms = model.loss(Batch(rows), Noise(values(6, 2)), {})
    assert set(terms.updates) == {"likelihood.parts.0.variance"}
    wanted = terms.updates["likelihood.parts.0.variance"].clone()
    model.apply_updates(terms.updates)
    close(model.likelihood.parts[0].variance, wanted, 0)
    model.eval()
    assert not model.loss(Batch(rows), Noise(values(6, 2)), {}).updates, "an evaluation must not change buffers"
