"""What commands have in common that apply a model to the rows of a file: their arguments, and reading both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .image_options import skip_bad_option
from .images import form_of
from .options import debug_option, file_argument, header_option, key_option, model_argument, trust_option
from .rows import Input, read_input
from .threads import choose_threads

if TYPE_CHECKING:
    from isthmus.data.schema import Schema
    from isthmus.estimators.base import BaseAutoencoder

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class ModelRows:
    """A model and the rows of a file, as they were named.

    Attributes
    ----------
    model, file : Path
    key : str or None
        Which array of an ``.npz`` file.
    skip_bad : bool
        Pass over damaged images.
    trust : tuple of str
        Code that the model file may import.
    """

    model: Path
    file: Path
    key: str | None
    skip_bad: bool
    trust: tuple[str, ...]

    def load(self) -> BaseAutoencoder:
        """The model."""
        return load_autoencoder(self.model, self.trust)

    def read(self, schema: Schema, file: Path | None = None) -> Input:
        """The rows of the file, or of another, in the form and the types that the model takes."""
        return read_input(file or self.file, self.key, form_of(schema), self.skip_bad, text_columns(schema))


def load_autoencoder(path: Path, trust: tuple[str, ...]) -> BaseAutoencoder:
    """The model in a file; :class:`ParameterError` for a detector, which has another use."""
    from isthmus.core.errors import ParameterError
    from isthmus.estimators.base import BaseAutoencoder
    from isthmus.estimators.saving import load

    found = load(path, trust)
    if not isinstance(found, BaseAutoencoder):
        raise ParameterError(
            f"{path} holds a detector of anomalies, which has no code. Use it with: isthmus anomalies FILE --model "
            f"{path}."
        )
    choose_threads(found.schema_.row_shape)
    return found


def model_and_file(function: Function) -> Function:
    """The arguments MODEL and FILE, first in the usage."""
    return model_argument(file_argument(function))


def reading_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options about reading, last in the help; with MODEL and FILE, the command gets them as one ``source``."""

    @wraps(function)
    def command(
        *args: Any, model: Path, file: Path, key: str | None, skip_bad: bool, trust: tuple[str, ...], **rest: Any
    ) -> Any:
        return function(*args, source=ModelRows(model, file, key, skip_bad, trust), **rest)

    return header_option(key_option(skip_bad_option(trust_option(debug_option(command)))))


def text_columns(schema: Schema) -> tuple[str, ...]:
    """The columns of a model's table that are text: in another file their cells may all look like numbers."""
    levels = schema.roles.levels
    return tuple(
        label
        for position, label in enumerate(schema.labels or ())
        if isinstance(label, str)
        and (levels[position].are_text if position in levels else schema.types[position].numpy == "object")
    )
