"""An evaluation as a small table for notebooks, which needs nothing that is not installed."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from .table_verdicts import rows_in_words
from .templating import printable

if TYPE_CHECKING:
    from .table_evaluation import TableEvaluation


def evaluation_snippet(found: TableEvaluation) -> str:
    """HTML without scripts, styles of the page it stands on, and every name escaped."""

    def text(words: str) -> str:
        return escape(printable(words))

    rows = "".join(
        f'<tr><th scope="row" style="text-align:left">{text(one.measure)}</th><td>{text(one.drawn)}</td>'
        f"<td>{text(one.real)}</td><td>{text(one.word)}</td>"
        f'<td style="text-align:left">{text(one.meaning)}</td></tr>'
        for one in found.verdicts
    )
    notes = "".join(f"<p>{text(note)}</p>" for note in found.notes)
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Measure", "Drawn", "Real", "Verdict", "What it says"))
    return (
        f"<div><p>{text(rows_in_words(found))}</p><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        f"{notes}</div>"
    )
