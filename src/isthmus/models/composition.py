"""A composition: the specs of all parts of one model, completed and checked, ready to build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Generator

from isthmus.components.latents.base import Latent
from isthmus.components.likelihoods.base import Likelihood
from isthmus.components.networks.base import Network
from isthmus.components.networks.layers import initialise
from isthmus.components.objectives.base import Objective
from isthmus.components.penalties.base import Penalty
from isthmus.components.priors.base import Prior
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.spec import spec_from_json

from .autoencoder import ComposedAutoencoder


@dataclass(frozen=True)
class Composition:
    """encoder → latent → decoder → likelihood, with a prior, penalties and an objective.

    Attributes
    ----------
    latent_dim : int
    encoder, decoder : Network
    latent : Latent
    prior : Prior
    likelihoods : tuple of Likelihood
        One per block of the schema.
    penalties : dict of str to Penalty
    objective : Objective
    """

    latent_dim: int
    encoder: Network
    decoder: Network
    latent: Latent
    prior: Prior
    likelihoods: tuple[Likelihood, ...]
    penalties: Mapping[str, Penalty]
    objective: Objective

    def validate(self) -> None:
        """Raise :class:`ParameterError` for a parameter out of range or parts that make no sense together."""
        for spec in (self.encoder, self.decoder, self.latent, self.prior, self.objective, *self.likelihoods):
            spec.validate()
        for name, penalty in self.penalties.items():
            penalty.validate()
            if penalty.needs_stochastic_latent and not self.latent.stochastic:
                raise ParameterError(
                    f"penalty `{name}` ({type(penalty).__name__}) needs a stochastic latent; `{self.latent.name}` has "
                    "no distribution. Use latent=GaussianLatent(), or leave the penalty out."
                )

    def build(self, blocks: Sequence[Block], generator: Generator | None = None) -> ComposedAutoencoder:
        """The module for rows made of ``blocks``; parameters are drawn from ``generator`` (zeros without one)."""
        self.validate()
        model = ComposedAutoencoder(
            blocks=blocks,
            latent_dim=self.latent_dim,
            encoder=self.encoder,
            decoder=self.decoder,
            latent=self.latent,
            prior=self.prior,
            likelihoods=self.likelihoods,
            penalties=self.penalties,
            objective=self.objective,
        ).float()  # whatever the caller's default dtype
        if generator is not None:
            initialise(model, generator)
        return model

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready description by registered names."""
        return {
            "latent_dim": self.latent_dim,
            "encoder": self.encoder.to_json(),
            "decoder": self.decoder.to_json(),
            "latent": self.latent.to_json(),
            "prior": self.prior.to_json(),
            "likelihoods": [spec.to_json() for spec in self.likelihoods],
            "penalties": {name: spec.to_json() for name, spec in self.penalties.items()},
            "objective": self.objective.to_json(),
        }

    @classmethod
    def from_json(cls, description: Mapping[str, Any]) -> Composition:
        """The composition that :meth:`to_json` described."""
        return cls(
            latent_dim=int(description["latent_dim"]),
            encoder=spec_from_json(description["encoder"]),
            decoder=spec_from_json(description["decoder"]),
            latent=spec_from_json(description["latent"]),
            prior=spec_from_json(description["prior"]),
            likelihoods=tuple(spec_from_json(entry) for entry in description["likelihoods"]),
            penalties={name: spec_from_json(entry) for name, entry in description["penalties"].items()},
            objective=spec_from_json(description["objective"]),
        )
