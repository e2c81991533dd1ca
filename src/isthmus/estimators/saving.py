"""Estimators to model records and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from isthmus.core.errors import IsthmusError, ModelFileError
from isthmus.core.spec import from_plain, spec_from_json, to_plain
from isthmus.data.schema import Schema
from isthmus.models.composition import Composition
from isthmus.storage.manifest import ModelRecord, library_versions
from isthmus.storage.model_file import check_tensors, load_model, save_model
from isthmus.training.history import History
from isthmus.uses.diagnosis import Diagnosis

if TYPE_CHECKING:
    from .base import BaseAutoencoder

# What belongs to a run on one machine, not to the model that came out of it.
NOT_SAVED = ("callbacks", "checkpoint", "warm_start", "device", "verbose", "random_state")


def save(estimator: BaseAutoencoder, path: str | PathLike[str]) -> None:
    """Write a fitted estimator to ``path``."""
    save_model(path, to_record(estimator))


def load(path: str | PathLike[str], trust: Sequence[str] = ()) -> Any:
    """The fitted estimator in a model file.

    Parameters
    ----------
    path : str or path-like
        A file that ``save`` or ``isthmus fit`` wrote.
    trust : sequence of str
        Import paths of your own networks that may be built, such as ``"my_package.networks:wide"``.

    Raises
    ------
    ModelFileError
        The file is damaged in any bit, foreign, too new, or names something that is not trusted.
    """
    record = load_model(path, trust)
    try:
        return from_record(path, record)
    except ModelFileError:
        raise
    except (IsthmusError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(f"Cannot load {str(path)!r}: its manifest does not describe a model ({error}).") from error


def to_record(estimator: BaseAutoencoder) -> ModelRecord:
    """A fitted estimator as data."""
    params = {
        name: to_plain(value) for name, value in estimator.get_params(deep=False).items() if name not in NOT_SAVED
    }
    # A generator's state has moved on; the seeds that matter are in the summary.
    seed = estimator.random_state
    params["random_state"] = int(seed) if isinstance(seed, (int, np.integer)) else None
    tensors = {f"module.{name}": tensor for name, tensor in estimator.module_.state_dict().items()}
    tensors.update({f"density.{name}": tensor for name, tensor in estimator.density_.state_dict().items()})
    summary = {
        "epochs": estimator.n_iter_,
        "stopped": getattr(estimator, "stopped_", None),
        "history": estimator.history_.to_json(),
        "diagnosis": estimator.diagnosis_.to_json(),
        "collapse": estimator.collapse_,
        "density": estimator.density_spec_.to_json(),
        # 63-bit integers do not survive every JSON reader; text does.
        "score_seed": str(estimator._score_seed),
    }
    return ModelRecord(
        estimator=estimator.registered_name,
        params=params,
        composition=estimator.composition_.to_json(),
        schema=estimator.schema_.to_json(),
        summary=summary,
        versions=library_versions(),
        tensors=tensors,
    )


def from_record(path: str | PathLike[str], record: ModelRecord) -> Any:
    """The fitted estimator that a record describes; ``path`` is for messages."""
    from . import anomaly_saving  # it stands on this module

    if record.estimator == anomaly_saving.NAME:
        return anomaly_saving.from_record(path, record)
    from .recipe import ESTIMATORS  # the table of estimators imports this module through their base

    if record.estimator not in ESTIMATORS:
        raise ModelFileError(
            f"Cannot load {str(path)!r}: it holds a {record.estimator!r}; known are {', '.join(ESTIMATORS)}."
        )
    estimator = ESTIMATORS[record.estimator](**{name: from_plain(value) for name, value in record.params.items()})
    schema = Schema.from_json(record.schema)
    composition = Composition.from_json(record.composition)
    module = composition.build(schema.blocks, condition_width=schema.condition_width)
    density_spec = spec_from_json(record.summary["density"])
    density = density_spec.build(composition.latent_dim, levels=module.levels).float()
    _fill(path, record, {"module": module, "density": density})
    estimator.schema_, estimator.composition_ = schema, composition
    estimator.module_ = module.eval()
    estimator.density_spec_ = density_spec
    estimator.density_ = density.requires_grad_(False).eval()
    estimator.history_ = History.from_json(record.summary["history"])
    estimator.diagnosis_ = Diagnosis(**record.summary["diagnosis"])
    estimator.collapse_ = record.summary["collapse"]
    estimator.stopped_ = record.summary["stopped"]
    estimator.n_iter_ = int(record.summary["epochs"])
    estimator.latent_dim_ = estimator._n_features_out = composition.latent_dim
    estimator.n_features_in_ = schema.n_features
    if schema.feature_names is not None:
        estimator.feature_names_in_ = np.asarray(schema.feature_names, dtype=object)
    estimator._score_seed = int(record.summary["score_seed"])
    return estimator


def _fill(path: str | PathLike[str], record: ModelRecord, modules: Mapping[str, torch.nn.Module]) -> None:
    """Copy the record's tensors into freshly built modules, after checking that they are exactly those."""
    states = {prefix: module.state_dict() for prefix, module in modules.items()}
    expected = {
        f"{prefix}.{name}": (tensor.dtype, tuple(tensor.shape))
        for prefix, state in states.items()
        for name, tensor in state.items()
    }
    check_tensors(path, record.tensors, expected)
    for prefix, module in modules.items():
        module.load_state_dict({name: record.tensors[f"{prefix}.{name}"] for name in states[prefix]})
