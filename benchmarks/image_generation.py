"""Samples of convolutional models, from the density fitted to the codes and from the prior."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import harness
import image_section
import labelled
import numpy as np

SAMPLES = 2_000
CODES = 16
EPOCHS = 10
SIDE = 28
# How many times smaller the density makes the distance (the ordering of Ghosh et al. 2020, table 1).
TARGETS = {"autoencoder": 3.0, "rae-l2": 1.5}
REAL = "real images"


@functools.lru_cache(maxsize=1)
def prepared(seed: int) -> tuple[labelled.Labelled, labelled.Classifier]:
    """10,000 training and 2,000 test images of MNIST, and the classifier of one seed."""
    data = labelled.small_mnist(seed)
    return data, labelled.Classifier(data, labelled.FEATURES["MNIST"], seed)


class Generation(image_section.Section):
    """Does fitting a density to the codes bring samples nearer to real images, in the order of the paper?"""

    contenders = (REAL, "autoencoder", "rae-l2", "wae-mmd", "vae")

    def measure(self, contender: str, seed: int, earlier: Mapping[str, Any]) -> image_section.Line:
        import isthmus
        from isthmus.metrics.generation import frechet_distance, precision_recall

        data, classifier = prepared(seed)
        real = classifier.features(data.held_out)

        def distance(rows: np.ndarray) -> float:
            return frechet_distance(classifier.features(rows), real)

        if contender == REAL:
            chosen = np.random.default_rng(seed).permutation(len(data.train))[:SAMPLES]
            return {"frechet": distance(data.train[chosen]), "classifier": classifier.accuracy}
        train = np.rint(data.train * 255).astype(np.uint8).reshape(-1, SIDE, SIDE)
        held_out = np.rint(data.held_out * 255).astype(np.uint8).reshape(-1, SIDE, SIDE)
        model = isthmus.recipe(
            contender,
            latent_dim=CODES,
            network=isthmus.Convolutional(**image_section.NETWORK),
            max_epochs=EPOCHS,
            random_state=seed,
            device="cpu",
        )
        _, seconds = image_section.timed(lambda: model.fit(train))
        drawn = image_section.flat(model.sample(SAMPLES, random_state=seed))
        found = precision_recall(real, classifier.features(drawn))
        rebuilt = model.reconstruct(held_out)
        return {
            "frechet": distance(drawn),
            "frechet_prior": distance(image_section.flat(model.sample(SAMPLES, prior=True, random_state=seed))),
            "frechet_rebuilt": distance(image_section.flat(rebuilt)),
            "squared_error": image_section.squared_error(held_out, rebuilt),
            "density": type(model.density_spec_).__name__,
            "precision": found.precision,
            "recall": found.recall,
            "seconds": seconds,
            "epochs": model.n_iter_,
        }

    def tables(self, lines: image_section.Lines) -> list[harness.Table]:
        rows = []
        for name in self.contenders:
            cells = [image_section.column(lines, name, number) for number in ("frechet_rebuilt", "frechet_prior")]
            fitted, prior = (image_section.values(lines, name, number) for number in ("frechet", "frechet_prior"))
            cuts = [prior[seed] / fitted[seed] for seed in prior]
            cell = harness.spread(cuts)
            target = TARGETS.get(name, 1.0)
            judged = harness.verdict(harness.median(cuts), target) if cuts else ""
            others = [image_section.column(lines, name, number) for number in ("precision", "recall", "seconds")]
            frechet = image_section.column(lines, name, "frechet")
            rows.append((name, *cells, frechet, cell, judged, *others, image_section.seeds(lines, name)))
        head = ("recipe", "Fréchet, reconstructed", "…, prior", "…, fitted density", "prior / fitted", "target")
        note = (
            f"10,000 training images of MNIST for {EPOCHS} epochs, codes of {CODES}, {SAMPLES:,} samples against "
            "2,000 test images, in the features of the classifier of `recipes.py`. A target of ≥ 1: the default "
            "`sample` is no worse than drawing from the prior; `recipes.md` has that of the other recipes."
        )
        title = "Samples: what the fitted density is worth"
        return [harness.Table(title, (*head, "precision", "recall", "seconds", "seeds"), rows, note)]
