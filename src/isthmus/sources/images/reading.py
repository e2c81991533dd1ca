"""Reading image files: a few formats, a cap on pixels, and the file's name in every error."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from isthmus.core.errors import InputError

from ..limits import check_file
from .channels import channels_of, with_channels
from .pillow import pillow, quiet
from .size import Size, check_form, parsed_size, resized

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
MAX_BYTES = 1 << 30
MAX_PIXELS = 1 << 27

Form = tuple[int, int, int]
"""Height, width and channels of an image as it is shown."""

_ORIENTATION = 0x0112  # EXIF
_ON_THEIR_SIDE = (5, 6, 7, 8)
_UPRIGHT = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_BEGINNINGS = (
    (rb"\x89PNG|\xff\xd8\xff|II\*\0|MM\0\*|RIFF....WEBP", "the start of a PNG, JPEG, WebP or TIFF image, damaged"),
    (rb"GIF8", "a GIF image"),
    (rb"BM", "a BMP image"),
    (rb"....ftyp(heic|heix|mif1|msf1)", "a HEIC image"),
    (rb"....ftypavi[fs]", "an AVIF image"),
    (rb"%PDF", "a PDF document"),
    (rb"\s*<(\?xml|svg|!doctype|html)", "a text of SVG, XML or HTML"),
)


def read_image(
    path: str | Path,
    *,
    size: Size | None = None,
    channels: int | None = None,
    aspect: str = "crop",
    max_pixels: int = MAX_PIXELS,
) -> np.ndarray:
    """One image as an array, the way it is shown: turned as its EXIF data say; no other metadata is used.

    What the file is, its content decides: PNG, JPEG, WebP or TIFF, under whatever name. Grey images (black and white,
    8 or 16 bits) have one channel, colour images three, and everything with transparency four. 16 bits are rounded
    to 8.

    Parameters
    ----------
    path : str or Path
    size : int or (int, int), optional
        Bring the image to this height and width, antialiased.
    channels : 1, 3 or 4, optional
        Turn it into grey, colour, or colour with transparency. Transparency that is lost shows white.
    aspect : "crop", "pad" or "stretch"
        Where ``size`` has other proportions: cut off both ends, add black bars, or distort.
    max_pixels : int
        Larger images are refused before they are decoded.

    Returns
    -------
    ndarray of shape (height, width) if there is one channel, else (height, width, channels)
        uint8.

    Raises
    ------
    InputError
        If the file is damaged or cut short, is no image of these formats, has too many pixels, several pages or
        frames, or pixels of unknown range; the message names the file.
    ParameterError
        If ``size``, ``channels`` or ``aspect`` are not as above.
    MissingDependencyError
        If Pillow is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> path = Path(tempfile.mkdtemp()) / "green.png"
    >>> Image.new("RGB", (30, 20), (0, 255, 0)).save(path)
    >>> read_image(path).shape, read_image(path, size=8, channels=1).shape
    ((20, 30, 3), (8, 8))
    """
    check_form(channels, aspect)
    wanted = parsed_size(size)
    with quiet():
        return decoded(Path(path), wanted, channels, aspect, max_pixels)[0]


def image_form(path: Path, max_pixels: int = MAX_PIXELS) -> Form:
    """Height, width and channels from the header alone; raises what :func:`read_image` does. Inside of ``quiet``."""
    with _opened(path, max_pixels) as image:
        return _form(image)


def decoded(
    path: Path, size: tuple[int, int] | None, channels: int | None, aspect: str, max_pixels: int = MAX_PIXELS
) -> tuple[np.ndarray, bool]:
    """What :func:`read_image` returns, and whether that is another size or number of channels than the file's.

    Inside of ``quiet``.
    """
    with _opened(path, max_pixels) as image:
        height, width, own = _form(image)
        on_its_side = (image.height, image.width) != (height, width)
        if size is not None:
            # JPEG can be decoded at a half, a quarter or an eighth: what is left is enough to resize from.
            wanted = (2 * size[0], 2 * size[1])
            image.draft(None, wanted if on_its_side else wanted[::-1])
        image.load()
        turn = _UPRIGHT.get(_orientation(image))
        upright = image if turn is None else image.transpose(getattr(pillow().Transpose, turn))
        changed = channels not in (None, own) or size not in (None, (height, width))
        upright = with_channels(upright, own if channels is None else channels)
        if size is not None:
            upright = resized(upright, size, aspect)
        return np.array(upright), changed


@contextmanager
def _opened(path: Path, max_pixels: int) -> Iterator[Image]:
    """The image, its pixels not yet decoded; whatever goes wrong until the end becomes an :class:`InputError`."""
    check_file(path, MAX_BYTES, "the limit")
    if not path.is_file():
        raise InputError(f"{path} is a device or a pipe. Expected an image file.")
    Image = pillow()
    try:
        with Image.open(path, formats=FORMATS) as image:
            _check_pixels(path, image.width * image.height, f"{image.height:,} × {image.width:,}", max_pixels)
            pages = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)  # a photo and its previews
            if pages > 1:
                raise InputError(
                    f"{path} holds {pages} pages or frames. Expected one image per file: save each on its own."
                )
            yield image
    except MemoryError:
        raise
    except InputError as error:
        raise (error if str(path) in str(error) else InputError(f"{path} {error}")) from error
    except Image.DecompressionBombError as error:
        found = re.search(r"\((\d+) pixels\)", str(error))
        _check_pixels(path, int(found[1]) if found else max_pixels + 1, "very large", max_pixels)
        raise InputError(
            f"{path} has too many pixels for Pillow: {error} Make it smaller, or raise PIL.Image.MAX_IMAGE_PIXELS."
        ) from error
    except Image.UnidentifiedImageError as error:
        raise InputError(
            f"{path} is no PNG, JPEG, WebP or TIFF image: found {_found(path)}. Save it in one of these formats."
        ) from error
    except Exception as error:  # what parsers raise at nonsense is no closed list
        if isinstance(error, OSError) and error.errno:
            raise InputError(f"{path} cannot be read: {error.strerror}. Check the path and its permissions.") from error
        reason = str(error).strip().rstrip(".")[:200] or type(error).__name__
        raise InputError(
            f"{path} is damaged or cut short: {reason}. Restore it from a copy, or leave it out."
        ) from error


def _check_pixels(path: Path, pixels: int, words: str, max_pixels: int) -> None:
    if pixels > max_pixels:
        raise InputError(
            f"{path} has {pixels:,} pixels ({words}), which is above the limit of {max_pixels:,}. Make the image "
            "smaller, or raise max_pixels if you trust the file."
        )


def _form(image: Image) -> Form:
    channels = channels_of(image)
    # Pillow turns TIFF by itself, and would decode a PNG to look for EXIF data behind its pixels.
    early = image.format != "TIFF" and (image.format != "PNG" or "exif" in image.info)
    if early and _orientation(image) in _ON_THEIR_SIDE:
        return image.width, image.height, channels
    return image.height, image.width, channels


def _orientation(image: Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged metadata do not damage the picture
        return 1


def _found(path: Path) -> str:
    """What a file seems to be."""
    with path.open("rb") as file:
        head = file.read(256)
    if not head:
        return "an empty file"
    for pattern, words in _BEGINNINGS:
        if re.match(pattern, head, re.IGNORECASE | re.DOTALL):
            return words
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # a character may be cut at the end
        return f"the text {text[:20]!r}"
    except UnicodeDecodeError:
        return f"bytes that begin with {head[:8].hex(' ')}"
