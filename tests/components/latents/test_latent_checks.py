"""The checks of quantised and spherical codes must be able to fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from isthmus.components.latents.codebook import Codebook
from isthmus.components.latents.finite_scalar import FiniteScalar, FiniteScalarLatent
from isthmus.components.latents.hyperspherical import HypersphericalLatent
from isthmus.components.latents.residual_quantised import ResidualQuantised, ResidualQuantisedLatent
from isthmus.components.latents.vector_quantised import VectorQuantised
from isthmus.components.priors.categorical_mixture import CategoricalMixture
from isthmus.components.priors.uniform_sphere import UniformSphere
from isthmus.components.priors.uniform_symbols import UniformSymbols
from isthmus.core.spec import Spec
from isthmus.distributions import QuantisedPosterior, UniformCodes, VonMisesFisher
from isthmus.distributions import UniformSphere as UniformSphereDistribution
from isthmus.distributions.symbol_mixture import SymbolMixture
from isthmus.testing import check_component

sampled = VonMisesFisher.sample
updated = Codebook.updates
drawn = UniformCodes.draw
encoded = FiniteScalarLatent.forward
mass = SymbolMixture.log_prob


def summed(self: Codebook, rows: torch.Tensor, symbols: torch.Tensor, keys: Any = None) -> dict[str, torch.Tensor]:
    return {name: value * len(rows) for name, value in updated(self, rows, symbols, keys).items()}


def impure(self: Codebook, rows: torch.Tensor, symbols: torch.Tensor, keys: Any = None) -> dict[str, torch.Tensor]:
    self.counts.mul_(0.9)
    return updated(self, rows, symbols, keys)


def shrunk(self: FiniteScalarLatent, parameters: torch.Tensor) -> QuantisedPosterior:
    found = encoded(self, parameters)
    return QuantisedPosterior(found.encoded, 0.9 * found.quantised, found.symbols, found.log_levels)


FAULTS: dict[str, tuple[type, str, Any, Spec, str]] = {
    "no gradient to the encoder": (
        QuantisedPosterior,
        "code",
        property(lambda self: self.quantised),
        FiniteScalar(),
        "no gradient reaches the inputs",
    ),
    "twice the gradient": (
        QuantisedPosterior,
        "code",
        property(lambda self: self.quantised.detach() + 2 * (self.encoded - self.encoded.detach())),
        VectorQuantised(n_codes=3),
        "the code by the encoder's output is not straight through",
    ),
    "sums in place of means": (Codebook, "updates", summed, VectorQuantised(n_codes=3), "must be the average"),
    "a step that changes a buffer": (Codebook, "updates", impure, VectorQuantised(n_codes=3), "must be pure"),
    "other vectors than those of the code": (
        FiniteScalarLatent,
        "forward",
        shrunk,
        FiniteScalar(),
        r"vectors\(symbols\) must be the code",
    ),
    "too few levels": (
        ResidualQuantised,
        "symbol_levels",
        lambda self, latent_dim: (2,) * self.stages,
        ResidualQuantised(n_codes=256),
        r"symbols are not within \(2, 2, 2, 2\)",
    ),
    "one place too many": (
        VectorQuantised,
        "symbol_levels",
        lambda self, latent_dim: (self.n_codes,) * 2,
        VectorQuantised(n_codes=3),
        r"symbols have \(4, 1\)",
    ),
    "another cost": (
        ResidualQuantisedLatent,
        "forward",
        lambda self, p: QuantisedPosterior(p, self.vectors(one := torch.zeros(len(p), 4).long()), one, 1.0),
        ResidualQuantised(),
        "log_levels must be the sum",
    ),
    "samples too close to the direction": (
        VonMisesFisher,
        "sample",
        lambda self, noise: torch.nn.functional.normalize(sampled(self, noise) + self.direction, dim=-1),
        HypersphericalLatent(),
        "draws do not follow|disagree widely",
    ),
    "an area of another dimension": (
        UniformSphereDistribution,
        "log_prob",
        lambda self, value: value.new_full(value.shape[:-1], -2.5),
        UniformSphere(),
        "draws do not follow",
    ),
    "symbols that do not exist": (
        UniformCodes,
        "draw",
        lambda self, rows, generator=None: drawn(self, rows, generator) + 1,
        UniformSymbols(),
        "are not within",
    ),
    "classes that are not weighted": (
        SymbolMixture,
        "log_prob",
        lambda self, value: mass(self, value) - self.log_weights[0],
        CategoricalMixture(),
        "add up to|as often",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_checks_notice(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, attribute, fault, spec, message = FAULTS[name]
    check: Callable[[Spec], None] = check_component
    monkeypatch.setattr(owner, attribute, fault)
    with pytest.raises(AssertionError, match=message):
        check(spec)
