"""What goes with what when the user does not say: the only place that pairs data with parts.

The numbers come from the ablation in ``benchmarks/ablation.py`` (table: ``benchmarks/results/ablation.md``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from isthmus.components.corruptions.base import Corruption
from isthmus.components.latents.base import Latent
from isthmus.components.latents.gaussian import GaussianLatent
from isthmus.components.latents.point import Point
from isthmus.components.likelihoods.base import Likelihood
from isthmus.components.likelihoods.bernoulli import Bernoulli
from isthmus.components.likelihoods.categorical import Categorical
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.likelihoods.negative_binomial import NegativeBinomial
from isthmus.components.networks.base import Network
from isthmus.components.networks.convolutional import Convolutional
from isthmus.components.networks.convolutional_layouts import SMALLEST_SIDE
from isthmus.components.networks.mlp import MLP
from isthmus.components.objectives.base import Objective
from isthmus.components.objectives.penalised_likelihood import PenalisedLikelihood
from isthmus.components.penalties.base import Penalty
from isthmus.components.penalties.codebook import CodebookLoss
from isthmus.components.penalties.commitment import Commitment
from isthmus.components.penalties.kl import KL
from isthmus.components.priors.base import Prior
from isthmus.components.priors.standard_normal import StandardNormal
from isthmus.components.priors.uniform_sphere import UniformSphere
from isthmus.components.priors.uniform_symbols import UniformSymbols
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.spec import Spec

from .composition import Composition

AUTO = "auto"
WIDE_CODE = 24
LARGE_IMAGE = 32
CRITIC = MLP(hidden=(256, 256), activation="relu")


@dataclass(frozen=True)
class Parts:
    """The parts of a model as the user gave them: each a spec, or "auto".

    ``squared_error`` makes the automatic likelihood of non-binary data a Gaussian with σ fixed at 1: plain squared
    error. ``beta`` and ``warmup_epochs`` go to the automatic KL penalty (``beta`` also to a total correlation
    that stands beside it), ``commitment`` to that of automatic penalties for a codebook.
    """

    latent_dim: int | str = AUTO
    network: Any = AUTO
    encoder: Any = AUTO
    decoder: Any = AUTO
    latent: Any = AUTO
    prior: Any = AUTO
    likelihood: Any = AUTO
    penalties: Any = AUTO
    objective: Any = AUTO
    corruption: Any = None
    stochastic: bool = False
    squared_error: bool = True
    beta: float = 1.0
    warmup_epochs: float = 0.0
    commitment: float = 0.25


def latent_dim(n_features: int) -> int:
    """The default size of the code: the square root of the number of features, at most 32.

    >>> [latent_dim(d) for d in (1, 10, 64, 784, 5000)]
    [1, 4, 8, 28, 32]
    """
    return max(1, min(32, math.ceil(math.sqrt(n_features))))


def hidden_widths(n_features: int, latent_dim: int) -> tuple[int, ...]:
    """The default hidden layers of an encoder, from the data inwards.

    Two layers: with one, small codes reconstruct much worse (MNIST, 8 dimensions: by a fifth). Only where rows and code
    are both wide is one enough, and better: a quarter less time at the same squared error, and a higher bound.

    >>> hidden_widths(784, 8), hidden_widths(784, 32), hidden_widths(64, 8), hidden_widths(10, 4)
    ((512, 256), (512,), (256, 256), (128, 128))
    """
    if n_features >= 256:
        return (512,) if latent_dim >= WIDE_CODE else (512, 256)
    width = 256 if n_features >= 32 else 128
    return (width, width)


def image_shape(blocks: Sequence[Block]) -> tuple[int, int, int] | None:
    """(height, width, channels) of rows that are one image; None for other rows.

    >>> image_shape([Block("unit-interval", 0, 63, (9, 7))])
    (9, 7, 1)
    """
    if len(blocks) != 1 or len(blocks[0].shape) == 1:
        return None
    height, width, *channels = blocks[0].shape
    return height, width, channels[0] if channels else 1


def network_for(blocks: Sequence[Block]) -> Network:
    """Convolutions for images of 32 pixels and more on their larger side, fully connected layers elsewhere.

    In the first fully connected layer of 64 × 64 × 3 pixels alone there would be six million weights.

    >>> network_for([Block("unit-interval", 0, 784, (28, 28))]).name
    'mlp'
    >>> network_for([Block("unit-interval", 0, 12288, (64, 64, 3))]).name
    'convolutional'
    """
    shape = image_shape(blocks)
    if shape is not None and max(shape[:2]) >= LARGE_IMAGE and min(shape[:2]) >= SMALLEST_SIDE:
        return Convolutional()
    return MLP()


OF_KIND: Mapping[str, Likelihood] = {
    "binary": Bernoulli(),
    "count": NegativeBinomial(),
    "categorical": Categorical(),
}


def likelihood_for(block: Block, squared_error: bool) -> Likelihood:
    """Bernoulli for binary data only, what suits counts and levels, a Gaussian elsewhere."""
    if block.kind in OF_KIND:
        return OF_KIND[block.kind]
    return Gaussian(sigma=1.0) if squared_error else Gaussian()


def complete(parts: Parts, blocks: Sequence[Block]) -> Composition:
    """Fill in every "auto" for rows made of ``blocks``, and check that the parts make sense together."""
    width = sum(block.width for block in blocks)
    network = _chosen("network", parts.network, Network, network_for(blocks))
    latent = _chosen("latent", parts.latent, Latent, GaussianLatent() if parts.stochastic else Point())
    dim = latent.suitable_dim(latent_dim(width)) if parts.latent_dim == AUTO else int(parts.latent_dim)
    likelihood = _chosen("likelihood", parts.likelihood, Likelihood, None)
    objective = _chosen("objective", parts.objective, Objective, PenalisedLikelihood())
    corruption = None if parts.corruption is None else _chosen("corruption", parts.corruption, Corruption, None)
    modelled = blocks if corruption is None else corruption.blocks_after(blocks)
    composition = Composition(
        latent_dim=dim,
        encoder=_sized(_chosen("encoder", parts.encoder, Network, network), blocks, dim),
        decoder=_sized(_chosen("decoder", parts.decoder, Network, network), blocks, dim),
        latent=latent,
        prior=_chosen("prior", parts.prior, Prior, prior_for(latent)),
        likelihoods=tuple(likelihood or likelihood_for(block, parts.squared_error) for block in modelled),
        penalties={name: _with_critic(one) for name, one in _penalties(parts, latent, objective).items()},
        objective=objective,
        corruption=corruption,
    )
    composition.validate()
    return composition


def default_spec(axis: str, stochastic: bool) -> Spec | None:
    """What "auto" stands for on an axis, for error messages; None where it depends on the data."""
    return {
        "network": MLP(),
        "encoder": MLP(),
        "decoder": MLP(),
        "latent": GaussianLatent() if stochastic else Point(),
        "prior": StandardNormal(),
        "likelihood": Gaussian(),
        "objective": PenalisedLikelihood(),
    }.get(axis)


def _chosen(name: str, value: Any, kind: type[Spec], default: Any) -> Any:
    if isinstance(value, str) and value == AUTO:
        return default
    if not isinstance(value, kind):
        raise ParameterError(f"`{name}` must be 'auto' or a {kind.__name__} spec; got {value!r}.")
    value.validate()  # what follows computes with its parameters
    return value


def _sized(network: Network, blocks: Sequence[Block], latent_dim: int) -> Network:
    if isinstance(network, MLP) and network.hidden == AUTO:
        return replace(network, hidden=hidden_widths(sum(block.width for block in blocks), latent_dim))
    if isinstance(network, Convolutional):
        return network.sized(_shape_for(network, blocks))
    return network


def _shape_for(network: Convolutional, blocks: Sequence[Block]) -> tuple[int, ...]:
    """The shape of the images that a convolutional network is shown, which must be what the rows are."""
    found = image_shape(blocks)
    if isinstance(network.shape, str):
        if found is None:
            raise ParameterError(
                f"network Convolutional needs rows that are images; these are {_row_words(blocks)}. Pass uint8 images "
                "(n, height, width) or (n, height, width, channels), or other numbers of that shape with "
                "schema='images'; say Convolutional(shape=(height, width)) if the rows are flat images; or use "
                "network=MLP()."
            )
        return found
    shape = tuple(network.shape) if len(network.shape) == 3 else (*network.shape, 1)
    width = sum(block.width for block in blocks)
    one_kind = len(blocks) == 1 and blocks[0].cardinality == 0
    if not one_kind or width != math.prod(shape) or found not in (None, shape):
        raise ParameterError(
            f"network Convolutional: `shape`={network.shape} is {' × '.join(map(str, shape))} = {math.prod(shape)} "
            f"features of one kind; the rows are {_row_words(blocks)}. Leave `shape` at 'auto' for images, or use "
            "network=MLP()."
        )
    return shape


def _row_words(blocks: Sequence[Block]) -> str:
    """What a row is made of, for messages."""
    if len(blocks) == 1 and len(blocks[0].shape) > 1:
        return f"images of {' × '.join(map(str, blocks[0].shape))}"
    return " and ".join(f"{block.width} {block.kind} features" for block in blocks)


def _penalties(parts: Parts, latent: Latent, objective: Objective) -> Mapping[str, Penalty]:
    if isinstance(parts.penalties, str) and parts.penalties == AUTO:
        if latent.stochastic and not objective.includes_divergence:
            return {"kl": KL(weight=parts.beta, warmup_epochs=parts.warmup_epochs)}
        if parts.beta != 1.0:
            raise ParameterError(
                f"`beta`={parts.beta} sets the weight of the automatic KL penalty, and there is none with "
                f"latent `{latent.name}` and objective `{objective.name}`. Leave `beta` at 1."
            )
        return _quantisation_penalties(latent, parts.commitment)
    if not isinstance(parts.penalties, Mapping) or not all(isinstance(p, Penalty) for p in parts.penalties.values()):
        raise ParameterError(f"`penalties` must be 'auto' or a dict of named penalty specs; got {parts.penalties!r}.")
    if parts.beta == 1.0:
        return dict(parts.penalties)
    taking = [name for name, penalty in parts.penalties.items() if penalty.beta_offset is not None]
    if len(taking) != 1:
        raise ParameterError(
            f"`beta`={parts.beta} sets the weight of the automatic KL penalty, but `penalties` is given explicitly. "
            "Set penalties={'kl': KL(weight=...)} instead, and leave `beta` at 1."
        )
    chosen = parts.penalties[taking[0]]
    weight = parts.beta - chosen.beta_offset
    chosen.validate()
    if chosen.weight not in (weight, 0.0, type(chosen)().weight):
        raise ParameterError(
            f"`beta`={parts.beta} and the weight of penalty `{taking[0]}` ({type(chosen).__name__}), {chosen.weight}, "
            "set the same number. Leave the weight out, or leave `beta` at 1."
        )
    if weight < 0:
        raise ParameterError(
            f"`beta`={parts.beta} would give penalty `{taking[0]}` ({type(chosen).__name__}) the weight {weight:g}. "
            f"Use a `beta` of at least {chosen.beta_offset:g}."
        )
    return {**parts.penalties, taking[0]: chosen.replace(weight=weight)}


def has_codebook(latent: Latent) -> bool:
    """Whether codes are replaced by vectors that move along with the encoder."""
    return hasattr(latent, "decay")


def _quantisation_penalties(latent: Latent, commitment: float) -> Mapping[str, Penalty]:
    """What holds encoder and codebook together; other codes, and those rounded to fixed levels, need nothing."""
    if not has_codebook(latent):
        usual = Commitment().weight
        if commitment != usual:
            raise ParameterError(
                f"`commitment`={commitment} holds the encoder near a codebook, and latent `{latent.name}` has none. "
                f"Leave `commitment` at {usual}."
            )
        return {}
    learnt = {"codebook": CodebookLoss()} if getattr(latent, "update", "ema") == "gradient" else {}
    return {"commitment": Commitment(weight=commitment), **learnt}


PRIORS: Mapping[str, Prior] = {
    "euclidean": StandardNormal(),
    "sphere": UniformSphere(),
    "symbols": UniformSymbols(),
}


def prior_for(latent: Latent) -> Prior:
    """The prior that goes with a latent: the simplest over its space of codes."""
    return PRIORS[latent.code_space]


def _with_critic(penalty: Penalty) -> Penalty:
    """Fill in a critic that was left to us: what FactorVAE's discriminator is, at the size of these models."""
    return penalty.replace(critic=CRITIC) if getattr(penalty, "critic", None) == AUTO else penalty
