"""What every penalty must do."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from isthmus.components.latents.base import Latent
from isthmus.components.objectives.base import penalty_parts
from isthmus.components.penalties.base import Penalty
from isthmus.core.errors import ParameterError
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.progress import END, Progress
from isthmus.core.registry import registered
from isthmus.core.schedule import value_at
from isthmus.models.autoencoder import ComposedAutoencoder

from .examples import ROWS, encoder_output, example_model, example_passes, pass_of_encoder_output
from .requirement import global_random_state_untouched, require, require_close, require_gradient
from .specs import check_spec, variants

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
    for latent in _latents(spec):
        model = example_model(True, {"penalty": spec}, latent=latent)
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        with global_random_state_untouched(f"{who}.value"):
            whole, parts = example_passes(model)
            value = _value(model, whole)
            repeated = _value(model, whole)
            pieces = [_value(model, part) for part in parts]
        require(value.ndim == 0 and value.isfinite(), f"{who}.value must be a finite scalar; got {value}")
        require(torch.equal(value, repeated), f"{who}.value differs from call to call")
        for name, tensor in model.state_dict().items():
            require(torch.equal(tensor, before[name]), f"{who}.value changed {name!r} of the model: must be pure")
        if spec.scope == "row":
            require_close(
                sum(pieces, torch.zeros((), dtype=value.dtype)), value, f"{who}.value must be a sum over rows"
            )
        if spec.scope == "parameters":
            for piece, part in zip(pieces, parts, strict=True):
                share = len(part.features) / ROWS
                require_close(piece, value * share, f"{who} has scope 'parameters': one value, counted for each row")
        elif spec.differentiable and not (spec.looks_at_reconstruction and latent.code_space == "symbols"):
            _check_gradient(who, spec, latent)
        if model.penalty_modules[0].has_critic:
            _check_critic(who, model, whole, parts if spec.scope == "row" else [])


def _latents(spec: Penalty) -> list[Latent]:
    """One latent of each kind that the penalty is defined for."""
    latents = [cls() for (axis, _), cls in sorted(registered().items()) if axis == "latent"]
    fitting = [
        one
        for one in latents
        if one.code_space in spec.code_spaces and (one.stochastic or not spec.needs_stochastic_latent)
    ]
    kinds: dict[tuple[str, bool], Latent] = {}
    for one in fitting:
        kind = one.code_space, one.stochastic
        if kind not in kinds and not _refuses(spec, one):
            kinds[kind] = one
    if not kinds:  # it may want a latent with other parameters
        options: list[Any] = [option for one in fitting for option in variants(one)]
        kinds.update(((one.code_space, one.stochastic), one) for one in options if not _refuses(spec, one))
    require(kinds, f"{type(spec).__name__}: no latent has codes for it")
    return list(kinds.values())


def _refuses(spec: Penalty, latent: Latent) -> bool:
    """Whether the penalty is not defined for the posterior of a latent, and says so by name."""
    posterior = latent.name
    try:
        model = example_model(True, {"penalty": spec}, latent=latent)
        whole, _ = example_passes(model)
        posterior = type(whole.posterior).__name__
        _value(model, whole)
    except ParameterError as error:
        for name in (type(spec).__name__, posterior):
            require(name in str(error), f"{type(spec).__name__} refuses a latent without naming {name}: {error}")
        return True
    return False


def _value(model: ComposedAutoencoder, forward_pass: ForwardPass) -> Tensor:
    return penalty_parts(forward_pass, model.penalties_by_name, model.weights(END))[0]["penalty"]


def _check_gradient(who: str, spec: Penalty, latent: Latent) -> None:
    model = example_model(True, {"penalty": spec}, latent=latent)
    require_gradient(
        lambda parameters: _value(model, pass_of_encoder_output(model, parameters)),
        (encoder_output(model),),
        f"{who}: value by the encoder's output",
    )


def _check_critic(who: str, model: ComposedAutoencoder, forward_pass: ForwardPass, parts: list[ForwardPass]) -> None:
    """The critic minimises its own loss, a sum over rows, and moves nothing else."""
    module = model.penalty_modules[0]
    loss, *pieces = [
        module.critic_loss(found, found.noise.penalties.get("penalty"))  # type: ignore[operator]
        for found in (forward_pass, *parts)
    ]
    require(loss.ndim == 0 and loss.isfinite(), f"{who}: the critic's loss must be a finite scalar; got {loss}")
    if pieces:
        require_close(sum(pieces, torch.zeros_like(loss)), loss, f"{who}: the critic's loss must be a sum over rows")
    own = {id(parameter) for parameter in module.parameters()}
    require(own, f"{who} has a critic without parameters")
    gradients = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
    for (name, parameter), gradient in zip(model.named_parameters(), gradients, strict=True):
        moved = gradient is not None and bool((gradient != 0).any())
        require(not moved or id(parameter) in own, f"{who}: the critic's loss moves {name!r}: detach the codes")
        require(gradient is not None or id(parameter) not in own, f"{who}: the critic's loss does not reach {name!r}")


def _check_schedule(who: str, spec: Penalty) -> None:
    require(spec.settled(END), f"{who}: at the end of a run the weight must have its final value")
    final = spec.weight_at(END)
    expected = value_at(spec.weight, 1.0)
    require(final == expected, f"{who}: after its warm-up the weight must be {expected}; it is {final}")
    for share in range(9):
        progress = Progress(epoch=float(share), fraction=share / 8)
        weight = spec.weight_at(progress)
        require(math.isfinite(weight) and weight >= 0, f"{who}: the weight {weight} at {progress} is not >= 0")
        if spec.settled(progress):
            require(weight == final, f"{who} has settled at {progress}, but its weight is not the final one")
