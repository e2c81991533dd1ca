"""Plain-text tables for terminals."""

from __future__ import annotations

from collections.abc import Sequence

from isthmus.report.templating import printable


def aligned(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Rows of text under headings; the columns at the positions ``right`` are flushed to the right.

    >>> print(aligned(("name", "size"), [("a", "5"), ("bc", "12")], right=(1,)))
    name  size
    ────  ────
    a        5
    bc      12
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    lines = [list(headings), ["─" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def listed(pairs: Sequence[tuple[str, str]], indent: str = "  ") -> str:
    """Names and values in two aligned columns.

    >>> print(listed([("rows", "5"), ("columns", "12")], indent=""))
    rows     5
    columns  12
    """
    width = max((len(name) for name, _ in pairs), default=0)
    return "\n".join(f"{indent}{printable(name).ljust(width)}  {printable(value)}".rstrip() for name, value in pairs)
