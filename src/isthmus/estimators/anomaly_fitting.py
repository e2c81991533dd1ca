"""The steps of fitting an :class:`~isthmus.estimators.anomaly_detector.AnomalyDetector`'s ensemble."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from torch import Tensor

from isthmus.core.errors import DataWarning, DivergenceError, InputError, ParameterError
from isthmus.core.random import seed_from, spawn_seeds, torch_generator
from isthmus.core.row_source import RowSource
from isthmus.core.rows_at_once import rows_at_once
from isthmus.data.matrix import Matrix
from isthmus.data.opening import open_matrix
from isthmus.data.rows import Rows
from isthmus.data.schema import Schema
from isthmus.data.selected_matrix import SelectedMatrix
from isthmus.models.anomaly_scorer import AnomalyScorer
from isthmus.models.defaults import AUTO
from isthmus.models.ensemble import Ensemble, EnsembleSpec
from isthmus.models.recipes import find_recipe
from isthmus.training.callbacks import ProgressBar
from isthmus.training.devices import resolve_device
from isthmus.training.loop import Trainer
from isthmus.training.settings import TrainingSettings
from isthmus.uses.anomaly import measure
from isthmus.uses.inference import SelectedRows

from .anomaly_judges import EnsembleJudge, EstimatorJudge, Judge
from .fitting import settings_of
from .recipe import estimator_of

if TYPE_CHECKING:
    from .anomaly_detector import AnomalyDetector

ENSEMBLE = "ensemble"
# How many steps the ensemble is trained when the user does not say, and of how many rows.
STEPS, FEWEST_EPOCHS, BATCH_ROWS = 400, 4, 64
# Fewer held-out rows decide by chance when to stop; what is hidden in training keeps small data from being learnt by
# heart.
FEWEST_HELD_OUT = 128
FIRST_ROWS, FIRST_CELLS = 1 << 14, 1 << 26
NARROWEST, WIDEST = 64, 128
# The share of the rows from which nothing is learnt where nobody has said how many are odd.
TRIMMED = 0.25


def hidden_widths(width: int) -> tuple[int, int]:
    """The default hidden layers for rows of ``width`` features: wider than the rows, so far as that is affordable.

    >>> hidden_widths(9), hidden_widths(50), hidden_widths(1555)
    ((64, 64), (112, 112), (128, 128))
    """
    wide = 16 * math.ceil(2 * width / 16)
    return (min(WIDEST, max(NARROWEST, wide)),) * 2


def split(n_rows: int, calibration: float | None, validation: float | None, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Positions of the rows that train, that stop training early, and that calibrate: each in the order of the data."""
    order = torch.randperm(n_rows, generator=torch_generator(seed))
    reserved = 0 if calibration is None else max(0, min(round(calibration * n_rows), n_rows - 2))
    rest = n_rows - reserved
    held_out = 0 if validation is None else round(validation * rest)
    if held_out < FEWEST_HELD_OUT:
        held_out = 0
    parts = order[reserved + held_out :], order[reserved : reserved + held_out], order[:reserved]
    return parts[0].sort().values, parts[1].sort().values, parts[2].sort().values


def learn_schema(estimator: AnomalyDetector, matrix: Matrix) -> Schema:
    """The schema of the rows: what is expected of a cell stays within the range that training rows have."""
    missing = estimator.missing
    if missing == AUTO:
        missing = "model" if matrix.labels is not None else "error"
    return Schema.learn(matrix, kind=estimator.schema, scaling=estimator.scaling, missing=missing)


def learn_rows(estimator: AnomalyDetector, matrix: Matrix, fit: Tensor, calibration: Tensor) -> tuple[Schema, Rows]:
    """The schema of the rows at ``fit``, and all rows as it sees them.

    What is learnt of the columns is learnt without the calibration rows, too: these must be to the detector what new
    rows will be, or false alarms are promised to be rarer than they are. So a level that only they have is unknown, as
    it would be in a new row, and nothing to warn of. If they hold what fits no column of the kind that the other rows
    show (a 2 where these have but 0 and 1), kinds and scales are learnt from all rows after all: a detector that
    refuses part of its own training rows would be of no use.
    """
    name = type(estimator).__name__
    if not len(calibration):
        schema = learn_schema(estimator, matrix)
        return schema, schema.rows(matrix, estimator_name=name)
    schema = learn_schema(estimator, SelectedMatrix(matrix, fit.numpy()))
    rows = schema.rows(matrix, estimator_name=name)
    try:
        _take_quietly(rows, calibration, schema)
    except InputError:
        schema = learn_schema(estimator, matrix)
        rows = schema.rows(matrix, estimator_name=name)
    return schema, rows


def _take_quietly(rows: Rows, index: Tensor, schema: Schema) -> None:
    """Encode some rows once: unknown levels are told of once a column, so that the rows are silent from now on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        for part in index.split(rows_at_once(FIRST_ROWS, schema.blocks[-1].stop, FIRST_CELLS)):
            rows.take(part)


@dataclass(frozen=True)
class Fitted:
    """What fitting leaves.

    Attributes
    ----------
    judge : Judge
    rows : RowSource
        The rows that the model was fitted to.
    calibration_rows : RowSource or None
        Those that served neither fitting nor early stopping.
    error : KeyboardInterrupt, DivergenceError or None
        What ended training before its time: the model is whole and usable, and whoever called must hear of it.
    """

    judge: Judge
    rows: RowSource
    calibration_rows: RowSource | None
    error: BaseException | None = None


def fit(estimator: AnomalyDetector, data: Any) -> Fitted:
    """Fit what the detector's ``model`` asks for."""
    if estimator.model == ENSEMBLE:
        return EnsembleRun(estimator, data).train()
    return _fit_estimator(estimator, data)


def _fit_estimator(estimator: AnomalyDetector, data: Any) -> Fitted:
    """Fit another estimator to the rows that are not reserved for calibration."""
    given = estimator.model
    model = estimator_of(find_recipe(given)) if isinstance(given, str) else clone(given)
    shared = {name: getattr(estimator, name) for name in ("schema", "scaling", "missing")}
    model.set_params(**{name: value for name, value in shared.items() if value != AUTO})
    if model.random_state is None:
        model.set_params(random_state=estimator.random_state)
    rows = len(data) if hasattr(data, "__len__") else data.shape[0]
    seed = spawn_seeds(seed_from(estimator.random_state), 1)[0] if estimator.alarm_rate is not None else 0
    train, _, calibration = split(rows, _reserved(estimator), None, seed)
    stopped_by: BaseException | None = None
    learnt, reserved = _safe_indexing(data, train.numpy()) if len(calibration) else data, None
    try:
        model.fit(learnt)
    except (KeyboardInterrupt, DivergenceError) as error:
        if not hasattr(model, "diagnosis_"):
            raise
        stopped_by = error
    if len(calibration):
        reserved = model.schema_.rows(_safe_indexing(data, calibration.numpy()))
        _take_quietly(reserved, torch.arange(len(reserved)), model.schema_)
    return Fitted(EstimatorJudge(model), model.schema_.rows(learnt), reserved, stopped_by)


def _reserved(estimator: AnomalyDetector) -> float | None:
    return None if estimator.alarm_rate is None else float(estimator.calibration_fraction)


def is_mixed(estimator: AnomalyDetector) -> bool:
    """Whether the training rows may hold odd ones: nobody has said that all of them are normal."""
    return estimator.alarm_rate is None and (isinstance(estimator.contamination, str) or estimator.contamination > 0)


def _trim(estimator: AnomalyDetector) -> float:
    if not isinstance(estimator.trim, str):
        return float(estimator.trim)
    if not is_mixed(estimator):
        return 0.0
    return TRIMMED if isinstance(estimator.contamination, str) else float(estimator.contamination)


class EnsembleRun:
    """One fit of an ensemble: what its steps share.

    Attributes
    ----------
    calibration_index : Tensor of int64
        The rows that serve neither fitting nor early stopping.
    """

    def __init__(self, estimator: AnomalyDetector, data: Any) -> None:
        self.estimator = estimator
        self.device = resolve_device(estimator.device)
        matrix = open_matrix(data)
        split_seed, self.build_seed, self.train_seed, self.measure_seed = spawn_seeds(
            seed_from(estimator.random_state), 4
        )
        self.train_index, self.validation_index, self.calibration_index = split(
            matrix.n_rows, _reserved(estimator), estimator.validation_fraction, split_seed
        )
        self.fit_index = torch.cat([self.train_index, self.validation_index]).sort().values
        self.schema, rows = learn_rows(estimator, matrix, self.fit_index, self.calibration_index)
        if self.schema.roles.carried:
            raise ParameterError(
                "AnomalyDetector: an ensemble has no use for columns that are given (conditions, exposures). Use "
                "model='vae', or leave them out (schema={...: 'ignore'})."
            )
        self.rows: Rows = rows.to_resident()
        self.ensemble = self._ensemble()

    def _ensemble(self) -> Ensemble:
        estimator, schema = self.estimator, self.schema
        width = sum(block.width for block in schema.blocks)
        hidden = hidden_widths(width) if isinstance(estimator.hidden, str) else tuple(estimator.hidden)
        spec = EnsembleSpec(int(estimator.members), hidden, trim=_trim(estimator))
        ensemble = spec.build(schema.blocks, torch_generator(self.build_seed))
        if schema.stored_uint8:
            ensemble.shift.copy_(schema.shift)
            ensemble.scale.copy_(schema.scale)
        first = rows_at_once(FIRST_ROWS, width, FIRST_CELLS)
        generator = torch_generator(spawn_seeds(self.build_seed, 1)[0])
        chosen = torch.randperm(len(self.fit_index), generator=generator)[:first].sort().values
        ensemble.begin(self.rows.take(self.fit_index[chosen]))
        return ensemble

    def settings(self) -> TrainingSettings:
        """The settings with every "auto" resolved."""
        estimator, rows = self.estimator, len(self.train_index)
        batch_size = min(rows, BATCH_ROWS if isinstance(estimator.batch_size, str) else int(estimator.batch_size))
        epochs = estimator.max_epochs
        max_epochs = (
            max(FEWEST_EPOCHS, math.ceil(STEPS * batch_size / rows)) if isinstance(epochs, str) else int(epochs)
        )
        return settings_of(estimator, max_epochs, batch_size, self.device)

    def train(self) -> Fitted:
        """Train and measure. A diverged run leaves its last finite model."""
        estimator = self.estimator
        callbacks = [*(estimator.callbacks or ())]
        if estimator.verbose:
            callbacks.append(ProgressBar(type(estimator).__name__))
        trainer = Trainer(
            self.ensemble,
            self.rows,
            self.train_index,
            self.validation_index,
            self.settings(),
            self.train_seed,
            self.device,
            callbacks,
        )
        stopped_by: BaseException | None = None
        epochs, stopped = 0, None
        try:
            result = trainer.run()
            epochs, stopped = result.epochs, result.stopped
        except DivergenceError as error:
            epochs, stopped_by = trainer.state.epoch, error
        return Fitted(
            self._judge(trainer, epochs, stopped),
            SelectedRows(self.rows, self.fit_index),
            SelectedRows(self.rows, self.calibration_index) if len(self.calibration_index) else None,
            KeyboardInterrupt() if stopped == "KeyboardInterrupt" else stopped_by,
        )

    def _judge(self, trainer: Trainer, epochs: int, stopped: str | None) -> EnsembleJudge:
        rows, estimator = len(self.fit_index), self.estimator
        scorer = AnomalyScorer(self.ensemble, rows, bool(estimator.hidden_blocks), is_mixed(estimator)).to(self.device)
        measure(scorer, SelectedRows(self.rows, self.fit_index), torch_generator(self.measure_seed))
        return EnsembleJudge(self.schema, scorer.requires_grad_(False).eval(), trainer.history, epochs, stopped)
