"""Save and load a fitted model as one sealed file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import torch

from isthmus.core.errors import ModelFileError, ParameterError
from isthmus.files.layout import TensorEntry, plan_table
from isthmus.files.os_errors import PathLike
from isthmus.files.sealed import read_manifest, read_sealed, write_sealed

from .allow_list import check_components
from .manifest import FORMAT_VERSION, ModelRecord
from .migrations import file_format, migrate

KIND = "model"
SUFFIX = ".safetensors"

Expected = Mapping[str, tuple[torch.dtype, tuple[int, ...]]]


def save_model(path: PathLike, record: ModelRecord) -> None:
    """Write ``record`` to ``path``, whole or not at all. The same record gives the same bytes.

    Parameters
    ----------
    path : str or path-like
        A file name that ends in ``.safetensors``, in an existing folder.
    record : ModelRecord
        The model.

    Raises
    ------
    ParameterError
        The name does not end in ``.safetensors``.
    ModelFileError
        The record holds what a file cannot: a value that is not plain JSON, NaN, an unsupported tensor.
    OSError
        The file cannot be written; the previous file is intact.
    """
    shown = os.fspath(path)
    if not shown.endswith(SUFFIX):
        raise ParameterError(f"save: `path` must end in {SUFFIX!r}; got {shown!r}. Use {shown + SUFFIX!r}.")
    write_sealed(path, KIND, record.to_manifest(), record.tensors)


def load_model(path: PathLike, trust: Sequence[str] = ()) -> ModelRecord:
    """Read a model file that :func:`save_model` of this or an older release wrote.

    The record is verified data; nothing has been built or imported yet. Whoever builds it checks the tensors with
    :func:`check_tensors` first.

    Parameters
    ----------
    path : str or path-like
        The file; its suffix does not matter.
    trust : sequence of str
        Import paths ``"package.module:attribute"`` of user-defined components that may be built.

    Raises
    ------
    ModelFileError
        The file is damaged, foreign, too new, or names a component that is unknown or not trusted.
    ParameterError
        ``trust`` is not a sequence of import paths.
    OSError
        There is no such file, or it cannot be read.
    """
    manifest, tensors = migrate(path, *read_sealed(path, KIND))
    record = ModelRecord.from_manifest(path, manifest, tensors)
    check_components(path, record.params, trust)
    check_components(path, record.composition, trust)
    return record


def inspect_model(path: PathLike) -> tuple[ModelRecord, dict[str, TensorEntry]]:
    """What a model file says, for display: the record without its tensors, and the table of the tensors.

    The digest is checked; components are not, since nothing is going to be built. Raises as :func:`load_model`.
    """
    manifest, table = read_manifest(path, KIND)
    tensors: dict[str, torch.Tensor] = {}
    if file_format(path, manifest) < FORMAT_VERSION:  # a migration may need the tensors, and may change them
        manifest, tensors = read_sealed(path, KIND)
    manifest, tensors = migrate(path, manifest, tensors)
    return ModelRecord.from_manifest(path, manifest, {}), plan_table(tensors) if tensors else table


def check_tensors(path: PathLike, tensors: Mapping[str, torch.Tensor], expected: Expected) -> None:
    """Raise unless ``tensors`` are exactly those that the model needs.

    Parameters
    ----------
    path : str or path-like
        The file, for the message.
    tensors : dict of str to Tensor
        What the file holds.
    expected : dict of str to (dtype, shape)
        What the model that is about to be filled needs.

    Raises
    ------
    ModelFileError
        The message lists the tensors that are missing, unexpected, or of another type or shape.
    """
    problems = []
    if missing := sorted(set(expected) - set(tensors)):
        problems.append(f"missing: {_listed(missing)}")
    if unexpected := sorted(set(tensors) - set(expected)):
        problems.append(f"unexpected: {_listed(unexpected)}")
    different = []
    for name in sorted(set(expected) & set(tensors)):
        dtype, shape = expected[name]
        if tensors[name].dtype != dtype or tuple(tensors[name].shape) != tuple(shape):
            got = f"{tensors[name].dtype} {tuple(tensors[name].shape)}"
            different.append(f"{name} is {got}, expected {dtype} {tuple(shape)}")
    if different:
        problems.append(f"different: {_listed(different)}")
    if problems:
        raise ModelFileError(
            f"Cannot load {str(path)!r}: its tensors do not fit the model it describes ({'; '.join(problems)})."
        )


def _listed(entries: list[str], most: int = 8) -> str:
    rest = f" and {len(entries) - most} more" if len(entries) > most else ""
    return ", ".join(entries[:most]) + rest
