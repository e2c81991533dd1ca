"""What every likelihood must do."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.func import functional_call

from isthmus.components.likelihoods.base import Likelihood, LikelihoodModule
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.random import torch_generator
from isthmus.distributions import Distribution, Observed, log_prob_by_column

from .distributions import check_distribution, check_rows_are_independent
from .requirement import global_random_state_untouched, require, require_close, require_gradient
from .specs import check_spec

ROWS = 4
SAMPLES = 2
EXTREME = 60.0


def check_likelihood(spec: Likelihood, block: Block) -> None:
    """Sizes, density, draws, gradients, exposures, and steps that change nothing but what they return.

    ``log_prob`` must sum over the features of a row (never average) and accept a leading axis of samples; draws must
    be data of the block's kind; exposures must multiply means; ``updates`` must leave the module as it was and
    average over micro-batches, and ``calibrate`` must be repeatable and must not make the rows less likely. What is
    learnt of rows with holes must not depend on what stands in an absent cell.

    Parameters
    ----------
    spec : Likelihood
    block : Block
        Of a kind that the likelihood accepts, two to four columns (or few levels) wide.

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
    require(module.describe().strip(), f"{who}.describe must give a few words")
    generator = torch_generator(0)
    parameters = torch.randn(ROWS, size, generator=generator, dtype=torch.float64)
    distribution = module(parameters)
    target = distribution.draw(ROWS, generator)
    require(
        target.shape == (ROWS, block.width), f"{who}: a draw has {tuple(target.shape)}, expected (n, {block.width})"
    )
    _check_support(who, block, module, target)
    check_distribution(distribution, ROWS, step=1.0 if module.is_density else block.step or 1.0)
    for name in ("mean", "mode"):
        point = getattr(distribution, name, None)
        require(point is not None and point.shape == target.shape, f"{who}: its distribution needs `{name}`, (n, d)")
    pieces = [module(parameters[i : i + 1]).log_prob(target[i : i + 1]) for i in range(ROWS)]
    check_rows_are_independent(who, distribution.log_prob(target), pieces)
    _check_twice_as_wide(spec, block, module, parameters, target)
    _check_gradients(who, module, parameters, target)
    _check_samples(who, module, parameters, target)
    _check_extremes(who, spec.build(block), parameters.float())
    if module.uses_exposure:
        _check_exposure(who, module, parameters)
    _check_begin(who, module, parameters, target)
    _check_steps(who, module, parameters, target)
    _check_holes(who, spec, block, parameters, target)


def _check_support(who: str, block: Block, module: LikelihoodModule, target: Tensor) -> None:
    """Draws are data of the block's kind, where only a likelihood of its own accepts the kind."""
    steps = target / (block.step or 1.0)
    on_levels = torch.allclose(steps, steps.round(), rtol=0, atol=1e-9)
    require(
        on_levels != module.is_density,
        f"{who}: its draws are {'levels' if on_levels else 'no levels'}, but is_density is {module.is_density}",
    )
    if block.kind == "count":
        whole = (target == target.round()) & (target >= 0)
        require(whole.all(), f"{who}: a draw of counts holds {float(target[~whole][:1].sum()):g}, no whole number >= 0")
    if block.kind == "categorical":
        levels = target.unflatten(-1, (-1, block.cardinality))
        one_hot = ((levels == 0) | (levels == 1)).all() and (levels.sum(-1) == 1).all()
        require(one_hot, f"{who}: draws of levels must be one-hot")


def _check_twice_as_wide(
    spec: Likelihood, block: Block, module: LikelihoodModule, parameters: Tensor, target: Tensor
) -> None:
    """Every column twice: twice the log-density. Only where a feature has one parameter is the layout known."""
    if parameters.shape[1] != block.width:
        return
    wide = replace(block, start=0, stop=2 * block.width, shape=(2 * block.width,))
    doubled = spec.build(wide).double()(parameters.repeat(1, 2)).log_prob(target.repeat(1, 2))
    require_close(
        doubled,
        2 * module(parameters).log_prob(target),
        f"{type(spec).__name__}.log_prob must sum over features: with every column twice it must double",
    )


def _check_gradients(who: str, module: LikelihoodModule, parameters: Tensor, target: Tensor) -> None:
    """By the decoder's output, and by each parameter of the module's own."""
    require_gradient(lambda p: module(p).log_prob(target), (parameters,), f"{who}: log_prob by the decoder's output")
    for name, parameter in module.named_parameters():
        require_gradient(
            lambda own, name=name: functional_call(module, {name: own}, (parameters,)).log_prob(target),
            (parameter,),
            f"{who}: log_prob by its own parameter {name!r}",
        )


def _check_samples(who: str, module: LikelihoodModule, parameters: Tensor, target: Tensor) -> None:
    """Several samples per row, (s, n, p): the same as sample by sample."""
    several = torch.stack([parameters, parameters.flip(0)])
    found = module(several).log_prob(target)
    require_close(
        found,
        torch.stack([module(one).log_prob(target) for one in several]),
        f"{who}: log_prob of parameters (samples, n, p) must be that of each sample",
        1e-12,
    )
    if module.uses_exposure:
        exposure = torch.arange(1.0, ROWS + 1, dtype=torch.float64).unsqueeze(-1)
        require_close(
            module(several, exposure).mean,
            torch.stack([module(one, exposure).mean for one in several]),
            f"{who}: exposures (n, 1) must go with the rows of each sample",
            1e-12,
        )
    alone = [module.statistics(module(one), target) for one in several]
    if alone[0] is not None and alone[1] is not None:
        require_close(
            torch.as_tensor(module.statistics(module(several), target)),
            (alone[0] + alone[1]) / 2,
            f"{who}.statistics of several samples must be their mean",
        )


def _check_extremes(who: str, module: LikelihoodModule, parameters: Tensor) -> None:
    """In float32, an absurd output of the decoder still has draws, a finite density and a finite gradient."""
    extreme = (EXTREME * parameters).requires_grad_(True)
    distribution: Distribution = module(extreme)
    with torch.no_grad():
        target = distribution.draw(ROWS, torch_generator(1))
    require(target.isfinite().all(), f"{who}: draws from parameters of size {EXTREME:g} are not finite in float32")
    log_prob = distribution.log_prob(target)
    log_prob.sum().backward()
    finite = log_prob.isfinite().all() and extreme.grad is not None and extreme.grad.isfinite().all()
    require(finite, f"{who}: log_prob or its gradient at parameters of size {EXTREME:g} is not finite in float32")


def _check_exposure(who: str, module: LikelihoodModule, parameters: Tensor) -> None:
    exposure = torch.arange(1.0, ROWS + 1, dtype=torch.float64).unsqueeze(-1)
    single, double = module(parameters, exposure).mean, module(parameters, 2 * exposure).mean
    require_close(double, 2 * single, f"{who}: twice the exposure must double the mean")
    alone = [module(parameters[i : i + 1], exposure[i : i + 1]).mean for i in range(ROWS)]
    require_close(torch.cat(alone), single, f"{who}: a row's exposure must be its own", 1e-12)
    require_close(
        module(parameters, None).mean, module(parameters).mean, f"{who}: an exposure of None must be the typical one"
    )


def _check_begin(who: str, module: LikelihoodModule, parameters: Tensor, target: Tensor) -> None:
    """Looking at training rows leaves them as they are, is repeatable, and keeps every number finite."""
    rows = target.clone()
    for exposure in (None, torch.full((ROWS, 1), 2.0, dtype=torch.float64)) if module.uses_exposure else (None,):
        with global_random_state_untouched(f"{who}.begin"):
            module.begin(rows, exposure)
        once = {name: tensor.clone() for name, tensor in module.state_dict().items()}
        module.begin(rows, exposure)
        for name, tensor in module.state_dict().items():
            require(tensor.isfinite().all(), f"{who}.begin: {name!r} is not finite")
            require(torch.equal(tensor, once[name]), f"{who}.begin is not repeatable ({name})")
    require(torch.equal(rows, target), f"{who}.begin changes the rows that it is shown")
    require(module(parameters).log_prob(target).isfinite().all(), f"{who}.begin makes its rows impossible")


def _check_holes(who: str, spec: Likelihood, block: Block, parameters: Tensor, target: Tensor) -> None:
    """Rows that say that nothing is missing are rows; of others only the present cells count.

    A distribution that is not known column by column goes with whole rows only, and says so itself.
    """
    try:
        log_prob_by_column(spec.build(block).double()(parameters), target)
    except ParameterError:
        return
    everything = torch.ones(ROWS, block.columns, dtype=torch.bool)
    present = everything.clone()
    present.view(-1)[::3] = False
    of_features = present.repeat_interleave(max(1, block.cardinality), 1)
    empty = torch.where(of_features, target, 0.0)
    learnt = [
        _learnt(spec, block, parameters, rows, cells)
        for rows, cells in ((target, None), (target, everything), (empty, present))
    ]
    for name, (without, whole) in _pairs(learnt[0], learnt[1]).items():
        require_close(whole, without, f"{who}: rows without holes teach {name} something else if they say so", 1e-9)
    module = spec.build(block).double()
    distribution = module(parameters)
    log_prob = Observed(distribution, everything).log_prob(target)
    require_close(log_prob, distribution.log_prob(target), f"{who}: log_prob_by_column must add up to log_prob", 1e-9)
    elsewhere = torch.where(of_features, target, target.roll(1, 0))
    for method in ("updates", "statistics"):
        one, other = (getattr(module, method)(distribution, rows, present) for rows in (empty, elsewhere))
        pairs = _pairs(one, other) if method == "updates" else {method: (one, other)} if one is not None else {}
        for name, (left, right) in pairs.items():
            require_close(right, left, f"{who}.{method} looks at absent cells ({name})", 1e-9)
    for name, value in learnt[2].items():
        require(value.isfinite().all(), f"{who}: rows with holes make {name} infinite")


def _learnt(
    spec: Likelihood, block: Block, parameters: Tensor, target: Tensor, present: Tensor | None
) -> dict[str, Tensor]:
    """All tensors of a new module after it has looked at rows, taken a step and was calibrated."""
    module = spec.build(block).double()
    told = () if present is None else (present,)
    module.begin(target, None, *told)
    found = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    found |= {f"{name} in a step": one for name, one in module.updates(module(parameters), target, *told).items()}
    statistics = module.statistics(module(parameters), target, *told)
    if statistics is not None:
        cells = () if present is None else (present.sum(0).double(),)
        module.calibrate(statistics, ROWS, *cells)
        found |= {f"{name} in the end": tensor.clone() for name, tensor in module.state_dict().items()}
    return found


def _pairs(one: dict[str, Tensor], other: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    return {name: (value.double(), other[name].double()) for name, value in one.items()}


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
    require(
        statistics.numel() == module.statistics_width,
        f"{who}.statistics are {statistics.numel()} numbers, statistics_width says {module.statistics_width}",
    )
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
