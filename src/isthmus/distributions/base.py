"""What every distribution offers, and what a posterior offers besides."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Generator, Tensor


class Distribution(ABC):
    """A distribution over row vectors, with one parameter set per row (or one for all rows).

    To add one: implement :meth:`log_prob` and :meth:`draw`, and :attr:`mean` and :attr:`mode` where they are known;
    register closed-form divergences with :func:`~isthmus.distributions.divergence.register_kl`.
    """

    @abstractmethod
    def log_prob(self, value: Tensor) -> Tensor:
        """The log-density (or log-mass) of each row in nats, summed over its features: (n, d) -> (n,)."""

    @abstractmethod
    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        """Independent rows, (rows, d): one from each row's parameters, or ``rows`` from shared ones."""


class Posterior(Distribution):
    """q(z|x): a distribution with a documented point, and samples through noise that is drawn outside."""

    @property
    @abstractmethod
    def code(self) -> Tensor:
        """The deterministic point that ``transform`` returns, (n, latent_dim)."""

    @abstractmethod
    def sample(self, noise: Tensor) -> Tensor:
        """A reparameterised sample: standard normal ``noise`` (…, n, latent_dim) -> z of the same shape."""
