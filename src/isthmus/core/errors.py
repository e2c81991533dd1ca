"""Every error and warning that Isthmus raises, in one tree.

::

    IsthmusError
    ├── InputError (ValueError)            the data does not fit
    │   └── InputTypeError (TypeError)     the data cannot be converted to numbers
    ├── ParameterError (ValueError)        a hyper-parameter is out of range or makes no sense
    ├── ModelFileError (ValueError)        a model file or checkpoint is damaged, foreign or too new
    │   └── ResumeError                    a checkpoint belongs to another run
    ├── RunFolderBusyError (RuntimeError)  another process is using the checkpoint folder
    ├── DivergenceError (RuntimeError)     training became non-finite and could not be rescued
    └── MissingDependencyError (ImportError)  an optional extra is not installed

    IsthmusWarning (UserWarning)
    ├── DataWarning         something in the data deserves a look (constant column, huge integers)
    ├── CollapseWarning     latent dimensions carry nothing although the data could fill them
    ├── CompositionWarning  parts go together, but probably are not what was meant
    ├── LikelihoodWarning   the noise scale reached its floor
    ├── TrainingWarning     training had to help itself (smaller batch, lower rate, skipped steps)
    └── CheckpointWarning   a checkpoint had to be passed over
"""

from __future__ import annotations


class IsthmusError(Exception):
    """Base class of all errors raised by Isthmus."""


class InputError(IsthmusError, ValueError):
    """The data does not fit: the message names the cell, column or file, and the fix."""


class InputTypeError(InputError, TypeError):
    """The data is of a type that cannot be converted to numbers."""


class ParameterError(IsthmusError, ValueError):
    """A hyper-parameter is out of its range, or two of them make no sense together."""


class ModelFileError(IsthmusError, ValueError):
    """A model file or checkpoint is damaged, foreign, unsafe or too new."""


class ResumeError(ModelFileError):
    """A checkpoint belongs to another run: other data, parameters or library versions."""


class RunFolderBusyError(IsthmusError, RuntimeError):
    """Another live process is training in the same checkpoint folder."""


class DivergenceError(IsthmusError, RuntimeError):
    """Training became non-finite and lowering the learning rate did not rescue it."""


class MissingDependencyError(IsthmusError, ImportError):
    """An optional extra is not installed; the message gives the pip command."""


class IsthmusWarning(UserWarning):
    """Base class of all warnings issued by Isthmus."""


class DataWarning(IsthmusWarning):
    """Something in the data deserves a look, but training goes on."""


class CollapseWarning(IsthmusWarning):
    """Latent dimensions carry nothing although the data could fill them."""


class CompositionWarning(IsthmusWarning):
    """The parts of a model go together, but probably are not what was meant."""


class LikelihoodWarning(IsthmusWarning):
    """The likelihood's noise scale reached its floor."""


class TrainingWarning(IsthmusWarning):
    """Training had to help itself: smaller batches, a lower rate, skipped steps."""


class CheckpointWarning(IsthmusWarning):
    """A checkpoint had to be passed over."""
