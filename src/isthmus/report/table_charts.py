"""The pictures of an evaluation: real and drawn rows over each other, and how far pairs of columns differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from .palette import TRAINING, VALIDATION
from .plots import shortened
from .table_columns import time_text
from .table_shares import ColumnShares
from .themed_svg import draw, marked

if TYPE_CHECKING:
    from matplotlib.axes import Axes

REAL, DRAWN = TRAINING, VALIDATION
FILLED = 0.32
TOWER = 0.5
DURATIONS = ((86400e9, "d"), (3600e9, "h"), (60e9, "min"), (1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))
ROOT_TICKS = {"x": (0.01, 0.1, 0.25, 0.5, 1.0), "y": (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)}
FULL_COLOUR, MOST_OPAQUE = 0.2, 0.6
MOST_WITH_NUMBERS = 16
NUMBER_FROM = 0.005
CELL, MARGIN = 0.27, 1.75


def column_chart(shares: ColumnShares, *, salt: str) -> str:
    """One column: real rows as an area or broad bars, drawn ones as a line or slim bars.

    Where one bin holds more than half of the rows the axis of shares is a square root, so that the others are seen.
    """
    description = (
        f"Shares of real and drawn rows in {len(shares.real)} {'levels' if shares.levels is not None else 'bins'} of "
        f"{shares.name}"
    )
    if shares.levels is not None:
        levels = shares.levels
        rooted = is_rooted(shares.real, shares.drawn)
        return draw(
            lambda axes: _bars(axes, levels, shares.real, shares.drawn, rooted), description=description, salt=salt
        )
    return draw(lambda axes: _histogram(axes, shares), description=description, salt=salt)


def rate_chart(rates: Sequence[tuple[str, float, float]], *, salt: str) -> str:
    """The share of missing cells by column, real and drawn."""
    names, real, drawn = zip(*rates, strict=True)
    return draw(
        lambda axes: _bars(axes, names, np.array(real), np.array(drawn), rooted=False),
        description=f"Shares of missing cells of {len(names)} columns, real and drawn",
        salt=salt,
        width=5.6,
        height=max(1.2, 0.5 + 0.24 * len(names)),
    )


def difference_map(names: Sequence[str], differences: NDArray[np.float64], *, what: str, salt: str) -> str:
    """Pairs of columns as squares, the stronger the farther drawn rows are from real ones.

    Parameters
    ----------
    names : sequence of str
    differences : ndarray, shape (k, k)
        0 if equal, 1 as different as can be; NaN where nothing can be said. The lower triangle is drawn.
    what : str
        What differs, for screen readers.
    salt : str
        See :func:`isthmus.report.themed_svg.draw`.
    """
    count = len(names)
    full = full_colour(differences)

    def paint(axes: Axes) -> None:
        from matplotlib.colors import to_rgba

        rows, columns = np.tril_indices(count, -1)
        values = differences[rows, columns]
        axes.bar(
            columns,
            0.94,
            width=0.94,
            bottom=rows - 0.47,
            # Where nothing can be said the paper shows.
            color=[to_rgba(marked(DRAWN), 0 if math.isnan(one) else opacity(one, full)) for one in values],
            linewidth=0,
        )
        if count <= MOST_WITH_NUMBERS:
            for row, column, value in zip(rows.tolist(), columns.tolist(), values.tolist(), strict=True):
                if value >= NUMBER_FROM:
                    axes.text(column, row, f"{value * 100:.0f}", ha="center", va="center", fontsize=7.5)
        labels = [shortened(name, 22) for name in names]
        axes.set_xticks(range(count - 1), labels[:-1], rotation=90)
        axes.set_yticks(range(1, count), labels[1:])
        axes.set_xlim(-0.6, count - 1.4)
        axes.set_ylim(count - 0.4, 0.4)
        axes.set_aspect("equal")
        axes.tick_params(length=0)
        axes.spines[["left", "bottom"]].set_visible(False)

    return draw(
        paint,
        description=f"{what} of {count} columns, pair by pair; the largest is {_largest(differences):.2f}",
        salt=salt,
        width=map_width(count),
        height=map_width(count),
    )


def opacity(difference: float, full: float) -> float:
    """How strong a square is: even the smallest difference leaves a trace of it."""
    return max(0.03, MOST_OPAQUE * min(1.0, difference / full))


def map_width(count: int) -> float:
    """The width of a map of ``count`` columns, in inches."""
    return MARGIN + CELL * max(count, 4)


def full_colour(differences: NDArray[np.float64]) -> float:
    """The difference that gets the full colour: the largest, and never less than 0.2, so that small ones stay pale."""
    return max(FULL_COLOUR, _largest(differences))


def _largest(differences: NDArray[np.float64]) -> float:
    lower = differences[np.tril_indices(len(differences), -1)]
    known = lower[~np.isnan(lower)]
    return float(known.max()) if len(known) else 0.0


def _histogram(axes: Axes, shares: ColumnShares) -> None:
    edges = shares.edges
    if edges is None:
        return
    if shares.logarithmic:
        _logarithmic(axes, edges)
    elif shares.family == "duration":
        unit, word = next(((unit, word) for unit, word in DURATIONS if np.abs(edges).max() >= 2 * unit), DURATIONS[-1])
        edges = edges / unit
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} {word}")
        axes.locator_params(axis="x", nbins=4)
    elif shares.family not in ("number", "whole"):
        # Nanoseconds are too large for matplotlib's margins to be exact: from zero on.
        low, edges = edges[0], edges - edges[0]
        places = np.linspace(edges[0], edges[-1], 5)[1:-1:2]
        axes.set_xticks(places, [_short_time(shares.family, low + place, low, low + edges[-1]) for place in places])
    else:
        axes.locator_params(axis="x", nbins=5, integer=shares.family == "whole")
    axes.stairs(shares.real, edges, fill=True, color=marked(REAL), alpha=FILLED, linewidth=0)
    axes.stairs(shares.drawn, edges, color=marked(DRAWN), linewidth=1.5)
    axes.set_xlim(edges[0], edges[-1])
    _share_axis(axes, "y", shares.real, shares.drawn, is_rooted(shares.real, shares.drawn))


def _logarithmic(axes: Axes, edges: NDArray[np.float64]) -> None:
    """Powers of ten along the axis, at most five of them."""
    axes.set_xscale("log")
    exponents = np.arange(np.ceil(np.log10(edges[0])), np.floor(np.log10(edges[-1])) + 1)
    shown = 10.0 ** exponents[:: max(1, -(-len(exponents) // 5))]
    axes.set_xticks(shown, [f"{value:g}" for value in shown])
    axes.minorticks_off()


def _bars(
    axes: Axes, names: Sequence[str], real: NDArray[np.float64], drawn: NDArray[np.float64], rooted: bool
) -> None:
    places = np.arange(len(names))
    axes.barh(places, real, height=0.82, color=marked(REAL), alpha=FILLED, linewidth=0)
    axes.barh(places, drawn, height=0.3, color=marked(DRAWN), linewidth=0)
    axes.set_yticks(places, [shortened(name, 20) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    _share_axis(axes, "x", real, drawn, rooted)


def is_rooted(real: NDArray[np.float64], drawn: NDArray[np.float64]) -> bool:
    """One bin towers over all others: the axis of shares is then a square root."""
    larger = np.sort(np.maximum(real, drawn))
    return len(larger) > 2 and bool(larger[-1] > TOWER and larger[-2] < larger[-1] / 4)


def _share_axis(
    axes: Axes, which: Literal["x", "y"], real: NDArray[np.float64], drawn: NDArray[np.float64], rooted: bool
) -> None:
    """Percent along one axis, or their square roots."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    top = float(np.maximum(real, drawn).max(initial=0.0))
    if rooted:
        (axes.set_xscale if which == "x" else axes.set_yscale)(
            "function", functions=(lambda share: np.sqrt(np.maximum(share, 0)), np.square)
        )
        axis.set_ticks([tick for tick in ROOT_TICKS[which] if tick <= top * 1.02])
    else:
        axes.locator_params(axis=which, nbins=4)
    (axes.set_xlim if which == "x" else axes.set_ylim)(0, top * 1.05 or 1)
    axis.set_major_formatter(lambda share, _: f"{share * 100:.3g}%")


def _short_time(family: str, moment: float, low: float, high: float) -> str:
    """A tick's text: no more of the moment than tells it from the others."""
    text = time_text(family, moment)
    if family == "datetime":
        day, _, clock = text.partition("T")
        return day if high - low > 5 * 86400e9 else f"{day[5:]} {clock[:5]}"
    if family == "time":
        return text[:5]
    return text
