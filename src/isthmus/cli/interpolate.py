"""``isthmus interpolate``: the rows between two rows."""

from __future__ import annotations

from pathlib import Path

import click

from .given import given_option, given_values
from .options import (
    PATH,
    debug_option,
    examples,
    file_argument,
    key_option,
    model_argument,
    output_option,
    trust_option,
)
from .rows import ROWS, about, check_output, read_input, single_row, write_output


@click.command(
    "interpolate",
    epilog=examples(
        "isthmus interpolate model.safetensors digits.npy --from 3 --to 8 -o strip.npy",
        "isthmus interpolate model.safetensors young.csv old.csv --steps 5",
    ),
)
@model_argument
@file_argument
@click.argument("other", type=PATH, required=False)
@click.option(
    "--from",
    "start",
    type=int,
    default=0,
    metavar="ROW",
    help="The first end: a row of FILE, counted from 0; -1 is the last.  [default: 0]",
)
@click.option(
    "--to", "end", type=int, default=-1, metavar="ROW", help="The other end: a row of OTHER or FILE.  [default: -1]"
)
@click.option("--steps", type=int, default=9, show_default=True, help="How many rows, both ends included.")
@click.option(
    "--path",
    type=click.Choice(["linear", "spherical"]),
    default="linear",
    show_default=True,
    help="Straight, or on an arc.",
)
@given_option
@output_option
@key_option
@trust_option
@debug_option
def command(
    model: Path,
    file: Path,
    other: Path | None,
    start: int,
    end: int,
    steps: int,
    path: str,
    given: tuple[str, ...],
    output: Path | None,
    key: str | None,
    trust: tuple[str, ...],
) -> None:
    """Give the decoded rows on the path between the codes of two rows.

    Both are rows of FILE; with OTHER, the first is a row of FILE and the second a row of OTHER. Without --from and
    --to the path leads from the first row of FILE to the last row of OTHER or FILE.
    """
    check_output(output, ROWS)

    from isthmus.estimators.saving import load

    estimator = load(model, trust)
    conditions = given_values(given, estimator.schema_)
    rows = read_input(file, key)
    ends = rows if other is None else read_input(other, key)
    first, second = single_row(rows, start, file, "--from"), single_row(ends, end, other or file, "--to")
    # Each end is checked under its own file's name before the two meet.
    for where, row in ((file, first), (other or file, second)):
        with about(where):
            estimator.transform(row)
    write_output(estimator.interpolate(first, second, steps=steps, path=path, given=conditions), output)
