"""The constructor parameters that all estimators share: their types, defaults and docs, once."""

from __future__ import annotations

import functools
import inspect
from typing import Any, TypedDict

from isthmus.core.suggestion import did_you_mean


class SharedParameters(TypedDict, total=False):
    """Keyword parameters of every estimator, for editors and type checkers."""

    network: Any
    encoder: Any
    decoder: Any
    latent: Any
    prior: Any
    likelihood: Any
    penalties: Any
    objective: Any
    corruption: Any
    schema: Any
    scaling: str
    missing: str
    extrapolate: bool
    max_epochs: int | str
    max_seconds: float | None
    batch_size: int | str
    learning_rate: float
    learning_rate_schedule: str
    validation_fraction: float | None
    patience: int | str | None
    checkpoint: Any
    warm_start: bool
    device: str
    precision: str
    compile: bool
    callbacks: Any
    random_state: Any
    verbose: int


def complete_constructor(cls: Any, base: Any) -> None:
    """Give ``cls.__init__(self, own, **shared)`` the full signature, and its docstring the shared paragraphs.

    scikit-learn reads parameter names from the signature; ``help`` and editors show it.
    """
    constructor = cls.__init__
    own = inspect.signature(constructor)
    parameters = [p for p in own.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    if len(parameters) < len(own.parameters):
        taken = {parameter.name for parameter in parameters}
        shared = [p for name, p in inspect.signature(base.__init__).parameters.items() if name not in taken]
        full = own.replace(parameters=[*parameters, *shared])
        cls.__init__ = _named(cls.__name__, constructor, full)
    if cls.__doc__ is not None:
        cls.__doc__ = cls.__doc__.replace("    [shared parameters]", PARAMETERS).replace("    [attributes]", ATTRIBUTES)


def _named(owner: str, constructor: Any, full: inspect.Signature) -> Any:
    """``constructor`` with the signature ``full``, which refuses an unknown parameter by name."""

    @functools.wraps(constructor)
    def __init__(self: Any, *given: Any, **named: Any) -> None:  # noqa: N807
        for name in named:
            if name not in full.parameters:
                listed = f" It has: {', '.join(list(full.parameters)[1:])}."
                hint = did_you_mean(name, full.parameters, "`") or listed
                raise TypeError(f"{owner} has no parameter `{name}`.{hint}")
        constructor(self, *given, **named)

    __init__.__signature__ = full  # type: ignore[attr-defined]
    return __init__


PARAMETERS = """\
    latent_dim : int or "auto"
        The size of the code; "auto" is the square root of the number of features, at most 32.
    network : "auto" or Network
        One spec, such as ``MLP(hidden=(512, 256))``: builds the encoder, and the decoder mirrored.
    encoder, decoder : "auto" or Network
        Override ``network`` on one side.
    latent, prior, likelihood, penalties, objective : "auto" or specs
        The other parts.
    corruption : "auto", None or Corruption
        Damage to the encoder's input while training, such as ``Masking(0.25)``: a denoising model. "auto": ``Hiding()``
        for tables with holes, none for other data.
    schema : "auto", a kind, "images", or dict of column to kind
        What the columns are: "continuous", "unit-interval", "binary", "count" or "categorical"; in a dict also
        "condition", "exposure" or "ignore".
    scaling : "auto", "column", "common" or "none"
        Continuous columns are standardised each ("column"), or centred and divided by one common scale. "auto":
        "column", and those of tables that are skewed or heavy-tailed go through a logarithm or their quantiles first.
    missing : "auto", "model" or "error"
        Missing cells: modelled, each column that has some with an indicator of its own; or refused. "auto": modelled in
        tables, refused in arrays.
    extrapolate : bool
        Rows of a table may come back with numbers outside of the range that was fitted; those of an array always may.
    max_epochs, max_seconds, batch_size, learning_rate, learning_rate_schedule
        "auto": about 2,000 steps of 32 to 128 rows. Schedules: "one-cycle", "cosine", "constant". A transformer over
        symbols, fitted after training, may take ``max_seconds`` once more.
    validation_fraction : float or None
        Held out for early stopping, for choosing the best epoch and the density over the codes. None: train on all.
    patience : int, None or "auto"
        Stop after so many epochs without a better held-out objective; "auto" is a quarter of the epochs.
    checkpoint : folder, Checkpoint or None
        Save the run's state there, and go on from it.
    warm_start : bool
        Go on from the fitted model at the next ``fit``.
    device : "auto" or str
        "auto": CUDA, then MPS, then CPU.
    precision : "auto", "float32" or "bfloat16"
    compile : bool
        Compile the training step with ``torch.compile``.
    callbacks : list of Callback
    random_state : int, numpy generator or None
    verbose : int
        1: a progress bar."""

ATTRIBUTES = """\
    Attributes
    ----------
    schema_, module_, history_, density_, n_iter_, latent_dim_, active_units_, active_dimensions_, sigma_, architecture_
        The schema, the PyTorch module, losses by epoch, the density over the codes, epochs, size of the code, how many
        of its dimensions are active, all of them by their activity, the noise scale (1 unless set) and the list of
        layers."""
