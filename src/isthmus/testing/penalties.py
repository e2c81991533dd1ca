"""What every penalty must do."""

from __future__ import annotations

import math

import torch

from isthmus.components.penalties.base import Penalty

from .examples import encoder_output, example_model, example_passes, pass_of_encoder_output
from .requirement import global_random_state_untouched, require, require_close, require_gradient
from .specs import check_spec

SCOPES = ("row", "batch", "parameters")


def check_penalty(spec: Penalty) -> None:
    """A finite scalar in nats, summed over rows as its scope says, with the right gradient and a sane schedule.

    Parameters
    ----------
    spec : Penalty

    Raises
    ------
    AssertionError
        Naming the broken rule.

    Examples
    --------
    >>> from isthmus import KL
    >>> check_penalty(KL())
    """
    check_spec(spec)
    who = type(spec).__name__
    require(spec.scope in SCOPES, f"{who}.scope is {spec.scope!r}, expected one of {', '.join(SCOPES)}")
    _check_schedule(who, spec)
    for stochastic in (True,) if spec.needs_stochastic_latent else (True, False):
        model = example_model(stochastic, {"penalty": spec})
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        with global_random_state_untouched(f"{who}.value"):
            whole, parts = example_passes(model)
            value = spec.value(whole)
            repeated = spec.value(whole)
            pieces = [spec.value(part) for part in parts]
        require(value.ndim == 0 and value.isfinite(), f"{who}.value must be a finite scalar; got {value}")
        require(torch.equal(value, repeated), f"{who}.value differs from call to call")
        for name, tensor in model.state_dict().items():
            require(torch.equal(tensor, before[name]), f"{who}.value changed {name!r} of the model: must be pure")
        if spec.scope == "row":
            require_close(
                sum(pieces, torch.zeros((), dtype=value.dtype)), value, f"{who}.value must be a sum over rows"
            )
        if spec.scope == "parameters":
            for piece in pieces:
                require_close(piece, value, f"{who} has scope 'parameters', so rows must not matter")
        else:
            _check_gradient(who, spec, stochastic)


def _check_gradient(who: str, spec: Penalty, stochastic: bool) -> None:
    model = example_model(stochastic)
    require_gradient(
        lambda parameters: spec.value(pass_of_encoder_output(model, parameters)),
        (encoder_output(model),),
        f"{who}: value by the encoder's output",
    )


def _check_schedule(who: str, spec: Penalty) -> None:
    warmup = spec.warmup
    require(math.isfinite(warmup) and warmup >= 0, f"{who}.warmup is {warmup!r}, expected a number of epochs")
    for epoch in (warmup, warmup + 0.5, 2 * warmup + 1):
        require(
            spec.weight_at(epoch) == float(spec.weight), f"{who}: after its warm-up the weight must be {spec.weight}"
        )
    weights = [spec.weight_at(warmup * step / 8) for step in range(9)]
    require(
        all(math.isfinite(weight) and weight >= 0 for weight in weights), f"{who}: weights {weights} are not all >= 0"
    )
