"""What the tests of pages and examples share."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.estimators import anomaly_fitting, fitting

FEW_EPOCHS = 2


@pytest.fixture(params=["few epochs", pytest.param("as written", marks=pytest.mark.slow)])
def length(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How long models train: what a page shows must run, which two epochs prove as well as forty."""
    if request.param == "few epochs":
        settings_of = fitting.settings_of

        def shorter(estimator: Any, max_epochs: int, *rest: Any) -> Any:
            return settings_of(estimator, min(max_epochs, FEW_EPOCHS), *rest)

        for module in (fitting, anomaly_fitting):
            monkeypatch.setattr(module, "settings_of", shorter)
    return request.param
