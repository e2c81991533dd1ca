"""Where everything in an architecture diagram goes: columns, boxes, circles, links. No drawing here."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from isthmus.core.layer_row import LayerRow

from .layer_table import shape_text

MOST_CIRCLES = 12
"""Layers with at most this many units show each unit."""

FIELD_TOP, TALLEST_FIELD = 84.0, 250.0
GUTTER, MARGIN = 82.0, 14.0
BOX_WIDTH = 22.0
HEAD_GAP, UNIT_SPACING, CLOSEST_UNITS = 34.0, 30.0, 8.0
LINE_HEIGHT = 14.0
_CHARACTER_WIDTH = 6.2  # of an 11 px sans serif, on the wide side
_STAGE_TITLES = {"input": "Input", "encoder": "Encoder", "latent": "Code", "decoder": "Decoder", "output": "Output"}


@dataclass(frozen=True)
class Shape:
    """One layer as drawn: a box, or one circle per unit."""

    stage: str
    x: float
    top: float
    height: float
    symbol: str
    tooltip: str
    size: int
    parameters: int
    circles: tuple[float, ...] = ()
    radius: float = 0.0

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def half_width(self) -> float:
        return 0.0 if self.circles else BOX_WIDTH / 2


@dataclass(frozen=True)
class Link:
    """What joins two neighbouring layers: single lines between units, or one funnel."""

    stage: str
    lines: tuple[tuple[float, float, float, float], ...] = ()
    funnel: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Column:
    """One layer (or the parallel heads of a latent) with its captions."""

    stage: str
    x: float
    shapes: tuple[Shape, ...]
    name: tuple[str, ...]
    detail: tuple[str, ...]
    output: tuple[str, ...]
    parameters: str


@dataclass(frozen=True)
class Layout:
    """A whole diagram in pixels of its own coordinate system."""

    width: float
    height: float
    columns: tuple[Column, ...]
    links: tuple[Link, ...]
    stages: tuple[tuple[str, str, float, float], ...]
    arrows: tuple[float, ...]
    rail: float
    caption_rows: dict[str, float] = field(default_factory=dict)


def lay_out(rows: Sequence[LayerRow]) -> Layout:
    """Place the layers from left to right; heights follow the logarithm of a layer's size."""
    scale = _Scale(rows)
    groups = _parallel_heads(rows)
    pitch = min(118.0, max(56.0, (900.0 - GUTTER - 2 * MARGIN) / max(1, len(groups))))
    columns = tuple(
        _column(group, GUTTER + MARGIN + pitch * (position + 0.5), pitch, scale)
        for position, group in enumerate(groups)
    )
    rail = FIELD_TOP + scale.field + 20
    caption_rows, end = _caption_rows(columns, rail + 24)
    return Layout(
        width=GUTTER + 2 * MARGIN + pitch * len(groups),
        height=end + 30,
        columns=columns,
        links=tuple(link for left, right in pairwise(columns) for link in _links(left, right)),
        stages=_stages(columns, pitch),
        arrows=tuple((left.x + right.x) / 2 for left, right in pairwise(columns)),
        rail=rail,
        caption_rows=caption_rows,
    )


def _parallel_heads(rows: Sequence[LayerRow]) -> list[list[LayerRow]]:
    """Each layer alone, except that all but the last of several latent rows stand side by side and feed the last."""
    latent = [row for row in rows if row.stage == "latent"]
    heads = latent[:-1]
    groups: list[list[LayerRow]] = []
    for row in rows:
        if any(row is head for head in heads[1:]):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


class _Scale:
    """From a layer's size to its height: by the unit where all units are shown, by the logarithm otherwise."""

    def __init__(self, rows: Sequence[LayerRow]) -> None:
        sizes = [row.size for row in rows]
        logarithms = [math.log(max(1, size)) for size in sizes]
        self._low, self._high = min(logarithms), max(logarithms)
        self._by_unit = max(sizes) <= MOST_CIRCLES
        heads = [row.size for row in rows if row.stage == "latent"][:-1]
        self.heads = len(heads)
        tallest = max(max(sizes), sum(heads) + 1.2 * max(0, len(heads) - 1))
        self.field = min(TALLEST_FIELD, max(120.0, tallest * UNIT_SPACING)) if self._by_unit else TALLEST_FIELD

    def height(self, size: int, room: float) -> float:
        """The height of a layer that may take up to ``room``."""
        if self._by_unit:
            return min(room, size * UNIT_SPACING)
        spread = self._high - self._low
        share = (math.log(max(1, size)) - self._low) / spread if spread > 0 else 0.5
        height = room * (0.3 + 0.7 * share)
        return max(height, min(room, size * CLOSEST_UNITS)) if size <= MOST_CIRCLES else height


def _column(group: Sequence[LayerRow], x: float, pitch: float, scale: _Scale) -> Column:
    gaps = HEAD_GAP * (len(group) - 1)
    heights = [scale.height(row.size, (scale.field - gaps) / len(group)) for row in group]
    top = FIELD_TOP + (scale.field - sum(heights) - gaps) / 2
    shapes = []
    for row, height in zip(group, heights, strict=True):
        shapes.append(_shape(row, x, top, height, _symbol(row, scale.heads)))
        top += height + HEAD_GAP
    wide = max(6, int((pitch - 4) / _CHARACTER_WIDTH))
    names = [group[0].name, *(row.name[:1].lower() + row.name[1:] for row in group[1:])]
    details = dict.fromkeys(row.detail for row in group if row.detail)
    parameters = sum(row.parameters for row in group)
    return Column(
        stage=group[0].stage,
        x=x,
        shapes=tuple(shapes),
        name=_wrapped(", ".join(names), wide, 3),
        detail=_wrapped(", ".join(details), wide, 4),
        output=_wrapped(", ".join(shape_text(row.output_shape) for row in group), wide, 2),
        parameters=f"{parameters:,}" if parameters else "–",
    )


def _shape(row: LayerRow, x: float, top: float, height: float, symbol: str) -> Shape:
    tooltip = ", ".join(part for part in (row.name, row.detail) if part)
    tooltip += f": output {shape_text(row.output_shape)}, {row.parameters:,} parameters"
    if row.size > MOST_CIRCLES:
        return Shape(row.stage, x, top, height, symbol, tooltip, row.size, row.parameters)
    spacing = height / max(1, row.size)
    centres = tuple(top + (unit + 0.5) * spacing for unit in range(row.size))
    radius = min(9.5, spacing * 0.38)
    inset = spacing / 2 - radius
    return Shape(
        row.stage, x, top + inset, height - 2 * inset, symbol, tooltip, row.size, row.parameters, centres, radius
    )


def _symbol(row: LayerRow, heads: int) -> str:
    """The letter by which textbooks know a latent's parts."""
    if row.stage != "latent":
        return ""
    name = row.name.lower()
    if not heads:
        return "z"
    if "deviation" in name or name.startswith(("std", "scale")):
        return "σ"
    if "variance" in name:
        return "σ²"
    return "μ" if name.startswith("mean") else "z"


def _links(left: Column, right: Column) -> list[Link]:
    links = []
    for source in left.shapes:
        for target in right.shapes:
            stage = target.stage if target.stage != "output" else source.stage
            start, end = source.x + source.half_width, target.x - target.half_width
            if source.circles and target.circles:
                # What learns nothing and keeps the size acts on each unit alone: so do heads that meet their code.
                one_to_one = target.parameters == 0 and source.size == target.size
                pairs = (
                    zip(source.circles, target.circles, strict=True)
                    if one_to_one
                    else ((above, below) for above in source.circles for below in target.circles)
                )
                links.append(Link(stage, lines=tuple((start, first, end, second) for first, second in pairs)))
            else:
                corners = ((start, source.top), (end, target.top), (end, target.bottom), (start, source.bottom))
                links.append(Link(stage, funnel=corners))
    return links


def _stages(columns: Sequence[Column], pitch: float) -> tuple[tuple[str, str, float, float], ...]:
    """(stage, title, left end, right end) of each run of columns of one stage."""
    runs: list[list[Column]] = []
    for column in columns:
        if runs and runs[-1][-1].stage == column.stage:
            runs[-1].append(column)
        else:
            runs.append([column])
    reach = pitch / 2 - 6
    return tuple((run[0].stage, _STAGE_TITLES[run[0].stage], run[0].x - reach, run[-1].x + reach) for run in runs)


def _caption_rows(columns: Sequence[Column], top: float) -> tuple[dict[str, float], float]:
    """The baseline of each caption row, and where the captions end."""
    rows: dict[str, float] = {}
    rows["name"] = top
    top += max(len(column.name) + len(column.detail) for column in columns) * LINE_HEIGHT + 7
    rows["output"] = top
    top += max(len(column.output) for column in columns) * LINE_HEIGHT + 7
    rows["parameters"] = top
    return rows, top + LINE_HEIGHT


def _wrapped(text: str, width: int, most_lines: int) -> tuple[str, ...]:
    lines = textwrap.wrap(text, width, max_lines=most_lines, placeholder="…")
    return tuple(lines)
