"""A composition: the specs of all parts of one model, completed and checked, ready to build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Generator

from isthmus.components.corruptions.base import Corruption
from isthmus.components.latents.base import Latent
from isthmus.components.latents.gaussian import GaussianLatent
from isthmus.components.likelihoods.base import Likelihood
from isthmus.components.networks.base import Network
from isthmus.components.networks.layers import initialise
from isthmus.components.objectives.base import CRITIC, Objective
from isthmus.components.penalties.activation_target import ActivationTarget
from isthmus.components.penalties.base import Penalty
from isthmus.components.penalties.codebook import CodebookLoss
from isthmus.components.penalties.free_bits import FreeBits
from isthmus.components.penalties.kl import KL
from isthmus.components.priors.base import Prior
from isthmus.components.priors.standard_normal import StandardNormal
from isthmus.components.priors.vamp import VampPrior
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.spec import spec_from_json

from .autoencoder import ComposedAutoencoder, is_aware

# What names of loss parts, of their weights and of critics' losses add to those of penalties.
SUFFIXES = ("_weight", CRITIC)


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
    corruption : Corruption or None
    """

    latent_dim: int
    encoder: Network
    decoder: Network
    latent: Latent
    prior: Prior
    likelihoods: tuple[Likelihood, ...]
    penalties: Mapping[str, Penalty]
    objective: Objective
    corruption: Corruption | None = None

    def validate(self) -> None:
        """Raise :class:`ParameterError` for a parameter out of range or parts that make no sense together."""
        for spec in (self.encoder, self.decoder, self.latent, self.prior, self.objective, *self.likelihoods):
            spec.validate()
        if self.corruption is not None:
            self.corruption.validate()
        self.latent.parameter_shape(self.latent_dim)
        self._check_tied()
        self._check_prior()
        self._check_objective()
        for name, penalty in self.penalties.items():
            self._check_name(name)
            penalty.validate()
            self._check_penalty(name, penalty)
        self._check_learnt_prior()
        self._check_codebook()

    def advice(self) -> str | None:
        """Words about parts that go together, but probably are not what was meant; None if there is nothing to say."""
        matched = self.objective.includes_divergence or any(one.matches_prior for one in self.penalties.values())
        if not self.latent.stochastic or matched:
            return None
        return (
            f"Nothing pulls the codes of latent `{self.latent.name}` towards the prior: `penalties` replaces the "
            "automatic KL. Add it, as in penalties={'kl': KL(), …}, unless that is what you want."
        )

    def _check_name(self, name: str) -> None:
        """Names of penalties become those of loss parts, of parameters and of columns of the history."""
        if not isinstance(name, str) or not name or "__" in name or "." in name or "/" in name:
            raise ParameterError(
                f"`penalties` has the name {name!r}; expected words without '.', '/' and '__', such as 'kl'. Rename it."
            )
        others = [other for other in self.penalties if other != name]
        taken = {"total", *self.objective.own_parts, *(f"{other}{end}" for other in others for end in SUFFIXES)}
        if name in taken:
            raise ParameterError(
                f"`penalties` has the name {name!r}, which is that of another part of the loss. Rename it, to 'kl' for "
                "example."
            )

    def _check_penalty(self, name: str, penalty: Penalty) -> None:
        words = f"penalty `{name}` ({type(penalty).__name__})"
        if penalty.needs_stochastic_latent and not self.latent.stochastic:
            raise ParameterError(
                f"{words} needs a stochastic latent; `{self.latent.name}` has no distribution. Use "
                "latent=GaussianLatent(), or leave the penalty out."
            )
        if isinstance(penalty, ActivationTarget) and getattr(self.latent, "activation", None) != "sigmoid":
            raise ParameterError(
                f"{words} needs codes between 0 and 1; those of latent `{self.latent.name}` are any numbers. Use "
                "latent=Point(activation='sigmoid'), or L1Sparsity() for codes of any range."
            )
        if self.latent.code_space not in penalty.code_spaces:
            raise ParameterError(
                f"{words} is defined for {' and '.join(penalty.code_spaces)} codes; those of `{self.latent.name}` are "
                f"{self.latent.code_space}. Use another latent, or leave the penalty out."
            )
        if penalty.needs_gaussian_posterior and not isinstance(self.latent, GaussianLatent):
            raise ParameterError(
                f"{words} needs the means and standard deviations of Gaussian posteriors; those of latent "
                f"`{self.latent.name}` are none. Use latent=GaussianLatent(), or leave the penalty out."
            )
        if isinstance(penalty, FreeBits) and not isinstance(self.prior, StandardNormal):
            raise ParameterError(
                f"{words} needs a prior whose dimensions are independent; those of prior `{self.prior.name}` are not. "
                "Use prior=StandardNormal(), or KL() in its place."
            )
        if isinstance(penalty, KL) and self.objective.includes_divergence:
            raise ParameterError(
                f"{words} counts the divergence from the prior a second time: objective `{self.objective.name}` "
                "contains it already. Leave the penalty out."
            )
        if self.objective.draws is not None and not penalty.takes_draws:
            raise ParameterError(
                f"{words} looks at one code per row; objective `{self.objective.name}` draws "
                f"{self.objective.draws}. Use objective=PenalisedLikelihood(), or leave the penalty out."
            )

    def _check_tied(self) -> None:
        """Tied weights need layers that mirror one another."""
        networks = {"encoder": self.encoder, "decoder": self.decoder}
        if not any(getattr(network, "tied", False) for network in networks.values()):
            return
        if self.encoder != self.decoder:
            raise ParameterError(
                f"`tied` weights need an encoder and a decoder of one spec; got {self.encoder!r} and {self.decoder!r}. "
                "Use network=MLP(tied=True) for both."
            )
        for name, value in (("activation", "gated"), ("spectral_norm", True)):
            if getattr(self.encoder, name) == value:
                raise ParameterError(
                    f"MLP: `tied`=True does not go with `{name}`={value!r}, whose matrices have no transposed "
                    "counterpart in the decoder. Leave one of the two out."
                )
        if self.latent.parameter_shape(self.latent_dim) != self.latent_dim:
            raise ParameterError(
                f"MLP: `tied`=True needs a deterministic latent; the encoder gives latent `{self.latent.name}` "
                f"{self.latent.parameter_shape(self.latent_dim)} numbers for {self.latent_dim} codes. Use "
                "latent=Point(), or leave `tied` out."
            )

    def _check_prior(self) -> None:
        if self.prior.axis == "density":
            raise ParameterError(
                f"prior `{self.prior.name}` is a density that is fitted to the codes of a trained model: no model can "
                "be trained with it. Leave `prior` at 'auto'; `sample` finds out whether it explains the "
                "codes best."
            )
        if self.prior.code_space != self.latent.code_space:
            raise ParameterError(
                f"prior `{self.prior.name}` is over {self.prior.code_space} codes; those of latent "
                f"`{self.latent.name}` are {self.latent.code_space}. Leave `prior` at 'auto', or choose one of the "
                "same kind."
            )
        if isinstance(self.prior, VampPrior) and not isinstance(self.latent, GaussianLatent):
            raise ParameterError(
                f"prior `vamp` is a mixture of Gaussian posteriors; those of latent `{self.latent.name}` are none. Use "
                "latent=GaussianLatent(), or another prior."
            )

    def _check_learnt_prior(self) -> None:
        trained = self.objective.includes_divergence or any(one.trains_prior for one in self.penalties.values())
        if self.prior.learnt and not trained:
            remedy = (
                "`penalties` replaces the automatic KL: add it, as in penalties={'kl': KL(), …}"
                if self.latent.stochastic
                else "Leave `prior` at 'auto' (`sample` fits a density to the codes after training), or add a penalty "
                "such as penalties={'mmd': MaximumMeanDiscrepancy()}"
            )
            raise ParameterError(
                f"prior `{self.prior.name}` is learnt, and no penalty here moves it: it would stay as it was drawn. "
                f"{remedy}."
            )

    def _check_codebook(self) -> None:
        update = getattr(self.latent, "update", None)
        names = [name for name, penalty in self.penalties.items() if isinstance(penalty, CodebookLoss)]
        if names and update != "gradient":
            raise ParameterError(
                f"penalty `{names[0]}` (CodebookLoss) has nothing to train: latent `{self.latent.name}` has no "
                "codebook that a gradient moves. Leave the penalty out, or use VectorQuantised(update='gradient')."
            )
        if update == "gradient" and not names:
            raise ParameterError(
                "VectorQuantised(update='gradient') needs the penalty that trains its codebook: add "
                "penalties={'commitment': Commitment(), 'codebook': CodebookLoss()}, or leave `penalties` at 'auto'."
            )

    def _check_objective(self) -> None:
        if self.objective.needs_stochastic_latent and not self.latent.stochastic:
            raise ParameterError(
                f"objective `{self.objective.name}`: importance weighting needs a stochastic latent; "
                f"`{self.latent.name}` has none. Use latent=GaussianLatent(), or objective=PenalisedLikelihood()."
            )

    def build(
        self, blocks: Sequence[Block], generator: Generator | None = None, condition_width: int = 0
    ) -> ComposedAutoencoder:
        """The module for rows made of ``blocks``; parameters are drawn from ``generator`` (zeros without one).

        ``condition_width`` is the number of encoded condition columns.
        """
        self.validate()
        self._check_tied_widths(blocks, condition_width)
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
            corruption=self.corruption,
            condition_width=condition_width,
        ).float()  # whatever the caller's default dtype
        if generator is not None:
            initialise(model, generator)
        return model

    def _check_tied_widths(self, blocks: Sequence[Block], condition_width: int) -> None:
        if not getattr(self.decoder, "tied", False):
            return
        modelled = blocks if self.corruption is None else self.corruption.blocks_after(blocks)
        given = sum(spec.parameter_shape(block) for spec, block in zip(self.likelihoods, modelled, strict=True))
        width = sum(block.width for block in blocks)
        flagged = is_aware(blocks, self.corruption)
        if condition_width or flagged or given != width:
            reason = "rows without conditions" if condition_width else "one parameter per feature"
            remedy = "" if condition_width else ", or use another likelihood"
            if flagged and not condition_width:
                reason, remedy = "an encoder that is shown every cell and told of no holes", ""
            read = width + condition_width + (sum(block.columns for block in blocks) if flagged else 0)
            raise ParameterError(
                f"MLP: `tied`=True needs {reason}; the encoder reads {read} numbers, and the decoder gives {given}. "
                f"Leave `tied` out{remedy}."
            )

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready description by registered names."""
        description = {
            "latent_dim": self.latent_dim,
            "encoder": self.encoder.to_json(),
            "decoder": self.decoder.to_json(),
            "latent": self.latent.to_json(),
            "prior": self.prior.to_json(),
            "likelihoods": [spec.to_json() for spec in self.likelihoods],
            "penalties": {name: spec.to_json() for name, spec in self.penalties.items()},
            "objective": self.objective.to_json(),
        }
        if self.corruption is not None:
            description["corruption"] = self.corruption.to_json()
        return description

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
            corruption=spec_from_json(description["corruption"]) if "corruption" in description else None,
        )
