"""The page: complete in itself, inert whatever the names, and in the promised order."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from isthmus.report.html import plain_value, render_report, report_html
from isthmus.report.summarise import summarise
from isthmus.report.summary import Summary

HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "{{7*7}}",
    "{% include '/etc/passwd' %}",
    "abc\u202egpj.exe",
    "javascript:alert(1)",
    "$\\frac{$ & <!-- ]]>",
    "數字",
]
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Every element with its attributes, and the text outside scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def assert_self_contained(page: str) -> Page:
    parsed = Page(page)
    assert parsed.open == []
    for tag, attributes in parsed.elements:
        assert tag not in {"a", "link", "iframe", "object", "embed", "form", "base", "video", "audio"}, tag
        for key, value in attributes.items():
            assert not key.startswith("on"), (tag, key)
            if key in {"src", "href", "xlink:href", "srcset", "poster", "action", "data", "background"}:
                assert value.startswith(("data:image/png;base64,", "#")), (tag, key, value)
            for address in re.findall(r"url\(([^)]*)\)", value):
                assert address.startswith("#"), (tag, key, value)
    styles = re.findall(r"<style[^>]*>(.*?)</style>", page, re.DOTALL)
    assert not any("@import" in style or "http" in style for style in styles)
    assert len(parsed.all("script")) == 1
    return parsed


@pytest.fixture(scope="module")
def page(summary: Summary) -> str:
    return report_html(summary)


def test_sections_stand_in_the_promised_order(page: str) -> None:
    parsed = assert_self_contained(page)
    order = [attributes["id"] for tag, attributes in parsed.elements if tag == "h2"]
    assert order == [
        "comparison", "reconstructions", "samples", "interpolation", "map", "curves", "diagnostics", "architecture",
        "schema", "again",
    ]  # fmt: skip
    assert [attributes["aria-labelledby"] for attributes in parsed.all("section")] == order
    assert len(parsed.all("h1")) == 1
    assert page.startswith("<!doctype html>")


def test_policy_forbids_everything_else_and_allows_the_one_script(page: str) -> None:
    policy = next(meta["content"] for meta in Page(page).all("meta") if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'; img-src data:;")
    script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "unsafe-eval" not in policy


def test_every_picture_has_a_description(page: str) -> None:
    parsed = Page(page)
    pictures = parsed.all("img")
    # 10 digits through three models and as they are, 24 samples of two models, two strips and the cross-fade.
    assert len(pictures) == 10 * 4 + 24 * 2 + 11 * 3
    assert all("alt" in attributes for attributes in pictures)
    assert all(attributes.get("aria-label") for attributes in parsed.all("svg"))


def test_numbers_of_the_comparison_are_written_and_the_best_marked(summary: Summary, page: str) -> None:
    rows = [
        dataclasses.replace(row, squared_error=error)
        for row, error in zip(summary.comparison, (700, 500, 900), strict=True)
    ]
    changed = report_html(dataclasses.replace(summary, comparison=tuple(rows)))
    assert '<span class="cell best">500</span>' in changed
    assert '<span class="cell">700</span>' in changed
    assert "exact for PCA" in Page(page).text
    likelihood = f"{summary.comparison[1].log_likelihood:,.1f}".replace("-", "−")
    assert likelihood in Page(page).text


def test_ids_are_unique_where_something_refers_to_them(page: str) -> None:
    ids = [attributes["id"] for _, attributes in Page(page).elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_same_summary_gives_the_same_bytes(summary: Summary, page: str, tmp_path: Path) -> None:
    render_report(summary, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names_are_inert(make_summary: Callable[..., Summary], hostile: str) -> None:
    labels = np.array([hostile, "b"] * 30, dtype=object)
    summary = make_summary(
        names=(hostile, "VAE"),
        field=hostile,
        latent_dim=2,
        title=hostile,
        data_name=hostile,
        row_noun=hostile,
        train_labels=np.array([hostile, "b"] * 120, dtype=object),
        test_labels=labels,
        commands=[(hostile, hostile)],
    )
    text = report_html(summary)
    parsed = assert_self_contained(text)
    shown = hostile.replace("\u202e", "\\u202e")
    assert "\u202e" not in text
    assert parsed.text.count(" ".join(shown.split())) >= 6
    assert all(attributes["src"].startswith("data:") for attributes in parsed.all("img"))


def test_tables_are_shown_as_numbers(fake_model: Callable[..., object]) -> None:
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.normal(size=(90, 5)), columns=["a", "b", "<b>c</b>", "d", "e"])
    models = {"VAE": fake_model(frame[:60], True, 2)}
    summary = summarise(models, frame[:60], frame[60:], title="A table")
    assert summary.columns == ("a", "b", "<b>c</b>", "d", "e")
    text = report_html(summary)
    parsed = assert_self_contained(text)
    assert not parsed.all("img")
    assert "<b>c</b>" in parsed.text
    assert "Linear probe" not in parsed.text
    assert "the two latent dimensions themselves" in parsed.text
    assert f"{summary.originals[0, 0]:.4g}" in parsed.text


def test_schema_values_in_words() -> None:
    assert plain_value(None) == ""
    assert plain_value(0.123456) == "0.1235"
    assert plain_value((8, 8)) == "8, 8"
    assert plain_value(True) == "yes"
    assert plain_value(list(range(20))).endswith("10, 11, … (20 in all)")
