"""``isthmus impute``: what is missing, filled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from isthmus.core.errors import InputError, ParameterError

from .images import IMAGES, is_images
from .model_rows import ModelRows, model_and_file, reading_options
from .options import PATH, examples, seed_option
from .pictures import (
    check_rows_or_pictures,
    is_picture,
    picture_output_option,
    refuse_no_images,
    write_rows_or_pictures,
)
from .rows import about
from .session import Session

if TYPE_CHECKING:
    import numpy as np

    from isthmus.data.schema import Schema

Box = tuple[int, int, int, int]


class BoxType(click.ParamType):
    """TOP,LEFT,HEIGHT,WIDTH in pixels."""

    name = "box"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        parts = str(value).split(",")
        if len(parts) != 4 or not all(part.strip().isdecimal() for part in parts):
            self.fail(f"{value!r} is not TOP,LEFT,HEIGHT,WIDTH in pixels, such as 14,0,14,28.", param, ctx)
        return tuple(int(part) for part in parts)


@click.command(
    "impute",
    epilog=examples(
        "isthmus impute model.safetensors holes.csv -o filled.csv",
        "isthmus impute model.safetensors holes.csv -o filled.csv --samples 5 --seed 1",
        "isthmus impute faces.safetensors photos/ --box 20,20,24,24 -o filled/",
        "isthmus impute faces.safetensors photos/ --mask scratches.png -o pairs.png",
    ),
)
@model_and_file
@click.option(
    "--samples", type=int, metavar="M", help="Draw M data sets: NAME-1.csv, NAME-2.csv, … beside -o NAME.csv."
)
@click.option(
    "--noise/--no-noise",
    default=None,
    help="Of --samples: draw cells from the likelihood, or give its means at drawn codes.  [default: means of images]",
)
@click.option(
    "--mask",
    type=PATH,
    metavar="FILE",
    help="What to fill besides: 1 or white where a cell is hidden. A table, an array, or an image for all images.",
)
@click.option(
    "--box",
    type=BoxType(),
    metavar="T,L,H,W",
    help="Fill this rectangle of every image: top, left, height and width in pixels.",
)
@seed_option
@picture_output_option
@reading_options
@click.pass_context
def command(
    ctx: click.Context,
    source: ModelRows,
    samples: int | None,
    noise: bool | None,
    mask: Path | None,
    box: Box | None,
    seed: int | None,
    output: Path | None,
) -> None:
    """Fill the missing cells of FILE from the others; cells that are there stay as they are.

    Empty cells of a CSV file and NaN are missing. Images have no empty pixels: --mask or --box say what to fill. A .png
    or .gif shows each image with its hole above the filled one.
    """
    if mask is not None and box is not None:
        raise click.UsageError("--mask and --box contradict each other. Paint the box into the mask.", ctx)
    _check_samples(samples, output)
    if noise is not None and samples is None:
        raise click.UsageError("--noise and --no-noise are about --samples. Add --samples M, or leave it out.", ctx)
    check_rows_or_pictures(output)

    from isthmus.estimators.imputing import imputed

    estimator = source.load()
    schema = estimator.schema_
    refuse_no_images(output, schema, source.model)
    hidden = _hidden(mask, box, schema, source)
    data = source.read(schema)
    session = ctx.ensure_object(Session)
    with about(source.file):
        rows = estimator._rows(data.rows, allow_missing=True)
        with _Bar(session) as progress:
            drawn = "auto" if noise is None else noise
            found = imputed(estimator, data.rows, rows, hidden, samples, seed, progress, drawn)
    if progress.rows is None:
        session.note(f"{source.file}: nothing is missing, so the rows are as they were.{_hint(schema)}")
    above = _with_holes(data.rows, hidden) if is_picture(output) and hidden is not None else data.rows
    for number, one in enumerate([found] if samples is None else found, start=1):
        path = output if samples is None or output is None else _numbered(output, number)
        write_rows_or_pictures(one, path, schema, names=data.names, above=above)


class _Bar:
    """A progress bar that appears with the first rows done; ``rows`` is how many there were, None for none."""

    def __init__(self, session: Session) -> None:
        self.rows: int | None = None
        self._quiet, self._done = session.quiet, 0
        self._bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        if self.rows is None and not self._quiet:
            from .progress import progress_bar

            self._bar = progress_bar(total, "filling", "row")
        self.rows = total
        if self._bar is not None:
            self._bar.update(done - self._done)
        self._done = done

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()


def _check_samples(samples: int | None, output: Path | None) -> None:
    if samples is None:
        return
    if samples < 1:
        raise ParameterError(f"--samples must be an integer in [1, inf); got {samples}.")
    if output is None or str(output) == "-":
        raise ParameterError("--samples gives several data sets, which need names: say -o FILE, such as -o filled.csv.")


def _numbered(path: Path, number: int) -> Path:
    """filled.csv -> filled-1.csv."""
    return path.with_name(f"{path.stem}-{number}{path.suffix}")


def _hint(schema: Schema) -> str:
    return " Images have no empty pixels: say what to fill with --mask or --box." if len(schema.row_shape) > 1 else ""


def _hidden(mask: Path | None, box: Box | None, schema: Schema, source: ModelRows) -> Any:
    """What options ask to fill: a mask as Python's method takes it, or None."""
    if box is not None:
        return _of_box(box, schema, source)
    if mask is None:
        return None
    if is_images(mask):
        return _of_image(mask, schema, source)

    from isthmus.sources import read_rows

    found = read_rows(mask)
    if tuple(found.shape) == (1, schema.n_features) and len(schema.row_shape) == 1:
        return found[0] if not hasattr(found, "names") else found.values[0]  # one line for all rows
    return found


def _of_box(box: Box, schema: Schema, source: ModelRows) -> np.ndarray:
    import numpy as np

    if len(schema.row_shape) == 1:
        raise ParameterError(
            f"--box is for images, but the rows of {source.model} are none. Leave cells empty, or use --mask."
        )
    top, left, height, width = box
    rows, columns = schema.row_shape[:2]
    if not (height > 0 and width > 0 and top + height <= rows and left + width <= columns):
        raise ParameterError(
            f"--box {','.join(map(str, box))} is not inside the images of {source.model}, which are {rows} × {columns} "
            "(height × width). Expected top + height and left + width within these."
        )
    hidden = np.zeros((rows, columns), dtype=bool)
    hidden[top : top + height, left : left + width] = True
    return hidden


def _of_image(mask: Path, schema: Schema, source: ModelRows) -> np.ndarray:
    """An image as a mask for all images: white is to be filled."""
    from isthmus.sources.images.folder import read_images

    if len(schema.row_shape) == 1:
        raise ParameterError(f"--mask {mask} is an image, but the rows of {source.model} are none. Use a table.")
    if mask.is_dir():
        raise InputError(
            f"{mask}: expected one image as a mask, got a folder. Use one of {', '.join(IMAGES)}, or .npy."
        )
    found = read_images(mask, channels=1).images.squeeze()
    if found.shape != schema.row_shape[:2]:
        raise InputError(
            f"{mask}: the mask is {' × '.join(map(str, found.shape))} pixels, the model's images are "
            f"{' × '.join(map(str, schema.row_shape[:2]))}. Resize it; white is filled, black stays."
        )
    return found > 127


def _with_holes(images: Any, hidden: Any) -> Any:
    """Images with grey where something is hidden, for looking at."""
    import numpy as np

    shown = np.array(images)
    mask = np.asarray(hidden, dtype=bool)
    if shown.ndim == 4 and mask.shape[-2:] == shown.shape[1:3]:
        mask = mask[..., None]
    grey = 127 if shown.dtype == np.uint8 else (shown.min() + shown.max()) / 2
    return np.where(np.broadcast_to(mask, shown.shape), np.asarray(grey, dtype=shown.dtype), shown)
