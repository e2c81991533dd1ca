"""Small files of rows and models fitted to them, for all tests of the command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from isthmus import VAE, VQVAE, Autoencoder, Mixture
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
