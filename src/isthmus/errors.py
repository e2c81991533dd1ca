"""Every error and warning that Isthmus raises: ``from isthmus.errors import InputError``.

See :mod:`isthmus.core.errors` for the tree.
"""

from .core.errors import (
    CheckpointWarning,
    CollapseWarning,
    CompositionWarning,
    DataWarning,
    DivergenceError,
    InputError,
    InputTypeError,
    IsthmusError,
    IsthmusWarning,
    LikelihoodWarning,
    MissingDependencyError,
    ModelFileError,
    ParameterError,
    ResumeError,
    RunFolderBusyError,
    TrainingWarning,
)

__all__ = [
    "CheckpointWarning",
    "CollapseWarning",
    "CompositionWarning",
    "DataWarning",
    "DivergenceError",
    "InputError",
    "InputTypeError",
    "IsthmusError",
    "IsthmusWarning",
    "LikelihoodWarning",
    "MissingDependencyError",
    "ModelFileError",
    "ParameterError",
    "ResumeError",
    "RunFolderBusyError",
    "TrainingWarning",
]
