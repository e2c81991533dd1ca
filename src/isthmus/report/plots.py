"""The report's charts: loss curves, the map of the codes, the rate of each latent dimension."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .palette import MOST_CATEGORIES, TRAINING, VALIDATION, category
from .templating import printable
from .themed_svg import draw, marked

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OTHER = "other"


def loss_parts(history: Mapping[str, Sequence[float]]) -> list[str]:
    """The parts of the loss that deserve a panel: the total, and the others unless one part is all of it."""
    names = [name.removeprefix("train/") for name in history if name.startswith("train/")]
    parts = [name for name in names if name != "total" and not name.endswith("_weight")]
    return ["total", *parts] if "total" in names and len(parts) != 1 else parts or names


def loss_curve(history: Mapping[str, Sequence[float]], part: str, *, salt: str) -> str:
    """One part of the loss over the epochs, in nats per row: training solid, validation dashed, warm-up shaded.

    Parameters
    ----------
    history : mapping of str to sequence of float
        Columns by name, as :class:`~isthmus.training.history.History` has them: "epoch", "train/<part>", ….
    part : str
        "total", "reconstruction", "kl", ….
    salt : str
        See :func:`isthmus.report.themed_svg.draw`.
    """
    training = np.asarray(history[f"train/{part}"], dtype=float)
    epochs = np.asarray(history.get("epoch", np.arange(1, len(training) + 1)), dtype=float)
    validation = history.get(f"validation/{part}")
    curves = [training] if validation is None else [training, np.asarray(validation, dtype=float)]

    def paint(axes: Axes) -> None:
        axes.plot(epochs, training, color=marked(TRAINING))
        if validation is not None:
            axes.plot(epochs, curves[1], color=marked(VALIDATION), linestyle=(0, (3.5, 1.8)))
        full_weight = _end_of_warmup(history, epochs)
        if full_weight is not None:
            axes.axvspan(epochs[0], full_weight, color=marked("muted"), alpha=0.1, linewidth=0)
        low, high = _window(curves)
        axes.set_ylim(low, high)
        axes.set_xlim(epochs[0], max(epochs[-1], epochs[0] + 1))
        axes.locator_params(axis="x", integer=True, nbins=6)
        axes.locator_params(axis="y", nbins=5)
        axes.set_title({"kl": "KL", "total": "Total"}.get(part, part.replace("_", " ").capitalize()))
        axes.set_xlabel("epoch")
        axes.set_ylabel("nats per row")

    final = ", ".join(
        f"{name} {curve[-1]:.4g}" for name, curve in zip(("training", "validation"), curves, strict=False)
    )
    return draw(paint, description=f"{part} over {len(epochs)} epochs, in nats per row; last: {final}", salt=salt)


def code_map(points: NDArray[Any], labels: Sequence[Any] | None, *, salt: str) -> str:
    """Rows as dots in two dimensions, coloured by label, each group named at its centre."""
    names = label_names(labels) if labels is not None else []
    groups = group_of(labels, names) if labels is not None else np.zeros(len(points), dtype=int)

    def paint(axes: Axes) -> None:
        for group in range(max(1, len(names))):
            chosen = points[groups == group]
            colour = marked(category(group) if names else TRAINING)
            axes.scatter(chosen[:, 0], chosen[:, 1], s=13, color=colour, alpha=0.85, linewidths=0)
        for group, name in enumerate(names):
            if name != OTHER and (groups == group).any():
                x, y = np.median(points[groups == group], axis=0)
                axes.text(
                    x, y, shortened(name), gid=f"halo-{group}", ha="center", va="center", fontsize=12, fontweight="bold"
                )
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.set_aspect("equal", adjustable="datalim")

    what = f" in {len(names)} groups: {', '.join(shortened(name) for name in names)}" if names else ""
    return draw(paint, description=f"Map of {len(points)} codes{what}", salt=salt, width=4.6, height=4.2)


def rate_bars(rates: Sequence[float], *, salt: str) -> str:
    """The rate of each latent dimension, largest first: how many nats about a row it carries."""
    ordered = np.sort(np.asarray(rates, dtype=float))[::-1]

    def paint(axes: Axes) -> None:
        axes.bar(np.arange(1, len(ordered) + 1), ordered, width=0.7, color=marked(TRAINING))
        axes.set_xlim(0.4, len(ordered) + 0.6)
        axes.set_ylim(bottom=0)
        axes.locator_params(axis="x", integer=True, nbins=min(10, len(ordered) + 1))
        axes.locator_params(axis="y", nbins=5)
        axes.set_xlabel("latent dimension, by rate")
        axes.set_ylabel("nats per row")

    return draw(
        paint, description=f"Rate of {len(ordered)} latent dimensions: {ordered[0]:.2f} nats at most", salt=salt
    )


def label_names(labels: Sequence[Any]) -> list[str]:
    """The distinct labels in order; beyond ten, the nine most frequent and "other"."""
    values, counts = np.unique(np.asarray(labels), return_counts=True)
    if len(values) <= MOST_CATEGORIES:
        return [str(value) for value in values]
    frequent = np.sort(np.argsort(-counts, kind="stable")[: MOST_CATEGORIES - 1])
    return [*(str(values[position]) for position in frequent), OTHER]


def group_of(labels: Sequence[Any], names: Sequence[str]) -> NDArray[np.int64]:
    """The position in ``names`` of each label."""
    positions = {name: position for position, name in enumerate(names)}
    return np.array([positions.get(str(label), len(names) - 1) for label in np.asarray(labels)], dtype=np.int64)


def shortened(name: str, most: int = 24) -> str:
    """A name that fits a chart, its invisible characters spelled out."""
    text = printable(name)
    return text if len(text) <= most else text[: most - 1] + "…"


def _end_of_warmup(history: Mapping[str, Sequence[float]], epochs: NDArray[Any]) -> float | None:
    weights = [np.asarray(column, dtype=float) for name, column in history.items() if name.endswith("_weight")]
    rising = [weight for weight in weights if len(weight) > 1 and weight[0] < weight[-1]]
    if not rising:
        return None
    return float(max(epochs[int(np.argmax(weight >= weight[-1]))] for weight in rising))


def _window(curves: Sequence[NDArray[Any]]) -> tuple[float, float]:
    """Limits that show the descent: the first few epochs may leave at the top."""
    kept = np.concatenate([curve[len(curve) // 25 :] for curve in curves])
    kept = kept[np.isfinite(kept)]
    if not len(kept):
        return 0.0, 1.0
    low, high = float(kept.min()), float(kept.max())
    room = 0.06 * (high - low) or 0.05 * math.fabs(high) or 1.0
    return low - room, high + room
