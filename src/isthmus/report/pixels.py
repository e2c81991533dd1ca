"""Images as PNG data URIs, pixel for pixel; the page enlarges them without smoothing."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.core.errors import MissingDependencyError


@dataclass(frozen=True)
class ImageScale:
    """How the values of a stack become pixels: the same for originals, reconstructions and samples.

    Attributes
    ----------
    low, high : float
        The values drawn as black and white; what lies beyond is clipped.
    ink : bool
        Grey images on an empty background (digits, letters, sketches) are drawn as ink: the value is the opacity,
        so the page shows through and light and dark both look right.
    """

    low: float
    high: float
    ink: bool

    @classmethod
    def of(cls, images: NDArray[Any]) -> ImageScale:
        """The scale of a stack (n, h, w) or (n, h, w, c)."""
        low, high = float(images.min()), float(images.max())
        high = high if high > low else low + 1.0
        grey = images.ndim == 3 or images.shape[-1] == 1
        return cls(low, high, bool(grey and np.median(images) - low < 0.15 * (high - low)))

    def data_uri(self, image: NDArray[Any]) -> str:
        """One image (h, w), (h, w, 1), (h, w, 3) or (h, w, 4) as a ``data:image/png`` address."""
        try:
            from matplotlib.image import imsave
        except ImportError as error:
            raise MissingDependencyError(
                "Images in reports need matplotlib, which is not installed: pip install 'isthmus[plots]'."
            ) from error
        unit = np.clip((np.asarray(image, dtype=np.float64) - self.low) / (self.high - self.low), 0.0, 1.0)
        values = np.round(255 * unit).astype(np.uint8)
        if values.ndim == 3 and values.shape[-1] not in (3, 4):
            values = values[..., 0]
        if values.ndim == 2:
            empty = np.zeros_like(values)
            opaque = np.full_like(values, 255)
            layers = (empty, empty, empty, values) if self.ink else (values, values, values, opaque)
            values = np.stack(layers, axis=-1)
        buffer = io.BytesIO()
        no_metadata: dict[str, Any] = {"Software": None}
        imsave(buffer, values, format="png", metadata=no_metadata)
        return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def is_image_stack(shape: tuple[int, ...]) -> bool:
    """Whether rows of this shape can be drawn as images."""
    return len(shape) == 2 or (len(shape) == 3 and shape[-1] in (1, 3, 4))
