"""Isthmus: learn what is hidden in unlabelled data, and use it.

>>> import isthmus
>>> isthmus.VAE(latent_dim=8)
VAE(latent_dim=8)

The names below load on first use: ``import isthmus`` itself loads neither torch nor scikit-learn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import errors
from ._version import __version__

if TYPE_CHECKING:
    from . import datasets
    from .components.corruptions.augmentation import Augmentation
    from .components.corruptions.binarisation import Binarisation
    from .components.corruptions.chain import Chain
    from .components.corruptions.gaussian_noise import GaussianNoise
    from .components.corruptions.hiding import Hiding
    from .components.corruptions.masking import Masking
    from .components.corruptions.salt_and_pepper import SaltAndPepper
    from .components.corruptions.swap_noise import SwapNoise
    from .components.latents.finite_scalar import FiniteScalar
    from .components.latents.flow import FlowLatent
    from .components.latents.gaussian import GaussianLatent
    from .components.latents.hyperspherical import HypersphericalLatent
    from .components.latents.ordered import Ordered
    from .components.latents.point import Point
    from .components.latents.residual_quantised import ResidualQuantised
    from .components.latents.vector_quantised import VectorQuantised
    from .components.likelihoods.autoregressive import Autoregressive
    from .components.likelihoods.bernoulli import Bernoulli
    from .components.likelihoods.categorical import Categorical
    from .components.likelihoods.continuous_bernoulli import ContinuousBernoulli
    from .components.likelihoods.discretised_logistic import DiscretisedLogistic
    from .components.likelihoods.gaussian import Gaussian
    from .components.likelihoods.laplace import Laplace
    from .components.likelihoods.negative_binomial import NegativeBinomial
    from .components.likelihoods.poisson import Poisson
    from .components.likelihoods.student_t import StudentT
    from .components.likelihoods.zero_inflated_negative_binomial import ZeroInflatedNegativeBinomial
    from .components.networks.convolutional import Convolutional
    from .components.networks.custom import Custom
    from .components.networks.mlp import MLP
    from .components.networks.spectral_norm import SpectralNorm
    from .components.objectives.combined_importance_weighted import CombinedImportanceWeighted
    from .components.objectives.importance_weighted import ImportanceWeighted
    from .components.objectives.multiple_importance_weighted import MultipleImportanceWeighted
    from .components.objectives.partially_importance_weighted import PartiallyImportanceWeighted
    from .components.objectives.penalised_likelihood import PenalisedLikelihood
    from .components.penalties.activation_target import ActivationTarget
    from .components.penalties.adversarial_matching import AdversarialMatching
    from .components.penalties.adversarial_total_correlation import AdversarialTotalCorrelation
    from .components.penalties.capacity import Capacity
    from .components.penalties.code_alone import CodeAlone
    from .components.penalties.code_norm import CodeNorm
    from .components.penalties.codebook import CodebookLoss
    from .components.penalties.commitment import Commitment
    from .components.penalties.completion import Completion
    from .components.penalties.contraction import Contraction
    from .components.penalties.decoder_gradient import DecoderGradient
    from .components.penalties.disentangled_inferred_prior import DisentangledInferredPrior
    from .components.penalties.free_bits import FreeBits
    from .components.penalties.kl import KL
    from .components.penalties.linear_readout import LinearReadout
    from .components.penalties.maximum_mean_discrepancy import MaximumMeanDiscrepancy
    from .components.penalties.multi_scale_similarity import MultiScaleSimilarity
    from .components.penalties.sliced_wasserstein import SlicedWasserstein
    from .components.penalties.sparsity import L1Sparsity
    from .components.penalties.total_correlation import TotalCorrelation
    from .components.penalties.weight_decay import WeightDecay
    from .components.penalties.without_code import WithoutCode
    from .components.priors.categorical_mixture import CategoricalMixture
    from .components.priors.flow import FlowPrior
    from .components.priors.full_gaussian import FullGaussian
    from .components.priors.mixture import Mixture
    from .components.priors.standard_normal import StandardNormal
    from .components.priors.symbol_transformer import SymbolTransformer
    from .components.priors.uniform_sphere import UniformSphere
    from .components.priors.uniform_symbols import UniformSymbols
    from .components.priors.vamp import VampPrior
    from .components.priors.von_mises_fisher_mixture import VonMisesFisherMixture
    from .core.schedule import CosineSchedule, CyclicalSchedule, LinearSchedule
    from .estimators.anomaly_detector import AnomalyDetector
    from .estimators.autoencoder import Autoencoder
    from .estimators.checkpoint import Checkpoint
    from .estimators.recipe import recipe
    from .estimators.saving import load
    from .estimators.vae import VAE
    from .estimators.vqvae import VQVAE
    from .report.table_judge import evaluate_table
    from .sources.images.folder import read_images
    from .sources.images.writing import write_images
    from .training.callbacks import Callback, StopRequest

_HOMES = {
    "ActivationTarget": "components.penalties.activation_target",
    "AdversarialMatching": "components.penalties.adversarial_matching",
    "AdversarialTotalCorrelation": "components.penalties.adversarial_total_correlation",
    "AnomalyDetector": "estimators.anomaly_detector",
    "Augmentation": "components.corruptions.augmentation",
    "Autoencoder": "estimators.autoencoder",
    "Autoregressive": "components.likelihoods.autoregressive",
    "Bernoulli": "components.likelihoods.bernoulli",
    "Binarisation": "components.corruptions.binarisation",
    "Callback": "training.callbacks",
    "Capacity": "components.penalties.capacity",
    "Categorical": "components.likelihoods.categorical",
    "CategoricalMixture": "components.priors.categorical_mixture",
    "Chain": "components.corruptions.chain",
    "Checkpoint": "estimators.checkpoint",
    "CodeAlone": "components.penalties.code_alone",
    "CodeNorm": "components.penalties.code_norm",
    "CodebookLoss": "components.penalties.codebook",
    "CombinedImportanceWeighted": "components.objectives.combined_importance_weighted",
    "Commitment": "components.penalties.commitment",
    "Completion": "components.penalties.completion",
    "ContinuousBernoulli": "components.likelihoods.continuous_bernoulli",
    "Contraction": "components.penalties.contraction",
    "Convolutional": "components.networks.convolutional",
    "CosineSchedule": "core.schedule",
    "Custom": "components.networks.custom",
    "CyclicalSchedule": "core.schedule",
    "DecoderGradient": "components.penalties.decoder_gradient",
    "DiscretisedLogistic": "components.likelihoods.discretised_logistic",
    "DisentangledInferredPrior": "components.penalties.disentangled_inferred_prior",
    "FiniteScalar": "components.latents.finite_scalar",
    "FlowLatent": "components.latents.flow",
    "FlowPrior": "components.priors.flow",
    "FreeBits": "components.penalties.free_bits",
    "FullGaussian": "components.priors.full_gaussian",
    "Gaussian": "components.likelihoods.gaussian",
    "GaussianLatent": "components.latents.gaussian",
    "GaussianNoise": "components.corruptions.gaussian_noise",
    "Hiding": "components.corruptions.hiding",
    "HypersphericalLatent": "components.latents.hyperspherical",
    "ImportanceWeighted": "components.objectives.importance_weighted",
    "KL": "components.penalties.kl",
    "L1Sparsity": "components.penalties.sparsity",
    "Laplace": "components.likelihoods.laplace",
    "LinearReadout": "components.penalties.linear_readout",
    "LinearSchedule": "core.schedule",
    "MLP": "components.networks.mlp",
    "Masking": "components.corruptions.masking",
    "MaximumMeanDiscrepancy": "components.penalties.maximum_mean_discrepancy",
    "Mixture": "components.priors.mixture",
    "MultiScaleSimilarity": "components.penalties.multi_scale_similarity",
    "MultipleImportanceWeighted": "components.objectives.multiple_importance_weighted",
    "NegativeBinomial": "components.likelihoods.negative_binomial",
    "Ordered": "components.latents.ordered",
    "PartiallyImportanceWeighted": "components.objectives.partially_importance_weighted",
    "PenalisedLikelihood": "components.objectives.penalised_likelihood",
    "Point": "components.latents.point",
    "Poisson": "components.likelihoods.poisson",
    "ResidualQuantised": "components.latents.residual_quantised",
    "SaltAndPepper": "components.corruptions.salt_and_pepper",
    "SlicedWasserstein": "components.penalties.sliced_wasserstein",
    "SpectralNorm": "components.networks.spectral_norm",
    "StandardNormal": "components.priors.standard_normal",
    "StopRequest": "training.callbacks",
    "StudentT": "components.likelihoods.student_t",
    "SwapNoise": "components.corruptions.swap_noise",
    "SymbolTransformer": "components.priors.symbol_transformer",
    "TotalCorrelation": "components.penalties.total_correlation",
    "UniformSphere": "components.priors.uniform_sphere",
    "UniformSymbols": "components.priors.uniform_symbols",
    "VAE": "estimators.vae",
    "VQVAE": "estimators.vqvae",
    "VampPrior": "components.priors.vamp",
    "VectorQuantised": "components.latents.vector_quantised",
    "VonMisesFisherMixture": "components.priors.von_mises_fisher_mixture",
    "WeightDecay": "components.penalties.weight_decay",
    "WithoutCode": "components.penalties.without_code",
    "ZeroInflatedNegativeBinomial": "components.likelihoods.zero_inflated_negative_binomial",
    "evaluate_table": "report.table_judge",
    "load": "estimators.saving",
    "read_images": "sources.images.folder",
    "recipe": "estimators.recipe",
    "write_images": "sources.images.writing",
}

__all__ = [
    "KL",
    "MLP",
    "VAE",
    "VQVAE",
    "ActivationTarget",
    "AdversarialMatching",
    "AdversarialTotalCorrelation",
    "AnomalyDetector",
    "Augmentation",
    "Autoencoder",
    "Autoregressive",
    "Bernoulli",
    "Binarisation",
    "Callback",
    "Capacity",
    "Categorical",
    "CategoricalMixture",
    "Chain",
    "Checkpoint",
    "CodeAlone",
    "CodeNorm",
    "CodebookLoss",
    "CombinedImportanceWeighted",
    "Commitment",
    "Completion",
    "ContinuousBernoulli",
    "Contraction",
    "Convolutional",
    "CosineSchedule",
    "Custom",
    "CyclicalSchedule",
    "DecoderGradient",
    "DiscretisedLogistic",
    "DisentangledInferredPrior",
    "FiniteScalar",
    "FlowLatent",
    "FlowPrior",
    "FreeBits",
    "FullGaussian",
    "Gaussian",
    "GaussianLatent",
    "GaussianNoise",
    "Hiding",
    "HypersphericalLatent",
    "ImportanceWeighted",
    "L1Sparsity",
    "Laplace",
    "LinearReadout",
    "LinearSchedule",
    "Masking",
    "MaximumMeanDiscrepancy",
    "Mixture",
    "MultiScaleSimilarity",
    "MultipleImportanceWeighted",
    "NegativeBinomial",
    "Ordered",
    "PartiallyImportanceWeighted",
    "PenalisedLikelihood",
    "Point",
    "Poisson",
    "ResidualQuantised",
    "SaltAndPepper",
    "SlicedWasserstein",
    "SpectralNorm",
    "StandardNormal",
    "StopRequest",
    "StudentT",
    "SwapNoise",
    "SymbolTransformer",
    "TotalCorrelation",
    "UniformSphere",
    "UniformSymbols",
    "VampPrior",
    "VectorQuantised",
    "VonMisesFisherMixture",
    "WeightDecay",
    "WithoutCode",
    "ZeroInflatedNegativeBinomial",
    "__version__",
    "datasets",
    "errors",
    "evaluate_table",
    "load",
    "read_images",
    "recipe",
    "write_images",
]


def __getattr__(name: str) -> Any:
    if name == "datasets":
        return import_module(".datasets", __name__)
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'isthmus' has no attribute {name!r}")
    module = import_module(f"{__name__}.{home}")
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
