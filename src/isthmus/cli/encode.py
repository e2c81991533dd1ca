"""``isthmus encode``: rows to codes."""

from __future__ import annotations

from pathlib import Path

import click

from .options import debug_option, examples, file_argument, key_option, model_argument, output_option, trust_option
from .rows import ROWS, about, check_output, read_input, write_output


@click.command(
    "encode",
    epilog=examples(
        "isthmus encode model.safetensors data.csv > codes.csv",
        "isthmus encode model.safetensors digits.npy -o codes.npy",
    ),
)
@model_argument
@file_argument
@output_option
@key_option
@trust_option
@debug_option
def command(model: Path, file: Path, output: Path | None, key: str | None, trust: tuple[str, ...]) -> None:
    """Give the code of each row of FILE: one line per row, one column per latent dimension."""
    check_output(output, ROWS)

    from isthmus.core.named_columns import NamedColumns
    from isthmus.estimators.saving import load

    estimator = load(model, trust)
    rows = read_input(file, key)
    with about(file):
        codes = estimator.transform(rows)
    write_output(NamedColumns(tuple(estimator.get_feature_names_out()), codes), output)
