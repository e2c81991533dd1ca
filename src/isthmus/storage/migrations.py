"""Numbered steps that turn the model files of older formats into today's.

When the format changes: raise ``FORMAT_VERSION`` and ``NEEDS`` in ``manifest.py``, write a function here that turns
what the format before held into the new, enter it in ``MIGRATIONS`` under the number that it starts from, and keep a
golden file of the format before in the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from isthmus.core.errors import ModelFileError
from isthmus.files.os_errors import PathLike

from .manifest import FORMAT_VERSION

Content = tuple[dict[str, Any], dict[str, Tensor]]
Migration = Callable[[dict[str, Any], dict[str, Tensor]], Content]

MIGRATIONS: dict[int, Migration] = {}


def migrate(
    path: PathLike,
    manifest: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    *,
    migrations: Mapping[int, Migration] = MIGRATIONS,
    current: int = FORMAT_VERSION,
) -> Content:
    """The manifest and tensors in the current format.

    Parameters
    ----------
    path : str or path-like
        Where they came from, for messages.
    manifest, tensors : dict
        What the file holds; they are not changed.
    migrations : dict of int to callable
        The step that leads from each format to the next: ``(manifest, tensors) -> (manifest, tensors)``. The format
        number itself is set here.
    current : int
        The format to reach.

    Raises
    ------
    ModelFileError
        The file is newer than this Isthmus, or so old that no step leads on, or names no format.
    """
    found = file_format(path, manifest)
    if found > current:
        raise ModelFileError(
            f"Cannot load {str(path)!r}: it was written by a newer Isthmus (format {found}, this one reads up to "
            f"{current}); upgrade to isthmus >= {str(manifest.get('needs'))[:40]}."
        )
    content = dict(manifest), dict(tensors)
    for number in range(found, current):
        step = migrations.get(number)
        if step is None:
            raise ModelFileError(
                f"Cannot load {str(path)!r}: its format {number} is no longer read by this Isthmus; load and save it "
                "with an older release first."
            )
        changed, kept = step(*content)
        content = {**changed, "format": number + 1}, kept
    return content


def file_format(path: PathLike, manifest: Mapping[str, Any]) -> int:
    """The format number of a manifest."""
    found = manifest.get("format")
    if type(found) is not int or found < 1:
        raise ModelFileError(f"Cannot load {str(path)!r}: its manifest names no valid format (got {found!r}).")
    return found
