"""``isthmus reconstruct``: rows through the bottleneck and back."""

from __future__ import annotations

from pathlib import Path

import click

from .image_options import skip_bad_option
from .images import form_of
from .options import debug_option, examples, file_argument, key_option, model_argument, trust_option
from .pictures import check_rows_or_pictures, picture_output_option, refuse_no_images, write_rows_or_pictures
from .rows import about, read_input


@click.command(
    "reconstruct",
    epilog=examples(
        "isthmus reconstruct model.safetensors noisy.csv > clean.csv",
        "isthmus reconstruct model.safetensors digits.npy -o again.npy",
        "isthmus reconstruct faces.safetensors photos/ -o again/",
        "isthmus reconstruct faces.safetensors photos/ -o pairs.png",
    ),
)
@model_argument
@file_argument
@picture_output_option
@key_option
@skip_bad_option
@trust_option
@debug_option
def command(
    model: Path, file: Path, output: Path | None, key: str | None, skip_bad: bool, trust: tuple[str, ...]
) -> None:
    """Pass the rows of FILE through the bottleneck and back: what is noise gets lost, what is typical stays.

    A .png or .gif shows each image above its reconstruction. In a folder, the reconstructions keep the names of the
    files that they are of.
    """
    check_rows_or_pictures(output)

    from isthmus.estimators.saving import load

    estimator = load(model, trust)
    refuse_no_images(output, estimator.schema_, model)
    data = read_input(file, key, form_of(estimator.schema_), skip_bad)
    with about(file):
        again = estimator.reconstruct(data.rows)
    write_rows_or_pictures(again, output, estimator.schema_, names=data.names, above=data.rows)
