"""``isthmus info``: what is in a model file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from .options import PATH, debug_option, examples, model_argument, trust_option
from .results import check_output
from .session import Session


@click.command(
    "info",
    epilog=examples(
        "isthmus info model.safetensors",
        "isthmus info model.safetensors --diagram model.svg",
        "isthmus info model.safetensors --json | jq .training",
    ),
)
@model_argument
@click.option("--diagram", type=PATH, metavar="FILE", help="Draw the layers into an .svg file.")
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
@trust_option
@debug_option
@click.pass_obj
def command(session: Session, model: Path, diagram: Path | None, as_json: bool, trust: tuple[str, ...]) -> None:
    """Describe a model file: its layers, the data that it fits, its training, its diagnostics and versions."""
    check_output(diagram, (".svg",), "--diagram")

    from isthmus.core.errors import ParameterError
    from isthmus.estimators.anomaly_detector import AnomalyDetector
    from isthmus.estimators.saving import load

    from .detector_description import describe_detector, detector_in_text
    from .model_description import describe, described_in_text

    estimator = load(model, trust)
    if isinstance(estimator, AnomalyDetector):
        if diagram is not None:
            raise ParameterError("--diagram draws an encoder and a decoder; a detector is many of them. Leave it out.")
        described = describe_detector(estimator, model)
        click.echo(_json(described) if as_json else detector_in_text(described))
        return
    description = describe(estimator, model)
    if diagram is not None:
        from isthmus.files.atomic import write_atomically
        from isthmus.report.diagram import architecture_svg

        drawing = architecture_svg(estimator.architecture_, title=model.stem)
        write_atomically(diagram, [f"{drawing}\n".encode()])
        session.note(f"drew {diagram}.")
    if as_json:
        click.echo(_json(description))
    else:
        click.echo(described_in_text(description, estimator.architecture_))


def _json(description: dict[str, Any]) -> str:
    return json.dumps(description, indent=2, ensure_ascii=True, allow_nan=False)
