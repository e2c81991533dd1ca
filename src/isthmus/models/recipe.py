"""Named recipes: what a paper's name means as a composition.

A recipe is an estimator and its parameters, nothing else; ``isthmus recipes`` prints this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.networks.mlp import MLP
from isthmus.core.errors import ParameterError

# A linear network takes ten times the usual learning rate, and needs it: on small data 3e-3 leaves up to a third more
# squared error than PCA does, 3e-2 a few parts in 100,000 more.
LINEAR = {"network": MLP(hidden=()), "schema": "continuous", "scaling": "common", "learning_rate": 3e-2}


@dataclass(frozen=True)
class Recipe:
    """One named model.

    Attributes
    ----------
    name : str
    estimator : str
        "autoencoder" or "vae".
    summary : str
        What it is and when to use it, in a sentence.
    formula : str
        What is minimised, per row.
    paper : str
    params : dict
        Constructor parameters that differ from the estimator's defaults.
    """

    name: str
    estimator: str
    summary: str
    formula: str
    paper: str
    params: Mapping[str, Any] = field(default_factory=dict)


RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "autoencoder",
            "autoencoder",
            "Compress and reconstruct with least squared error: compact features, denoising, anomaly scores.",
            "½‖x − g(f(x))‖²",
            "Hinton & Salakhutdinov (2006), Reducing the dimensionality of data with neural networks, Science 313",
        ),
        Recipe(
            "linear-autoencoder",
            "autoencoder",
            "Principal component analysis by gradient descent: the span of the leading components.",
            "½‖x − W₂W₁x‖²",
            "Baldi & Hornik (1989), Neural networks and principal component analysis, Neural Networks 2",
            {**LINEAR, "likelihood": Gaussian(sigma=1.0, mean="identity")},
        ),
        Recipe(
            "vae",
            "vae",
            "A generative model with a compact code and a calibrated likelihood: sampling, scoring, embedding.",
            "−E_q[log p(x|z)] + KL(q(z|x)‖p(z))",
            "Kingma & Welling (2014), Auto-Encoding Variational Bayes, arXiv:1312.6114",
        ),
        Recipe(
            "linear-vae",
            "vae",
            "Probabilistic PCA by gradient descent: reaches its exact log-likelihood.",
            "−E_q[log N(x; Wz + μ, σ²I)] + KL(q(z|x)‖N(0, I))",
            "Lucas, Tucker, Grosse & Norouzi (2019), Don't blame the ELBO!, arXiv:1911.02469",
            {**LINEAR, "likelihood": Gaussian(mean="identity")},
        ),
        Recipe(
            "beta-vae",
            "vae",
            "A VAE whose code is pressed towards independent dimensions: more interpretable, less exact.",
            "−E_q[log p(x|z)] + β KL(q(z|x)‖p(z))",
            "Higgins et al. (2017), beta-VAE: learning basic visual concepts with a constrained variational framework",
            {"beta": 4.0},
        ),
    )
}


def find_recipe(name: str) -> Recipe:
    """The recipe called ``name``; raises :class:`ParameterError` with the known names."""
    if name not in RECIPES:
        close = get_close_matches(name, RECIPES, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ParameterError(f"No recipe is called {name!r}.{hint} Known: {', '.join(RECIPES)}.")
    return RECIPES[name]
