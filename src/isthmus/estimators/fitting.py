"""From data and parameters to a trained model: the steps of ``fit``, in order."""

from __future__ import annotations

import hashlib
import math
import platform
import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from isthmus._version import __version__
from isthmus.core.errors import CollapseWarning, CompositionWarning, DivergenceError, InputError, LikelihoodWarning
from isthmus.core.random import seed_from, spawn_seeds, torch_generator
from isthmus.core.rows_at_once import rows_at_once
from isthmus.data.rows import Rows
from isthmus.data.schema import Schema
from isthmus.data.tables import is_frame
from isthmus.files.canonical import canonical_json
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.defaults import AUTO, complete
from isthmus.training.callbacks import ProgressBar, step_bar
from isthmus.training.checkpoints import CheckpointFolder
from isthmus.training.devices import resolve_device, resolve_precision
from isthmus.training.loop import Trainer
from isthmus.training.settings import TrainingSettings, resolve_batch_size, resolve_epochs, resolve_patience
from isthmus.uses import inference
from isthmus.uses.calibration import calibrate_likelihood, calibrate_without_code
from isthmus.uses.diagnosis import diagnose
from isthmus.uses.generation import MAXIMUM_ROWS, does_without_code, fit_density, plain_density

from .checkpoint import Checkpoint

if TYPE_CHECKING:
    from .base import BaseAutoencoder

# How many training rows the parts of a model may look at before training begins.
FIRST_ROWS, FIRST_CELLS = 2048, 1 << 27
FINGERPRINT_CELLS = 1 << 26


def fit(estimator: BaseAutoencoder, data: Any) -> None:
    """Fit ``estimator`` to ``data``: every fitted attribute is set here."""
    estimator.validate_parameters()
    estimator.refuse_without_effect()
    device = resolve_device(estimator.device)
    seed = seed_from(estimator.random_state)
    schema = _schema(estimator, data)
    rows = schema.rows(data, estimator_name=type(estimator).__name__).to_resident()
    if len(rows) < 2:
        raise InputError(
            "Found 1 sample in X, but fit needs at least 2: an autoencoder learns what rows have in common."
        )
    with _checkpoints(estimator.checkpoint) as checkpoints:
        if checkpoints is not None and estimator.random_state is None:
            # Resuming a run whose seed was left to chance means going on with the seed that it drew.
            seed = int(checkpoints.saved_identity().get("seed", seed))
        run = _Run(estimator, schema, rows, device, seed)
        advice = run.composition.advice()
        if advice is not None:
            warnings.warn(advice, CompositionWarning, stacklevel=3)
        if checkpoints is not None:
            checkpoints.identity = run.identity()
        trainer = run.trainer(checkpoints)
        run.publish(trainer)
        try:
            result = trainer.run()
        except DivergenceError:
            run.finish(trainer.state.epoch, None)
            raise
    interrupted = result.stopped == "KeyboardInterrupt"
    try:
        run.finish(result.epochs, result.stopped)
    except KeyboardInterrupt:
        # What remains is the density, which has a plain substitute; the rest is quick.
        run.finish(result.epochs, result.stopped, with_density=False)
        interrupted = True
    run.warn()
    if interrupted:
        # The partial model is whole and usable; whoever called (a grid search, a script) must stop all the same.
        raise KeyboardInterrupt


class _Run:
    """One fit: what its steps share."""

    def __init__(self, estimator: BaseAutoencoder, schema: Schema, rows: Rows, device: torch.device, seed: int) -> None:
        self.estimator, self.schema, self.rows, self.device, self.seed = estimator, schema, rows, device, seed
        split_seed, build_seed, self.train_seed, self.score_seed, self.density_seed, self.calibration_seed = (
            spawn_seeds(seed, 6)
        )
        self.train_index, self.validation_index = _split(len(rows), estimator.validation_fraction, split_seed)
        self.settings = _settings(estimator, len(self.train_index), sum(b.width for b in schema.blocks), device)
        self.composition = complete(estimator._parts(self.settings), schema.blocks)
        self.model = self._model(build_seed)

    def _model(self, seed: int) -> ComposedAutoencoder:
        estimator, schema = self.estimator, self.schema
        if estimator.warm_start and getattr(estimator, "composition_", None) == self.composition:
            return estimator.module_
        model = self.composition.build(schema.blocks, torch_generator(seed), schema.condition_width)
        if schema.stored_uint8:
            model.shift.copy_(schema.shift)
            model.scale.copy_(schema.scale)
        generator = torch_generator(spawn_seeds(seed, 1)[0])
        first = rows_at_once(FIRST_ROWS, model.width, FIRST_CELLS)
        chosen = torch.randperm(len(self.train_index), generator=generator)[:first].sort().values
        model.begin(self.rows.take(self.train_index[chosen]), len(self.train_index), generator)
        return model

    def trainer(self, checkpoints: CheckpointFolder | None) -> Trainer:
        callbacks = [*(self.estimator.callbacks or ())]
        if self.estimator.verbose:
            callbacks.append(ProgressBar(type(self.estimator).__name__))
        return Trainer(
            self.model,
            self.rows,
            self.train_index,
            self.validation_index,
            self.settings,
            self.train_seed,
            self.device,
            callbacks,
            checkpoints,
        )

    def identity(self) -> dict[str, Any]:
        """What a checkpoint must agree with to be resumed."""
        return {
            "data": _fingerprint(self.rows, self.schema),
            "rows": {"training": len(self.train_index), "held out": len(self.validation_index)},
            "composition": self.composition.to_json(),
            "settings": self.settings.to_json(),
            # 63-bit integers do not survive every JSON reader; text does.
            "seed": str(self.seed),
            "isthmus": __version__,
            "torch": torch.__version__,
            "device": self.device.type,
            "platform": platform.machine(),
        }

    def publish(self, trainer: Trainer) -> None:
        """Set the attributes that hold during training already: an interrupted or diverged fit leaves them usable."""
        estimator, schema = self.estimator, self.schema
        for name in ("diagnosis_", "collapse_", "n_iter_", "stopped_"):
            if hasattr(estimator, name):
                delattr(estimator, name)
        estimator.schema_ = schema
        estimator.composition_ = self.composition
        estimator.module_ = self.model
        estimator.history_ = trainer.history
        estimator.latent_dim_ = estimator._n_features_out = self.composition.latent_dim
        estimator.density_spec_, estimator.density_ = plain_density(self.composition, self.model)
        estimator._score_seed = self.score_seed
        estimator.n_features_in_ = schema.n_features
        if schema.feature_names is not None:
            estimator.feature_names_in_ = np.asarray(schema.feature_names, dtype=object)
        elif hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_

    def finish(self, epochs: int, stopped: str | None, with_density: bool = True) -> None:
        """Everything that follows training. May be repeated."""
        estimator = self.estimator
        estimator.n_iter_ = epochs
        estimator.stopped_ = stopped
        calibrate_likelihood(self.model, self.rows, self.train_index, self.calibration_seed)
        if does_without_code(self.model):
            calibrate_without_code(self.model, self.rows, self.train_index)
        self._diagnose()
        if with_density:
            self._fit_density()

    def warn(self) -> None:
        """What the user should hear of the fitted model."""
        if self.estimator.collapse_ is not None:
            warnings.warn(self.estimator.collapse_, CollapseWarning, stacklevel=4)
        words = self.model.likelihood.diagnose()
        if words is not None:
            warnings.warn(words, LikelihoodWarning, stacklevel=4)
        unused = self.estimator.diagnosis_.unused_codes
        if unused is not None:
            warnings.warn(unused, CollapseWarning, stacklevel=4)

    def _diagnose(self) -> None:
        estimator = self.estimator
        sigmas = [getattr(likelihood, "sigma", "shared") for likelihood in self.composition.likelihoods]
        fixed = [float(sigma) ** 2 for sigma in sigmas if not isinstance(sigma, str)]
        estimator.diagnosis_ = diagnose(self.model, self.rows, self.train_index, fixed[0] if fixed else None)
        estimator.collapse_ = estimator.diagnosis_.collapse_message(estimator.latent_dim_)

    def _fit_density(self) -> None:
        train, conditions = self._codes(self.train_index[:MAXIMUM_ROWS])
        held_out, others = (
            self._codes(self.validation_index[:MAXIMUM_ROWS]) if len(self.validation_index) else (None,) * 2
        )
        bar = f"{type(self.estimator).__name__}: density of the codes"
        with step_bar(bar, disable=None if self.estimator.verbose else True) as on_step:
            limit = self.settings.max_seconds
            spec, density = fit_density(
                self.model,
                train,
                held_out,
                self.density_seed,
                conditions=conditions,
                held_out_conditions=others,
                max_seconds=limit,
                on_step=on_step,
            )
        self.estimator.density_spec_, self.estimator.density_ = spec, density.to(self.model.scale.device)

    def _codes(self, index: Tensor) -> tuple[np.ndarray, np.ndarray | None]:
        """The codes of rows, and their encoded conditions if they have any."""
        rows = inference.SelectedRows(self.rows, index)
        conditions = inference.conditions(self.model, rows) if self.model.condition_width else None
        if self.model.code_space == "symbols":
            return inference.symbols(self.model, rows), conditions
        # Codes are sampled where they are uncertain: that is what the decoder was trained on.
        return inference.sampled_codes(self.model, rows, self.density_seed), conditions


def _schema(estimator: BaseAutoencoder, data: Any) -> Schema:
    if estimator.warm_start and hasattr(estimator, "schema_"):
        return estimator.schema_
    missing = estimator.missing
    if missing == AUTO:
        missing = "model" if is_frame(data) else "error"
    return Schema.learn(
        data,
        kind=estimator.schema,
        scaling=estimator.scaling,
        missing=missing,
        extrapolate=estimator.extrapolate,
    )


def _split(n_rows: int, fraction: float | None, seed: int) -> tuple[Tensor, Tensor]:
    """Positions for training and validation; none are held out where fewer than two would be."""
    held_out = 0 if fraction is None else round(fraction * n_rows)
    if held_out < 2 or n_rows - held_out < 2:
        return torch.arange(n_rows), torch.empty(0, dtype=torch.int64)
    order = torch.randperm(n_rows, generator=torch_generator(seed))
    # In the order of the data: reading a memory-mapped file forwards is faster.
    return order[held_out:].sort().values, order[:held_out].sort().values


def _settings(estimator: BaseAutoencoder, n_rows: int, width: int, device: torch.device) -> TrainingSettings:
    batch_size = resolve_batch_size(estimator.batch_size, n_rows, width)
    max_epochs = resolve_epochs(estimator.max_epochs, n_rows, batch_size)
    return replace(settings_of(estimator, max_epochs, batch_size, device), compile=bool(estimator.compile))


def settings_of(estimator: Any, max_epochs: int, batch_size: int, device: torch.device) -> TrainingSettings:
    """The training settings of an estimator whose epochs and batch size are resolved; nothing is compiled."""
    return TrainingSettings(
        max_epochs=max_epochs,
        max_seconds=estimator.max_seconds,
        batch_size=batch_size,
        learning_rate=float(estimator.learning_rate),
        learning_rate_schedule=estimator.learning_rate_schedule,
        patience=resolve_patience(estimator.patience, max_epochs),
        precision=resolve_precision(estimator.precision, device),
    )


def _fingerprint(rows: Rows, schema: Schema, chunk: int = 65_536, chunks: int = 64) -> str:
    """A digest of the schema, the number of rows and their content (of 64 evenly spread chunks of very large data)."""
    digest = hashlib.sha256(canonical_json(schema.to_json(), "schema"))
    digest.update(str(len(rows)).encode())
    chunk = rows_at_once(chunk, sum(block.width for block in schema.blocks), FINGERPRINT_CELLS)
    starts = range(0, len(rows), chunk)
    step = max(1, math.ceil(len(starts) / chunks))
    for start in starts[::step]:
        batch = rows.take(slice(start, min(len(rows), start + chunk)))
        for tensor in (
            batch.values,
            batch.levels,
            batch.present,
            batch.visible,
            batch.condition,
            *batch.extras.values(),
        ):
            if tensor is not None:
                digest.update(np.ascontiguousarray(tensor.numpy()).data)
    return digest.hexdigest()


def _checkpoints(checkpoint: Any) -> AbstractContextManager[CheckpointFolder | None]:
    if checkpoint is None:
        return nullcontext()
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = Checkpoint(checkpoint)
    return CheckpointFolder(checkpoint.folder, checkpoint.every_seconds, checkpoint.accept_mismatch)
