"""Folders of images as one array."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from isthmus.core.errors import InputError

from ..limits import human
from .cache import ImageCache, Outcome, default_folder
from .channels import WORDS
from .listing import Listing, list_images
from .pillow import pillow, quiet
from .reading import Form, decoded, image_form
from .size import Size, check_form, parsed_size
from .threads import in_order, threads_for

IN_MEMORY = 2 << 30
"""Bytes of decoded images that are held in memory unless told otherwise."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images from files.

    Attributes
    ----------
    images : uint8 ndarray, shape (n, height, width) or (n, height, width, channels)
        In memory, or mapped from a cache (read-only).
    names : tuple of str
        Each image's file, relative to the folder, with "/" before the name of a sub-folder's file.
    labels : ndarray of str, shape (n,), or None
        The sub-folder of each image if all are in one: for colours in plots; no model learns from them.
    skipped : dict
        File -> why it was skipped.
    ignored : int
        How many files of other kinds, hidden files and deeper folders were passed over.
    changed : int
        How many images were brought to another size or number of channels.
    cache : Path or None
        The file that the images are mapped from.
    """

    images: np.ndarray = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    labels: np.ndarray | None = field(repr=False, default=None)
    skipped: dict[str, str] = field(default_factory=dict)
    ignored: int = 0
    changed: int = 0
    cache: Path | None = None

    def __len__(self) -> int:
        return len(self.images)


def read_images(
    path: str | Path,
    size: Size | None = None,
    channels: int | None = None,
    *,
    aspect: str = "crop",
    skip_bad: bool = False,
    cache: str | Path | bool | None = None,
    progress: Progress | None = None,
) -> ImageSet:
    """The PNG, JPEG, WebP and TIFF images of a folder and of its direct sub-folders, sorted by name; or one image.

    Images of several sizes, or grey ones among coloured ones, are refused unless ``size`` or ``channels`` says what to
    bring them to. Files with other suffixes, hidden files and deeper folders are passed over and counted. How a file
    is decoded: see :func:`~isthmus.sources.images.reading.read_image`.

    Parameters
    ----------
    path : str or Path
        A folder, or a single file.
    size : int or (int, int), optional
        Bring all images to this height and width, antialiased.
    channels : 1, 3 or 4, optional
        Turn all images into grey, colour, or colour with transparency.
    aspect : "crop", "pad" or "stretch"
        What to do with other proportions than those of ``size``: cut off both ends, add black bars, or distort.
    skip_bad : bool
        Pass over files that are damaged or no images, and count them, instead of raising.
    cache : folder or bool, optional
        Where to keep the decoded images, in a file that is mapped into memory and used again as long as names, sizes
        and times of change of the files are the same. None: only above 2 GiB, in the user's folder for caches; False:
        never; True: always, in the user's folder for caches.
    progress : callable, optional
        Called as ``progress(what, done, total)`` after each file.

    Returns
    -------
    ImageSet

    Raises
    ------
    InputError
        For a file that is damaged or no image, several sizes or numbers of channels (both are named, with the fix),
        and a folder without images.
    ParameterError
        If ``size``, ``channels`` or ``aspect`` are out of range.
    MissingDependencyError
        If Pillow is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name, width in (("a.png", 30), ("b.jpg", 40)):
    ...     Image.new("RGB", (width, 20), "teal").save(folder / name)
    >>> photos = read_images(folder, size=16)
    >>> photos.images.shape, photos.names
    ((2, 16, 16, 3), ('a.png', 'b.jpg'))
    """
    check_form(channels, aspect)
    reader = _Reader(parsed_size(size), channels, aspect, skip_bad, progress)
    path = Path(path)
    if not path.is_dir():
        with quiet():
            image, changed = decoded(path, reader.size, channels, aspect)
        return ImageSet(image[None], (path.name,), changed=int(changed))
    listing = list_images(path)
    pillow()  # missing, it is no fault of the files
    with quiet():
        outcome, kept_in = reader.read(listing, cache)
    names = tuple(name for position, name in enumerate(listing.names) if position not in outcome.skipped)
    return ImageSet(
        outcome.images,
        names,
        _labels(names),
        {listing.names[position]: reason for position, reason in outcome.skipped.items()},
        listing.ignored,
        outcome.changed,
        kept_in,
    )


def _labels(names: tuple[str, ...]) -> np.ndarray | None:
    """Each image's sub-folder, if all are in one."""
    parents = [name.rpartition("/")[0] for name in names]
    return np.array(parents) if all(parents) else None


class _Reader:
    """One way of decoding files, applied to a listing of them."""

    def __init__(
        self,
        size: tuple[int, int] | None,
        channels: int | None,
        aspect: str,
        skip_bad: bool,
        progress: Progress | None,
    ) -> None:
        self.size = size
        self.channels = channels
        self.aspect = aspect
        self.skip_bad = skip_bad
        self.progress = progress

    def read(self, listing: Listing, cache: str | Path | bool | None) -> tuple[Outcome, Path | None]:
        store = self._store(listing, cache)
        if store is not None and store.may_be_there():
            target = store.path()
            outcome = store.read(target)
            if outcome is not None:
                return outcome, target
        shape = self._shape(listing)
        needed = len(listing.names) * math.prod(shape)
        if cache is False or (cache is None and needed <= IN_MEMORY):
            return self._any(self._in_memory(listing, shape), listing), None
        if store is None:
            raise InputError(
                f"{listing.folder}: {human(needed)} of decoded images need a folder to be kept in, and there is no "
                "home folder. Pass cache=FOLDER, or cache=False to hold them in memory."
            )
        target = store.path()  # before decoding: a file that changes meanwhile makes another state
        outcome = store.write(target, shape, lambda skipped: self._decoded(listing, shape, skipped))
        return self._any(outcome, listing), target

    def _store(self, listing: Listing, cache: str | Path | bool | None) -> ImageCache | None:
        if cache is False:
            return None
        folder = default_folder() if cache is None or cache is True else Path(cache)
        how = {"size": self.size, "channels": self.channels, "aspect": self.aspect, "skip_bad": self.skip_bad}
        return None if folder is None else ImageCache(folder, listing, how)

    def _in_memory(self, listing: Listing, shape: tuple[int, ...]) -> Outcome:
        try:
            images = np.empty((len(listing.names), *shape), dtype=np.uint8)
        except MemoryError as error:
            raise InputError(
                f"{listing.folder}: {len(listing.names):,} images need {human(len(listing.names) * math.prod(shape))} "
                "in memory. Leave cache=False out, or choose a smaller size."
            ) from error
        skipped: dict[int, str] = {}
        count = changed = 0
        for image, differs in self._decoded(listing, shape, skipped):
            images[count] = image
            count += 1
            changed += differs
        return Outcome(images[:count], skipped, changed)

    def _any(self, outcome: Outcome, listing: Listing) -> Outcome:
        if not len(outcome.images):
            reason = next(iter(outcome.skipped.values()))
            raise InputError(
                f"{listing.folder}: none of {len(listing.names):,} files could be read. The first: {reason}"
            )
        return outcome

    def _shape(self, listing: Listing) -> tuple[int, ...]:
        """What one decoded image looks like; needs the headers of all files unless everything is given."""
        if self.size is not None and self.channels is not None:
            return _array_shape((*self.size, self.channels))
        first: tuple[str, Form] | None = None
        for position, name in enumerate(listing.names):
            self._count("headers", position + 1, len(listing.names))
            try:
                height, width, channels = image_form(listing.path(name))
            except InputError as error:
                if not self.skip_bad:
                    raise _with_fix(error) from error
                continue
            found = (*(self.size or (height, width)), self.channels or channels)
            if first is None:
                first = name, found
            elif found != first[1]:
                raise InputError(_several(listing, first, (name, found)))
        # Where nothing can be read, decoding gives the reasons.
        return _array_shape((1, 1, 1) if first is None else first[1])

    def _decoded(
        self, listing: Listing, shape: tuple[int, ...], skipped: dict[int, str]
    ) -> Iterator[tuple[np.ndarray, bool]]:
        """The images in order; the positions of those that cannot be read go to ``skipped``, or raise."""

        def decode(path: Path) -> tuple[np.ndarray, bool]:
            image, changed = decoded(path, self.size, self.channels, self.aspect)
            if image.shape != shape:
                raise InputError(
                    f"{path} has shape {image.shape}, other than its header said ({shape}): it was changed meanwhile, "
                    "or is turned by metadata behind its pixels. Pass size=… (--size …)."
                )
            return image, changed

        paths = [listing.path(name) for name in listing.names]
        with closing(in_order(decode, paths, threads_for(paths))) as results:
            for position, result in enumerate(results):
                try:
                    image, changed = result()
                except InputError as error:
                    if not self.skip_bad:
                        raise _with_fix(error) from error
                    skipped[position] = str(error)
                else:
                    yield image, changed
                self._count("images", position + 1, len(paths))

    def _count(self, what: str, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(what, done, total)


def _array_shape(form: Form) -> tuple[int, ...]:
    return form[:2] if form[2] == 1 else form


def _several(listing: Listing, first: tuple[str, Form], other: tuple[str, Form]) -> str:
    (one, (height, width, channels)), (two, (high, wide, others)) = first, other
    if (height, width) != (high, wide):
        return (
            f"{listing.folder}: the images have several sizes: {one} is {height} × {width} (height × width), {two} is "
            f"{high} × {wide}. Bring all to one with size=64, or another number (in the shell: --size 64)."
        )
    return (
        f"{listing.folder}: the images are of several kinds: {one} is {WORDS[channels]} ({channels} "
        f"channel{'s' if channels > 1 else ''}), {two} is {WORDS[others]} ({others}). Bring all to one with "
        f"channels={3 if max(channels, others) < 4 else 4}, or channels=1 for grey (in the shell: --channels)."
    )


def _with_fix(error: InputError) -> InputError:
    return InputError(f"{error} Or pass over such files with skip_bad=True (in the shell: --skip-bad).")
