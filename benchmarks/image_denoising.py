"""Noisy images: a denoising model beside Wiener filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import harness
import image_section
import numpy as np

NOISE = 0.5
TRAIN, TEST, TUNING = 60_000, 2_000, 500
CODES = 256
CHANNELS = (32, 64)
EPOCHS = 15
BETTER = 3.0
WINDOWS = (3, 5, 7, 9, 11)
POWERS = (None, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


def noisy(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Gaussian noise of σ = 0.5 on images in [0, 1], stored as an image file would: clipped and rounded to uint8."""
    damaged = images / 255 + NOISE * generator.normal(size=images.shape)
    return np.rint(255 * damaged.clip(0, 1)).astype(np.uint8)


def psnr(clean: np.ndarray, restored: np.ndarray) -> float:
    """10 log₁₀ (1 / mean squared error), in decibels: the mean over images."""
    errors = np.square(clean / 255.0 - restored).mean((1, 2))
    return float((10 * np.log10(1 / errors)).mean())


def wiener(images: np.ndarray, window: int, power: float | None) -> np.ndarray:
    """The local Wiener filter of SciPy on each image, clipped to [0, 1]."""
    from scipy.signal import wiener as of_scipy

    with np.errstate(divide="ignore", invalid="ignore"):
        found = [of_scipy(image / 255.0, window, power) for image in images]
    return np.nan_to_num(np.stack(found)).clip(0, 1)


class GlobalWiener:
    """The best linear filter there is: the affine map of all noisy pixels to all clean ones with the least error."""

    def __init__(self, clean: np.ndarray, damaged: np.ndarray) -> None:
        from sklearn.linear_model import Ridge

        self._map = Ridge(alpha=1.0).fit(image_section.flat(damaged), image_section.flat(clean))

    def __call__(self, damaged: np.ndarray) -> np.ndarray:
        found: np.ndarray = self._map.predict(image_section.flat(damaged)).reshape(damaged.shape).clip(0, 1)
        return found


class Denoising(image_section.Section):
    """How many decibels better than linear filters is a model that was trained on damaged images?"""

    contenders = ("mnist", "fashion-mnist")

    def measure(self, contender: str, seed: int, earlier: Mapping[str, Any]) -> image_section.Line:
        import isthmus

        generator = np.random.default_rng(seed)
        train = image_section.load(contender, n=TRAIN, random_state=seed).X
        test = image_section.load(contender, "test", n=TEST, random_state=seed).X
        damaged, damaged_train = noisy(test, generator), noisy(train, generator)
        tried = {
            (window, power): psnr(train[:TUNING], wiener(damaged_train[:TUNING], window, power))
            for window in WINDOWS
            for power in POWERS
        }
        best = max(tried, key=lambda one: tried[one])
        model = isthmus.Autoencoder(
            CODES,
            network=isthmus.Convolutional(channels=CHANNELS),
            corruption=isthmus.GaussianNoise(NOISE, clip=True),
            max_epochs=EPOCHS,
            random_state=seed,
            device="cpu",
        )
        _, seconds = image_section.timed(lambda: model.fit(train))
        return {
            "noisy": psnr(test, damaged / 255),
            "wiener": psnr(test, wiener(damaged, *best)),
            "window": best[0],
            "power": best[1],
            "linear": psnr(test, GlobalWiener(train, damaged_train)(damaged)),
            "model": psnr(test, model.reconstruct(damaged) / 255),
            "seconds": seconds,
            "epochs": model.n_iter_,
        }

    def tables(self, lines: image_section.Lines) -> list[harness.Table]:
        rows = []
        for name in [name for name in self.contenders if image_section.seeds(lines, name)]:
            cells = [image_section.column(lines, name, number) for number in ("noisy", "wiener", "linear", "model")]
            model = image_section.values(lines, name, "model")
            judged = []
            for other in ("wiener", "linear"):
                theirs = image_section.values(lines, name, other)
                gains = [model[seed] - theirs[seed] for seed in model]
                words = f" {harness.verdict(harness.median(gains), BETTER)}" if other == "wiener" else ""
                judged.append(harness.spread(gains) + words)
            seconds = image_section.column(lines, name, "seconds")
            rows.append((name, *cells, *judged, seconds, image_section.seeds(lines, name)))
        head = (
            "data",
            "noisy",
            "local Wiener",
            "best linear map",
            "model",
            "model − local Wiener",
            "model − linear map",
        )
        note = (
            f"PSNR in dB on {TEST:,} test images with Gaussian noise of σ = {NOISE:g}, clipped to [0, 1] and "
            "rounded to uint8. `scipy.signal.wiener` has the window and the power of the noise that are best on "
            f"training images; the linear map from all 784 noisy pixels is fitted to {TRAIN:,} training images, "
            f"more than a filter may know. The model: `Autoencoder({CODES}, "
            f"corruption=GaussianNoise({NOISE:g}, clip=True), network=Convolutional(channels={CHANNELS}))`, {EPOCHS} "
            "epochs on as many images. Clipping, the width and the length were chosen on training images."
        )
        return [harness.Table("Denoising", (*head, "seconds", "seeds"), rows, note)]
