"""Writes the golden model file of the current format: `python tests/storage/make_golden.py`.

Run it once per released format, under a new number; a golden file is never written again. Beside the model stand the
rows it is asked about and the answers it gave.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from isthmus import KL, MLP, VAE, Gaussian
from isthmus.storage.manifest import FORMAT_VERSION

GOLDEN = Path(__file__).parent / "golden"


def main() -> None:
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(200, 2)) @ generator.normal(size=(2, 4)) + 0.1 * generator.normal(size=(200, 4))
    model = VAE(
        2,
        network=MLP(hidden=(6,), normalisation="batch", dropout=0.1),
        likelihood=Gaussian(),
        penalties={"kl": KL(weight=1.0, warmup_epochs=2)},
        max_epochs=5,
        random_state=0,
    ).fit(rows)
    stem = GOLDEN / f"format-{FORMAT_VERSION}"
    if stem.with_suffix(".safetensors").exists():
        raise SystemExit(f"{stem}.safetensors exists: a golden file is never written again")
    model.save(stem.with_suffix(".safetensors"))
    answers = {
        "rows": rows[:20],
        "codes": model.transform(rows[:20]),
        "reconstructions": model.reconstruct(rows[:20]),
        "scores": model.score_samples(rows[:20]),
        "samples": model.sample(10, random_state=3),
    }
    np.savez(stem.with_suffix(".npz"), **answers)


if __name__ == "__main__":
    main()
