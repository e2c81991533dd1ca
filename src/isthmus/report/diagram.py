"""An architecture drawn as what it is: a bottleneck, narrowing to the code and widening again."""

from __future__ import annotations

from collections.abc import Sequence

from isthmus.core.errors import ParameterError
from isthmus.core.layer_row import LayerRow

from .diagram_layout import BOX_WIDTH, LINE_HEIGHT, lay_out
from .layer_table import architecture_table
from .templating import render

__all__ = ["architecture_svg", "architecture_table"]


def architecture_svg(rows: Sequence[LayerRow], title: str = "") -> str:
    """The layers as one SVG drawing, from input on the left to output on the right.

    Layers with at most twelve units show every unit as a circle, joined by the lines that textbooks draw; larger ones
    are boxes whose height follows the logarithm of their size. Below each stand its name, output shape and number of
    parameters. Colours are CSS variables (``--diagram-encoder``, ``--diagram-ink``, …) with fallbacks, so that the
    drawing follows the page that it is placed in and is legible as a file of its own.

    Parameters
    ----------
    rows : sequence of LayerRow
        From input to output, as an estimator's ``architecture_`` gives them.
    title : str
        A heading above the drawing; empty for none.

    Returns
    -------
    str
        An ``<svg>`` element without an XML declaration, 900 pixels wide or as wide as its layers need.

    Raises
    ------
    ParameterError
        ``rows`` is empty.
    MissingDependencyError
        jinja2 is not installed.
    """
    if not rows:
        raise ParameterError("A diagram needs at least one layer; `rows` is empty.")
    sizes = " to ".join(str(row.size) for row in rows)
    total = sum(row.parameters for row in rows)
    return render(
        "architecture.svg.j2",
        layout=lay_out(rows),
        title=title,
        top=0 if title else 34,
        description=f"{title or 'Architecture'}: layers of sizes {sizes}; {total:,} parameters.",
        total=total,
        box_width=BOX_WIDTH,
        line_height=LINE_HEIGHT,
    ).strip()
