"""The one composition as a PyTorch module: every model of the library is an instance of this class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Generator, Tensor, nn

from isthmus.components.latents.base import Latent
from isthmus.components.likelihoods.base import Likelihood
from isthmus.components.likelihoods.per_column import PerColumn
from isthmus.components.networks.base import Network
from isthmus.components.networks.layers import BatchNorm, Dropout
from isthmus.components.objectives.base import Objective
from isthmus.components.penalties.base import Penalty
from isthmus.components.priors.base import Prior
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import LossTerms, Weight
from isthmus.distributions import Distribution, Posterior


class ComposedAutoencoder(nn.Module):
    """encoder → latent → decoder → likelihood, with a prior, penalties and an objective.

    The training loop needs :meth:`draw_noise`, :meth:`weights`, :meth:`loss` and :meth:`apply_updates`; the uses of a
    fitted model need :meth:`features`, :meth:`encode` and :meth:`decode`. Calling the module reconstructs features.

    Parameters
    ----------
    blocks : sequence of Block
        What the encoded row is made of.
    latent_dim : int
    encoder, decoder, latent, prior, likelihoods, penalties, objective
        The specs of the parts; ``likelihoods`` has one per block.
    """

    shift: Tensor
    scale: Tensor

    def __init__(
        self,
        *,
        blocks: Sequence[Block],
        latent_dim: int,
        encoder: Network,
        decoder: Network,
        latent: Latent,
        prior: Prior,
        likelihoods: Sequence[Likelihood],
        penalties: Mapping[str, Penalty],
        objective: Objective,
    ) -> None:
        super().__init__()
        width = sum(block.width for block in blocks)
        self.latent_dim = latent_dim
        self.width = width
        self.stochastic = latent.stochastic
        self.penalties = dict(penalties)
        self.objective = objective
        self.likelihood = PerColumn(likelihoods, blocks)
        self.encoder = encoder.build(width, latent.parameter_shape(latent_dim))
        self.latent = latent.build(latent_dim)
        self.prior = prior.build(latent_dim)
        self.decoder = decoder.build(latent_dim, self.likelihood.parameter_width, mirrored=True)
        # How raw uint8 rows become features; rows that arrive as floats are features already.
        self.register_buffer("shift", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self._batch_norms = {name: m for name, m in self.named_modules() if isinstance(m, BatchNorm)}
        self._dropouts = [module for module in self.modules() if isinstance(module, Dropout)]

    # What the data become

    def features(self, batch: Batch) -> Tensor:
        """The rows as floats, (n, d): what the encoder sees and the likelihood is asked about."""
        if batch.values.dtype == torch.uint8:
            return (batch.values.to(self.scale.dtype) - self.shift) * self.scale
        return batch.values

    def encode(self, features: Tensor) -> Posterior:
        """q(z|x) of features (n, d)."""
        return self.latent(self.encoder(features))

    def decode(self, z: Tensor) -> Distribution:
        """p(x|z) of codes (n, latent_dim)."""
        return self.likelihood(self.decoder(z))

    def forward(self, features: Tensor) -> Tensor:
        """The reconstruction of features (n, d) -> (n, d): the likelihood's mean at the code."""
        return self.decode(self.encode(features).code).mean  # type: ignore[attr-defined]

    # What the training loop asks for

    def draw_noise(self, rows: int, generator: Generator) -> Tensor | None:
        """Noise for ``rows`` rows from the run's generator, (rows, latent_dim); None if the code is deterministic."""
        if not self.stochastic:
            return None
        shape = (rows, self.latent_dim)
        return torch.randn(shape, generator=generator, device=generator.device, dtype=self.scale.dtype)

    def weights(self, epoch: float) -> dict[str, float]:
        """The weight of each penalty after ``epoch`` epochs."""
        return {name: penalty.weight_at(epoch) for name, penalty in self.penalties.items()}

    @property
    def warmup(self) -> float:
        """The epoch from which every weight is at its full value."""
        return max((penalty.warmup for penalty in self.penalties.values()), default=0.0)

    @property
    def whole_batch_penalties(self) -> list[str]:
        """The names of penalties that need the whole batch at once: they forbid splitting it."""
        return [name for name, penalty in self.penalties.items() if penalty.scope == "batch"]

    def forward_pass(self, batch: Batch, noise: Tensor | None) -> ForwardPass:
        """One pass through all parts."""
        features = self.features(batch)
        posterior = self.encode(features)
        z = posterior.code if noise is None else posterior.sample(noise)
        prior = self.prior(self.encode)
        return ForwardPass(batch, features, posterior, z, prior, self.decode(z), self.encode, self.decode)

    def loss(self, batch: Batch, noise: Tensor | None, weights: Mapping[str, Weight]) -> LossTerms:
        """The loss terms of a batch: a pure function, whose changes of buffers are returned as updates."""
        forward_pass = self.forward_pass(batch, noise)
        terms = self.objective.terms(forward_pass, self.penalties, weights)
        if self.training:
            updates = self.likelihood.updates(forward_pass.likelihood, forward_pass.features)
            for name, value in updates.items():
                terms.updates[f"likelihood.{name}"] = value
            for name, layer in self._batch_norms.items():
                for statistic, value in layer.pending.items():
                    terms.updates[f"{name}.{statistic}"] = value
        return terms

    @torch.no_grad()
    def apply_updates(self, updates: Mapping[str, Tensor]) -> None:
        """Write the new values of buffers that an accepted step returned."""
        for name, value in updates.items():
            self.get_buffer(name).copy_(value)

    def use_generator(self, generator: Generator | None) -> bool:
        """Hand the layers that draw random numbers their generator; False if there are none."""
        for layer in self._dropouts:
            layer.generator = generator
        return bool(self._dropouts)
