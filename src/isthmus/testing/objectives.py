"""What every objective must do."""

from __future__ import annotations

import torch

from isthmus.components.objectives.base import Objective
from isthmus.components.penalties.base import Penalty
from isthmus.components.penalties.kl import KL
from isthmus.core.loss_terms import LossTerms
from isthmus.core.progress import END

from .examples import (
    ROWS,
    encoder_output,
    example_model,
    example_passes,
    example_rows,
    pass_of_encoder_output,
)
from .requirement import global_random_state_untouched, require, require_close, require_gradient
from .specs import check_spec


def check_objective(spec: Objective) -> None:
    """Named sums over rows with their weights: batches can be split, and names reach the history.

    Parameters
    ----------
    spec : Objective

    Raises
    ------
    AssertionError
        Naming the broken rule.

    Examples
    --------
    >>> from isthmus import PenalisedLikelihood
    >>> check_objective(PenalisedLikelihood())
    """
    check_spec(spec)
    who = type(spec).__name__
    for stochastic in (True,) if spec.needs_stochastic_latent else (True, False):
        with_kl = stochastic and not spec.includes_divergence
        penalties: dict[str, Penalty] = {"kl": KL(weight=0.5)} if with_kl else {}
        model = example_model(stochastic, penalties, spec)
        weights = model.weights(END)
        modules = model.penalties_by_name
        with global_random_state_untouched(f"{who}.terms"):
            whole, parts = example_passes(model)
            terms = spec.terms(whole, modules, weights)
            pieces = [spec.terms(part, modules, weights) for part in parts]
        _check_terms(who, spec, terms, set(penalties))
        for name, part in terms.parts.items():
            total = sum((piece.parts[name] for piece in pieces), torch.zeros((), dtype=part.dtype))
            require_close(total, part, f"{who}: part {name!r} must be a sum over rows")
        shares = sum((piece.total * piece.rows for piece in pieces), torch.zeros((), dtype=torch.float64)) / terms.rows
        require_close(shares, terms.total, f"{who}: the loss depends on how rows are split into batches")
        loss = model.loss(*example_rows(model), weights)
        require_close(loss.total, terms.total, f"{who}: the model's loss is not that of its objective")
        _check_gradient(who, spec, stochastic, penalties)


def _check_terms(who: str, spec: Objective, terms: LossTerms, penalties: set[str]) -> None:
    require(isinstance(terms, LossTerms), f"{who}.terms must give LossTerms; got {type(terms).__name__}")
    require("reconstruction" in spec.own_parts, f"{who}: one part must be called 'reconstruction'")
    require(terms.rows == ROWS, f"{who}: `rows` is {terms.rows}, the batch had {ROWS}")
    missing = penalties - set(terms.parts)
    require(not missing, f"{who}: penalties lost their names: {sorted(missing)}")
    own = set(terms.parts) - penalties
    require(own == set(spec.own_parts), f"{who}.own_parts is {spec.own_parts}, but its parts are {sorted(own)}")
    unknown = set(terms.weights) - set(terms.parts)
    require(not unknown, f"{who}: weights for parts that do not exist: {sorted(unknown)}")
    for name, part in terms.parts.items():
        require(part.ndim == 0 and part.isfinite(), f"{who}: part {name!r} must be a finite scalar; got {part}")


def _check_gradient(who: str, spec: Objective, stochastic: bool, penalties: dict[str, Penalty]) -> None:
    model = example_model(stochastic, penalties, spec)
    weights = model.weights(END)
    require_gradient(
        lambda parameters: (
            spec.terms(pass_of_encoder_output(model, parameters), model.penalties_by_name, weights).total
        ),
        (encoder_output(model),),
        f"{who}: the loss by the encoder's output",
    )
