"""What all estimators share: one fitted model, used in every way."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from isthmus.components.priors.base import Prior, PriorModule
from isthmus.core.errors import DataWarning, InputError
from isthmus.core.layer_row import LayerRow
from isthmus.core.named_columns import NamedColumns
from isthmus.core.random import RandomState, seed_from
from isthmus.data.rows import Rows
from isthmus.data.schema import Schema
from isthmus.models.architecture import describe_architecture
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.composition import Composition
from isthmus.models.defaults import AUTO, Parts
from isthmus.training.history import History
from isthmus.training.settings import TrainingSettings
from isthmus.uses import density, inference, interpolation, scoring
from isthmus.uses.diagnosis import Diagnosis
from isthmus.uses.generation import draw_codes

from . import fitting
from .code_posterior import CodePosterior
from .conditions import carried_of, given_context
from .density_estimate import DensityEstimate
from .parameters import AXES, SpecParameters
from .shared import complete_constructor


class BaseAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, SpecParameters):
    """Fits one composition and uses it. Subclasses declare their constructor and :meth:`_parts`."""

    registered_name: ClassVar[str]

    # Set by fit
    schema_: Schema
    composition_: Composition
    module_: ComposedAutoencoder
    history_: History
    density_: PriorModule
    density_spec_: Prior
    diagnosis_: Diagnosis
    collapse_: str | None
    latent_dim_: int
    n_features_in_: int
    n_iter_: int
    stopped_: str | None
    _score_seed: int

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
        corruption: Any = None,
        schema: Any = AUTO,
        scaling: str = AUTO,
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
        codes = self._checked_codes(Z)
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

    # Generation

    def sample(
        self,
        n: int = 1,
        *,
        given: Mapping[Any, Any] | None = None,
        prior: bool = False,
        random_state: RandomState = None,
    ) -> Any:
        """``n`` new rows: the decoder's mean at codes drawn from the fitted density, in the user's type.

        Parameters
        ----------
        n : int
        given : dict, optional
            The conditions of a conditional model by column: ``{"label": 3}`` for all rows, or one value per row.
        prior : bool
            Draw the codes from the model's prior instead of the density fitted to its codes after training.
        random_state : int, numpy generator or None
        """
        check_is_fitted(self, "module_")
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
            raise InputError(f"sample: `n` must be an integer in [1, inf); got {n!r}.")
        source = self.module_.prior if prior else self.density_
        return self._decoded(draw_codes(source, self.module_, int(n), seed_from(random_state)), given)

    def interpolate(
        self, a: Any, b: Any, steps: int = 9, path: str = "linear", *, given: Mapping[Any, Any] | None = None
    ) -> Any:
        """Decoded rows on a path between the codes of two single rows, both ends included.

        Parameters
        ----------
        a, b : one row each, as the user's type has it ((d,), (1, d), (h, w), a frame of one row, …)
        steps : int
            At least 2.
        path : "linear" or "spherical"
        given : dict, optional
            The conditions of a conditional model, for every row of the path.

        Returns
        -------
        ``steps`` rows in the user's type.
        """
        check_is_fitted(self, "module_")
        ends = [self.transform(self._one_row(name, row))[0] for name, row in (("a", a), ("b", b))]
        return self._decoded(interpolation.path_between(ends[0], ends[1], steps, path), given)

    # Scoring

    def score_samples(self, X: Any) -> np.ndarray:
        """How likely each row is: (n,) float64, higher = more likely.

        For a stochastic code, the evidence lower bound on the log-likelihood of the data as they were given (the
        scaling's Jacobian included), in nats per row; for symbols, the same with the code's own entry. For a
        deterministic code, which has no likelihood of its own, minus the squared reconstruction error, summed over the
        scaled features.
        """
        rows = self._rows(X)
        if not self.module_.bounded:
            return scoring.negative_squared_error(self.module_, rows)
        bound = scoring.log_likelihood_bound(self.module_, rows, self._score_seed)
        return bound + self.schema_.log_jacobian(self.module_.likelihood.densities)

    def density(self, X: Any, samples: int = 5000) -> DensityEstimate:
        """The log-likelihood of each row by importance weighting, with its standard error.

        Tighter than the bound of :meth:`score_samples` and, for many samples, the log-likelihood itself (Burda et al.
        2016, arXiv:1509.00519). Deterministic: the draws depend on the row's content only.

        Parameters
        ----------
        X : rows, as ``fit`` takes them
        samples : int
            Codes drawn per row; publications use 5,000.

        Raises
        ------
        ParameterError
            The code is deterministic, so that there is no likelihood.
        """
        rows = self._rows(X)
        log_likelihood, standard_error = density.log_likelihood(self.module_, rows, self._score_seed, samples)
        return DensityEstimate(
            log_likelihood + self.schema_.log_jacobian(self.module_.likelihood.densities), standard_error
        )

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of :meth:`score_samples`: what a grid search maximises."""
        return float(np.mean(self.score_samples(X)))

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
        return float(scales[0]) if scales else None  # type: ignore[arg-type]

    @property
    def architecture_(self) -> list[LayerRow]:
        """The layers from input to output, with shapes and parameter counts."""
        return describe_architecture(self.module_, self.schema_.row_shape)

    # Helpers

    def _rows(self, X: Any) -> Rows:
        check_is_fitted(self, "module_")
        rows = self.schema_.rows(X, estimator_name=type(self).__name__)
        if self.schema_.feature_names is not None and not _has_column_names(X):
            warnings.warn(
                f"X does not have valid feature names, but {type(self).__name__} was fitted with feature names: the "
                "columns are taken in the order in which they were fitted.",
                DataWarning,
                stacklevel=3,
            )
        return rows

    def _decoded(self, codes: np.ndarray, given: Mapping[Any, Any] | None) -> Any:
        context, carried = given_context(self.schema_, given, len(codes))
        return self.schema_.decode(inference.decoded(self.module_, codes, context), carried=carried)

    def _checked_codes(self, Z: Any) -> np.ndarray:
        check_is_fitted(self, "module_")
        codes = np.asarray(Z, dtype=np.float32)
        if codes.ndim != 2 or codes.shape[1] != self.latent_dim_:
            raise InputError(f"inverse_transform needs codes of shape (n, {self.latent_dim_}); got {codes.shape}.")
        if not np.isfinite(codes).all():
            row, column = np.argwhere(~np.isfinite(codes))[0]
            raise InputError(f"Codes contain NaN or infinity, first at row {row}, column {column}.")
        return codes

    def _one_row(self, name: str, row: Any) -> Any:
        """A single row as a batch of one."""
        shape = self.schema_.row_shape
        if not hasattr(row, "columns") and not hasattr(row, "names"):
            array = np.asarray(row)
            row = array[None] if array.shape == shape else row
        if len(row) != 1:
            raise InputError(f"interpolate: `{name}` must be one single row of shape {shape}; got {len(row)} rows.")
        return row

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


def _has_column_names(X: Any) -> bool:
    return hasattr(X, "columns") or hasattr(X, "column_names") or isinstance(X, NamedColumns)
