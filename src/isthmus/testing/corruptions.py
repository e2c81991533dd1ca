"""What every corruption must do."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from isthmus.components.corruptions.base import Corruption, columns_of
from isthmus.core.blocks import KINDS, Block
from isthmus.core.errors import ParameterError
from isthmus.core.random import torch_generator
from isthmus.models.encoder_inputs import EncoderInputs

from .requirement import global_random_state_untouched, require
from .specs import check_spec

ROWS = 64
LEVELS = 3


def check_corruption(spec: Corruption) -> None:
    """A pure function of rows and noise, on every kind of columns that it accepts, alone and together.

    Parameters
    ----------
    spec : Corruption

    Raises
    ------
    AssertionError
        Naming the broken rule.

    Examples
    --------
    >>> from isthmus.components.corruptions.masking import Masking
    >>> check_corruption(Masking())
    """
    check_spec(spec)
    who = type(spec).__name__
    alone = [[block] for kind in KINDS for block in (_block(kind, 0), _image(kind)) if block is not None]
    together: list[Block] = []
    for kind in KINDS:
        together.append(_block(kind, together[-1].stop if together else 0))
    accepted = 0
    for blocks in [*alone, together]:
        try:
            spec.noise_width(blocks)
        except ParameterError as error:
            # What makes every column something else may ask that all can become it.
            require(
                blocks is not together or spec.replaces_target,
                f"{who} refuses rows that have columns of every kind: {error}",
            )
            named = any(block.kind in str(error) for block in blocks)
            require(named, f"{who} refuses {blocks[0].kind} columns without naming them: {error}")
            continue
        _check_rows(who, spec, blocks)
        accepted += 1
    require(accepted, f"{who} accepts none of the kinds {', '.join(KINDS)}")


def _block(kind: str, start: int) -> Block:
    if kind == "categorical":
        return Block(kind, start, start + 2 * LEVELS, (2 * LEVELS,), cardinality=LEVELS)
    if kind == "count":
        return Block(kind, start, start + 2, (2,), variance=4.0, mean=3.0)
    return Block(kind, start, start + 2, (2,))


def _image(kind: str) -> Block | None:
    """Images whose cells are of one kind: for what works on these only."""
    return None if kind == "categorical" else Block(kind, 0, 6 * 7 * 3, (6, 7, 3), variance=4.0, mean=3.0)


def _features(blocks: Sequence[Block]) -> Tensor:
    """Rows as the schema encodes them, with no 0 among numbers, so that damage shows."""
    generator = torch_generator(0)
    pieces = []
    for block in blocks:
        normal = torch.randn(ROWS, block.width, generator=generator, dtype=torch.float64)
        if block.kind == "categorical":
            levels = normal.unflatten(1, (-1, block.cardinality)).argmax(-1)
            pieces.append(torch.nn.functional.one_hot(levels, block.cardinality).flatten(1).to(normal))
        elif block.kind == "count":
            pieces.append(1 + (2 * normal).abs().round())
        elif block.kind == "binary":
            pieces.append((normal > 0).to(normal))
        else:
            pieces.append(torch.sigmoid(normal) if block.kind == "unit-interval" else normal)
    return torch.cat(pieces, 1)


def _check_rows(who: str, spec: Corruption, blocks: Sequence[Block]) -> None:
    width = spec.noise_width(blocks)
    require(isinstance(width, int) and width > 0, f"{who}.noise_width gives {width!r}, expected a positive integer")
    features = _features(blocks)
    noise = torch.randn(ROWS, width, generator=torch_generator(1), dtype=torch.float64)
    before = features.clone(), noise.clone()
    with global_random_state_untouched(f"{who}.corrupt"):
        damaged = spec.corrupt(features, noise, blocks)
        again = spec.corrupt(features, noise, blocks)
    untouched = torch.equal(features, before[0]) and torch.equal(noise, before[1])
    require(untouched, f"{who}.corrupt changed its arguments: the clean row is what the likelihood is asked about")
    require(torch.equal(damaged, again), f"{who}.corrupt differs from call to call: it must be a function of the noise")
    require(damaged.shape == features.shape, f"{who}: {tuple(features.shape)} features became {tuple(damaged.shape)}")
    require(damaged.dtype == features.dtype, f"{who}: features in float64 became {damaged.dtype}")
    single = spec.corrupt(features.float(), noise.float(), blocks)
    require(single.dtype == torch.float32, f"{who}: features in float32 became {single.dtype}")
    require(spec.corrupt(features[:1], noise[:1], blocks).shape == features[:1].shape, f"{who}: fails on one row")
    visible = spec.visible(noise, blocks)
    if visible is not None:
        expected = visible.dtype == torch.bool and visible.shape == (ROWS, columns_of(blocks))
        require(expected, f"{who}.visible gives {visible.dtype} {tuple(visible.shape)}, expected bool (n, columns)")
    target, seen = spec.applied(features, noise, blocks)
    require(torch.equal(seen, damaged), f"{who}.applied shows the encoder something else than {who}.corrupt gives")
    unasked = spec.replaces_target or torch.equal(target, features)
    require(unasked, f"{who}.applied changed what the likelihood is asked about; replaces_target says that it does not")
    require(target.shape == features.shape, f"{who}: a target of {tuple(target.shape)} for {tuple(features.shape)}")
    shown = EncoderInputs(blocks).double()(damaged)
    require(shown.isfinite().all(), f"{who}: the encoder would see numbers that are not finite (counts below 0?)")
    changed = bool((damaged != features).any())
    already = spec.replaces_target and list(spec.blocks_after(blocks)) == list(blocks)
    without = already or 0 in spec.get_params().values()
    require(changed or without, f"{who} damages nothing in {columns_of(blocks)} columns of {ROWS} rows")
    for block in blocks:
        if block.kind == "categorical":
            _check_levels(who, damaged[:, block.start : block.stop].unflatten(1, (-1, block.cardinality)))


def _check_levels(who: str, indicators: Tensor) -> None:
    levels = indicators.sum(-1)
    valid = ((indicators == 0) | (indicators == 1)).all(-1) & (levels <= 1)
    require(valid.all(), f"{who}: a categorical column must keep one level or lose all, its indicators together")
