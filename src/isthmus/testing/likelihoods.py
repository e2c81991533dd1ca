"""What every likelihood must do."""

from __future__ import annotations

import torch
from torch import Tensor

from isthmus.components.likelihoods.base import Likelihood, LikelihoodModule
from isthmus.core.blocks import Block
from isthmus.core.random import torch_generator

from .distributions import check_distribution, check_rows_are_independent
from .requirement import global_random_state_untouched, require, require_close, require_gradient
from .specs import check_spec

ROWS = 4


def check_likelihood(spec: Likelihood, block: Block) -> None:
    """Sizes, density, draws, gradients, and steps that change nothing but what they return.

    ``log_prob`` must sum over the features of a row (never average), ``updates`` must leave the module as it was and
    average over micro-batches, and ``calibrate`` must be repeatable and must not make the rows less likely.

    Parameters
    ----------
    spec : Likelihood
    block : Block
        Of a kind that the likelihood accepts, two to four columns wide.

    Raises
    ------
    AssertionError
        Naming the broken rule.

    Examples
    --------
    >>> from isthmus import Gaussian
    >>> check_likelihood(Gaussian(), Block("continuous", 0, 2, (2,)))
    """
    check_spec(spec)
    who = type(spec).__name__
    size = spec.parameter_shape(block)
    require(isinstance(size, int) and size > 0, f"{who}.parameter_shape gives {size!r}, expected a positive integer")
    with global_random_state_untouched(f"{who}.build"):
        module = spec.build(block).double()
    require(isinstance(module, LikelihoodModule), f"{who}.build must give a LikelihoodModule")
    generator = torch_generator(0)
    parameters = torch.randn(ROWS, size, generator=generator, dtype=torch.float64)
    distribution = module(parameters)
    check_distribution(distribution, ROWS)
    target = distribution.draw(ROWS, generator)
    require(
        target.shape == (ROWS, block.width), f"{who}: a draw has {tuple(target.shape)}, expected (n, {block.width})"
    )
    for name in ("mean", "mode"):
        point = getattr(distribution, name, None)
        require(point is not None and point.shape == target.shape, f"{who}: its distribution needs `{name}`, (n, d)")
    pieces = [module(parameters[i : i + 1]).log_prob(target[i : i + 1]) for i in range(ROWS)]
    check_rows_are_independent(who, distribution.log_prob(target), pieces)
    _check_twice_as_wide(spec, block, module, parameters, target)
    require_gradient(lambda p: module(p).log_prob(target), (parameters,), f"{who}: log_prob by the decoder's output")
    _check_steps(who, module, parameters, target)


def _check_twice_as_wide(
    spec: Likelihood, block: Block, module: LikelihoodModule, parameters: Tensor, target: Tensor
) -> None:
    """Every column twice: twice the log-density. Only where a feature has one parameter is the layout known."""
    if parameters.shape[1] != block.width:
        return
    wide = Block(block.kind, 0, 2 * block.width, (2 * block.width,), block.step, block.variance)
    doubled = spec.build(wide).double()(parameters.repeat(1, 2)).log_prob(target.repeat(1, 2))
    require_close(
        doubled,
        2 * module(parameters).log_prob(target),
        f"{type(spec).__name__}.log_prob must sum over features: with every column twice it must double",
    )


def _check_steps(who: str, module: LikelihoodModule, parameters: Tensor, target: Tensor) -> None:
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with global_random_state_untouched(f"{who}'s step"):
        whole = module.updates(module(parameters), target)
        statistics = module.statistics(module(parameters), target)
    for name, tensor in module.state_dict().items():
        require(
            torch.equal(tensor, before[name]), f"{who}.updates or .statistics changed buffer {name!r}: must be pure"
        )
    half = ROWS // 2
    pieces = [(parameters[:half], target[:half]), (parameters[half:], target[half:])]
    halves = [module.updates(module(piece), rows) for piece, rows in pieces]
    for name, value in whole.items():
        require(name in before, f"{who}.updates names {name!r}, which is not a buffer")
        require(not value.requires_grad, f"{who}.updates: {name!r} must be detached")
        average = (halves[0][name] + halves[1][name]) / 2
        require_close(value, average, f"{who}.updates of a batch must be the average of those of its halves ({name})")
    require(bool(whole) == (statistics is not None), f"{who}: running buffers need both updates and statistics")
    if statistics is None:
        return
    sums = sum(module.statistics(module(piece), rows) for piece, rows in pieces)  # type: ignore[misc]
    require_close(torch.as_tensor(sums), statistics, f"{who}.statistics must be sums over rows")
    likelihood = module(parameters).log_prob(target).sum()
    module.calibrate(statistics, ROWS)
    calibrated = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    after = module(parameters).log_prob(target).sum()
    require(after >= likelihood - 1e-9, f"{who}.calibrate makes the rows less likely: {likelihood:.6g} -> {after:.6g}")
    again = module.statistics(module(parameters), target)
    require(again is not None, f"{who}.statistics vanish after calibrate")
    module.calibrate(again, ROWS)  # type: ignore[arg-type]
    for name, tensor in module.state_dict().items():
        require_close(tensor, calibrated[name], f"{who}.calibrate is not repeatable ({name})", 1e-12)
