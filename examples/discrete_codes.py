"""Digits as a few symbols: three quantisers, and how much of a digit they keep for how many bits.

Compares a VQ-VAE, its residual variant and finite scalar quantisation with principal components that are rounded to as
many bits, on digits that were not in training.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

import isthmus

train, test = train_test_split(load_digits().data, test_size=0.25, random_state=0)


def squared_error(again: np.ndarray) -> float:
    """Per digit, in squared grey levels."""
    return float(np.mean(np.sum((test - again) ** 2, axis=1)))


settings = {"latent_dim": 8, "max_epochs": 25, "random_state": 0}
models = {
    "vq-vae": isthmus.recipe("vq-vae", n_codes=64, tokens=4, **settings),
    "residual-vq-vae": isthmus.recipe("residual-vq-vae", latent__n_codes=64, latent__stages=4, **settings),
    "fsq-autoencoder": isthmus.recipe("fsq-autoencoder", latent__levels=8, **settings),
}
print("model            symbols  bits  squared error  perplexity")
for name, model in models.items():
    model.fit(train)
    levels = model.module_.levels
    error = squared_error(model.reconstruct(test))
    print(
        f"{name:<16} {len(levels):>7} {np.log2(levels).sum():>5.0f} {error:>14.0f} {model.diagnosis_.perplexity:>11.1f}"
    )

# Eight components of eight levels each: the cells between the octiles, and the mean of each.
pca = PCA(8).fit(train)
known, seen = pca.transform(train), pca.transform(test)
rounded = np.empty_like(seen)
for column in range(8):
    edges = np.quantile(known[:, column], np.arange(1, 8) / 8)
    inside = np.digitize(known[:, column], edges)
    means = np.array([known[inside == cell, column].mean() for cell in range(8)])
    rounded[:, column] = means[np.digitize(seen[:, column], edges)]
print(f"{'rounded PCA':<16} {8:>7} {24:>5} {squared_error(pca.inverse_transform(rounded)):>14.0f}")

model = models["vq-vae"]
print("\nThree digits in symbols:", *model.codes(test[:3]).tolist())
print("New ones from the density over symbols:", model.sample(3, random_state=0).shape, model.density_spec_)
