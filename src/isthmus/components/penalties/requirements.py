"""What a penalty may require of a forward pass, refused by name where it is not there."""

from __future__ import annotations

from torch import Tensor

from isthmus.core.errors import ParameterError
from isthmus.core.forward_pass import ForwardPass
from isthmus.distributions import DiagonalNormal

from .base import Penalty


def diagonal_posterior(penalty: Penalty, forward_pass: ForwardPass) -> DiagonalNormal:
    """The posterior, which must be a :class:`~isthmus.distributions.DiagonalNormal`.

    Raises
    ------
    ParameterError
        Naming the penalty and the posterior that it was given.
    """
    posterior = forward_pass.posterior
    if not isinstance(posterior, DiagonalNormal):
        raise ParameterError(
            f"{type(penalty).__name__} needs the means and standard deviations of a DiagonalNormal posterior; got a "
            f"{type(posterior).__name__}. Use latent=GaussianLatent(), or leave the penalty out."
        )
    return posterior


def given_noise(penalty: Penalty, noise: Tensor | None) -> Tensor:
    """The noise that the penalty asked for with ``noise_width``.

    Raises
    ------
    TypeError
        If there is none.
    """
    if noise is None:
        raise TypeError(f"{type(penalty).__name__} estimates something: evaluate it with noise from `draw_noise`.")
    return noise
