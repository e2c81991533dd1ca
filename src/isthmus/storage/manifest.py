"""What a model file says about a model."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from torch import Tensor

from isthmus.core.errors import ModelFileError
from isthmus.files.os_errors import PathLike

from .._version import __version__

# Raise the first whenever the manifest or the meaning of a tensor changes, with a migration from the format before;
# the second is the first release of Isthmus that reads the new format.
FORMAT_VERSION = 1
NEEDS = "0.1.0"

_RECORDED = ("torch", "numpy", "scipy", "scikit-learn", "safetensors")


@dataclass(frozen=True, eq=False)
class ModelRecord:
    """A fitted model as data: everything that its file holds, nothing that runs.

    Attributes
    ----------
    estimator : str
        The estimator's registered name ("vae").
    params : dict
        The constructor's parameters as plain JSON; specs as :meth:`Spec.to_json` gives them.
    composition : dict
        The specs that were built, by axis, with every "auto" resolved.
    schema : dict
        The schema as JSON.
    summary : dict
        Training summary, diagnostics and history as JSON (None in place of NaN).
    versions : dict of str to str
        The libraries that the model was trained with.
    tensors : dict of str to Tensor
        Weights, buffers and the fitted density, by name.
    """

    estimator: str
    params: dict[str, Any]
    composition: dict[str, Any]
    schema: dict[str, Any]
    summary: dict[str, Any]
    versions: dict[str, str]
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def to_manifest(self) -> dict[str, Any]:
        """The manifest: every field but the tensors, the format version, and the oldest Isthmus that reads it."""
        fields = {name: getattr(self, name) for name in _FIELDS}
        return {"format": FORMAT_VERSION, "needs": NEEDS, **fields}

    @classmethod
    def from_manifest(cls, path: PathLike, manifest: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> ModelRecord:
        """The record that a manifest of the current format describes.

        Raises
        ------
        ModelFileError
            A field is missing, unknown or of the wrong type; the message names it and the file.
        """
        expected = {"format", "needs", *_FIELDS}
        problems = [f"lacks {name!r}" for name in sorted(expected - set(manifest))]
        problems += [f"has the unknown field {name!r}" for name in sorted(set(manifest) - expected)]
        if not problems:
            problems = [
                f"has {name!r} as {type(manifest[name]).__name__}, expected {kind.__name__}"
                for name, kind in _FIELDS.items()
                if not isinstance(manifest[name], kind)
            ]
        if not problems and not all(isinstance(value, str) for value in manifest["versions"].values()):
            problems = ["has a version that is not a string in 'versions'"]
        if problems:
            raise ModelFileError(f"Cannot load {str(path)!r}: its manifest {' and '.join(problems)}.")
        return cls(**{name: manifest[name] for name in _FIELDS}, tensors=dict(tensors))


_FIELDS: dict[str, type] = {
    entry.name: str if entry.name == "estimator" else dict
    for entry in dataclasses.fields(ModelRecord)
    if entry.name != "tensors"
}


def library_versions() -> dict[str, str]:
    """The versions that a model file records: of Python, Isthmus and the libraries that its numbers depend on."""
    versions = {"python": platform.python_version(), "isthmus": __version__}
    for name in _RECORDED:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "unknown"
    return versions
