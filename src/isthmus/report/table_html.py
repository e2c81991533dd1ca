"""An evaluation of drawn rows as one self-contained page, or as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isthmus.core.errors import ParameterError
from isthmus.files.atomic import write_atomically

from .._version import __version__
from .summarise import used_versions
from .table_charts import (
    MOST_WITH_NUMBERS,
    column_chart,
    difference_map,
    full_colour,
    is_rooted,
    map_width,
    rate_chart,
)
from .table_shares import ColumnShares
from .table_verdicts import main_score
from .templating import render_page

if TYPE_CHECKING:
    from .table_evaluation import TableEvaluation

MOST_PANELS, MOST_LISTED, MOST_MAPPED, MOST_PAIRS, MOST_RATES = 30, 500, 30, 12, 20
PIXELS_PER_INCH = 96
SCORES = {"f1": "F1", "auc": "AUC", "accuracy": "Accuracy", "r2": "R²"}


@dataclass(frozen=True)
class Panel:
    """The picture of one column."""

    name: str
    score: float
    chart: str
    note: str


def save_evaluation(found: TableEvaluation, path: str | os.PathLike[str], title: str) -> None:
    """Write what :meth:`~.table_evaluation.TableEvaluation.save` says."""
    suffix = Path(path).suffix.lower()
    if suffix == ".json":
        text = json.dumps(found.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    elif suffix in (".html", ".htm"):
        text = evaluation_html(found, title)
    else:
        raise ParameterError(f"`path` must end in .html or .json; got {str(path)!r}.")
    write_atomically(path, [text.encode("utf-8", "replace")])


def evaluation_html(found: TableEvaluation, title: str) -> str:
    """The page as text; needs matplotlib and jinja2."""
    from markupsafe import Markup

    names, differences = pair_differences(found)
    pairs = len(names) > 1
    rates = sorted(
        ((name, real, drawn) for name, (real, drawn) in found.missing.rates.items()),
        key=lambda one: -abs(one[1] - one[2]),
    )[:MOST_RATES]
    return render_page(
        "table.html.j2",
        title=title,
        version=__version__,
        found=found,
        headline=evaluation_headline(found),
        verdicts=found.verdicts,
        panels=list(_panels(found)),
        listed=found.columns[:MOST_LISTED],
        pair_map=Markup(difference_map(names, differences, what="Differences", salt="pairs")) if pairs else "",
        pair_map_width=round(map_width(len(names)) * PIXELS_PER_INCH * 1.15),
        pair_map_full=full_colour(differences),
        numbered=len(names) <= MOST_WITH_NUMBERS,
        mapped=len(names),
        worst_pairs=found.worst_pairs()[:MOST_PAIRS],
        rates=Markup(rate_chart(rates, salt="rates")) if rates else "",
        rated=len(rates),
        together=list(_together(found)),
        scores=SCORES,
        versions=dict(used_versions()),
    )


def pair_differences(found: TableEvaluation) -> tuple[list[str], NDArray[np.float64]]:
    """The columns whose pairs differ most, worst first, and 1 − the likeness of each pair of them."""
    sums: dict[str, list[float]] = {name: [] for name in found.paired}
    for (a, b), score in found.fidelity.pairs.items():
        if not np.isnan(score):
            sums[a].append(1 - score)
            sums[b].append(1 - score)
    means = {name: float(np.mean(some)) for name, some in sums.items() if some}
    names = sorted(means, key=lambda name: -means[name])[:MOST_MAPPED]
    place = {name: at for at, name in enumerate(names)}
    differences = np.full((len(names), len(names)), np.nan)
    for (a, b), score in found.fidelity.pairs.items():
        if a in place and b in place:
            differences[place[a], place[b]] = differences[place[b], place[a]] = 1 - score
    return names, differences


def evaluation_headline(found: TableEvaluation) -> list[tuple[str, bool]]:
    """The main numbers in one sentence, as pieces of text with whether to stress them."""
    pieces = [
        ("Columns of drawn rows are ", False),
        (f"{found.fidelity.shape:.1%}", True),
        (" like those of real rows", False),
    ]
    if not np.isnan(found.fidelity.trend):
        pieces += [(", pairs of columns ", False), (f"{found.fidelity.trend:.1%}", True)]
    if not np.isnan(found.detection):
        pieces += [
            ("; of one drawn and one real row a classifier picks the drawn one ", False),
            (f"{found.detection:.0%}", True),
            (" of the time, where guessing gives 50%", False),
        ]
    score = main_score(found)
    if found.usefulness is not None and score is not None:
        pieces += [
            (f"; what is learnt about {found.target} from drawn rows reaches {SCORES[score]} ", False),
            (f"{found.usefulness.synthetic[score]:.2f}", True),
            (f", from real rows {found.usefulness.real[score]:.2f}", False),
        ]
    if found.privacy is not None:
        pieces += [
            ("; ", False),
            (f"{found.privacy.nearer_to_training:.0%}", True),
            (" of the drawn rows are nearer to a row that was trained on than to an unseen one", False),
        ]
    return [*pieces, (".", False)]


def _panels(found: TableEvaluation) -> Iterator[Panel]:
    from markupsafe import Markup

    for position, one in enumerate(found.columns[:MOST_PANELS]):
        chart = Markup(column_chart(one, salt=f"column-{position}")) if one.real.any() or one.drawn.any() else ""
        yield Panel(one.name, found.fidelity.columns[one.name], chart, _note(one))


def _note(one: ColumnShares) -> str:
    """What the picture does not say."""
    rooted = ["square-root axis"] if is_rooted(one.real, one.drawn) else []
    if not (one.real.any() or one.drawn.any()):
        return "all cells are missing"
    if one.missing_real or one.missing_drawn:
        rooted.append(f"missing: {one.missing_drawn:.1%} of drawn rows, {one.missing_real:.1%} of real ones")
    return "; ".join(rooted)


def _together(found: TableEvaluation) -> Iterator[tuple[tuple[str, str], float, float]]:
    known = [(pair, a, b) for pair, (a, b) in found.missing.together.items() if not np.isnan(a - b)]
    yield from sorted(known, key=lambda one: -abs(one[1] - one[2]))[:MOST_PAIRS]


def check_page(path: Any) -> None:
    """Raise :class:`MissingDependencyError` now, not after the work, if a page at ``path`` cannot be drawn."""
    from .templating import environment
    from .themed_svg import need_matplotlib

    if Path(path).suffix.lower() in (".html", ".htm"):
        environment()
        need_matplotlib()
