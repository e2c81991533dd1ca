"""Which arrays are stacks of images, and which only look like it."""

from __future__ import annotations

from isthmus.core.errors import InputError

from .matrix import Matrix

CHANNELS = (1, 3, 4)


def check_images(matrix: Matrix, kind: object) -> None:
    """Raise :class:`InputError` unless a matrix with rows of two or three dimensions is a stack of images.

    uint8 means images; any other type needs ``kind="images"``, because it could as well be series. Channels come
    last; channels first are recognised and refused with the fix.
    """
    height, _, *rest = matrix.row_shape
    shape = (matrix.n_rows, *matrix.row_shape)
    if rest and rest[0] not in CHANNELS:
        if height in CHANNELS:
            raise InputError(
                f"Images of shape {shape} have their channels first; expected (n, height, width, channels). "
                "Pass X.transpose(0, 2, 3, 1)."
            )
        raise InputError(
            f"Images of shape {shape} have {rest[0]} channels; expected (n, height, width, channels) with 1, 3 or 4 "
            "channels. Flatten other rows with X.reshape(len(X), -1)."
        )
    if matrix.types[0].numpy != "uint8" and kind != "images":
        raise InputError(
            f"Found array with dim {len(shape)} (shape={shape}) of dtype {matrix.types[0].numpy}. If these are "
            'images, say so with schema="images" (only uint8 is taken for images by itself); flatten other rows with '
            "X.reshape(len(X), -1)."
        )
