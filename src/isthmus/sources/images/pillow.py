"""Pillow, imported when the first image is opened or written."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from isthmus.core.errors import MissingDependencyError


def pillow() -> ModuleType:
    """The module ``PIL.Image``; raises :class:`MissingDependencyError` with the pip command if it is not there."""
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingDependencyError(
            "Image files need Pillow, which is not installed: pip install 'isthmus[images]'."
        ) from error
    return Image


@contextmanager
def quiet() -> Iterator[None]:
    """Without Pillow's warnings: about metadata, which do not matter, and sizes, which are checked here.

    Warnings belong to the whole process, so one thread enters this for all that decode.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
