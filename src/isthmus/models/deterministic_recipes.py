"""Autoencoders whose code is a point."""

from __future__ import annotations

from isthmus.components.corruptions.masking import Masking
from isthmus.components.latents.ordered import Ordered
from isthmus.components.latents.point import Point
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.networks.mlp import MLP
from isthmus.components.penalties.activation_target import ActivationTarget
from isthmus.components.penalties.adversarial_matching import AdversarialMatching
from isthmus.components.penalties.code_norm import CodeNorm
from isthmus.components.penalties.contraction import Contraction
from isthmus.components.penalties.decoder_gradient import DecoderGradient
from isthmus.components.penalties.maximum_mean_discrepancy import MaximumMeanDiscrepancy
from isthmus.components.penalties.sliced_wasserstein import SlicedWasserstein
from isthmus.components.penalties.sparsity import L1Sparsity
from isthmus.components.penalties.weight_decay import WeightDecay

from .linear import LINEAR
from .recipe import Recipe

GHOSH = "Ghosh, Sajjadi, Vergari et al. (2020), From variational to deterministic autoencoders, arXiv:1903.12436"

DETERMINISTIC = (
    Recipe(
        "autoencoder",
        "autoencoder",
        "Compresses and reconstructs with the least squared error.",
        "Compact features, compression, anomaly scores: where to begin when nothing has to be generated.",
        "½‖x − g(f(x))‖²",
        "Hinton & Salakhutdinov (2006), Reducing the dimensionality of data with neural networks, Science 313",
    ),
    Recipe(
        "linear-autoencoder",
        "autoencoder",
        "Principal component analysis by gradient descent: the span of the leading components.",
        "As the floor that a non-linear model has to beat, and to check a pipeline against PCA.",
        "½‖x − W₂W₁x‖²",
        "Baldi & Hornik (1989), Neural networks and principal component analysis, Neural Networks 2",
        {**LINEAR, "likelihood": Gaussian(sigma=1.0, mean="identity")},
    ),
    Recipe(
        "sparse-autoencoder",
        "autoencoder",
        "Non-negative codes, most of them zero: the L1 norm of the code is a penalty.",
        "Over-complete features (a code wider than the data) of which each row uses few, so that they can be named.",
        "½‖x − g(h)‖² + λ Σⱼ |hⱼ|,  h = max(0, f(x))",
        "Ng (2011), Sparse autoencoder, CS294A lecture notes; Olshausen & Field (1996), Nature 381",
        {"latent": Point(activation="relu"), "penalties": {"sparsity": L1Sparsity(weight=0.003)}},
    ),
    Recipe(
        "activation-target-autoencoder",
        "autoencoder",
        "Sigmoid codes that are each active in a given share of the rows.",
        "Sparse features whose activity you want to fix: every unit is used, none by every row.",
        "½‖x − g(h)‖² + λ Σⱼ KL(ρ‖mean of hⱼ),  h = sigmoid(f(x))",
        "Ng (2011), Sparse autoencoder, CS294A lecture notes; Lee, Ekanadham & Ng (2008), Sparse deep belief net",
        {"latent": Point(activation="sigmoid"), "penalties": {"sparsity": ActivationTarget(weight=1.0)}},
    ),
    Recipe(
        "k-sparse-autoencoder",
        "autoencoder",
        "Only the k largest activations of each row pass, in training and afterwards.",
        "Sparse features without a weight to tune: set latent_dim wide and latent__top_k to what a row may use.",
        "½‖x − g(top-k of f(x))‖²",
        "Makhzani & Frey (2014), k-Sparse autoencoders, arXiv:1312.5663",
        {"latent": Point(activation="relu", top_k=4), "latent_dim": 32},
    ),
    Recipe(
        "denoising-autoencoder",
        "autoencoder",
        "Reconstructs clean rows from damaged ones: a quarter of the cells are hidden while training.",
        "Robust features, denoising, and wide codes that must not copy; give the damage that you expect as corruption.",
        "½‖x − g(f(x̃))‖²,  x̃ = x with cells set to 0",
        "Vincent, Larochelle, Lajoie, Bengio & Manzagol (2010), Stacked denoising autoencoders, JMLR 11",
        {"corruption": Masking(rate=0.25)},
    ),
    Recipe(
        "contractive-autoencoder",
        "autoencoder",
        "A code that hardly moves when the row moves a little: the Jacobian's norm is a penalty.",
        "Features for a classifier with few labels, and codes that follow the data's own directions of change.",
        "½‖x − g(f(x))‖² + λ ‖∂f(x)/∂x‖²",
        "Rifai, Vincent, Muller, Glorot & Bengio (2011), Contractive auto-encoders, ICML",
        {"penalties": {"contraction": Contraction(weight=0.1)}},
    ),
    Recipe(
        "rae-l2",
        "autoencoder",
        "A regularised autoencoder: short codes, small decoder weights, and a density fitted afterwards.",
        "Generation with sharper samples than a VAE's, by the simplest of the three regularisers.",
        "½‖x − g(z)‖² + β ½‖z‖² + λ ½‖W_g‖²",
        GHOSH,
        {"penalties": {"code": CodeNorm(weight=0.01), "decay": WeightDecay(weight=1e-4)}},
    ),
    Recipe(
        "rae-gp",
        "autoencoder",
        "A regularised autoencoder whose decoder's gradient is kept small.",
        "Generation where interpolations must be smooth.",
        "½‖x − g(z)‖² + β ½‖z‖² + λ ‖∂g(z)/∂z‖²",
        GHOSH,
        {"penalties": {"code": CodeNorm(weight=0.01), "gradient": DecoderGradient(weight=1e-3)}},
    ),
    Recipe(
        "rae-sn",
        "autoencoder",
        "A regularised autoencoder whose decoder's layers are divided by their spectral norms.",
        "Generation with a decoder whose steepness is bounded without a weight to tune.",
        "½‖x − g(z)‖² + β ½‖z‖²,  each layer of g with largest singular value 1",
        GHOSH,
        {"penalties": {"code": CodeNorm(weight=0.001)}, "decoder": MLP(spectral_norm=True)},
    ),
    Recipe(
        "ordered-autoencoder",
        "autoencoder",
        "Codes in the order of their importance, like principal components: training hides random tails of the code.",
        "When the size of the code is not known beforehand: fit once, and use the first k dimensions for any k.",
        "½‖x − g(first b of f(x))‖²,  b drawn anew for each row",
        "Rippel, Gelbart & Adams (2014), Learning ordered representations with nested dropout, arXiv:1402.0915",
        {"latent": Ordered()},
    ),
    Recipe(
        "wae-mmd",
        "autoencoder",
        "Codes that follow the prior as a whole, by a kernel comparison with its draws.",
        "Generation from a deterministic encoder, with a prior that can be sampled directly.",
        "½‖x − g(z)‖² + λ MMD²(q(z), p(z))",
        "Tolstikhin, Bousquet, Gelly & Schölkopf (2018), Wasserstein auto-encoders, arXiv:1711.01558",
        {"penalties": {"matching": MaximumMeanDiscrepancy(weight=10.0)}},
    ),
    Recipe(
        "sliced-wae",
        "autoencoder",
        "Codes that follow the prior along random lines.",
        "As wae-mmd, where no kernel should be chosen, or batches are large.",
        "½‖x − g(z)‖² + λ mean over directions of W₂²(q(θᵀz), p(θᵀz))",
        "Kolouri, Pope, Martin & Rohde (2019), Sliced Wasserstein auto-encoders, arXiv:1804.01947",
        {"penalties": {"matching": SlicedWasserstein(weight=10.0)}},
    ),
    Recipe(
        "adversarial-autoencoder",
        "autoencoder",
        "Codes that a critic cannot tell from draws of the prior.",
        "As wae-mmd with priors of any shape; dearer, and less stable, than a kernel.",
        "½‖x − g(z)‖² − λ log D(z),  D trained to tell p(z) from q(z)",
        "Makhzani, Shlens, Jaitly, Goodfellow & Frey (2016), Adversarial autoencoders, arXiv:1511.05644",
        {"penalties": {"matching": AdversarialMatching(weight=0.1)}},
    ),
)
