"""An architecture as a plain-text table, for terminals."""

from __future__ import annotations

from collections.abc import Sequence

from isthmus.core.layer_row import LayerRow

from .templating import printable

_HEADINGS = ("Stage", "Layer", "Output", "Parameters")


def shape_text(shape: Sequence[int]) -> str:
    """``(8, 8, 3)`` as "8 × 8 × 3"; the empty shape is one number."""
    return " × ".join(f"{extent:,}" for extent in shape) or "1"


def architecture_table(rows: Sequence[LayerRow]) -> str:
    """The layers as aligned columns, with the total number of parameters in the last line.

    Parameters
    ----------
    rows : sequence of LayerRow
        From input to output, as an estimator's ``architecture_`` gives them.

    Returns
    -------
    str
        Lines joined by newlines, without a trailing one.

    Examples
    --------
    >>> print(architecture_table([
    ...     LayerRow("input", "Input", "", (6,), 0),
    ...     LayerRow("encoder", "Linear", "ReLU", (5,), 35),
    ... ]))
    Stage    Layer         Output  Parameters
    ───────  ────────────  ──────  ──────────
    input    Input         6                –
    encoder  Linear, ReLU  5               35
    ───────  ────────────  ──────  ──────────
    total                                  35
    """
    cells = [
        (
            row.stage,
            printable(", ".join(part for part in (row.name, row.detail) if part)),
            shape_text(row.output_shape),
            f"{row.parameters:,}" if row.parameters else "–",
        )
        for row in rows
    ]
    total = ("total", "", "", f"{sum(row.parameters for row in rows):,}")
    widths = [max(len(line[column]) for line in (_HEADINGS, *cells, total)) for column in range(4)]
    rule = tuple("─" * width for width in widths)
    lines = (_HEADINGS, rule, *cells, rule, total)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column == 3 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )
