"""An evaluation as text, JSON, page and charts: complete, and inert whatever the names."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.report import table_html
from isthmus.report.table_charts import column_chart, difference_map
from isthmus.report.table_evaluation import TableEvaluation
from isthmus.report.table_html import evaluation_headline, evaluation_html, pair_differences
from isthmus.report.table_shares import ColumnShares


def test_text_is_aligned_and_inert(found: TableEvaluation):
    text = repr(found)
    lines = text.splitlines()
    assert lines[0] == "220 drawn rows beside 240 real ones, 230 training rows"
    assert lines[2].split() == ["Measure", "Drawn", "Real", "Verdict", "What", "it", "says"]
    start = lines[2].index("Verdict")
    assert all(line[start:].split()[0] in ("good", "fair", "worrying", "not") for line in lines[4:])
    assert "\u202e" not in text
    assert len(lines) == 4 + len(found.verdicts)
    snippet = found._repr_html_()
    assert "<img" not in snippet
    assert "\u202e" not in snippet
    assert "220 drawn rows" in snippet


def test_json_is_complete_and_knows_no_nan(found: TableEvaluation, tmp_path: Path):
    changed = dataclasses.replace(found, detection=float("nan"))
    changed.save(tmp_path / "found.json")
    said = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert said == changed.to_dict()
    assert said["detection_auc"] is None
    assert said["fidelity"]["shape"] == found.fidelity.shape
    assert len(said["fidelity"]["pairs"]) == 15
    assert said["privacy"]["nearer_to_training"] == found.privacy.nearer_to_training  # type: ignore[union-attr]
    assert [one["measure"] for one in said["verdicts"]] == [one.measure for one in found.verdicts]


class Elements(HTMLParser):
    """Tags with their attributes, and the text outside scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.silent = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.silent = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.silent = False

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.words.append(data)


@pytest.fixture(scope="module")
def page(found: TableEvaluation, hostile: str) -> str:
    return evaluation_html(found, f"A table {hostile}")


def test_the_page_is_complete_and_inert(page: str):
    elements = Elements(page)
    names = [tag for tag, _ in elements.tags]
    assert names.count("script") == 1
    assert not {"img", "a", "link", "iframe", "form", "object"} & set(names)
    assert not any(key.startswith("on") for _, attributes in elements.tags for key in attributes)
    assert "\u202e" not in page
    assert "49" not in re.findall(r"alert\(1\)>\\u202e(.{2})", page)
    order = [str(attributes["id"]) for tag, attributes in elements.tags if tag == "h2"]
    assert order == ["measures", "columns", "pairs", "missing", "useful", "privacy", "how"]
    # Six columns, the pairs, the missing rates.
    charts = [attributes for tag, attributes in elements.tags if tag == "svg"]
    assert len(charts) == 8
    assert all(attributes.get("aria-label") for attributes in charts)
    ids = [attributes["id"] for _, attributes in elements.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    text = " ".join(" ".join(elements.words).split())
    assert "They cannot show that nothing leaks." in text
    assert "2000-" in text, "dates are shown as dates"


def test_the_page_draws_the_worst_columns_only(found: TableEvaluation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(table_html, "MOST_PANELS", 1)
    monkeypatch.setattr(table_html, "MOST_LISTED", 2)
    monkeypatch.setattr(table_html, "MOST_MAPPED", 3)
    text = " ".join(" ".join(Elements(evaluation_html(found, "x")).words).split())
    assert "The 1 worst of 6 columns are drawn." in text
    assert "The 2 worst of 6 columns in numbers" in text
    assert "The 3 columns with the largest differences, of 6 that were compared" in text


def test_headline(found: TableEvaluation):
    text = "".join(piece for piece, _ in evaluation_headline(found))
    assert f"picks the drawn one {found.detection:.0%} of the time" in text
    assert text.endswith("than to an unseen one.")
    bare = dataclasses.replace(found, usefulness=None, privacy=None, detection=float("nan"))
    assert "".join(piece for piece, _ in evaluation_headline(bare)) == (
        f"Columns of drawn rows are {found.fidelity.shape:.1%} like those of real rows, "
        f"pairs of columns {found.fidelity.trend:.1%}."
    )


def test_pairs_are_mapped_worst_column_first(found: TableEvaluation):
    pairs = {("a", "b"): 0.9, ("a", "c"): float("nan"), ("b", "c"): 0.5}
    changed = dataclasses.replace(
        found, paired=("a", "b", "c"), fidelity=dataclasses.replace(found.fidelity, pairs=pairs)
    )
    names, differences = pair_differences(changed)
    assert names == ["c", "b", "a"]
    np.testing.assert_allclose(differences, [[np.nan, 0.5, np.nan], [0.5, np.nan, 0.1], [np.nan, 0.1, np.nan]])


# Charts


def numbers_of(chart: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", chart)


def make_shares(**changes: Any) -> ColumnShares:
    half = np.array([0.5, 0.5])
    return dataclasses.replace(
        ColumnShares("x", "number", half, half, np.array([0.0, 1, 2]), None, False, 0, 0), **changes
    )


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"family": "date", "edges": np.array([0.0, 1, 2]) * 86400e9 * 100}, ["1970-02-20", "1970-05-31"]),
        ({"family": "duration", "edges": np.array([0.0, 1, 2]) * 3600e9 * 5}, ["5 h", "10 h"]),
        ({"family": "datetime", "edges": np.array([0.0, 1, 2]) * 3600e9}, ["01-01 00:30", "01-01 01:30"]),
        ({"logarithmic": True, "edges": np.array([0.005, 1, 200])}, ["0.01", "1", "100"]),
        ({"levels": ("no", "</script><img src=x>\u202e"), "edges": None}, ["no"]),
    ],
)
def test_axes_are_in_the_columns_own_words(changes: dict[str, Any], shown: list[str]):
    chart = column_chart(make_shares(**changes), salt="s")
    assert set(shown) <= set(numbers_of(chart))
    assert "<img" not in chart
    assert "\u202e" not in chart


def test_one_tall_bin_gets_a_square_root():
    tall = np.array([0.97, 0.01, 0.02])
    shares = make_shares(real=tall, drawn=tall, edges=np.arange(4.0))
    assert {"0.1%", "1%", "25%", "50%"} <= set(numbers_of(column_chart(shares, salt="s")))
    levels = make_shares(real=tall, drawn=tall, edges=None, levels=("a", "b", "c"))
    assert {"1%", "25%", "50%"} <= set(numbers_of(column_chart(levels, salt="s")))


def test_the_map_writes_percent_where_there_is_room(make_map: Callable[[int], str]):
    assert "7" in numbers_of(make_map(4))
    wide = numbers_of(make_map(17))
    assert "7" not in wide
    assert "column 16" in wide


@pytest.fixture
def make_map() -> Callable[[int], str]:
    def make(count: int) -> str:
        differences = np.full((count, count), 0.07)
        differences[1, 0] = differences[0, 1] = np.nan
        return difference_map([f"column {number}" for number in range(count)], differences, what="X", salt="m")

    return make
