"""Variational autoencoders that are trained with several codes per row."""

from __future__ import annotations

from .recipe import Recipe, part

RAINFORTH = "Rainforth et al. (2018), Tighter variational bounds are not necessarily better, arXiv:1802.04537"

IMPORTANCE_WEIGHTED = (
    Recipe(
        "iwae",
        "vae",
        "A tighter bound on the likelihood, from several codes per row.",
        "Better likelihoods and more active dimensions than a VAE's; each sample costs a pass of the decoder.",
        "−E log (1/K) Σₖ p(x, zₖ)/q(zₖ|x)",
        "Burda, Grosse & Salakhutdinov (2016), Importance weighted autoencoders, arXiv:1509.00519",
        {"objective": part("importance-weighted", samples=5)},
    ),
    Recipe(
        "miwae",
        "vae",
        "The mean of several importance-weighted bounds: a better signal for the encoder.",
        "As iwae, where the encoder matters as much as the likelihood.",
        "−(1/M) Σₘ log (1/K) Σₖ p(x, zₘₖ)/q(zₘₖ|x)",
        RAINFORTH,
        {"objective": part("multiple-importance-weighted", samples=4, repeats=4)},
    ),
    Recipe(
        "piwae",
        "vae",
        "The decoder is trained with the tight bound, the encoder with the mean of looser ones.",
        "The best of iwae and miwae for its cost, in the paper's experiments.",
        "decoder: −log (1/MK) Σₘₖ wₘₖ;  encoder: −(1/M) Σₘ log (1/K) Σₖ wₘₖ",
        RAINFORTH,
        {"objective": part("partially-importance-weighted", samples=4, repeats=4)},
    ),
    Recipe(
        "ciwae",
        "vae",
        "Between a VAE's bound and the importance-weighted one.",
        "To trade the quality of the encoder against the tightness of the bound.",
        "β · VAE + (1 − β) · IWAE",
        RAINFORTH,
        {"objective": part("combined-importance-weighted", samples=5, share=0.5)},
    ),
)
