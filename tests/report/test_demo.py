"""The demonstration on the real estimators, briefly."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.report.demo import build_demo


def test_quick_demo_writes_the_whole_report(tmp_path: Path) -> None:
    said: list[str] = []
    path = tmp_path / "digits.html"
    summary = build_demo(path, quick=True, progress=said.append)

    assert (summary.n_train, summary.n_test) == (1347, 450)
    assert [row.name for row in summary.comparison] == ["Autoencoder", "VAE", "PCA"]
    autoencoder, vae, pca = summary.comparison
    assert autoencoder.log_likelihood is None
    assert vae.log_likelihood is not None
    # Facts of the data: what scikit-learn's PCA(8) reaches on this split.
    assert pca.squared_error == pytest.approx(102_260, rel=1e-3)
    assert pca.log_likelihood == pytest.approx(-341.2, abs=0.1)
    assert autoencoder.squared_error < 2 * pca.squared_error
    assert [model.epochs for model in summary.models] == [5, 5]
    assert summary.models[0].reconstructions.shape == (10, 8, 8)
    assert said[0] == "training Autoencoder on 1,347 digits"
    assert said[-1] == "drawing the report"

    page = path.read_text(encoding="utf-8")
    for words in ("Handwritten digits through a bottleneck", "isthmus demo", "random_state=0, quick=True", "GELU"):
        assert words in page
    assert 'src="http' not in page
