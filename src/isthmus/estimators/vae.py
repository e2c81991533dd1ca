"""The variational autoencoder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Unpack

from isthmus.core.constraints import Constraint, Interval, OneOf
from isthmus.core.errors import ParameterError
from isthmus.models.defaults import AUTO, Parts
from isthmus.training.settings import TrainingSettings

from .base import BaseAutoencoder
from .parameters import CONSTRAINTS
from .shared import SharedParameters

WARMUP_SHARE = 0.1


class VAE(BaseAutoencoder):
    """A generative model with a compact code: the variational autoencoder with a calibrated likelihood.

    Kingma & Welling (2014), Auto-Encoding Variational Bayes, arXiv:1312.6114. Each row's code is a Gaussian, its
    prior N(0, I); the loss is minus the evidence lower bound in nats per row. Continuous data have a Gaussian
    likelihood with one shared σ at its maximum-likelihood value (Rybkin et al. 2021), data in {0, 1} a Bernoulli.

    Parameters
    ----------
    beta : float
        The weight of the KL term; above 1, a β-VAE. Leave it at 1 for likelihoods.
    warmup_epochs : float or "auto"
        The KL weight grows from 0 over so many epochs; "auto" is a tenth of them.
    [shared parameters]

    [attributes]
    rate_, collapse_ : float, str or None
        Mean KL in nats per row; a message if dimensions collapsed that the data could fill.

    Examples
    --------
    >>> import numpy as np
    >>> from isthmus import VAE
    >>> X = np.random.default_rng(0).normal(size=(200, 3)) @ np.ones((3, 6))
    >>> VAE(latent_dim=2, max_epochs=2, random_state=0).fit(X).sample(5, random_state=0).shape
    (5, 6)
    """

    registered_name: ClassVar[str] = "vae"
    stochastic: ClassVar[bool] = True
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        **CONSTRAINTS,
        "beta": (Interval(0, None),),
        "warmup_epochs": (OneOf(AUTO), Interval(0, None)),
    }

    def __init__(
        self,
        latent_dim: int | str = AUTO,
        *,
        beta: float = 1.0,
        warmup_epochs: float | str = AUTO,
        **shared: Unpack[SharedParameters],
    ) -> None:
        super().__init__(latent_dim, **shared)
        self.beta = beta
        self.warmup_epochs = warmup_epochs

    def refuse_without_effect(self) -> None:
        if isinstance(self.warmup_epochs, str):
            return
        if not isinstance(self.penalties, str):
            reason = "`penalties` is given explicitly. Set penalties={'kl': KL(warmup_epochs=...)} instead"
        elif getattr(self.latent, "stochastic", True) and not getattr(self.objective, "includes_divergence", False):
            return
        else:
            reason = "there is none with this latent and objective"
        raise ParameterError(
            f"`warmup_epochs`={self.warmup_epochs} delays the automatic KL penalty, but {reason}; leave "
            "`warmup_epochs` at 'auto'."
        )

    def _parts(self, settings: TrainingSettings) -> Parts:
        automatic = isinstance(self.warmup_epochs, str)
        return Parts(
            **self._given_parts(),
            stochastic=True,
            squared_error=False,
            beta=float(self.beta),
            warmup_epochs=WARMUP_SHARE * settings.max_epochs if automatic else float(self.warmup_epochs),
        )
