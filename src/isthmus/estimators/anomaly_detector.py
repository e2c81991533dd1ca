"""Rows that do not belong: how odd, by which threshold, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from isthmus.core.constraints import Boolean, Constraint, InstanceOf, Interval, OneOf, SequenceOf, check_params
from isthmus.core.errors import ParameterError
from isthmus.core.row_source import RowSource
from isthmus.data.rows import Rows
from isthmus.data.schema import Schema
from isthmus.models.defaults import AUTO
from isthmus.storage.model_file import save_model
from isthmus.training.callbacks import Callback
from isthmus.training.history import History
from isthmus.uses import alarms
from isthmus.uses.anomaly_explanation import Explanation
from isthmus.uses.drift import DriftAlarm

from . import anomaly_fitting
from .anomaly_fitting import ENSEMBLE
from .anomaly_judges import Judge, checked_rows
from .anomaly_labels import warn_of_labels
from .anomaly_saving import to_record
from .base import BaseAutoencoder
from .parameters import CONSTRAINTS, SpecParameters

SHARED = (
    "schema", "scaling", "missing", "max_epochs", "max_seconds", "batch_size", "learning_rate",
    "learning_rate_schedule", "validation_fraction", "patience", "device", "precision", "callbacks", "verbose",
)  # fmt: skip
# A row is odd without anything else being said if its score lies as far above the median as this many times the
# median distance of those above it: one in 700 of normally distributed scores.
FENCE = 4.45


def _calibrates(detector: AnomalyDetector) -> bool:
    """Whether new rows can be learnt from; scikit-learn takes a method that is not there for an AttributeError."""
    if detector.alarm_rate is None:
        raise AttributeError("partial_fit calibrates with new rows, and needs an `alarm_rate`, such as 0.01.")
    return True


class AnomalyDetector(OutlierMixin, SpecParameters):
    """Finds the rows that do not belong to the others, and says why.

    By default an ensemble of small denoising autoencoders, trained together, judges a row in three ways: how badly it
    is reconstructed; how badly each of its cells is told from the others; and how far it is from the nearest training
    rows. The first two see what breaks the rules that tie columns together, the third what lies where there is no data.
    The score is

        log(1 + k/k₀) + ½ log(1 + r/r₀) + ½ log(1 + h/h₀)

    with the squared distance k, the mean costs r and h of cells, each relative to what is usual for the column and the
    member, and their medians over the training rows.

    Parameters
    ----------
    model : str or estimator
        "ensemble"; "autoencoder", "vae" or the name of a recipe, which are fitted with their defaults; or an estimator
        of this package. Their score is minus their ``score_samples``.
    members : int
        How many autoencoders the ensemble has; their widths lie between half of ``hidden`` and all of it.
    hidden : "auto" or sequence of int
        The widths of the hidden layers.
    hidden_blocks : bool
        Ask also for cells that are hidden. Without it scoring is several times faster, and a little worse.
    trim : "auto" or float
        Learn nothing from this share of the rows of each batch, those that are reconstructed worst. "auto" is the
        ``contamination``, a quarter if that is "auto", and none if the rows are known to be normal.
    contamination : "auto" or float
        The share of the training rows, in [0, 0.5], that are odd, and are to be flagged. "auto": nobody knows; those
        are flagged whose score is far above the others'. Training is robust then, and a row is compared with small
        samples of the others, so that odd rows do not vouch for one another. 0: all training rows are known to be
        normal, and the whole of them says what is. The threshold is their highest score; set an ``alarm_rate`` instead
        for one that means something.
    alarm_rate : float, optional
        Instead: the share of new *normal* rows that may give a false alarm. It is calibrated on rows that serve
        neither fitting nor early stopping (conformal prediction), and holds for any distribution if the training rows
        are normal, and exchangeable with new ones.
    calibration_fraction : float
        The share of the rows that are reserved for that.
    schema, scaling, missing : see :class:`~isthmus.Autoencoder`
    max_epochs, max_seconds, batch_size, learning_rate, learning_rate_schedule : see :class:`~isthmus.Autoencoder`
    validation_fraction, patience, device, precision, callbacks, random_state, verbose : see
        :class:`~isthmus.Autoencoder`
        "auto" epochs make 400 steps of 64 rows, but at least 4 epochs; rows are held out for early stopping only where
        that makes 128 of them. All but ``schema``, ``scaling``, ``missing`` and ``random_state`` are of the ensemble;
        give other models theirs.

    Attributes
    ----------
    offset_ : float
        ``decision_function`` is ``score_samples`` minus this.
    calibration_scores_ : ndarray of float64
        The anomaly scores of the calibration rows, ascending; empty without ``alarm_rate``.
    schema_, history_, n_iter_, judge_
        The schema, losses by epoch, epochs, and the fitted model.

    Examples
    --------
    >>> import numpy as np
    >>> from isthmus import AnomalyDetector
    >>> random = np.random.default_rng(0)
    >>> X = random.normal(size=(200, 1)) @ np.ones((1, 4)) + 0.1 * random.normal(size=(200, 4))
    >>> detector = AnomalyDetector(members=2, max_epochs=100, random_state=0).fit(X)
    >>> odd = np.array([[1.0, 1.0, -1.0, 1.0]])
    >>> detector.predict(odd), detector.explain(odd).reasons(0)[0].column
    (array([-1]), 2)
    """

    registered_name: ClassVar[str] = "anomaly-detector"
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        **{name: CONSTRAINTS[name] for name in SHARED},
        "model": (InstanceOf((str, BaseAutoencoder), "'ensemble', the name of a recipe, or an estimator of isthmus"),),
        "members": (Interval(1, None, integer=True),),
        "hidden": (OneOf(AUTO), SequenceOf(Interval(1, None, integer=True))),
        "hidden_blocks": (Boolean(),),
        "trim": (OneOf(AUTO), Interval(0, 0.5)),
        "contamination": (OneOf(AUTO), Interval(0, 0.5)),
        "alarm_rate": (OneOf(None), Interval(0, 1, closed="neither")),
        "calibration_fraction": (Interval(0, 1, closed="neither"),),
    }

    # Set by fit
    judge_: Judge
    offset_: float
    calibration_scores_: np.ndarray
    n_features_in_: int

    def __init__(
        self,
        model: Any = ENSEMBLE,
        *,
        members: int = 8,
        hidden: Any = AUTO,
        hidden_blocks: bool = True,
        trim: float | str = AUTO,
        contamination: float | str = AUTO,
        alarm_rate: float | None = None,
        calibration_fraction: float = 0.2,
        schema: Any = AUTO,
        scaling: str = AUTO,
        missing: str = AUTO,
        max_epochs: int | str = AUTO,
        max_seconds: float | None = None,
        batch_size: int | str = AUTO,
        learning_rate: float = 1e-2,
        learning_rate_schedule: str = "one-cycle",
        validation_fraction: float | None = 0.1,
        patience: int | str | None = AUTO,
        device: str = AUTO,
        precision: str = AUTO,
        callbacks: Any = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.model = model
        self.members = members
        self.hidden = hidden
        self.hidden_blocks = hidden_blocks
        self.trim = trim
        self.contamination = contamination
        self.alarm_rate = alarm_rate
        self.calibration_fraction = calibration_fraction
        self.schema = schema
        self.scaling = scaling
        self.missing = missing
        self.max_epochs = max_epochs
        self.max_seconds = max_seconds
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.device = device
        self.precision = precision
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    # Fitting

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what is normal.

        Parameters
        ----------
        X : array (n, d), sparse matrix, or frame
            At least two rows, most of them normal; for other models than the ensemble whatever they are fitted to.
        y : ignored
            With a warning.

        Returns
        -------
        self

        Raises
        ------
        ParameterError
            A parameter is out of range, or both ``contamination`` and ``alarm_rate`` are set.
        InputError
            The data do not fit, or are too few for the ``alarm_rate``; the message says which rates they resolve.
        DivergenceError
            Training stayed non-finite although the learning rate was lowered; the last finite model is kept.
        """
        self.validate_parameters()
        if self.alarm_rate is not None and self.contamination != AUTO:
            raise ParameterError(
                f"AnomalyDetector: `contamination` ({self.contamination!r}) says which share of the training rows is "
                f"flagged, `alarm_rate` ({self.alarm_rate!r}) which share of new normal rows may be. Set one of them."
            )
        fitted = anomaly_fitting.fit(self, X)
        schema = fitted.judge.schema
        warn_of_labels(schema, y)
        self.judge_ = fitted.judge
        self.n_features_in_ = schema.n_features
        if schema.feature_names is not None:
            self.feature_names_in_ = np.asarray(schema.feature_names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        reserved = fitted.calibration_rows
        self.calibration_scores_ = np.empty(0) if reserved is None else np.sort(self.judge_.scores(reserved))
        self.offset_ = self._offset(fitted.rows)
        if fitted.error is not None:
            raise fitted.error
        return self

    def _offset(self, rows: RowSource) -> float:
        if self.alarm_rate is not None:
            return -alarms.threshold(self.calibration_scores_, float(self.alarm_rate))
        scores = self.judge_.scores(rows)
        if isinstance(self.contamination, str):
            middle = float(np.median(scores))
            above = scores[scores > middle]
            return -(middle + FENCE * (float(np.median(above)) - middle if len(above) else 0.0))
        return -(
            alarms.share_threshold(scores, float(self.contamination)) if self.contamination else float(scores.max())
        )

    @available_if(_calibrates)
    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """:meth:`fit` the first time, :meth:`update` from then on. Only with an ``alarm_rate``."""
        return self.update(X) if self.__sklearn_is_fitted__() else self.fit(X)

    def update(self, X: Any) -> Self:
        """Let the scores of new *normal* rows join those that the threshold is calibrated on.

        What the model takes for normal stays what it is.

        Raises
        ------
        ParameterError
            There is no ``alarm_rate``, and so nothing to calibrate.
        """
        self._calibrated("update")
        rows = self._rows(X)
        self.calibration_scores_ = alarms.extended(self.calibration_scores_, self.judge_.scores(rows))
        self.offset_ = -alarms.threshold(self.calibration_scores_, float(self.alarm_rate or 0))
        return self

    # Scores

    def score_samples(self, X: Any) -> np.ndarray:
        """How normal each row is: (n,) float64, higher = more normal. A deterministic function of the row alone."""
        return -self._scores(self._rows(X))

    def anomaly_score(self, X: Any) -> np.ndarray:
        """How odd each row is: minus :meth:`score_samples`."""
        return self._scores(self._rows(X))

    def decision_function(self, X: Any) -> np.ndarray:
        """:meth:`score_samples` minus ``offset_``: rows below 0 give alarm."""
        return -self._scores(self._rows(X)) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """1 for rows that are normal, −1 for rows that give alarm: (n,) int64."""
        normal = -self._scores(self._rows(X)) >= self.offset_
        return np.where(normal, 1, -1)

    def p_value(self, X: Any) -> np.ndarray:
        """How probable it is that a normal row is as odd: (n,) float64; see :func:`isthmus.uses.alarms.p_values`.

        Raises
        ------
        ParameterError
            No rows were reserved for it: there is no ``alarm_rate``.
        """
        self._calibrated("p_value")
        return alarms.p_values(self._scores(self._rows(X)), self.calibration_scores_)

    def select(self, X: Any, false_discovery_rate: float = 0.1) -> np.ndarray:
        """The rows to look at, such that no more than that share of them is normal on average: (n,) bool.

        Benjamini & Hochberg (1995) on :meth:`p_value`.
        """
        self._calibrated("select")
        scores = self._scores(self._rows(X))
        return alarms.select(alarms.p_values(scores, self.calibration_scores_), false_discovery_rate)

    def drift_alarm(self, rows_between_false_alarms: int = 100_000) -> DriftAlarm:
        """A watch over a stream of anomaly scores: it tells when they are no longer those of the calibration rows."""
        self._calibrated("drift_alarm")
        return DriftAlarm(self.calibration_scores_, rows_between_false_alarms)

    def explain(self, X: Any) -> Explanation:
        """What each column adds to the anomaly score of each row, with what was seen and what was to be expected.

        The contributions of a row and its joint part add up to its score. What is expected of a cell is what the other
        cells of its row say.
        """
        rows = self._rows(X)
        return self.judge_.explain(X, rows, type(self).__name__)

    # What scikit-learn and files ask for

    @property
    def schema_(self) -> Schema:
        """What was learnt of the columns."""
        return self.judge_.schema

    @property
    def history_(self) -> History:
        """Losses by epoch."""
        return self.judge_.history

    @property
    def n_iter_(self) -> int:
        """The epochs of training."""
        return self.judge_.epochs

    @property
    def stopped_(self) -> str | None:
        """Why training ended before ``max_epochs``."""
        return self.judge_.stopped

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted detector to one ``.safetensors`` file; :func:`isthmus.load` reads it."""
        check_is_fitted(self)
        save_model(path, to_record(self))

    def validate_parameters(self) -> None:
        """Raise one :class:`ParameterError` for the first parameter out of range; ``fit`` calls it."""
        check_params(type(self).__name__, self.get_params(deep=False), self.constraints)
        for callback in self.callbacks or ():
            if not isinstance(callback, Callback):
                raise ParameterError(f"AnomalyDetector: `callbacks` must hold Callback objects; got {callback!r}.")

    def _rows(self, X: Any) -> Rows:
        check_is_fitted(self)
        return checked_rows(self.judge_.schema, X, type(self).__name__)

    def _scores(self, rows: Rows) -> np.ndarray:
        return self.judge_.scores(rows)

    def _calibrated(self, method: str) -> None:
        check_is_fitted(self)
        if self.alarm_rate is None:
            raise ParameterError(
                f"{method} needs rows that were reserved for calibration; set `alarm_rate`, such as "
                "AnomalyDetector(alarm_rate=0.01), and fit."
            )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "offset_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Picklable in memory, as joblib needs: weights go to the CPU."""
        if "judge_" in self.__dict__:
            self.judge_.to_cpu()
        return dict(super().__getstate__())
