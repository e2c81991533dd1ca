"""Anomaly detectors to model records and back."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from isthmus.core.errors import ModelFileError
from isthmus.core.spec import from_plain, to_plain
from isthmus.data.schema import Schema
from isthmus.models.anomaly_scorer import AnomalyScorer
from isthmus.models.ensemble import EnsembleSpec
from isthmus.storage.manifest import ModelRecord, library_versions
from isthmus.storage.model_file import check_tensors
from isthmus.training.history import History

from . import saving
from .anomaly_judges import EnsembleJudge, EstimatorJudge, Judge
from .base import BaseAutoencoder

if TYPE_CHECKING:
    from .anomaly_detector import AnomalyDetector

NAME = "anomaly-detector"
CALIBRATION, MODEL, SCORER = "calibration", "model.", "scorer."


def to_record(detector: AnomalyDetector) -> ModelRecord:
    """A fitted detector as data: a record of its own, with that of another estimator inside where it has one."""
    params = {
        name: to_plain(value)
        for name, value in detector.get_params(deep=False).items()
        if name not in (*saving.NOT_SAVED, "model")
    }
    params["model"] = detector.model if isinstance(detector.model, str) else None
    seed = detector.random_state
    params["random_state"] = int(seed) if isinstance(seed, (int, np.integer)) else None
    summary: dict[str, Any] = {"offset": detector.offset_}
    judge, tensors = detector.judge_, {CALIBRATION: torch.from_numpy(detector.calibration_scores_.copy())}
    if isinstance(judge, EstimatorJudge):
        inner = saving.to_record(judge.estimator)
        summary["model"] = {"estimator": inner.estimator, "params": inner.params, "summary": inner.summary}
        composition, schema = inner.composition, inner.schema
        tensors.update({MODEL + name: tensor for name, tensor in inner.tensors.items()})
    elif isinstance(judge, EnsembleJudge):
        scorer = judge.scorer
        summary.update(
            rows=scorer.training_rows,
            calibration_rows=len(detector.calibration_scores_),
            hidden_blocks=scorer.hidden_blocks,
            mixed=scorer.neighbours.mixed,
            history=judge.history.to_json(),
            epochs=judge.epochs,
            stopped=judge.stopped,
        )
        composition, schema = {"ensemble": scorer.ensemble.spec.to_json()}, judge.schema.to_json()
        tensors.update({SCORER + name: tensor for name, tensor in scorer.state_dict().items()})
    return ModelRecord(NAME, params, composition, schema, summary, library_versions(), tensors)


def from_record(path: str | PathLike[str], record: ModelRecord) -> AnomalyDetector:
    """The fitted detector that a record describes; ``path`` is for messages."""
    from .anomaly_detector import AnomalyDetector  # detectors know how to be saved

    params = {name: from_plain(value) for name, value in record.params.items()}
    tensors, summary = dict(record.tensors), record.summary
    calibration = tensors.pop(CALIBRATION, None)
    if calibration is None or calibration.dtype != torch.float64 or calibration.dim() != 1:
        raise ModelFileError(f"Cannot load {str(path)!r}: a detector's file has a row of calibration scores.")
    judge: Judge
    if "model" in summary:
        judge = _estimator_judge(path, record, summary["model"], tensors)
        if params["model"] is None:
            params["model"] = type(judge.estimator)(**judge.estimator.get_params(deep=False))
    else:
        judge = _ensemble_judge(path, record, tensors)
    detector = AnomalyDetector(**params)
    detector.judge_, schema = judge, judge.schema
    detector.offset_ = float(summary["offset"])
    detector.calibration_scores_ = calibration.numpy().copy()
    detector.n_features_in_ = schema.n_features
    if schema.feature_names is not None:
        detector.feature_names_in_ = np.asarray(schema.feature_names, dtype=object)
    return detector


def _ensemble_judge(
    path: str | PathLike[str], record: ModelRecord, tensors: Mapping[str, torch.Tensor]
) -> EnsembleJudge:
    summary, schema = record.summary, Schema.from_json(record.schema)
    ensemble = EnsembleSpec.from_json(record.composition["ensemble"]).build(schema.blocks)
    scorer = AnomalyScorer(ensemble, int(summary["rows"]), bool(summary["hidden_blocks"]), bool(summary["mixed"]))
    state = scorer.state_dict()
    expected = {SCORER + name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in state.items()}
    check_tensors(path, tensors, expected)
    scorer.load_state_dict({name: tensors[SCORER + name] for name in state})
    history = History.from_json(summary["history"])
    return EnsembleJudge(
        schema, scorer.requires_grad_(False).eval(), history, int(summary["epochs"]), summary["stopped"]
    )


def _estimator_judge(
    path: str | PathLike[str], record: ModelRecord, inner: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]
) -> EstimatorJudge:
    found = saving.from_record(
        path,
        ModelRecord(
            inner["estimator"],
            inner["params"],
            record.composition,
            record.schema,
            inner["summary"],
            record.versions,
            {name.removeprefix(MODEL): tensor for name, tensor in tensors.items()},
        ),
    )
    if not isinstance(found, BaseAutoencoder):
        raise ModelFileError(f"Cannot load {str(path)!r}: a detector cannot be made of a {inner['estimator']!r}.")
    return EstimatorJudge(found)
