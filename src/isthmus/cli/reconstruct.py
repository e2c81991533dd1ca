"""``isthmus reconstruct``: rows through the bottleneck and back."""

from __future__ import annotations

from pathlib import Path

import click

from .model_rows import ModelRows, model_and_file, reading_options
from .options import examples
from .pictures import check_rows_or_pictures, picture_output_option, refuse_no_images, write_rows_or_pictures
from .rows import about


@click.command(
    "reconstruct",
    epilog=examples(
        "isthmus reconstruct model.safetensors noisy.csv > clean.csv",
        "isthmus reconstruct model.safetensors digits.npy -o again.npy",
        "isthmus reconstruct faces.safetensors photos/ -o again/",
        "isthmus reconstruct faces.safetensors photos/ -o pairs.png",
    ),
)
@model_and_file
@picture_output_option
@reading_options
def command(source: ModelRows, output: Path | None) -> None:
    """Pass the rows of FILE through the bottleneck and back: what is noise gets lost, what is typical stays.

    A .png or .gif shows each image above its reconstruction. In a folder, the reconstructions keep the names of the
    files that they are of.
    """
    check_rows_or_pictures(output)

    estimator = source.load()
    refuse_no_images(output, estimator.schema_, source.model)
    data = source.read(estimator.schema_)
    with about(source.file):
        again = estimator.reconstruct(data.rows)
    write_rows_or_pictures(again, output, estimator.schema_, names=data.names, above=data.rows)
