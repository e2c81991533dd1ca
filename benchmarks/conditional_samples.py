"""Conditional samples: do they show the class that is asked for?

A support vector machine that was fitted to 8,000 other images judges 1,000 samples, 100 of each class, of a
`conditional-vae` that was fitted to 1,500 images with its defaults, and 3,000 real images that neither has seen.
"whatever the condition": at codes from a density that is fitted to all codes without their conditions.
"""

from __future__ import annotations

from typing import Any

import harness
import numpy as np

ROWS, JUDGED, REAL = 1_500, 8_000, 3_000
EACH, HELD_OUT = 100, 150
DATA = ("fashion-mnist", "mnist")


def split(name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images as rows in [0, 1] and their classes, in random order."""
    from isthmus import datasets

    data = datasets.load(name)
    order = np.random.default_rng(seed).permutation(len(data.X))
    return np.asarray(data.X).reshape(len(order), -1)[order] / 255, np.asarray(data.y)[order]


def drawn_whatever(model: Any, rows: np.ndarray, asked: np.ndarray, seed: int) -> np.ndarray:
    """Rows at codes from the density that is fitted without conditions."""
    from isthmus.uses import generation, inference

    codes = inference.sampled_codes(model.module_, model.schema_.rows(rows), seed)
    _, density = generation.fit_density(model.module_, codes[:-HELD_OUT], codes[-HELD_OUT:], seed)
    found = generation.draw_codes(density, model.module_, len(asked), seed)
    return model.inverse_transform(found, given={rows.shape[1] - 1: asked})


def main() -> None:
    """Fit, draw and judge."""
    from sklearn.svm import SVC

    import isthmus

    options = harness.parser(__doc__).parse_args()
    report, lines = harness.Report("conditional_samples", __doc__, options), []
    asked = np.repeat(np.arange(10), EACH)
    for name in DATA:
        images, classes = split(name, options.seed)
        column = images.shape[1]
        judged = slice(ROWS, ROWS + JUDGED)
        judge = SVC(C=10).fit(images[judged], classes[judged])
        real = slice(judged.stop, judged.stop + REAL)
        rows = np.column_stack([images[:ROWS], classes[:ROWS]])
        schema = {"*": "unit-interval", column: "condition"}
        model = isthmus.recipe("conditional-vae", schema=schema, random_state=options.seed).fit(rows)
        drawn = {
            "for the condition": model.sample(len(asked), given={column: asked}, random_state=options.seed),
            "whatever the condition": drawn_whatever(model, rows, asked, options.seed),
            "from the prior": model.sample(len(asked), given={column: asked}, prior=True, random_state=options.seed),
        }
        shares = [float(np.mean(judge.predict(one[:, :column]) == asked)) for one in drawn.values()]
        lines.append([name, float(judge.score(images[real], classes[real])), *shares])
    report.add(
        harness.Table(
            "The class that was asked for",
            ["data", "real images", *(f"drawn {words}" for words in drawn)],
            lines,
            "The share that the judge takes for the class.",
        )
    )
    report.write()


if __name__ == "__main__":
    main()
