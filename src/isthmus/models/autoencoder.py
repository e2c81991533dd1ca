"""The one composition as a PyTorch module: every model of the library is an instance of this class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor, nn

from isthmus.components.corruptions.base import Corruption
from isthmus.components.latents.base import Latent
from isthmus.components.likelihoods.base import Likelihood
from isthmus.components.likelihoods.per_column import likelihood_of_rows
from isthmus.components.networks.base import Network
from isthmus.components.networks.layers import Dropout
from isthmus.components.networks.tied import tied
from isthmus.components.objectives.base import CRITIC, Objective
from isthmus.components.penalties.base import Penalty
from isthmus.components.priors.base import Prior
from isthmus.core.batch import Batch
from isthmus.core.blocks import MISSING, Block
from isthmus.core.context import Context
from isthmus.core.forward_pass import NO_NOISE, ForwardPass
from isthmus.core.loss_terms import LossTerms, Weight
from isthmus.core.noise import Noise
from isthmus.core.parameter_group import ParameterGroup
from isthmus.core.progress import Progress
from isthmus.core.rows_at_once import rows_at_once
from isthmus.distributions import Distribution, Posterior, observed

from .encoder_inputs import EncoderInputs


class ComposedAutoencoder(nn.Module):
    """corruption → encoder → latent → decoder → likelihood, with a prior, penalties and an objective.

    The training loop needs :meth:`draw_noise`, :meth:`weights`, :meth:`loss` and :meth:`apply_updates`; the uses of a
    fitted model need :meth:`features`, :meth:`encode` and :meth:`decode`. Calling the module reconstructs features.

    Parameters
    ----------
    blocks : sequence of Block
        What the encoded row is made of.
    latent_dim : int
    condition_width : int
        How many columns of condition encoder and decoder are given besides.
    encoder, decoder, latent, prior, likelihoods, penalties, objective, corruption
        The specs of the parts; ``likelihoods`` has one per block, ``corruption`` may be None.
    """

    shift: Tensor
    scale: Tensor
    likelihood: Any

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
        corruption: Corruption | None = None,
        condition_width: int = 0,
    ) -> None:
        super().__init__()
        width = sum(block.width for block in blocks)
        self.blocks = tuple(blocks)
        self.latent_dim = latent_dim
        self.width = width
        self.condition_width = condition_width
        self.stochastic = latent.stochastic
        self.bounded = latent.bounded
        self.code_space = latent.code_space
        self.penalties = dict(penalties)
        self.objective = objective
        self.corruption = corruption
        modelled = blocks if corruption is None else corruption.blocks_after(blocks)
        self.likelihood = likelihood_of_rows(likelihoods, modelled)
        self._corruption_noise = corruption.noise_width(blocks) if corruption is not None else 0
        self._hides = corruption is not None and _hides(corruption, blocks)
        self.inputs = EncoderInputs(blocks, is_aware(blocks, corruption))
        shown = self.inputs.width + condition_width
        self.encoder_width = latent.parameter_shape(latent_dim)
        self.encoder = encoder.build(shown, self.encoder_width)
        self.latent = latent.build(latent_dim)
        self.levels = latent.symbol_levels(latent_dim)
        self.prior = prior.build(latent_dim, shown, self.levels)
        self.decoder = decoder.build(latent_dim + condition_width, self.likelihood.parameter_width, mirrored=True)
        if getattr(decoder, "tied", False):
            self.decoder = tied(self.encoder, self.decoder)  # type: ignore[arg-type]
        self.penalties_by_name = {name: spec.build(latent_dim, width) for name, spec in penalties.items()}
        # In the order of their names, so that tensors are called the same in whatever order penalties were given.
        self._penalty_order = sorted(penalties)
        self.penalty_modules = nn.ModuleList(self.penalties_by_name[name] for name in self._penalty_order)
        # How raw uint8 rows become features; rows that arrive as floats are features already.
        self.register_buffer("shift", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self._networks = {"encoder": self.encoder, "decoder": self.decoder}
        self._updating = {name: m for name, m in self.penalties_by_name.items() if _overrides(m, "updates")}
        self._pending = {name: m for name, m in self.named_modules() if hasattr(m, "pending")}
        self._dropouts = [module for module in self.modules() if isinstance(module, Dropout)]
        self._latent_updates = _overrides(self.latent, "updates")
        self.noise_width = latent.noise_width(latent_dim)
        widths = {name: spec.noise_width(latent_dim, width) for name, spec in penalties.items()}
        self._penalty_noise = {name: count for name, count in widths.items() if count}

    # What the data become

    def features(self, batch: Batch) -> Tensor:
        """The rows as floats, (n, d): what the encoder sees and the likelihood is asked about; 0 in absent cells."""
        values = batch.values
        if values.dtype == torch.uint8:
            shift, scale, width = self.shift, self.scale, values.shape[-1]
            if width != self.width:
                shift, scale = shift[:width], scale[:width]
            values = (values.to(scale.dtype) - shift) * scale
        if batch.present is None and values.shape[-1] == self.width:
            return values
        return self.inputs.expansion(values, batch)

    def context(self, batch: Batch, features: Tensor) -> Context | None:
        """The rows' condition and exposure, and which cells are visible and present; None if there is nothing to say.

        Rows that have indicators of missing cells always come with both masks, so that what a row gives does not depend
        on whether another one has holes.
        """
        exposure = batch.extras.get("exposure") if batch.extras else None
        if exposure is not None:
            exposure = exposure.unsqueeze(-1)
        elif self.likelihood.shows_exposure:
            exposure = self.likelihood.observed_exposure(features)
        present = batch.present
        if present is None and self.inputs.expansion.indicators:
            present = features.new_ones(len(features), self.inputs.expansion.columns, dtype=torch.bool)
        visible = present if batch.visible is None else batch.visible
        if batch.condition is None and exposure is None and visible is None and present is None:
            return None
        return Context(batch.condition, exposure, visible, present)

    def encode(self, features: Tensor, context: Context | None = None) -> Posterior:
        """q(z|x) of features (n, d)."""
        return self.encode_inputs(self._seen(features, context))

    def encode_inputs(self, seen: Tensor) -> Posterior:
        """q(z|x) of what the encoder itself is shown, (n, d + c): pseudo-inputs live there."""
        return self.latent(self.encoder(seen))

    def _seen(self, features: Tensor, context: Context | None) -> Tensor:
        if context is None:
            return self.inputs(features)
        seen = self.inputs(features, context.visible)
        return seen if context.condition is None else torch.cat([seen, context.condition], -1)

    def decode(self, z: Tensor, context: Context | None = None) -> Distribution:
        """p(x|z) of codes (n, latent_dim) or (samples, n, latent_dim); of the present cells, where some are absent."""
        exposure = None
        if context is not None:
            exposure = context.exposure
            if context.condition is not None:
                z = torch.cat([z, context.condition.expand(*z.shape[:-1], -1)], -1)
        # Networks take one leading axis.
        raw = self.decoder(z) if z.ndim == 2 else self.decoder(z.flatten(0, -2)).unflatten(0, z.shape[:-1])
        likelihood = self.likelihood(raw, exposure)
        return likelihood if context is None or context.present is None else observed(likelihood, context.present)

    def forward(self, features: Tensor, context: Context | None = None) -> Tensor:
        """The reconstruction of features (n, d) -> (n, d): the likelihood's mean at the code."""
        return self.decode(self.encode(features, context).code, context).mean  # type: ignore[attr-defined]

    # What the training loop asks for

    def draw_noise(self, rows: int, generator: Generator) -> Noise | None:
        """Noise for ``rows`` rows from the run's generator; None if nothing needs any."""

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, device=generator.device, dtype=self.scale.dtype)

        draws = self.objective.draws
        latent = self.noise_width
        if not (latent or self._corruption_noise or self._penalty_noise):
            return None
        return Noise(
            (normal(rows, latent) if draws is None else normal(rows, draws, latent)) if latent else None,
            normal(rows, self._corruption_noise) if self._corruption_noise else None,
            {name: normal(rows, width) for name, width in self._penalty_noise.items()},
        )

    def weights(self, progress: Progress) -> dict[str, float]:
        """The weights of loss parts, and the numbers that penalties schedule as ``name.number``."""
        weights = dict(self.objective.weights_at(progress))
        for name, penalty in self.penalties.items():
            weights[name] = penalty.weight_at(progress)
            for number, value in penalty.scheduled(progress).items():
                weights[f"{name}.{number}"] = value
            if self.penalties_by_name[name].has_critic:
                weights[name + CRITIC] = 0.0
        return weights

    def settled(self, progress: Progress) -> bool:
        """Whether every weight has its final value."""
        return self.objective.settled(progress) and all(one.settled(progress) for one in self.penalties.values())

    @property
    def whole_batch_penalties(self) -> list[str]:
        """The names of penalties that need the whole batch at once: they forbid splitting it."""
        return [name for name, penalty in self.penalties.items() if penalty.scope == "batch"]

    def parameter_groups(self) -> list[ParameterGroup]:
        """The parameters by the part that they belong to; the critics' apart, with an optimiser of their own."""
        groups = [
            ParameterGroup("encoder", (*self.encoder.parameters(), *self.latent.parameters())),
            ParameterGroup("prior", tuple(self.prior.parameters())),
            ParameterGroup("decoder", (*self.decoder.parameters(), *self.likelihood.parameters())),
        ]
        for name, module in self.penalties_by_name.items():
            if module.has_critic:
                groups.append(
                    ParameterGroup(name + CRITIC, tuple(module.parameters()), module.rate_factor, module.betas)
                )
        return [group for group in groups if group.parameters]

    def forward_pass(self, batch: Batch, noise: Noise | None) -> ForwardPass:
        """One pass through all parts."""
        noise = NO_NOISE if noise is None else noise
        features = self.features(batch)
        context = self.context(batch, features)
        seen = features
        if self.corruption is not None and noise.corruption is not None:
            features, seen = self.corruption.applied(features, noise.corruption, self.blocks)
            if self._hides:
                context = self._hiding(noise.corruption, context)
        encode, decode = self._told(context)
        # First the prior: what layers remember of a pass must be of the rows, not of pseudo-inputs.
        prior = self.prior(self.encode_inputs)
        return self._completed(batch, features, seen, encode(seen), prior, noise, context, encode, decode)

    def pass_of(self, posterior: Posterior, batch: Batch, noise: Noise | None) -> ForwardPass:
        """The pass that a posterior leads to, whatever gave it: a function of codes that checks can differentiate."""
        features = self.features(batch)
        context = self.context(batch, features)
        noise = NO_NOISE if noise is None else noise
        prior = self.prior(self.encode_inputs)
        return self._completed(batch, features, features, posterior, prior, noise, context, *self._told(context))

    def _hiding(self, noise: Tensor, context: Context | None) -> Context:
        """The context in which the encoder does not see what the corruption hides either.

        A stochastic code is then trained on the bound of what it sees: one on all cells would want a posterior as
        narrow as if it had seen them, and pull the decoder after it. What a deterministic code does not see, it is
        asked about: it learns to fill it in.
        """
        context = Context() if context is None else context
        shown: Any = self.corruption.visible(noise, self.blocks)  # type: ignore[union-attr]
        visible = shown if context.visible is None else shown & context.visible
        if not self.stochastic:
            return replace(context, visible=visible)
        present = shown if context.present is None else shown & context.present
        return replace(context, visible=visible, present=present)

    def _told(self, context: Context | None) -> tuple[Callable[[Tensor], Any], Callable[[Tensor], Any]]:
        """:meth:`encode` and :meth:`decode` of rows in their context."""
        if context is None:
            return self.encode, self.decode
        return partial(self.encode, context=context), partial(self.decode, context=context)

    def _completed(
        self,
        batch: Batch,
        features: Tensor,
        seen: Tensor,
        posterior: Posterior,
        prior: Distribution,
        noise: Noise,
        context: Context | None,
        encode: Callable[[Tensor], Any],
        decode: Callable[[Tensor], Any],
    ) -> ForwardPass:
        if noise.latent is None:
            z = posterior.code
        else:
            z = posterior.sample(noise.latent if noise.latent.ndim == 2 else noise.latent.transpose(0, 1))
        return ForwardPass(
            batch,
            features,
            posterior,
            z,
            prior,
            decode(z),
            encode,
            decode,
            seen,
            noise,
            context,
            self._networks,
        )

    def loss(self, batch: Batch, noise: Noise | None, weights: Mapping[str, Weight]) -> LossTerms:
        """The loss terms of a batch: a pure function, whose changes of buffers are returned as updates."""
        forward_pass = self.forward_pass(batch, noise)
        terms = self.objective.terms(forward_pass, self.penalties_by_name, weights)
        if self.training:
            self._collect_updates(forward_pass, terms.updates)
        return terms

    def _collect_updates(self, forward_pass: ForwardPass, updates: dict[str, Tensor]) -> None:
        for name, value in self.likelihood.updates(forward_pass.likelihood, forward_pass.features).items():
            updates[f"likelihood.{name}"] = value
        if self._latent_updates:
            for name, value in self.latent.updates(forward_pass.posterior, forward_pass.noise.latent).items():
                updates[f"latent.{name}"] = value
        for number, penalty in enumerate(self._penalty_order):
            if penalty in self._updating:
                found = self._updating[penalty].updates(forward_pass, forward_pass.noise.penalties.get(penalty))
                for name, value in found.items():
                    updates[f"penalty_modules.{number}.{name}"] = value
        for name, layer in self._pending.items():
            for statistic, value in layer.pending.items():
                updates[f"{name}.{statistic}"] = value

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

    @torch.no_grad()
    def begin(self, batch: Batch, rows: int, generator: Generator) -> None:
        """Let the parts look at some training rows, of ``rows`` in all, before training begins."""
        training = self.training
        self.eval()  # dropout would draw, and batch statistics be left behind
        features = self.features(batch)
        context = self.context(batch, features)
        told = Context() if context is None else context
        self.likelihood.begin(features, told.exposure, told.present)
        seen = self._seen(features, context)
        pieces = seen.split(rows_at_once(len(seen), self.width))
        self.latent.begin(torch.cat([self.encoder(piece) for piece in pieces]), generator)
        self.prior.begin(seen, generator)
        for module in self.penalties_by_name.values():
            module.begin(rows)
        self.train(training)


def is_aware(blocks: Sequence[Block], corruption: Corruption | None) -> bool:
    """Whether the encoder is told which cells it sees: rows have indicators of holes, or training hides cells."""
    if any(block.kind == MISSING for block in blocks):
        return True
    return corruption is not None and _hides(corruption, blocks)


def _hides(corruption: Corruption, blocks: Sequence[Block]) -> bool:
    """Whether a corruption hides cells: the encoder is then told which it sees."""
    return corruption.visible(torch.zeros(1, corruption.noise_width(blocks)), blocks) is not None


def _overrides(module: nn.Module, method: str) -> bool:
    """Whether a class gives ``method`` a body of its own: steps skip the others."""
    base = next(cls for cls in type(module).__mro__[::-1] if method in cls.__dict__)
    return getattr(type(module), method) is not base.__dict__[method]
