"""The detector that a command works with: from a file, or fitted on the spot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from isthmus.core.errors import ParameterError
from isthmus.estimators.anomaly_detector import AnomalyDetector
from isthmus.estimators.saving import load

from .anomaly_rule import AlarmRule
from .assembling import ELSEWHERE
from .components import unknown
from .progress import progress_callbacks
from .rows import about, read_input
from .schema_options import schema_setting
from .session import Session
from .settings import settings_tree
from .threads import choose_threads

OWN_OPTIONS = {"alarm_rate": "--alarm-rate", "contamination": "--contamination", "random_state": "--seed"}


def loaded(path: Path, trust: tuple[str, ...]) -> AnomalyDetector:
    """The detector in a model file."""
    found = load(path, trust)
    if not isinstance(found, AnomalyDetector):
        raise ParameterError(
            f"--model {path} holds a {type(found).__name__}, which is no detector. Learn one from normal rows: "
            "--normal FILE (and keep it: --save DETECTOR.safetensors)."
        )
    choose_threads(found.schema_.row_shape)
    return found


def refuse_columns(are_images: bool, path: Path) -> None:
    """Raise :class:`ParameterError` for pictures of rows that are no images."""
    if not are_images:
        raise ParameterError(f"--pictures shows images; the rows of {path} have columns. Leave it out.")


def learnt(
    file: Path,
    key: str | None,
    skip_bad: bool,
    assignments: tuple[str, ...],
    kinds: tuple[str, ...],
    settings: Mapping[str, Any],
    rule: AlarmRule,
    from_normal_rows: bool,
    only_images: bool,
) -> tuple[AnomalyDetector, Any]:
    """A detector fitted to the rows of a file, and these; ``only_images`` refuses other rows before it is."""
    session = click.get_current_context().ensure_object(Session)
    tree = settings_tree({}, assignments, {"schema": schema_setting(kinds)})
    detector = AnomalyDetector(**settings)
    known = set(detector.get_params(deep=False)) - set(ELSEWHERE) - set(OWN_OPTIONS)
    for name, value in tree.items():
        if name in ELSEWHERE or name in OWN_OPTIONS:
            use = OWN_OPTIONS.get(name)
            raise ParameterError(f"`{name}` cannot be set here: {ELSEWHERE[name] if use is None else f'use {use}'}.")
        if name not in known:
            raise ParameterError(unknown("AnomalyDetector", name, known))
        detector.set_params(**{name: value})
    found = read_input(file, key, None, skip_bad)
    if only_images:
        refuse_columns(isinstance(found.rows, np.ndarray) and found.rows.ndim > 2, file)
    detector.set_params(
        callbacks=progress_callbacks("AnomalyDetector", session.quiet, False),
        **rule.settings(len(found.rows), detector.get_params()["calibration_fraction"], from_normal_rows),
    )
    choose_threads(found.rows.shape[1:])
    with about(file):
        detector.fit(found.rows)
    detector.set_params(callbacks=None)  # the bar belongs to this process, not to the model
    return detector, found
