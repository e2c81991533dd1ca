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

    def sample_shared(self, noise: Tensor) -> Tensor:
        """Draws of a distribution that all rows share (a prior), from noise that is drawn outside.

        Standard normal ``noise`` (..., n, d + 1) -> (..., n, d), differentiable where the distribution can be
        reparameterised. The last column is there for a discrete choice, with Φ(noise) as its uniform number.

        Raises
        ------
        TypeError
            For distributions that are no priors: each row has its own parameters.
        """
        raise TypeError(
            f"{type(self).__name__} gives no samples shared by all rows: use a prior that does, such as "
            "StandardNormal, NormalMixture or UniformSphere."
        )


class Posterior(Distribution):
    """q(z|x): a distribution with a documented point, and samples through noise that is drawn outside."""

    @property
    @abstractmethod
    def code(self) -> Tensor:
        """The deterministic point that ``transform`` returns, (n, latent_dim)."""

    @abstractmethod
    def sample(self, noise: Tensor) -> Tensor:
        """A reparameterised sample: standard normal ``noise`` (…, n, latent_dim) -> z of the same shape."""
