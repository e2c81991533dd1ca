"""Counts with exposures: what happens per hour, learnt from shifts of different lengths.

Three kinds of wards have their own rates of four kinds of events, which also vary from shift to shift. The example
compares two likelihoods on shifts that were held out, and reads the rates of each kind from the better model.
"""

import numpy as np
from sklearn.mixture import GaussianMixture

from isthmus import VAE, NegativeBinomial, Poisson

random = np.random.default_rng(0)
RATES = np.array([[2.0, 0.2, 0.5, 1.0], [0.1, 3.0, 0.5, 0.2], [1.0, 1.0, 0.1, 4.0]])  # events per hour
ward = random.integers(len(RATES), size=1200)
hours = random.uniform(1, 24, size=len(ward))
varying = random.gamma(4.0, 1 / 4.0, size=(len(ward), 4))  # of mean 1: more spread than a Poisson has
X = np.column_stack([hours, random.poisson(hours[:, None] * RATES[ward] * varying)])
train, test = X[:900], X[900:]

# Column 0 is the exposure, all others are counts.
schema = {"*": "count", 0: "exposure"}
for likelihood in (Poisson(), NegativeBinomial()):
    model = VAE(latent_dim=2, schema=schema, likelihood=likelihood, max_epochs=30, random_state=0).fit(train)
    estimate = model.density(test, samples=50)
    print(f"{type(likelihood).__name__:<16} {estimate.mean:7.2f} ± {estimate.mean_standard_error:.2f} nats per shift")

print("\nEvents per hour, by groups of the codes:")
codes = model.transform(X)
group = GaussianMixture(len(RATES), n_init=5, random_state=0).fit_predict(codes)
hourly = model.inverse_transform(codes, given={0: 1.0})[:, 1:]
for each in range(len(RATES)):
    truth = RATES[np.bincount(ward[group == each], minlength=len(RATES)).argmax()]
    print(f"  decoded {hourly[group == each].mean(axis=0).round(2)}, true {truth}")
