"""The deterministic autoencoder."""

from __future__ import annotations

from typing import ClassVar, Unpack

from isthmus.models.defaults import AUTO, Parts
from isthmus.training.settings import TrainingSettings

from .base import BaseAutoencoder
from .shared import SharedParameters


class Autoencoder(BaseAutoencoder):
    """Compress rows to a short code and back, with the least squared error.

    A neural network with a bottleneck (Hinton & Salakhutdinov 2006, Reducing the dimensionality of data with neural
    networks). With a linear network it finds the principal components (``isthmus.recipe("linear-autoencoder")``).

    Its code is a point, and its likelihood a Gaussian with σ = 1, which is squared error, or a Bernoulli for data in
    {0, 1}, which is cross-entropy.

    Parameters
    ----------
    [shared parameters]

    [attributes]

    Examples
    --------
    >>> import numpy as np
    >>> from isthmus import Autoencoder
    >>> X = np.random.default_rng(0).normal(size=(200, 3)) @ np.ones((3, 6))
    >>> Autoencoder(latent_dim=3, max_epochs=2, random_state=0).fit_transform(X).shape
    (200, 3)
    """

    registered_name: ClassVar[str] = "autoencoder"

    stochastic: ClassVar[bool] = False

    def __init__(self, latent_dim: int | str = AUTO, **shared: Unpack[SharedParameters]) -> None:
        super().__init__(latent_dim, **shared)

    def _parts(self, settings: TrainingSettings) -> Parts:
        return Parts(**self._given_parts())
