"""``isthmus reconstruct``: rows through the bottleneck and back."""

from __future__ import annotations

from pathlib import Path

import click

from .options import debug_option, examples, file_argument, key_option, model_argument, output_option, trust_option
from .rows import ROWS, about, check_output, read_input, write_output


@click.command(
    "reconstruct",
    epilog=examples(
        "isthmus reconstruct model.safetensors noisy.csv > clean.csv",
        "isthmus reconstruct model.safetensors digits.npy -o again.npy",
    ),
)
@model_argument
@file_argument
@output_option
@key_option
@trust_option
@debug_option
def command(model: Path, file: Path, output: Path | None, key: str | None, trust: tuple[str, ...]) -> None:
    """Pass the rows of FILE through the bottleneck and back: what is noise gets lost, what is typical stays."""
    check_output(output, ROWS)

    from isthmus.estimators.saving import load

    estimator = load(model, trust)
    rows = read_input(file, key)
    with about(file):
        again = estimator.reconstruct(rows)
    write_output(again, output)
