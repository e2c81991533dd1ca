"""From data and parameters to a trained model: the steps of ``fit``, in order."""

from __future__ import annotations

import hashlib
import math
import platform
import warnings
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from isthmus._version import __version__
from isthmus.core.errors import CollapseWarning, InputError, LikelihoodWarning
from isthmus.core.random import seed_from, spawn_seeds, torch_generator
from isthmus.data.rows import Rows
from isthmus.data.schema import Schema
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.composition import Composition
from isthmus.models.defaults import complete
from isthmus.training.callbacks import ProgressBar
from isthmus.training.checkpoints import CheckpointFolder
from isthmus.training.devices import resolve_device, resolve_precision
from isthmus.training.loop import Trainer, TrainingResult
from isthmus.training.settings import TrainingSettings, resolve_batch_size, resolve_epochs, resolve_patience
from isthmus.uses import inference
from isthmus.uses.calibration import calibrate_likelihood
from isthmus.uses.diagnosis import diagnose
from isthmus.uses.generation import MAXIMUM_ROWS, fit_density

from .checkpoint import Checkpoint

if TYPE_CHECKING:
    from .base import BaseAutoencoder


def fit(estimator: BaseAutoencoder, data: Any) -> None:
    """Fit ``estimator`` to ``data``: every fitted attribute is set here."""
    estimator.validate_parameters()
    seeds = spawn_seeds(seed_from(estimator.random_state), 6)
    split_seed, build_seed, train_seed, score_seed, density_seed, calibration_seed = seeds
    schema = _schema(estimator, data)
    rows = schema.rows(data, estimator_name=type(estimator).__name__).to_resident()
    if len(rows) < 2:
        raise InputError(
            "Found 1 sample in X, but fit needs at least 2: an autoencoder learns what rows have in common."
        )
    train_index, validation_index = _split(len(rows), estimator.validation_fraction, split_seed)
    device = resolve_device(estimator.device)
    settings = _settings(estimator, len(train_index), device)
    composition = complete(estimator._parts(settings), schema.blocks)
    model = _model(estimator, schema, composition, build_seed)
    callbacks = [*(estimator.callbacks or ())]
    if estimator.verbose:
        callbacks.append(ProgressBar(type(estimator).__name__))
    identity = _identity(rows, composition, settings, estimator.random_state)
    with _checkpoints(estimator.checkpoint, identity) as checkpoints:
        trainer = Trainer(
            model, rows, train_index, validation_index, settings, train_seed, device, callbacks, checkpoints
        )
        _publish(estimator, schema, composition, model, trainer, score_seed)
        result = trainer.run()
    estimator.n_iter_ = result.epochs
    calibrate_likelihood(model, rows, train_index, calibration_seed)
    _diagnose(estimator, rows, train_index)
    _fit_density(estimator, rows, train_index, validation_index, density_seed)
    if result.stopped == "KeyboardInterrupt":
        # The partial model is whole and usable; whoever called (a grid search, a script) must stop all the same.
        raise KeyboardInterrupt
    estimator.stopped_ = result.stopped


def _schema(estimator: BaseAutoencoder, data: Any) -> Schema:
    if estimator.warm_start and hasattr(estimator, "schema_"):
        return estimator.schema_
    return Schema.learn(data, kind=estimator.schema, scaling=estimator.scaling)


def _split(n_rows: int, fraction: float | None, seed: int) -> tuple[Tensor, Tensor]:
    """Positions for training and validation; none are held out where fewer than two would be."""
    held_out = 0 if fraction is None else round(fraction * n_rows)
    if held_out < 2 or n_rows - held_out < 2:
        return torch.arange(n_rows), torch.empty(0, dtype=torch.int64)
    order = torch.randperm(n_rows, generator=torch_generator(seed))
    # In the order of the data: reading a memory-mapped file forwards is faster.
    return order[held_out:].sort().values, order[:held_out].sort().values


def _settings(estimator: BaseAutoencoder, n_rows: int, device: torch.device) -> TrainingSettings:
    batch_size = resolve_batch_size(estimator.batch_size, n_rows)
    max_epochs = resolve_epochs(estimator.max_epochs, n_rows, batch_size)
    return TrainingSettings(
        max_epochs=max_epochs,
        max_seconds=estimator.max_seconds,
        batch_size=batch_size,
        learning_rate=float(estimator.learning_rate),
        learning_rate_schedule=estimator.learning_rate_schedule,
        patience=resolve_patience(estimator.patience, max_epochs),
        precision=resolve_precision(estimator.precision, device),
        compile=bool(estimator.compile),
    )


def _model(estimator: BaseAutoencoder, schema: Schema, composition: Composition, seed: int) -> ComposedAutoencoder:
    if estimator.warm_start and getattr(estimator, "composition_", None) == composition:
        return estimator.module_
    model = composition.build(schema.blocks, torch_generator(seed))
    if schema.stored_uint8:
        model.shift.copy_(schema.shift)
        model.scale.copy_(schema.scale)
    return model


def _identity(rows: Rows, composition: Composition, settings: TrainingSettings, random_state: Any) -> dict[str, Any]:
    """What a checkpoint must agree with to be resumed."""
    return {
        "data": _fingerprint(rows),
        "composition": composition.to_json(),
        "settings": settings.to_json(),
        "random_state": random_state if isinstance(random_state, (int, type(None))) else repr(random_state),
        "isthmus": __version__,
        "torch": torch.__version__,
        "platform": platform.machine(),
    }


def _fingerprint(rows: Rows, chunk: int = 65_536, chunks: int = 64) -> str:
    """A digest of the number of rows and their content (of 64 evenly spread chunks of very large data)."""
    digest = hashlib.sha256(str(len(rows)).encode())
    starts = range(0, len(rows), chunk)
    step = max(1, math.ceil(len(starts) / chunks))
    for start in starts[::step]:
        values = rows.take(slice(start, min(len(rows), start + chunk))).values
        digest.update(np.ascontiguousarray(values.numpy()).data)
    return digest.hexdigest()


def _checkpoints(checkpoint: Any, identity: dict[str, Any]) -> Any:
    if checkpoint is None:
        return nullcontext()
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = Checkpoint(checkpoint)
    return CheckpointFolder(
        checkpoint.folder, identity, checkpoint.every_seconds, accept_mismatch=checkpoint.accept_mismatch
    )


def _publish(
    estimator: BaseAutoencoder,
    schema: Schema,
    composition: Composition,
    model: ComposedAutoencoder,
    trainer: Trainer,
    score_seed: int,
) -> None:
    """Set the attributes that hold during training already: an interrupted or diverged fit leaves them usable."""
    estimator.schema_ = schema
    estimator.composition_ = composition
    estimator.module_ = model
    estimator.history_ = trainer.state.history
    estimator.latent_dim_ = composition.latent_dim
    estimator._score_seed = score_seed
    estimator.n_features_in_ = schema.n_features
    estimator._n_features_out = composition.latent_dim
    if schema.feature_names is not None:
        estimator.feature_names_in_ = np.asarray(schema.feature_names, dtype=object)
    elif hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_


def _diagnose(estimator: BaseAutoencoder, rows: Rows, train_index: Tensor) -> None:
    scales = [getattr(likelihood, "sigma", "shared") for likelihood in estimator.composition_.likelihoods]
    fixed = [float(scale) ** 2 for scale in scales if not isinstance(scale, str)]
    diagnosis = diagnose(estimator.module_, rows, train_index, fixed[0] if fixed else None)
    estimator.diagnosis_ = diagnosis
    estimator.collapse_ = diagnosis.collapse_message(estimator.latent_dim_)
    if estimator.collapse_ is not None:
        warnings.warn(estimator.collapse_, CollapseWarning, stacklevel=4)
    words = estimator.module_.likelihood.diagnose()
    if words is not None:
        warnings.warn(words, LikelihoodWarning, stacklevel=4)


def _fit_density(
    estimator: BaseAutoencoder, rows: Rows, train_index: Tensor, validation_index: Tensor, seed: int
) -> None:
    """Codes are sampled where they are uncertain: that is what the decoder was trained on."""
    train = _codes(estimator, rows, train_index[:MAXIMUM_ROWS], seed)
    held_out = _codes(estimator, rows, validation_index[:MAXIMUM_ROWS], seed) if len(validation_index) else None
    estimator.density_spec_, estimator.density_ = fit_density(train, held_out, seed)
    estimator.density_.to(estimator.module_.scale.device)


def _codes(estimator: BaseAutoencoder, rows: Rows, index: Tensor, seed: int) -> np.ndarray:
    posterior = inference.posteriors(estimator.module_, inference.SelectedRows(rows, index))
    if not estimator.module_.stochastic:
        return posterior[0]
    noise = np.random.Generator(np.random.PCG64(seed)).standard_normal(posterior[0].shape, dtype=np.float32)
    return posterior[0] + posterior[1] * noise


__all__ = ["TrainingResult", "fit"]
