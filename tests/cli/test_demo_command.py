"""``isthmus demo`` reports progress, prints where the report is and what it found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result

from isthmus.report.summary import ComparisonRow

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command asks for: the demonstration itself is tested with the report."""
    calls: dict[str, Any] = {}

    def build_demo(path: Path, *, progress: Callable[[str], None], **settings: Any) -> Any:
        calls.update(settings, path=path)
        progress("training VAE")
        rows = (
            ComparisonRow("Autoencoder", 12345.6, 0.9123, 0.701),
            ComparisonRow("VAE", 23456.7, 0.9, 0.7, -12.34),
            ComparisonRow("PCA", 34567.8),
        )
        return SimpleNamespace(comparison=rows)

    def open_browser(address: str) -> bool:
        calls["opened"] = address
        return False

    monkeypatch.setattr("isthmus.report.demo.build_demo", build_demo)
    monkeypatch.setattr("webbrowser.open", open_browser)
    return calls


def test_output(run: Callable[..., Result], asked: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    done = run("demo", "-o", path, "--seed", 3)
    assert done.exit_code == 0
    assert done.stderr == "isthmus: training VAE …\n"
    assert done.stdout.splitlines() == [
        str(path),
        "Autoencoder: held-out squared error 12,346, linear probe 91.2%, k-means NMI 0.70",
        "VAE: held-out squared error 23,457, linear probe 90.0%, k-means NMI 0.70, log-likelihood -12.3 nats",
        "PCA: held-out squared error 34,568",
    ]
    assert asked == {"path": path, "quick": False, "random_state": 3}


def test_open(
    run: Callable[..., Result], asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("demo", "--open", "--quick")
    assert asked["path"] == Path("isthmus-demo.html")
    assert asked["quick"] is True
    assert asked["opened"] == (tmp_path / "isthmus-demo.html").resolve().as_uri()
    assert "no browser could be started; open isthmus-demo.html yourself." in done.stderr


def test_the_output_is_checked_first(run: Callable[..., Result], asked: dict[str, Any], tmp_path: Path) -> None:
    refused = run("demo", "-o", tmp_path / "none" / "report.html")
    assert refused.exit_code == 1
    assert "its folder does not exist; create the folder first." in refused.stderr
    assert run("demo", "-o", tmp_path / "report.pdf").exit_code == 2
    assert asked == {}
