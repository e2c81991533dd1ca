"""Seeded bugs in alarms, and in what a linear reader of codes misses."""

from __future__ import annotations

from .mutation import of

ALARMS = (
    *of(
        "uses/alarms.py",
        "alarms",
        (
            "p-values: the row itself is not counted",
            "return (1 + at_least) / (len(calibration) + 1)",
            "return at_least / len(calibration)",
        ),
        (
            "p-values: one row too few",
            "return (1 + at_least) / (len(calibration) + 1)",
            "return (1 + at_least) / len(calibration)",
        ),
        (
            "p-values: ties count for the new row",
            'at_least = len(calibration) - np.searchsorted(calibration, scores, side="left")',
            'at_least = len(calibration) - np.searchsorted(calibration, scores, side="right")',
        ),
        (
            "threshold: one rank too low",
            "return float(calibration[rows - rank])",
            "return float(calibration[rows - rank - 1])",
        ),
        (
            "share: one row too many",
            "return float(np.partition(scores, rows - 1 - flagged)[rows - 1 - flagged])",
            "return float(np.partition(scores, rows - 2 - flagged)[rows - 2 - flagged])",
        ),
        (
            "share: halves are rounded down",
            "flagged = math.floor(round(contamination * rows, 9) + 0.5)",
            "flagged = math.ceil(round(contamination * rows, 9) - 0.5)",
        ),
        (
            "select: Bonferroni",
            "below = np.flatnonzero(ordered <= np.arange(1, len(p) + 1) * rate / len(p))",
            "below = np.flatnonzero(ordered <= rate / len(p))",
        ),
        (
            "select: no correction",
            "below = np.flatnonzero(ordered <= np.arange(1, len(p) + 1) * rate / len(p))",
            "below = np.flatnonzero(ordered <= rate)",
        ),
        (
            "select: the first that fails ends it",
            "return np.asarray(p <= ordered[below[-1]])",
            "return np.asarray(p <= ordered[below[0]])",
        ),
    ),
    *of(
        "components/penalties/linear_readout.py",
        "alarms",
        (
            "readout: no half",
            "error: Tensor = 0.5 * (target.square().sum() - explained)",
            "error: Tensor = target.square().sum() - explained",
        ),
        (
            "readout: what is explained, not what is missed",
            "error: Tensor = 0.5 * (target.square().sum() - explained)",
            "error: Tensor = 0.5 * explained",
        ),
        (
            "readout: deviations for variances",
            "variance = (2 * posterior.log_std).exp().expand_as(codes).to(features.dtype)",
            "variance = posterior.log_std.exp().expand_as(codes).to(features.dtype)",
        ),
        (
            "readout: the ridge of one row",
            "ridge = ridge + self.noise * variance.sum(0)",
            "ridge = ridge + self.noise * variance.mean(0)",
        ),
        (
            "readout: no centre",
            "return rows - rows.mean(0)",
            "return rows",
        ),
        (
            "readout: wide features count for more",
            "target = target / target.square().mean(0).sqrt().clamp_min(1.0)",
            "target = target * 1.0",
        ),
        (
            "readout: narrow features are stretched",
            "target = target / target.square().mean(0).sqrt().clamp_min(1.0)",
            "target = target / target.square().mean(0).sqrt()",
        ),
    ),
)
