"""Small files of rows and models fitted to them, for all tests of the command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from isthmus import MLP, VAE, VQVAE, Autoencoder, Mixture
from isthmus.cli.main import app
from isthmus.core.named_columns import NamedColumns

NAMES = ("height", "weight", "age", "income")


@dataclass(frozen=True)
class Files:
    """Paths of data files, and of models fitted to them.

    The conditional model's "age" has the levels 0, 1 and 2; its "income" is a number.
    """

    table: Path
    array: Path
    images: Path
    table_model: Path
    image_model: Path
    conditional_model: Path
    symbol_model: Path
    mixture_model: Path


def rows(n: int = 64) -> np.ndarray:
    """(n, 4) float64 of rank 2, plus noise."""
    random = np.random.default_rng(0)
    return random.normal(size=(n, 2)) @ random.normal(size=(2, 4)) + 0.1 * random.normal(size=(n, 4))


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("cli")
    models = (folder / f"{name}.safetensors" for name in ("t", "i", "conditional", "symbols", "mixture"))
    made = Files(folder / "t.csv", folder / "a.npy", folder / "i.npy", *models)
    values = rows()
    np.savetxt(made.table, values, delimiter=",", header=",".join(NAMES), comments="", fmt="%.17g")
    np.save(made.array, values)
    images = np.random.default_rng(1).integers(0, 256, (64, 5, 4)).astype(np.uint8)
    np.save(made.images, images)
    VAE(latent_dim=2, max_epochs=2, random_state=0).fit(NamedColumns(NAMES, values)).save(made.table_model)
    Autoencoder(latent_dim=3, max_epochs=2, random_state=0).fit(images).save(made.image_model)
    levels = values.copy()
    levels[:, 2] = np.arange(len(values)) % 3
    common = {"max_epochs": 2, "random_state": 0}
    conditional = VAE(latent_dim=2, schema={"age": "condition", "income": "condition"}, **common)
    conditional.fit(NamedColumns(NAMES, levels)).save(made.conditional_model)
    VQVAE(latent_dim=4, n_codes=8, tokens=2, **common).fit(images).save(made.symbol_model)
    VAE(latent_dim=2, prior=Mixture(n_components=3), **common).fit(values).save(made.mixture_model)
    return made


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run the command in this process: ``run("fit", path, "-q")``."""

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return invoke


# Images

SHAPE = (8, 6)


@dataclass(frozen=True)
class Pictures:
    """A folder of 24 grey images of 8 × 6 in two classes, a model of them, and one of colours (10 × 9 × 3)."""

    folder: Path
    images: np.ndarray
    names: tuple[str, ...]
    model: Path
    colour_model: Path
    float_model: Path
    signed_model: Path


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    base = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (24, *SHAPE), dtype=np.uint8)
    folder = base / "photos"
    for number, image in enumerate(images):
        (folder / "ab"[number // 12]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / "ab"[number // 12] / f"{number:02}.png")
    names = tuple(f"{'ab'[number // 12]}/{number:02}.png" for number in range(24))
    paths = [base / f"{name}.safetensors" for name in ("grey", "colour", "floats", "signed")]
    common = {"latent_dim": 2, "max_epochs": 1, "random_state": 0, "network": MLP(hidden=(8,))}
    VAE(**common).fit(images).save(paths[0])
    Autoencoder(**common).fit(random.integers(0, 256, (24, 10, 9, 3), dtype=np.uint8)).save(paths[1])
    unit = (images / 255).astype(np.float32)
    Autoencoder(**common, schema="images").fit(unit).save(paths[2])
    Autoencoder(**common, schema="images").fit(unit * 2 - 1).save(paths[3])
    return Pictures(folder, images, names, *paths)


@pytest.fixture
def nothing_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
