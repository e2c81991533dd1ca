"""Results that are images, as pictures: a PNG file, an animated GIF, or a folder of PNG files."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.core.errors import ParameterError
from isthmus.files.os_errors import WRITE_FIXES, explained

from .options import output_to
from .results import check_output, listed_or, write_output
from .rows import ROWS

if TYPE_CHECKING:
    import numpy as np

    from isthmus.data.schema import Schema

PICTURES = (".png", ".gif")

picture_output_option = output_to(
    "A .csv, .parquet, .npy or .npz file to write; of images also a .png or .gif, or a folder (a name without a "
    "suffix) of PNG files."
)


def is_picture(path: Path | None) -> bool:
    """Whether a path to write to asks for pictures: .png, .gif, a folder, or a name without a suffix."""
    return path is not None and str(path) != "-" and (path.suffix.lower() in ("", *PICTURES) or path.is_dir())


def check_rows_or_pictures(path: Path | None) -> None:
    """Complain about an output path, or a missing Pillow, before the work is done, not after."""
    if is_picture(path):
        from isthmus.sources.images.pillow import pillow

        pillow()
    if path is None or str(path) == "-":
        return
    if path.suffix and not path.is_dir():
        if path.suffix.lower() not in (*ROWS, *PICTURES):
            raise ParameterError(
                f"-o/--output: the name must end in {listed_or((*ROWS, *PICTURES))}, or be that of a folder that is "
                f"there, or have no suffix (a new folder); got {str(path)!r}."
            )
        check_output(path, ())
        return
    if path.exists() and not path.is_dir():
        raise explained(FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)), "save", path, WRITE_FIXES)
    check_output(path / "0.png" if path.is_dir() else path, ())


def refuse_no_images(path: Path | None, schema: Schema, model: Path) -> None:
    """Raise :class:`ParameterError` for pictures of rows that are none."""
    if is_picture(path) and len(schema.row_shape) == 1:
        columns = f"{schema.n_features:,} column{'' if schema.n_features == 1 else 's'}"
        raise ParameterError(
            f"-o/--output {str(path)!r} asks for pictures, but the rows of {model} are no images: they have "
            f"{columns}. Write -o FILE.csv, .parquet, .npy or .npz instead."
        )


def write_rows_or_pictures(
    data: Any,
    path: Path | None,
    schema: Schema,
    *,
    names: Sequence[str] | None = None,
    strip: bool = False,
    above: Any = None,
) -> None:
    """Write rows, as :func:`~isthmus.cli.rows.write_output` does, or images as pictures.

    Parameters
    ----------
    data : rows of the model, as it gives them
    path : Path or None
    schema : Schema
    names : sequence of str, optional
        The files that the rows came from: names of the files in a folder.
    strip : bool
        The images are a path: side by side in a PNG file, back and forth in a GIF.
    above : rows of the model, optional
        What to show above each image in a PNG or GIF file: its original.
    """
    if path is None or not is_picture(path):
        write_output(data, path)
        return

    from isthmus.sources.images.layout import GAP, PAIR_GAP, enlarged, enlargement, pairs
    from isthmus.sources.images.writing import is_folder, write_animation, write_folder, write_sheet

    pixels = shown_pixels(data, schema)
    if is_folder(path):
        write_folder(pixels, path, names)
        return
    row_gap = GAP
    if above is not None:
        factor = enlargement(pixels)
        pixels = pairs(enlarged(shown_pixels(above, schema), factor), enlarged(pixels, factor))
        row_gap = PAIR_GAP
    if path.suffix.lower() == ".gif":
        write_animation(pixels, path, back_and_forth=strip)
    else:
        write_sheet(pixels, path, len(pixels) if strip else None, row_gap=row_gap)


def shown_pixels(data: Any, schema: Schema) -> np.ndarray:
    """uint8 images; other types from black at the lowest to white at the highest value of the training data, unless
    these are in [0, 1] already."""
    import numpy as np

    from isthmus.sources.images.layout import as_pixels

    images = np.asarray(data)
    if images.dtype == np.uint8:
        return as_pixels(images)
    low, high = float(schema.columns.low.min()), float(schema.columns.high.max())
    if low < 0 or high > 1:
        images = (images.astype(np.float64) - low) / (high - low)
    return as_pixels(np.clip(images.astype(np.float64), 0, 1))
