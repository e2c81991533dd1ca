"""Several recipes on the same data, by what they are for: error, likelihood, features.

On digits that were not in training: the squared error of reconstructions, the log-likelihood by importance weighting
(of those that have one), and the accuracy of a linear classifier on the codes. The runs are short; leave max_epochs out
for numbers to decide by.
"""

import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import isthmus

NAMES = ("linear-autoencoder", "autoencoder", "denoising-autoencoder", "vae", "beta-vae", "iwae")
digits, labels = load_digits(return_X_y=True)
train, test, train_labels, test_labels = train_test_split(digits, labels, test_size=0.25, random_state=0)

print("recipe                 squared error  nats per digit  accuracy  active  seconds")
for name in NAMES:
    model = isthmus.recipe(name, latent_dim=8, max_epochs=10, random_state=0)
    start = time.perf_counter()
    model.fit(train)
    seconds = time.perf_counter() - start
    error = np.mean(np.sum((test - model.reconstruct(test)) ** 2, axis=1))
    # A deterministic code gives rows no likelihood.
    likelihood = f"{model.density(test, samples=50).mean:.1f}" if model.rate_ is not None else "none"
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    probe.fit(model.transform(train), train_labels)
    accuracy = probe.score(model.transform(test), test_labels)
    print(f"{name:<22} {error:>13.0f} {likelihood:>15} {accuracy:>9.1%} {model.active_units_:>7} {seconds:>8.1f}")
