"""What all estimators share: one fitted model, used in every way."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from isthmus.core.layer_row import LayerRow
from isthmus.models.architecture import describe_architecture
from isthmus.models.defaults import AUTO, Parts
from isthmus.training.settings import TrainingSettings
from isthmus.uses import inference

from . import fitting
from .code_posterior import CodePosterior
from .conditions import carried_of
from .exploring import Exploring
from .generating import Generating
from .imputing import Imputing
from .parameters import AXES, SpecParameters
from .scoring import Scoring
from .shared import complete_constructor


class BaseAutoencoder(
    Generating, Exploring, Imputing, Scoring, ClassNamePrefixFeaturesOutMixin, TransformerMixin, SpecParameters
):
    """Fits one composition and uses it. Subclasses declare their constructor and :meth:`_parts`."""

    registered_name: ClassVar[str]

    def __init__(
        self,
        latent_dim: int | str = AUTO,
        *,
        network: Any = AUTO,
        encoder: Any = AUTO,
        decoder: Any = AUTO,
        latent: Any = AUTO,
        prior: Any = AUTO,
        likelihood: Any = AUTO,
        penalties: Any = AUTO,
        objective: Any = AUTO,
        corruption: Any = AUTO,
        schema: Any = AUTO,
        scaling: str = AUTO,
        missing: str = AUTO,
        extrapolate: bool = False,
        max_epochs: int | str = AUTO,
        max_seconds: float | None = None,
        batch_size: int | str = AUTO,
        learning_rate: float = 3e-3,
        learning_rate_schedule: str = "one-cycle",
        validation_fraction: float | None = 0.1,
        patience: int | str | None = AUTO,
        checkpoint: Any = None,
        warm_start: bool = False,
        device: str = AUTO,
        precision: str = AUTO,
        compile: bool = False,
        callbacks: Any = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.latent_dim = latent_dim
        self.network = network
        self.encoder = encoder
        self.decoder = decoder
        self.latent = latent
        self.prior = prior
        self.likelihood = likelihood
        self.penalties = penalties
        self.objective = objective
        self.corruption = corruption
        self.schema = schema
        self.scaling = scaling
        self.missing = missing
        self.extrapolate = extrapolate
        self.max_epochs = max_epochs
        self.max_seconds = max_seconds
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.checkpoint = checkpoint
        self.warm_start = warm_start
        self.device = device
        self.precision = precision
        self.compile = compile
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    def __init_subclass__(cls, **details: Any) -> None:
        super().__init_subclass__(**details)
        complete_constructor(cls, BaseAutoencoder)

    def _given_parts(self) -> dict[str, Any]:
        """The parts as the user gave them."""
        return {name: getattr(self, name) for name in ("latent_dim", *AXES, "penalties")}

    def _parts(self, settings: TrainingSettings) -> Parts:
        raise TypeError(f"{type(self).__name__} must define _parts(settings)")

    def refuse_without_effect(self) -> None:
        """Raise :class:`ParameterError` for a parameter that another one has made meaningless; ``fit`` calls it."""

    # Fitting

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn a schema and a model from rows.

        Parameters
        ----------
        X : array (n, d), image stack (n, h, w) or (n, h, w, c), or a frame of numeric columns
            At least two rows.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            A parameter is out of range, or two make no sense together.
        InputError
            The data do not fit (missing values, one row, constant columns only, …).
        DivergenceError
            Training stayed non-finite although the learning rate was lowered; the last finite model is kept.
        """
        fitting.fit(self, X)
        return self

    # Embedding

    def transform(self, X: Any) -> np.ndarray:
        """The code of each row: (n, latent_dim) float32. Deterministic, and independent of the other rows."""
        rows = self._rows(X)
        return inference.codes(self.module_, rows)

    def posterior(self, X: Any) -> CodePosterior:
        """What is known of each row's code: q(z|x), with ``mean``, ``standard_deviation`` and ``sample(n)``."""
        rows = self._rows(X)
        return CodePosterior(
            *inference.posteriors(self.module_, rows),
            draw=lambda seeds: inference.posterior_draws(self.module_, rows, seeds),
        )

    def inverse_transform(self, Z: Any, given: Mapping[Any, Any] | None = None) -> Any:
        """The decoder's mean at codes (n, latent_dim), in the type, shape and units of the data that were fitted.

        ``given`` holds the conditions of a conditional model: ``{"label": 3}`` for all rows, or one value per row.
        """
        codes = self._checked_codes("inverse_transform", Z)
        return self._decoded(codes, given)

    def codes(self, X: Any) -> np.ndarray:
        """The codes as they are: the codebook entries of each row (n, T) int64 where codes are symbols.

        Other codes are as :meth:`transform` returns them.
        """
        rows = self._rows(X)
        if self.module_.code_space == "symbols":
            return inference.symbols(self.module_, rows)
        return inference.codes(self.module_, rows)

    def clusters(self, X: Any) -> np.ndarray:
        """How much each component of a mixture prior is responsible for each row's code: (n, components) float32.

        Rows sum to one; ``.argmax(1)`` is a clustering.

        Raises
        ------
        ParameterError
            The model's prior is no mixture.
        """
        rows = self._rows(X)
        return inference.responsibilities(self.module_, rows)

    # Reconstruction

    def reconstruct(self, X: Any) -> Any:
        """Rows through the bottleneck and back, in the user's type."""
        rows = self._rows(X)
        return self.schema_.decode(inference.reconstructions(self.module_, rows), carried=carried_of(self.schema_, X))

    def denoise(self, X: Any) -> Any:
        """Noisy rows, cleaned: what does not pass the bottleneck is lost. The same as :meth:`reconstruct`."""
        return self.reconstruct(X)

    # Saving

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted model to one ``.safetensors`` file, whole or not at all; :func:`isthmus.load` reads it."""
        from .saving import save  # estimators know how to be saved; saving knows how to build estimators

        check_is_fitted(self, "diagnosis_")
        save(self, path)

    # Diagnostics

    @property
    def active_units_(self) -> int:
        """How many latent dimensions vary over the data (variance of the posterior mean above 0.01)."""
        return self.diagnosis_.active_units

    @property
    def rate_(self) -> float | None:
        """Mean KL divergence of the posterior from the prior, nats per row; None for a deterministic code."""
        return self.diagnosis_.rate

    @property
    def sigma_(self) -> float | None:
        """The likelihood's noise scale, in units of the scaled features; None if there is none."""
        scales = [part.sigma for part in self.module_.likelihood.parts if hasattr(part, "sigma")]
        return float(scales[0]) if scales else None

    @property
    def architecture_(self) -> list[LayerRow]:
        """The layers from input to output, with shapes and parameter counts."""
        return describe_architecture(self.module_, self.schema_.row_shape)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "module_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        if tags.transformer_tags is not None:
            tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Picklable in memory, as joblib needs: weights go to the CPU."""
        if "module_" in self.__dict__:
            self.module_.to("cpu")
            if "density_" in self.__dict__:
                self.density_.to("cpu")
        return dict(super().__getstate__())
