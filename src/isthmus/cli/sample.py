"""``isthmus sample``: new rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from isthmus.core.errors import ParameterError

from .given import any_given_option, balanced_column, given_values
from .model_rows import load_autoencoder
from .options import debug_option, examples, model_argument, seed_option, trust_option
from .pictures import check_rows_or_pictures, picture_output_option, refuse_no_images, write_rows_or_pictures


@click.command(
    "sample",
    epilog=examples(
        "isthmus sample model.safetensors -n 100 --seed 1 > new.csv",
        "isthmus sample model.safetensors -n 16 --prior -o new-images.npy",
        "isthmus sample faces.safetensors -n 64 -o grid.png",
        "isthmus sample faces.safetensors -n 1000 --temperature 0.8 -o faces/",
        "isthmus sample model.safetensors --given label=3",
        "isthmus sample people.safetensors -n 1000 --given sex=Female --given age=30..40 -o fake.parquet",
        "isthmus sample people.safetensors -n 1000 --given job=Sales,Craft --balanced sex -o fake.csv",
    ),
)
@model_argument
@click.option("-n", "count", type=int, default=10, show_default=True, metavar="N", help="How many rows.")
@click.option("--prior", is_flag=True, help="Draw codes from the prior, not from the density fitted to the codes.")
@click.option(
    "--temperature",
    type=float,
    metavar="T",
    help="Below 1 more typical rows, above 1 more varied ones.  [default: 1]",
)
@click.option(
    "--noise/--no-noise",
    default=None,
    help="Draw rows from the likelihood, or give its means.  [default: draw those of tables]",
)
@any_given_option
@click.option(
    "--balanced",
    metavar="COLUMN",
    help="A column of levels whose values come in equal numbers (those of --given, if it lists some).",
)
@seed_option
@picture_output_option
@trust_option
@debug_option
def command(
    model: Path,
    count: int,
    prior: bool,
    temperature: float | None,
    noise: bool | None,
    given: tuple[str, ...],
    balanced: str | None,
    seed: int | None,
    output: Path | None,
    trust: tuple[str, ...],
) -> None:
    """Generate new rows, in the columns, units and type of the data that the model was fitted to.

    Images can become a grid in a .png file, an animated .gif, or a folder of PNG files.
    """
    if count < 1:
        raise ParameterError(f"-n must be an integer in [1, inf); got {count}.")
    check_rows_or_pictures(output)

    estimator = load_autoencoder(model, trust)
    refuse_no_images(output, estimator.schema_, model)
    column = balanced_column(balanced, estimator.schema_)
    conditions = given_values(given, estimator.schema_, modelled=True, balanced=column)
    asked = {"temperature": temperature, "noise": noise, "balanced": column}
    more: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    rows = estimator.sample(count, given=conditions, prior=prior, random_state=seed, **more)
    write_rows_or_pictures(rows, output, estimator.schema_)
