"""Variational autoencoders: other priors, posteriors, likelihoods and weights of the divergence."""

from __future__ import annotations

from isthmus.core.schedule import CyclicalSchedule, LinearSchedule

from .linear import LINEAR
from .recipe import Recipe, part

KUMAR = (
    "Kumar, Sattigeri & Balakrishnan (2018), Variational inference of disentangled latent concepts, arXiv:1711.00848"
)
WARMED_UP = part("kl", weight=LinearSchedule(0.0, 1.0, until=0.1))

VARIATIONAL = (
    Recipe(
        "vae",
        "vae",
        "A generative model with a compact code and a calibrated likelihood.",
        "Sampling, scoring and embedding with one model: where to begin when rows have to be generated or scored.",
        "−E_q[log p(x|z)] + KL(q(z|x)‖p(z))",
        "Kingma & Welling (2014), Auto-encoding variational Bayes, arXiv:1312.6114",
    ),
    Recipe(
        "linear-vae",
        "vae",
        "Probabilistic PCA by gradient descent: reaches its exact log-likelihood.",
        "As the floor that a non-linear VAE has to beat, and to check a pipeline against a closed form.",
        "−E_q[log N(x; Wz + μ, σ²I)] + KL(q(z|x)‖N(0, I))",
        "Lucas, Tucker, Grosse & Norouzi (2019), Don't blame the ELBO!, arXiv:1911.02469",
        {**LINEAR, "likelihood": part("gaussian", mean="identity")},
    ),
    Recipe(
        "beta-vae",
        "vae",
        "A VAE whose code is pressed towards independent dimensions.",
        "More interpretable codes, at the price of reconstruction and likelihood; beta is the one thing to tune.",
        "−E_q[log p(x|z)] + β KL(q(z|x)‖p(z))",
        "Higgins et al. (2017), beta-VAE: basic visual concepts with a constrained variational framework, ICLR",
        {"beta": 4.0},
    ),
    Recipe(
        "annealed-beta-vae",
        "vae",
        "The divergence follows a capacity that grows over the run: dimensions are opened one after another.",
        "Disentangled codes with better reconstructions than beta-vae; the last capacity is the rate that you get.",
        "−E_q[log p(x|z)] + γ |KL(q(z|x)‖p(z)) − C(t)|",
        "Burgess et al. (2018), Understanding disentangling in beta-VAE, arXiv:1804.03599",
        {"penalties": {"kl": part("capacity", weight=100.0, capacity=LinearSchedule(0.0, 25.0, until=0.5))}},
    ),
    Recipe(
        "beta-tc-vae",
        "vae",
        "Presses on the total correlation of the code only: the part of the divergence that entangles.",
        "The first to try for disentangling: beta (6 in the paper) costs less information than beta-vae's.",
        "−E_q[log p(x|z)] + KL(q(z|x)‖p(z)) + (β − 1) KL(q(z)‖Πⱼ q(zⱼ))",
        "Chen, Li, Grosse & Duvenaud (2018), Isolating sources of disentanglement in VAEs, arXiv:1802.04942",
        # beta - 1 becomes the weight; with that of 0, a beta of 1 means what it says.
        {"beta": 6.0, "penalties": {"kl": WARMED_UP, "total_correlation": part("total-correlation", weight=0.0)}},
    ),
    Recipe(
        "factor-vae",
        "vae",
        "As beta-tc-vae, with a critic that estimates the total correlation.",
        "Disentangling where batches are too small for the direct estimate; costs a second network.",
        "−E_q[log p(x|z)] + KL(q(z|x)‖p(z)) + γ KL(q(z)‖Πⱼ q(zⱼ))",
        "Kim & Mnih (2018), Disentangling by factorising, arXiv:1802.05983",
        {"penalties": {"kl": WARMED_UP, "total_correlation": part("adversarial-total-correlation", weight=10.0)}},
    ),
    Recipe(
        "dip-vae-i",
        "vae",
        "The means of the codes are pressed to be uncorrelated, with unit variance.",
        "Uncorrelated codes at little cost in reconstruction.",
        "−E_q[log p(x|z)] + KL(q(z|x)‖p(z)) + λ Σ_{i≠j} C²ᵢⱼ + λ_d Σᵢ (Cᵢᵢ − 1)²,  C = Cov of means",
        KUMAR,
        {"penalties": {"kl": WARMED_UP, "covariance": part("disentangled-inferred-prior", weight=10.0, kind="i")}},
    ),
    Recipe(
        "dip-vae-ii",
        "vae",
        "The codes as they are sampled are pressed to be uncorrelated, with unit variance.",
        "As dip-vae-i, for the aggregate that samples come from.",
        "−E_q[log p(x|z)] + KL(q(z|x)‖p(z)) + λ Σ_{i≠j} C²ᵢⱼ + λ_d Σᵢ (Cᵢᵢ − 1)²,  C = Cov of codes",
        KUMAR,
        {"penalties": {"kl": WARMED_UP, "covariance": part("disentangled-inferred-prior", weight=10.0, kind="ii")}},
    ),
    Recipe(
        "info-vae",
        "vae",
        "Less weight on each row's divergence, more on that of all codes together.",
        "Against collapse with strong decoders: codes keep their information, and still fill the prior.",
        "−E_q[log p(x|z)] + (1 − α) KL(q(z|x)‖p(z)) + (α + λ − 1) MMD²(q(z), p(z)),  α = ½, λ = 100",
        "Zhao, Song & Ermon (2019), InfoVAE: balancing learning and inference in VAEs, arXiv:1706.02262",
        {"penalties": {"kl": part("kl", weight=0.5), "matching": part("maximum-mean-discrepancy", weight=99.5)}},
    ),
    Recipe(
        "vamp-vae",
        "vae",
        "The prior is a mixture of the posteriors of learnt pseudo-rows.",
        "Better likelihoods and fewer collapsed dimensions than N(0, I), at the price of encoding the pseudo-rows.",
        "−E_q[log p(x|z)] + KL(q(z|x)‖(1/K) Σₖ q(z|uₖ))",
        "Tomczak & Welling (2018), VAE with a VampPrior, arXiv:1705.07120",
        {"prior": part("vamp", n_components=500)},
    ),
    Recipe(
        "mixture-vae",
        "vae",
        "The prior is a mixture of Gaussians, learnt with the model: each is a cluster.",
        "Clustering and generation at once; clusters(X) gives each row's memberships.",
        "−E_q[log p(x|z)] + KL(q(z|x)‖Σₖ wₖ N(mₖ, Sₖ))",
        "Jiang, Zheng, Tan, Tang & Zhou (2017), Variational deep embedding, arXiv:1611.05148",
        {"prior": part("mixture", n_components=10)},
    ),
    Recipe(
        "flow-prior-vae",
        "vae",
        "The prior is a normalising flow, learnt with the model.",
        "Better likelihoods and samples where the codes have a shape that no mixture of ten has.",
        "−E_q[log p(x|z)] + KL(q(z|x)‖p_flow(z))",
        "Chen et al. (2017), Variational lossy autoencoder, arXiv:1611.02731; Durkan et al. (2019), arXiv:1906.04032",
        {"prior": part("flow")},
    ),
    Recipe(
        "iaf-vae",
        "vae",
        "The posterior is an inverse autoregressive flow: correlated, and not only Gaussian.",
        "Tighter bounds where the code has few dimensions and the posterior is not a Gaussian.",
        "−E_q[log p(x|z)] + E_q[log q_flow(z|x) − log p(z)]",
        "Kingma et al. (2016), Improved variational inference with inverse autoregressive flow, arXiv:1606.04934",
        {"latent": part("flow")},
    ),
    Recipe(
        "hyperspherical-vae",
        "vae",
        "Codes are directions: von Mises–Fisher posteriors on the unit sphere, uniform prior.",
        "Data without a centre, and clustering by angle; at most about 20 dimensions.",
        "−E_q[log p(x|z)] + KL(vMF(μ(x), κ(x))‖U(S))",
        "Davidson, Falorsi, De Cao, Kipf & Tomczak (2018), Hyperspherical variational auto-encoders, arXiv:1804.00891",
        {"latent": part("hyperspherical")},
    ),
    Recipe(
        "conditional-vae",
        "vae",
        "Encoder and decoder are told columns that are not modelled: p(x|z, c).",
        "Generation for a given class or setting, and codes that leave out what the condition says.",
        "−E_q[log p(x|z, c)] + KL(q(z|x, c)‖p(z))",
        "Sohn, Lee & Yan (2015), Structured output representation by deep conditional generative models, NIPS",
        needs="at least one column declared as a condition: schema={'label': 'condition'} (a position for arrays)",
    ),
    Recipe(
        "student-vae",
        "vae",
        "Heavy-tailed noise: single wild cells do not pull the model.",
        "Continuous data with outliers in single cells.",
        "−E_q[log t_ν(x; μ(z), s)] + KL(q(z|x)‖p(z))",
        "Takahashi, Iwata, Yamanaka, Yamada & Yagi (2018), Student-t variational autoencoder, IJCAI",
        {"likelihood": part("student-t")},
    ),
    Recipe(
        "free-bits-vae",
        "vae",
        "Each dimension may carry some nats for free: nothing is gained by collapsing further.",
        "Against collapse, with strong decoders and text.",
        "−E_q[log p(x|z)] + Σⱼ max(λ, KLⱼ)",
        "Kingma et al. (2016), Improved variational inference with inverse autoregressive flow, arXiv:1606.04934",
        {"penalties": {"kl": part("free-bits", nats=0.25)}},
    ),
    Recipe(
        "cyclical-vae",
        "vae",
        "The divergence is warmed up several times.",
        "Against collapse, where one warm-up is not enough.",
        "−E_q[log p(x|z)] + β(t) KL(q(z|x)‖p(z)),  β from 0 to 1 four times",
        "Fu, Li, Liu, Gao, Celikyilmaz & Carin (2019), Cyclical annealing schedule, arXiv:1903.10145",
        {"penalties": {"kl": part("kl", weight=CyclicalSchedule(cycles=4, ramp=0.5))}},
    ),
)
