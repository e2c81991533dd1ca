"""``isthmus interpolate``: the rows between two rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .given import given_option, given_values
from .model_rows import ModelRows, model_and_file, reading_options
from .options import PATH, examples
from .pictures import check_rows_or_pictures, picture_output_option, refuse_no_images, write_rows_or_pictures
from .rows import about, single_row


@click.command(
    "interpolate",
    epilog=examples(
        "isthmus interpolate model.safetensors digits.npy --from 3 --to 8 -o strip.npy",
        "isthmus interpolate model.safetensors young.csv old.csv --steps 5",
        "isthmus interpolate faces.safetensors a.png b.png --path geodesic -o morph.gif",
        "isthmus interpolate faces.safetensors a.png b.png -o strip.png",
    ),
)
@model_and_file
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
    type=click.Choice(["linear", "spherical", "geodesic"]),
    help="Straight, on an arc, or where the rows change least.  [default: linear]",
)
@given_option
@picture_output_option
@reading_options
def command(
    source: ModelRows,
    other: Path | None,
    start: int,
    end: int,
    steps: int,
    path: str | None,
    given: tuple[str, ...],
    output: Path | None,
) -> None:
    """Give the decoded rows on the path between the codes of two rows.

    Both are rows of FILE; with OTHER, the first is a row of FILE and the second a row of OTHER. Without --from and
    --to the path leads from the first row of FILE to the last row of OTHER or FILE. A .png file shows the rows side by
    side, a .gif file as a film, forwards and backwards.
    """
    check_rows_or_pictures(output)

    estimator = source.load()
    refuse_no_images(output, estimator.schema_, source.model)
    conditions = given_values(given, estimator.schema_)
    rows = source.read(estimator.schema_).rows
    ends = rows if other is None else source.read(estimator.schema_, other).rows
    second_file = other or source.file
    first, second = single_row(rows, start, source.file, "--from"), single_row(ends, end, second_file, "--to")
    # Each end is checked under its own file's name before the two meet.
    for where, row in ((source.file, first), (second_file, second)):
        with about(where):
            estimator.transform(row)
    more: dict[str, Any] = {} if path is None else {"path": path}
    between = estimator.interpolate(first, second, steps=steps, given=conditions, **more)
    write_rows_or_pictures(between, output, estimator.schema_, strip=True)
