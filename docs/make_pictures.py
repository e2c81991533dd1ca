"""Draws the pictures of ``images.md`` and ``anomalies.md`` into ``docs/images``: ``python docs/make_pictures.py``.

The data sets are read from the folder that the environment variable ISTHMUS_DATA names. Models are kept in ``--models``
and trained only if they are not there. Seeds are fixed; with one thread the pictures come out the same again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import isthmus

FOLDER = Path(__file__).with_name("images")
WHITE, GAP = 255, 2
MAP_SIZE, MAP_MARGIN = (1080, 760), 36
NOISE = 0.5
# Two serious faces with a smiling one on the straight line between their codes.
FACES = (1471, 1889)


def digits_model(name: str) -> Callable[[], Any]:
    """A convolutional VAE on all 60,000 images of a data set."""

    def fit() -> Any:
        network = isthmus.Convolutional(layout="small", channels=(16, 32))
        model = isthmus.VAE(16, network=network, max_epochs=8, random_state=0, verbose=1)
        return model.fit(isthmus.datasets.load(name).X)

    return fit


def faces_model(codes: int, epochs: int) -> Callable[[], Any]:
    """A VAE on all frames of the Frey faces."""

    def fit() -> Any:
        network = isthmus.MLP(hidden=(256, 256))
        model = isthmus.VAE(codes, network=network, batch_size=64, max_epochs=epochs, random_state=0, verbose=1)
        return model.fit(isthmus.datasets.load("frey-faces", "all").X)

    return fit


def denoising_model(name: str) -> Callable[[], Any]:
    """A denoising autoencoder with a wide code."""

    def fit() -> Any:
        model = isthmus.Autoencoder(
            96,
            network=isthmus.Convolutional(layout="small", channels=(16, 32)),
            corruption=isthmus.GaussianNoise(NOISE),
            max_epochs=5,
            random_state=0,
            verbose=1,
        )
        return model.fit(isthmus.datasets.load(name, n=20_000, random_state=0).X)

    return fit


def odd_model() -> Any:
    """A detector with its defaults on few digits."""
    return isthmus.AnomalyDetector(random_state=0).fit(few_digits())


def few_digits() -> np.ndarray:
    """1,500 digits to find odd ones among."""
    return np.asarray(isthmus.datasets.load("mnist", n=1500, random_state=0).X)


MODELS: dict[str, Callable[[], Any]] = {
    "mnist": digits_model("mnist"),
    "fashion-mnist": digits_model("fashion-mnist"),
    "frey-faces": faces_model(16, 100),
    "frey-faces-2": faces_model(2, 100),
    "denoise-mnist": denoising_model("mnist"),
    "denoise-fashion-mnist": denoising_model("fashion-mnist"),
    "odd-mnist": odd_model,
}


class Models:
    """Fitted models by name, kept in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, name: str) -> Any:
        path = self.folder / f"{name}.safetensors"
        if path.exists():
            return isthmus.load(path)
        model = MODELS[name]()
        self.folder.mkdir(parents=True, exist_ok=True)
        model.save(path)
        return model


def lines(rows: Sequence[np.ndarray], scale: int = 1) -> Image.Image:
    """Strips of images, grey (n, height, width) or with three colours, one below the other, with white gaps."""
    count, height, width, *colours = rows[0].shape
    canvas = np.full((len(rows) * (height + GAP) - GAP, count * (width + GAP) - GAP, *colours), WHITE, np.uint8)
    for line, strip in enumerate(rows):
        for place, image in enumerate(strip):
            top, left = line * (height + GAP), place * (width + GAP)
            canvas[top : top + height, left : left + width] = image
    return enlarged(Image.fromarray(canvas), scale)


def enlarged(image: Image.Image, scale: int) -> Image.Image:
    """Pixels stay pixels."""
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)


def samples(models: Models, name: str, columns: int, rows: int, temperature: float, scale: int) -> Image.Image:
    """A grid of samples, none chosen by hand."""
    drawn = models[name].sample(columns * rows, temperature=temperature, random_state=0)
    return lines(np.split(drawn, rows), scale)


def face_map(models: Models) -> Image.Image:
    """Where the frames lie in two dimensions, with the faces themselves at their places.

    The faces are what a model with 16 dimensions makes of the frames, as the frames may not be passed on.
    """
    faces = isthmus.datasets.load("frey-faces", "all").X
    codes = models["frey-faces-2"].transform(faces)
    shown = models["frey-faces"].reconstruct(faces)
    low, high = np.quantile(codes, 0.002, axis=0), np.quantile(codes, 0.998, axis=0)
    room = np.array(MAP_SIZE) - 2 * MAP_MARGIN
    places = MAP_MARGIN + ((codes - low) / (high - low)).clip(0, 1) * [1, -1] * room + [0, room[1]]
    canvas = np.full((MAP_SIZE[1], MAP_SIZE[0]), WHITE, np.uint8)
    for x, y in np.rint(places).astype(int):
        canvas[y - 1 : y + 2, x - 1 : x + 2] = np.minimum(canvas[y - 1 : y + 2, x - 1 : x + 2], 200)
    height, width = faces.shape[1:]
    for index in apart(places, (2 * width + 4, 2 * height + 4)):
        x, y = np.rint(places[index]).astype(int)
        top, left = y - height, x - width
        if 0 <= top <= canvas.shape[0] - 2 * height and 0 <= left <= canvas.shape[1] - 2 * width:
            canvas[top : top + 2 * height, left : left + 2 * width] = shown[index].repeat(2, 0).repeat(2, 1)
    return Image.fromarray(canvas)


def apart(places: np.ndarray, size: tuple[int, int]) -> Iterator[int]:
    """The places, in a random order, whose boxes of a size overlap none before."""
    kept: list[int] = []
    for index in np.random.default_rng(0).permutation(len(places)):
        gaps = np.abs(places[kept] - places[index])
        if not (gaps < size).all(axis=1).any():
            kept.append(int(index))
            yield int(index)


def face_paths(models: Models) -> Image.Image:
    """A straight path between two expressions above the geodesic."""
    faces, model = isthmus.datasets.load("frey-faces", "all").X, models["frey-faces-2"]
    first, second = faces[FACES[0]], faces[FACES[1]]
    return lines([model.interpolate(first, second, steps=13, path=path) for path in ("linear", "geodesic")], 3)


def denoised(models: Models) -> Image.Image:
    """Noisy images, what the model makes of them, and the images without noise."""
    columns: list[list[np.ndarray]] = [[], [], []]
    for name in ("mnist", "fashion-mnist"):
        clean = isthmus.datasets.load(name, "test", n=8, random_state=4).X
        noise = NOISE * np.random.default_rng(0).normal(size=clean.shape)
        noisy = np.rint(255 * (clean / 255 + noise).clip(0, 1)).astype(np.uint8)
        for column, images in zip(columns, (noisy, models[f"denoise-{name}"].reconstruct(noisy), clean), strict=True):
            column.append(images)
    return lines([np.concatenate(column) for column in columns], 2)


def odd_digits(models: Models) -> Image.Image:
    """The oddest digits, the oddest first, each above a copy that is red where it is odd."""
    digits, detector = few_digits(), models["odd-mnist"]
    oddest = digits[np.argsort(-detector.anomaly_score(digits), kind="stable")[:9]]
    grey = oddest[..., None].repeat(3, axis=-1)
    return lines([grey, detector.explain(oddest).marked(oddest)], 2)


PICTURES: dict[str, Callable[[Models], Image.Image]] = {
    "mnist_samples": lambda models: samples(models, "mnist", 20, 8, 0.8, 2),
    "fashion_samples": lambda models: samples(models, "fashion-mnist", 20, 8, 0.8, 2),
    "frey_samples": lambda models: samples(models, "frey-faces", 20, 5, 0.7, 2),
    "frey_map": face_map,
    "frey_geodesic": face_paths,
    "denoised": denoised,
    "odd_digits": odd_digits,
}


def main() -> None:
    """Draw all pictures, or those that are named."""
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    options.add_argument("--only", nargs="+", choices=list(PICTURES), default=list(PICTURES))
    options.add_argument("--models", type=Path, default=Path("models"), help="folder of the fitted models")
    options.add_argument("--output", type=Path, default=FOLDER)
    chosen = options.parse_args()
    for name in chosen.only:
        path = chosen.output / f"{name}.png"
        PICTURES[name](Models(chosen.models)).save(path, optimize=True)
        sys.stderr.write(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB\n")


if __name__ == "__main__":
    main()
