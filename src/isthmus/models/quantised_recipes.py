"""Autoencoders whose codes are symbols."""

from __future__ import annotations

from .recipe import Recipe, part

QUANTISED = (
    Recipe(
        "vq-vae",
        "vqvae",
        "Each part of the code is one vector of a learnt codebook.",
        "Discrete codes: compression, tokens for other models, motifs; codes(X) gives the symbols.",
        "−log p(x|z) + β‖f(x) − sg(e)‖²,  z = e, the nearest of K vectors; codebook by moving averages",
        "van den Oord, Vinyals & Kavukcuoglu (2017), Neural discrete representation learning, arXiv:1711.00937",
    ),
    Recipe(
        "residual-vq-vae",
        "vqvae",
        "Several codebooks, each for what the ones before leave over.",
        "Finer codes with small codebooks; the first symbols alone are a coarse version.",
        "−log p(x|z) + β‖f(x) − sg(z)‖²,  z = Σₛ eₛ",
        "Zeghidour et al. (2021), SoundStream, arXiv:2107.03312; Juang & Gray (1982), ICASSP",
        {"latent": part("residual-quantised")},
    ),
    Recipe(
        "fsq-autoencoder",
        "vqvae",
        "Each dimension is rounded to a few levels: no codebook, none of its failures.",
        "Discrete codes without anything to tune: the safe choice.",
        "−log p(x|z),  z = round(tanh((f(x) − m) / s)),  m and s moving averages",
        "Mentzer, Minnen, Agustsson & Tschannen (2023), Finite scalar quantization, arXiv:2309.15505",
        {"latent": part("finite-scalar")},
    ),
)
