"""What goes with what when the user does not say: the only place that pairs data with parts.

The numbers come from the ablation in ``benchmarks/ablation.py`` (table: ``benchmarks/results/ablation.md``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from isthmus.components.corruptions.base import Corruption
from isthmus.components.corruptions.hiding import Hiding
from isthmus.components.latents.base import Latent
from isthmus.components.latents.gaussian import GaussianLatent
from isthmus.components.latents.point import Point
from isthmus.components.likelihoods.autoregressive import Autoregressive
from isthmus.components.likelihoods.base import JointLikelihood, Likelihood
from isthmus.components.likelihoods.bernoulli import Bernoulli
from isthmus.components.likelihoods.categorical import Categorical
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.likelihoods.negative_binomial import NegativeBinomial
from isthmus.components.networks.base import Network
from isthmus.components.networks.convolutional import Convolutional
from isthmus.components.networks.convolutional_layouts import SMALLEST_SIDE
from isthmus.components.networks.mlp import MLP
from isthmus.components.networks.spectral_norm import SpectralNorm
from isthmus.components.objectives.base import Objective
from isthmus.components.objectives.penalised_likelihood import PenalisedLikelihood
from isthmus.components.penalties.base import Penalty
from isthmus.components.penalties.code_alone import CodeAlone
from isthmus.components.penalties.codebook import CodebookLoss
from isthmus.components.penalties.commitment import Commitment
from isthmus.components.penalties.completion import Completion
from isthmus.components.penalties.kl import KL
from isthmus.components.penalties.linear_readout import LinearReadout
from isthmus.components.penalties.without_code import WithoutCode
from isthmus.components.priors.base import Prior
from isthmus.components.priors.standard_normal import StandardNormal
from isthmus.components.priors.uniform_sphere import UniformSphere
from isthmus.components.priors.uniform_symbols import UniformSymbols
from isthmus.core.blocks import MISSING, Block
from isthmus.core.errors import ParameterError
from isthmus.core.image_shape import image_shape, row_words, shape_for
from isthmus.core.spec import Spec

from .composition import Composition

AUTO = "auto"
WIDE_CODE = 24
LARGE_IMAGE = 32
MOST_JOINT_COLUMNS = 256
# What keeps the code informative beside a decoder that looks at the row itself: without, the census table keeps 3 of 11
# dimensions. Most is left to the straight line: a larger part of what the code alone says costs more than it gains.
CODE_ALONE, READOUT = 0.2, 20.0
CRITIC = MLP(hidden=(256, 256), activation="relu")


@dataclass(frozen=True)
class Parts:
    """The parts of a model as the user gave them: each a spec, or "auto".

    ``squared_error`` makes the automatic likelihood of non-binary data a Gaussian with σ fixed at 1: plain squared
    error. ``beta`` and ``warmup_epochs`` go to the automatic KL penalty (``beta`` also to a total correlation
    that stands beside it), ``commitment`` to that of automatic penalties for a codebook. ``maps`` asks for codes that
    are maps where size and network are left to us and the network is convolutional.
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
    corruption: Any = AUTO
    stochastic: bool = False
    squared_error: bool = True
    beta: float = 1.0
    warmup_epochs: float = 0.0
    commitment: float = 0.25
    maps: bool = False


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


def network_for(blocks: Sequence[Block], maps: bool = False) -> Network:
    """Convolutions for images of 32 pixels and more on their larger side, fully connected layers elsewhere.

    In the first fully connected layer of 64 × 64 × 3 pixels alone there would be six million weights. ``maps`` makes
    the codes of convolutions maps.

    >>> network_for([Block("unit-interval", 0, 784, (28, 28))]).name
    'mlp'
    >>> network_for([Block("unit-interval", 0, 12288, (64, 64, 3))]).name
    'convolutional'
    """
    shape = image_shape(blocks)
    if shape is not None and max(shape[:2]) >= LARGE_IMAGE and min(shape[:2]) >= SMALLEST_SIDE:
        return Convolutional(spatial=maps)
    return MLP()


OF_KIND: Mapping[str, Likelihood] = {
    "binary": Bernoulli(),
    "count": NegativeBinomial(),
    "categorical": Categorical(),
    MISSING: Bernoulli(),
}


def likelihood_for(block: Block, squared_error: bool) -> Likelihood:
    """Bernoulli for binary data and indicators only, what suits counts and levels, a Gaussian elsewhere."""
    if block.kind in OF_KIND:
        return OF_KIND[block.kind]
    return Gaussian(sigma=1.0) if squared_error else Gaussian()


def joint_likelihood_for(blocks: Sequence[Block], stochastic: bool) -> Likelihood | None:
    """Column by column for tables of several kinds, whose columns determine each other; None elsewhere.

    On the census table a boosted classifier tells its draws from real rows with an AUC of .51, and those of TVAE, whose
    columns are independent given the code, with .975 (``benchmarks/results/tables.md``).

    >>> joint_likelihood_for([Block("continuous", 0, 2, (2,)), Block("binary", 2, 3, (1,))], stochastic=True).name
    'autoregressive'
    """
    kinds = {block.kind for block in blocks} - {MISSING}
    columns = sum(block.columns for block in blocks)
    mixed = len(kinds) > 1 or "categorical" in kinds
    return Autoregressive() if stochastic and mixed and columns <= MOST_JOINT_COLUMNS else None


def _likelihood(block: Block, chosen: Likelihood | None, squared_error: bool) -> Likelihood:
    """What the user chose for the data; indicators of missing cells are no part of it."""
    if chosen is None or (block.kind == MISSING and not isinstance(chosen, JointLikelihood)):
        return likelihood_for(block, squared_error)
    return chosen


def complete(parts: Parts, blocks: Sequence[Block]) -> Composition:
    """Fill in every "auto" for rows made of ``blocks``, and check that the parts make sense together."""
    maps = parts.maps and parts.latent_dim == AUTO
    network = _network("network", parts.network, network_for(blocks, maps))
    encoder, decoder = (_network(name, getattr(parts, name), network) for name in ("encoder", "decoder"))
    latent = _chosen("latent", parts.latent, Latent, GaussianLatent() if parts.stochastic else Point())
    dim, positions = _size_of_code(parts.latent_dim, latent, (encoder, decoder), blocks)
    latent = latent.completed(dim, positions)
    joint = joint_likelihood_for(blocks, latent.stochastic)
    likelihood = _chosen("likelihood", parts.likelihood, Likelihood, joint)
    objective = _chosen("objective", parts.objective, Objective, PenalisedLikelihood())
    hiding = Hiding() if joint is not None or any(block.kind == MISSING for block in blocks) else None
    corruption = None if parts.corruption is None else _chosen("corruption", parts.corruption, Corruption, hiding)
    modelled = blocks if corruption is None else corruption.blocks_after(blocks)
    composition = Composition(
        latent_dim=dim,
        encoder=_sized(encoder, blocks, dim),
        decoder=_sized(decoder, blocks, dim),
        latent=latent,
        prior=_chosen("prior", parts.prior, Prior, prior_for(latent)),
        likelihoods=tuple(_likelihood(block, likelihood, parts.squared_error) for block in modelled),
        penalties={
            name: _sized_penalty(_with_critic(penalty), modelled)
            for name, penalty in _penalties(parts, latent, objective, likelihood).items()
        },
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


def _network(name: str, value: Any, default: Network) -> Network:
    found: Network = _chosen(name, value, Network, default)
    return found.of(default) if isinstance(found, SpectralNorm) else found


def _size_of_code(
    given: int | str, latent: Latent, networks: Sequence[Network], blocks: Sequence[Block]
) -> tuple[int, int | None]:
    """The size of the code, and how many positions it has if a network makes it a map."""
    for network in networks:
        if isinstance(network, Convolutional) and network.spatial:
            positions = network.positions(_shape_of(network, blocks))
            channels = network.code_channels
            if isinstance(channels, str):
                channels = latent.suitable_channels()
            return positions * channels if given == AUTO else int(given), positions
    width = sum(block.width for block in blocks)
    return latent.suitable_dim(latent_dim(width)) if given == AUTO else int(given), None


def _shape_of(network: Convolutional, blocks: Sequence[Block]) -> tuple[int, int, int]:
    return shape_for(network, network.shape, blocks, "use network=MLP()")


def _sized(network: Network, blocks: Sequence[Block], latent_dim: int) -> Network:
    if isinstance(network, MLP) and network.hidden == AUTO:
        return replace(network, hidden=hidden_widths(sum(block.width for block in blocks), latent_dim))
    if isinstance(network, Convolutional):
        return network.sized(_shape_of(network, blocks), latent_dim)
    return network


def _penalties(
    parts: Parts, latent: Latent, objective: Objective, likelihood: Likelihood | None
) -> Mapping[str, Penalty]:
    if isinstance(parts.penalties, str) and parts.penalties == AUTO:
        if latent.stochastic and not objective.includes_divergence:
            own: dict[str, Penalty] = {}
            if isinstance(likelihood, JointLikelihood):
                own = {
                    "code_alone": CodeAlone(weight=CODE_ALONE),
                    "completion": Completion(),
                    "without_code": WithoutCode(),
                }
                if latent.code_space in LinearReadout.code_spaces:
                    own["linear_readout"] = LinearReadout(weight=READOUT)
            return {"kl": KL(weight=parts.beta, warmup_epochs=parts.warmup_epochs), **own}
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


def _quantisation_penalties(latent: Latent, commitment: float) -> Mapping[str, Penalty]:
    """What holds encoder and codebook together; other codes, and those rounded to fixed levels, need nothing."""
    if not latent.has_codebook:
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


def _sized_penalty(penalty: Penalty, blocks: Sequence[Block]) -> Penalty:
    """Tell a penalty that looks at images their shape."""
    shape = getattr(penalty, "shape", None)
    if shape is None:
        return penalty
    penalty.validate()
    shape = shape_for(penalty, shape, blocks, "leave the penalty out")
    if blocks[0].kind not in ("unit-interval", "binary"):
        raise ParameterError(
            f"penalty {type(penalty).__name__} needs images in [0, 1]; these are {row_words(blocks)} of kind "
            f"{blocks[0].kind}. Pass uint8 images, or floats in [0, 1]; or leave the penalty out."
        )
    return penalty.replace(shape=shape)
