"""The autoencoder with discrete codes."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import ClassVar, Unpack

from isthmus.components.latents.vector_quantised import VectorQuantised
from isthmus.core.constraints import Constraint, Interval, OneOf
from isthmus.core.errors import ParameterError
from isthmus.models.defaults import AUTO, Parts
from isthmus.training.settings import TrainingSettings

from .base import BaseAutoencoder
from .parameters import CONSTRAINTS
from .shared import SharedParameters


class VQVAE(BaseAutoencoder):
    """Codes made of symbols: each part of the code is one vector of a learnt codebook.

    van den Oord, Vinyals & Kavukcuoglu (2017), Neural discrete representation learning, arXiv:1711.00937, with moving
    averages for the codebook and a new place for vectors that nothing chooses. The likelihood is a VAE's: a Gaussian
    with one shared, calibrated σ, or a Bernoulli for data in {0, 1}. ``codes`` gives the symbols, ``transform`` the
    vectors that they stand for, and ``sample`` draws symbols from a density fitted to them. Images of 32 pixels and
    more become maps of symbols (``Convolutional(spatial=True)``) as long as neither network, size nor number of symbols
    is given.

    Parameters
    ----------
    n_codes : int
        The size of the codebook.
    tokens : "auto" or int
        How many symbols a row becomes; "auto": 4, and one for each position where the code is a map.
    commitment : float
        The weight of the encoder's distance from the codebook; refused with a latent that has none.
    [shared parameters]

    [attributes]

    Examples
    --------
    >>> import numpy as np
    >>> from isthmus import VQVAE
    >>> X = np.random.default_rng(0).normal(size=(200, 3)) @ np.ones((3, 6))
    >>> VQVAE(latent_dim=4, n_codes=16, tokens=2, max_epochs=2, random_state=0).fit(X).codes(X).shape
    (200, 2)
    """

    registered_name: ClassVar[str] = "vqvae"
    stochastic: ClassVar[bool] = False
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        **CONSTRAINTS,
        "n_codes": (Interval(2, None, integer=True),),
        "tokens": (OneOf(AUTO), Interval(1, None, integer=True)),
        "commitment": (Interval(0, None),),
    }

    def __init__(
        self,
        latent_dim: int | str = AUTO,
        *,
        n_codes: int = 512,
        tokens: int | str = AUTO,
        commitment: float = 0.25,
        **shared: Unpack[SharedParameters],
    ) -> None:
        super().__init__(latent_dim, **shared)
        self.n_codes = n_codes
        self.tokens = tokens
        self.commitment = commitment

    def refuse_without_effect(self) -> None:
        usual = inspect.signature(VQVAE).parameters
        changed = [name for name in ("n_codes", "tokens", "commitment") if getattr(self, name) != usual[name].default]
        for name in changed:
            value, axis = getattr(self, name), "penalties" if name == "commitment" else "latent"
            given = getattr(self, axis)
            if not isinstance(given, str) and (axis == "penalties" or getattr(given, name, None) != value):
                example = "{'commitment': Commitment(weight=...)}" if axis == "penalties" else "VectorQuantised(...)"
                raise ParameterError(
                    f"`{name}`={value} is meant for the automatic {axis}, but `{axis}` is given explicitly. Say it "
                    f"there, as in {axis}={example}, and leave `{name}` at {usual[name].default}."
                )

    def _parts(self, settings: TrainingSettings) -> Parts:
        given = self._given_parts()
        if isinstance(given["latent"], str):
            given["latent"] = VectorQuantised(n_codes=int(self.n_codes), tokens=self.tokens)
        maps = self.tokens == AUTO
        return Parts(**given, squared_error=False, commitment=float(self.commitment), maps=maps)
