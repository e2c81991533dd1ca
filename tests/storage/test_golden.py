"""Every released format still loads, and its models still answer as they did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import isthmus
from isthmus.storage.manifest import FORMAT_VERSION

GOLDEN = sorted((Path(__file__).parent / "golden").glob("format-*.safetensors"))


def test_the_current_format_has_a_golden_file():
    assert f"format-{FORMAT_VERSION}.safetensors" in {path.name for path in GOLDEN}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_model_answers_as_it_did(path: Path):
    model = isthmus.load(path)
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as answers:
        rows = answers["rows"]
        # Another processor may round the last bits of float32 otherwise.
        close = {"rtol": 1e-4, "atol": 1e-5}
        np.testing.assert_allclose(model.transform(rows), answers["codes"], **close)
        np.testing.assert_allclose(model.reconstruct(rows), answers["reconstructions"], **close)
        np.testing.assert_allclose(model.score_samples(rows), answers["scores"], **close)
        np.testing.assert_allclose(model.sample(10, random_state=3), answers["samples"], **close)
