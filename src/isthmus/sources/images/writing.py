"""Writing images: a PNG file, an animated GIF, or a folder of PNG files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.core.errors import InputError
from isthmus.files.atomic import write_atomically
from isthmus.files.os_errors import WRITE_FIXES, explained

from .layout import GAP, as_pixels, enlarged, enlargement, sheet
from .pillow import pillow
from .reading import MAX_PIXELS

if TYPE_CHECKING:
    from PIL.Image import Image

PICTURES = (".png", ".gif")
FRAME_MILLISECONDS = 100
END_MILLISECONDS = 500


def write_images(
    images: Any,
    path: str | Path,
    *,
    columns: int | None = None,
    back_and_forth: bool = False,
    names: Sequence[str] | None = None,
) -> None:
    """Write a stack of images to a ``.png`` file, an animated ``.gif``, or a folder.

    One image becomes a PNG file as it is. Several become a grid of about square shape, with gaps of 2 pixels, in which
    images below 64 pixels are enlarged by a whole number, without smoothing. A GIF shows one image after the other,
    enlarged in the same way. In a folder (any name without a suffix) each image is a PNG file, pixel for pixel.

    Parameters
    ----------
    images : ndarray of shape (n, h, w) or (n, h, w, c), uint8 or floats in [0, 1]
        One, three or four channels.
    path : str or Path
        Files are replaced; a folder is made if needed, and what else is in it stays.
    columns : int, optional
        How many images stand side by side in a PNG file.
    back_and_forth : bool
        A GIF plays forwards, then backwards, and rests at both ends.
    names : sequence of str, optional
        For a folder: the files' names, sub-folders before "/" among them; their suffixes become ``.png``. None: the
        images' numbers, from 0.

    Raises
    ------
    InputError
        For another shape, type or range, another suffix, names that lead out of the folder, and grids above 2**27
        pixels.
    MissingDependencyError
        If Pillow is not installed.
    OSError
        If the file cannot be written; the message names it and the fix.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> images = np.random.default_rng(0).random((10, 28, 28))
    >>> write_images(images, folder / "grid.png")
    >>> write_images(images, folder / "digits")
    >>> sorted(file.name for file in (folder / "digits").iterdir())[:3]
    ['0.png', '1.png', '2.png']
    """
    path = Path(path)
    pixels = as_pixels(images)
    if is_folder(path):
        write_folder(pixels, path, names)
    elif path.suffix.lower() == ".png":
        write_sheet(pixels, path, columns)
    elif path.suffix.lower() == ".gif":
        write_animation(pixels, path, back_and_forth)
    else:
        raise InputError(f"{path}: images are written to .png and .gif files, or to folders; got {path.suffix!r}.")


def is_folder(path: Path) -> bool:
    """Whether a path to write to names a folder: it is one, or its name has no suffix."""
    return path.is_dir() or not path.suffix


def write_sheet(
    pixels: np.ndarray, path: Path, columns: int | None = None, *, gap: int = GAP, row_gap: int | None = None
) -> None:
    """Write uint8 images to one PNG file, as :func:`write_images` says."""
    if len(pixels) == 1:
        page = pixels[0]
    else:
        factor = enlargement(pixels)
        total = pixels[..., 0].size if pixels.ndim == 4 else pixels.size
        if total * factor**2 > MAX_PIXELS:
            raise InputError(
                f"A sheet of {len(pixels):,} images of {pixels.shape[1]} × {pixels.shape[2]} would have more than "
                f"{MAX_PIXELS:,} pixels. Write fewer images, or a folder of files."
            )
        page = sheet(enlarged(pixels, factor), columns, gap=gap, row_gap=row_gap)
    write_atomically(path, [_png(page)])


def write_animation(pixels: np.ndarray, path: Path, back_and_forth: bool = False) -> None:
    """Write uint8 images to an animated GIF file, endlessly repeated."""
    # Frame by frame: enlarged, all of them together could be many times what they are.
    factor = enlargement(pixels)
    frames = [_frame(enlarged(pixels[number : number + 1], factor)[0]) for number in range(len(pixels))]
    durations = [FRAME_MILLISECONDS] * len(frames)
    if back_and_forth and len(frames) > 1:
        durations[0] = durations[-1] = END_MILLISECONDS
        frames, durations = frames + frames[-2:0:-1], durations + durations[-2:0:-1]
    buffer = io.BytesIO()
    if len(frames) == 1:
        frames[0].save(buffer, format="GIF")
    else:
        frames[0].save(buffer, format="GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    write_atomically(path, [buffer.getbuffer()])


def write_folder(pixels: np.ndarray, folder: Path, names: Sequence[str] | None = None) -> None:
    """Write uint8 images to a folder, each to a PNG file of its own, as :func:`write_images` says."""
    targets = [folder / name for name in _file_names(len(pixels), names)]
    made: set[Path] = set()
    for image, target in zip(pixels, targets, strict=True):
        content = _png(image)
        try:
            if target.parent not in made:
                target.parent.mkdir(parents=True, exist_ok=True)
                made.add(target.parent)
            target.write_bytes(content)
        except OSError as error:
            raise explained(error, "save", target, WRITE_FIXES) from error


def _file_names(count: int, names: Sequence[str] | None) -> list[str]:
    if names is None:
        digits = len(str(count - 1))
        return [f"{number:0{digits}}.png" for number in range(count)]
    if len(names) != count:
        raise InputError(f"{len(names)} names do not fit {count} images.")
    paths = [PurePosixPath(name) for name in names]
    for path in paths:
        if path.is_absolute() or ".." in path.parts or not path.name:
            raise InputError(f"{str(path)!r} is no name of a file inside of the folder. Pass names without '..'.")
    shorter = [str(path.with_suffix(".png")) for path in paths]
    if len(set(shorter)) == count:
        return shorter
    # a.jpg and a.png must not become the same file.
    longer = [str(path) if path.suffix.lower() == ".png" else f"{path}.png" for path in paths]
    if len(set(longer)) < count:
        twice = next(name for name in longer if longer.count(name) > 1)
        raise InputError(f"Two images would be written to {twice!r}. Give every image its own name.")
    return longer


def _png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    pillow().fromarray(np.ascontiguousarray(image)).save(buffer, format="PNG")
    return buffer.getvalue()


def _frame(image: np.ndarray) -> Image:
    """A frame with a palette of its own: 256 colours are next to all that a small picture has."""
    Image = pillow()
    frame = Image.fromarray(np.ascontiguousarray(image))
    if frame.mode == "L":
        return frame
    if frame.mode == "RGBA":
        page = Image.new("RGBA", frame.size, "white")
        page.alpha_composite(frame)
        frame = page.convert("RGB")
    return frame.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
