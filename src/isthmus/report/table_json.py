"""An evaluation of drawn rows as JSON's types."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .._version import __version__

if TYPE_CHECKING:
    from isthmus.metrics.tables.fidelity import TableFidelity

    from .table_evaluation import TableEvaluation


def evaluation_to_dict(found: TableEvaluation) -> dict[str, Any]:
    """The numbers; None for those that are not defined."""
    privacy = found.privacy
    described = {
        "isthmus": __version__,
        "random_state": found.random_state,
        "rows": {"real": found.n_real, "drawn": found.n_drawn, "training": found.n_training},
        "verdicts": [asdict(one) for one in found.verdicts],
        "fidelity": _fidelity(found.fidelity),
        "reference": _fidelity(found.reference),
        "missing": {
            "rates": [
                {"column": name, "real": real, "drawn": drawn} for name, (real, drawn) in found.missing.rates.items()
            ],
            "together": [
                {"columns": list(pair), "real": real, "drawn": drawn}
                for pair, (real, drawn) in found.missing.together.items()
            ],
        },
        "detection_auc": found.detection,
        "usefulness": None
        if found.usefulness is None
        else {"target": found.target, "real": found.usefulness.real, "drawn": found.usefulness.synthetic},
        "privacy": None if privacy is None else {**asdict(privacy), "distance_ratio": privacy.distance_ratio},
        "overlap": found.overlap,
        "notes": list(found.notes),
    }
    return _defined(described)


def _fidelity(fidelity: TableFidelity) -> dict[str, Any]:
    return {
        "shape": fidelity.shape,
        "trend": fidelity.trend,
        "quality": fidelity.quality,
        "columns": [{"column": name, "likeness": score} for name, score in fidelity.columns.items()],
        "pairs": [{"columns": list(pair), "likeness": score} for pair, score in fidelity.pairs.items()],
    }


def _defined(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _defined(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_defined(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
