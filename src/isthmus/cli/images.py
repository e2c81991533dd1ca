"""Folders of images and image files as rows, brought to the form that a model takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .session import Session

if TYPE_CHECKING:
    import numpy as np

    from isthmus.data.schema import Schema
    from isthmus.sources.images.folder import ImageSet, Progress

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
NAMED_FILES = 3


@dataclass(frozen=True)
class ImageForm:
    """What images are brought to; None leaves it to the files.

    ``floats`` is the type of images that a model takes as floats in [0, 1]; ``row_shape`` the shape that it gives one.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    row_shape: tuple[int, ...] | None = None
    floats: str | None = None


def is_images(path: Path) -> bool:
    """Whether a path to read is a folder, or an image by its suffix."""
    return path.is_dir() or path.suffix.lower() in IMAGES


def form_of(schema: Schema) -> ImageForm:
    """The form of a model's images: it takes no other, so that files need not be asked for theirs."""
    if len(schema.row_shape) == 1:
        return ImageForm()
    height, width, *rest = schema.row_shape
    kind = schema.types[0].dtype
    in_unit = schema.columns.low.min() >= 0 and schema.columns.high.max() <= 1
    return ImageForm(
        (height, width), rest[0] if rest else 1, schema.row_shape, kind.name if kind.kind == "f" and in_unit else None
    )


def read_image_rows(path: Path, form: ImageForm, skip_bad: bool) -> tuple[np.ndarray, tuple[str, ...]]:
    """Images and their names; what was brought to a form, skipped or passed over is noted on standard error."""
    from isthmus.sources.images.folder import read_images

    session = click.get_current_context().ensure_object(Session)
    with _bars(session) as progress:
        found = read_images(path, form.size, form.channels, skip_bad=skip_bad, progress=progress)
    _tell(session, path, found, form)
    images = found.images
    if form.row_shape is not None:
        images = images.reshape(len(images), *form.row_shape)
    if form.floats is not None:
        images = (images / 255).astype(form.floats)
    return images, found.names


@contextmanager
def _bars(session: Session) -> Iterator[Progress | None]:
    """A bar for each of the passes over many files."""
    if session.quiet:
        yield None
        return

    from .progress import progress_bar

    bars: dict[str, Any] = {}

    def progress(what: str, done: int, total: int) -> None:
        if what not in bars:
            bars[what] = progress_bar(total, what, "file")
        bars[what].update(1)
        if done == total:
            bars[what].close()

    try:
        yield progress
    finally:
        for bar in bars.values():
            bar.close()


def _tell(session: Session, path: Path, found: ImageSet, form: ImageForm) -> None:
    if found.skipped:
        names = ", ".join([*list(found.skipped)[:NAMED_FILES], *(["…"] if len(found.skipped) > NAMED_FILES else [])])
        session.note(f"{path}: skipped {_counted(len(found.skipped), 'file')} that could not be read: {names}.")
    if found.ignored:
        session.note(f"{path}: passed over {_counted(found.ignored, 'other entry', 'other entries')}.")
    if found.changed and form.row_shape is not None:
        shape = " × ".join(map(str, form.row_shape))
        whose = f"{found.changed:,} of {len(found):,} images were" if len(found) > 1 else "the image was"
        session.note(f"{path}: {whose} brought to {shape}, the size and channels of the model's images.")
    if found.cache is not None:
        session.note(f"{path}: the decoded images are kept in {found.cache}.")


def _counted(count: int, noun: str, plural: str | None = None) -> str:
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"
