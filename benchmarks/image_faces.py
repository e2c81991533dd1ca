"""Geodesics between expressions of the Frey faces."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import harness
import image_section
import numpy as np

HELD_OUT = 0.2
PAIRS = 20
STEPS = 17
SHORTER = 0.9
INSIDE = 0.95
# Of all pairs of held-out frames, the share that differs least (in their codes) and is left out.
KINDS = {"any": 0.0, "different expressions": 0.95}
CANDIDATES = 800
HIDDEN = (256, 256)
EPOCHS, BATCH = 100, 64


def nearest(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The distance of each row to the nearest of the others."""
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(rows, others).min(1))


class Frey(image_section.Section):
    """Is the geodesic shorter than the straight path, and does it stay among the faces?"""

    contenders = ("2", "8", "16")

    def measure(self, contender: str, seed: int, earlier: Mapping[str, Any]) -> image_section.Line:
        import isthmus

        faces = image_section.load("frey-faces", "all").X
        generator = np.random.default_rng(seed)
        order = generator.permutation(len(faces))
        cut = round(HELD_OUT * len(faces))
        held_out, train = faces[order[:cut]], faces[order[cut:]]
        model = isthmus.VAE(
            int(contender),
            network=isthmus.MLP(hidden=HIDDEN),
            max_epochs=EPOCHS,
            batch_size=BATCH,
            random_state=seed,
            device="cpu",
        )
        _, seconds = image_section.timed(lambda: model.fit(train))
        rows = image_section.flat(train)
        limit = float(np.quantile(nearest(image_section.flat(held_out), rows), INSIDE))
        codes = model.transform(held_out)
        pairs = generator.integers(len(held_out), size=(CANDIDATES, 2))
        gaps = np.linalg.norm(codes[pairs[:, 0]] - codes[pairs[:, 1]], axis=1)
        found = {
            kind: self._paths(model, held_out, pairs[gaps > np.quantile(gaps, least)][:PAIRS], rows, limit)
            for kind, least in KINDS.items()
        }
        error = image_section.squared_error(held_out, model.reconstruct(held_out))
        return {"pairs": found, "limit": limit, "squared_error": error, "seconds": seconds}

    def _paths(
        self, model: Any, images: np.ndarray, pairs: np.ndarray, rows: np.ndarray, limit: float
    ) -> image_section.Line:
        """Lengths and distances of the straight and the shortest paths between pairs."""
        lengths: dict[str, list[float]] = {"linear": [], "geodesic": []}
        farthest: dict[str, list[float]] = {"linear": [], "geodesic": []}
        for first, second in pairs:
            for path in lengths:
                between = model.code_path(images[first], images[second], steps=STEPS, path=path)
                frames = image_section.flat(model.inverse_transform(between))
                lengths[path].append(model.path_length(between))
                farthest[path].append(float(nearest(frames, rows).max()))
        ratios = np.array(lengths["geodesic"]) / lengths["linear"]
        inside = {path: float(np.mean(np.array(some) <= limit)) for path, some in farthest.items()}
        return {
            "ratio": float(np.median(ratios)),
            "short": float(np.mean(ratios <= SHORTER)),
            "inside": inside["geodesic"],
            "inside_straight": inside["linear"],
            "farthest": max(farthest["geodesic"]),
        }

    def tables(self, lines: image_section.Lines) -> list[harness.Table]:
        rows = []
        for codes, kind in itertools.product(self.contenders, KINDS):
            some = [line for (other, _), line in lines.items() if other == codes]
            if not some:
                continue
            names = ("ratio", "short", "inside", "inside_straight", "farthest")
            cells = [harness.spread([line["pairs"][kind][name] for line in some]) for name in names]
            ratio = harness.median([line["pairs"][kind]["ratio"] for line in some])
            inside = min(line["pairs"][kind]["inside"] for line in some)
            judged = f"length {harness.verdict(ratio, SHORTER, at_least=False)}, inside {harness.verdict(inside, 1.0)}"
            others = [image_section.column(lines, codes, name) for name in ("limit", "squared_error", "seconds")]
            rows.append((codes, kind, *cells, *others, judged if KINDS[kind] else "", len(some)))
        head = (
            "dimensions",
            "pairs",
            "geodesic / straight, median",
            f"pairs ≤ {SHORTER}",
            "geodesics inside",
            "straight paths inside",
            "farthest frame",
            "limit",
            "squared error",
            "seconds",
            "target",
            "seeds",
        )
        note = (
            f"A random fifth of the frames is held out, and with it both ends of {PAIRS} paths of each kind: any "
            "pairs, and those of different expressions, whose codes are farther apart than 95 % of all pairs. "
            f"The ratio is that of decoded lengths. A path is inside if none of its {STEPS} frames is farther "
            f"from its nearest training frame than {INSIDE:.0%} of the held-out frames are (the limit). VAEs with "
            f"hidden layers of {HIDDEN}, three layers on each side, {EPOCHS} epochs."
        )
        return [harness.Table("Frey faces: geodesics between held-out frames", head, rows, note)]
