"""The log-likelihood of dynamically binarised MNIST under a convolutional VampPrior VAE."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import harness
import image_section
import mnist
import numpy as np

TARGET = 81.5
CODES = 40
EPOCHS, WARMUP, BATCH = 400, 100, 100


class Density(image_section.Section):
    """Protocol of `density.py`, with gated convolutions in place of fully connected layers."""

    contenders = ("vamp-vae, convolutional",)

    def measure(self, contender: str, seed: int, earlier: Mapping[str, Any]) -> image_section.Line:
        import isthmus

        options = self.options
        training = mnist.images("train")[: options.rows]
        grey = mnist.images("test")
        test = (np.random.RandomState(777).uniform(size=grey.shape) < grey).astype(np.float32)[: options.rows]
        epochs = options.epochs or EPOCHS
        network = isthmus.Convolutional(
            channels=(32, 64), blocks=1, hidden=(256,), activation="gated", normalisation="group", shape=(28, 28)
        )
        began, cpu = time.perf_counter(), time.process_time()
        model = isthmus.VAE(
            CODES,
            network=network,
            prior=isthmus.VampPrior(n_components=500),
            corruption=isthmus.Binarisation(),
            schema="unit-interval",
            batch_size=BATCH,
            max_epochs=epochs,
            max_seconds=None if options.hours is None else 3600 * options.hours,
            learning_rate=1e-3,
            warmup_epochs=min(WARMUP, epochs // 4),
            validation_fraction=1 / 6,
            patience=50,
            checkpoint=None if options.checkpoints is None else options.checkpoints / f"convolutional-{seed}",
            device=options.device,
            random_state=seed,
            verbose=1,
        ).fit(training)
        trained = time.perf_counter() - began
        density = model.density(test, samples=options.samples)
        return {
            "nll": -density.mean,
            "standard_error": density.mean_standard_error,
            "bound": -model.score(test),
            "samples": options.samples,
            "training": len(training),
            "rows": len(test),
            "epochs": model.n_iter_,
            "stopped": model.stopped_,
            "device": str(next(model.module_.parameters()).device),
            "hours": trained / 3600,
            "cpu_hours": (time.process_time() - cpu) / 3600,
            "curve": [round(value, 3) for value in model.history_.column("validation/total")],
        }

    def tables(self, lines: image_section.Lines) -> list[harness.Table]:
        rows = [
            (
                contender,
                seed,
                f"{line['nll']:.2f} ± {line['standard_error']:.2f}",
                harness.verdict(line["nll"], TARGET, at_least=False),
                f"{line['bound']:.2f}",
                f"{line['training']:,}, {line['epochs']} epochs, {line['device']}",
                line["hours"],
            )
            for (contender, seed), line in lines.items()
        ]
        head = ("model", "seed", "test NLL, nats", "target", "minus the bound", "training", "hours")
        note = "Training images are binarised anew in every step, test images once (numpy RandomState(777))."
        return [harness.Table("Log-likelihood of binarised MNIST", head, rows, note)]
