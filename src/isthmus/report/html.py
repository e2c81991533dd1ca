"""A summary as one self-contained HTML page: no request leaves it, whatever the names in the data are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isthmus.files.atomic import write_atomically

from .comparison import SCORES, best
from .diagram import architecture_svg
from .diagram_layout import lay_out
from .headline import headline
from .layer_table import shape_text
from .palette import category
from .pixels import ImageScale, is_image_stack
from .plots import code_map, label_names, loss_curve, loss_parts, rate_bars
from .summary import FloatArray, ModelSummary, Summary
from .templating import render_page

MOST_COLUMNS, MOST_SAMPLE_ROWS = 12, 8


@dataclass(frozen=True)
class ModelFigures:
    """What is drawn of one model."""

    model: ModelSummary
    reconstructions: list[Any]
    samples: list[Any]
    interpolation: list[Any]
    map: str
    curves: list[str]
    rates: str
    architecture: str
    architecture_width: int


def render_report(summary: Summary, path: str | os.PathLike[str]) -> None:
    """Write ``summary`` to ``path`` as one HTML file.

    The page holds all of its styles, images and drawings, and forbids itself everything else by its content security
    policy. It follows the reader's light or dark setting, with a switch of its own.

    Parameters
    ----------
    summary : Summary
    path : str or path-like
        Written atomically: the old file or the new one is there, never half of it.

    Raises
    ------
    MissingDependencyError
        matplotlib or jinja2 is not installed.
    OSError
        The file cannot be written.
    """
    write_atomically(path, [report_html(summary).encode("utf-8")])


def report_html(summary: Summary) -> str:
    """The page as text; see :func:`render_report`."""
    images = is_image_stack(summary.row_shape)
    scale = ImageScale.of(np.concatenate([summary.originals, summary.cross_fade])) if images else None
    labels = next((model.code_map.labels for model in summary.models if model.code_map.labels), None)
    groups = label_names(labels) if labels else []
    return render_page(
        "report.html.j2",
        title=summary.title,
        version=summary.versions["isthmus"],
        summary=summary,
        images=images,
        scale=scale,
        headline=headline(summary),
        figures=[_figures(model, position, scale) for position, model in enumerate(summary.models)],
        originals=_cells(summary.originals, scale),
        baseline=_cells(summary.baseline_reconstructions, scale),
        cross_fade=_cells(summary.cross_fade, scale),
        columns=_columns(summary),
        winners={score: best(summary.comparison, score) for score in SCORES},
        groups=[(name, category(position)) for position, name in enumerate(groups)],
        schema_fields=list(dict.fromkeys(key for entry in summary.schema for key in entry)),
        shape_text=shape_text,
        plain_value=plain_value,
    )


def plain_value(value: Any) -> str:
    """A schema's value in words: numbers short, sequences joined, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        shown = [plain_value(entry) for entry in value[:MOST_COLUMNS]]
        return ", ".join(shown) + (f", … ({len(value)} in all)" if len(value) > MOST_COLUMNS else "")
    return str(value)


def _figures(model: ModelSummary, position: int, scale: ImageScale | None) -> ModelFigures:
    from markupsafe import Markup

    return ModelFigures(
        model=model,
        reconstructions=_cells(model.reconstructions, scale),
        samples=_cells(model.samples if scale else model.samples[:MOST_SAMPLE_ROWS], scale),
        interpolation=_cells(model.interpolation, scale),
        map=Markup(code_map(model.code_map.points, model.code_map.labels, salt=f"map-{position}")),
        curves=[
            Markup(loss_curve(model.history, part, salt=f"curve-{position}-{part}"))
            for part in loss_parts(model.history)
        ],
        rates=Markup(rate_bars(model.rates, salt=f"rates-{position}")) if model.rates else "",
        architecture=Markup(architecture_svg(model.architecture)) if model.architecture else "",
        architecture_width=round(1.25 * lay_out(model.architecture).width) if model.architecture else 0,
    )


def _cells(rows: FloatArray, scale: ImageScale | None) -> list[Any]:
    """Each row as an image's address, or as formatted numbers."""
    if scale is not None:
        return [scale.data_uri(row) for row in rows]
    return [[f"{value:.4g}" for value in np.ravel(row)[:MOST_COLUMNS]] for row in rows]


def _columns(summary: Summary) -> Sequence[str]:
    width = int(np.prod(summary.row_shape))
    names = summary.columns if len(summary.columns) == width else tuple(f"column {index}" for index in range(width))
    return names[:MOST_COLUMNS]
