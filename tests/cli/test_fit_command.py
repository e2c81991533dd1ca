"""``isthmus fit`` makes the model that Python makes, and says what came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

import isthmus
from isthmus import MLP, VAE
from isthmus.core.named_columns import NamedColumns
from isthmus.sources import read_csv


def test_the_model_is_that_of_python(files, run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    options = ["--set", "network.hidden=[8]", "--latent-dim", 2, "--max-epochs", 2, "--seed", 3]
    done = run("fit", files.table, "-o", path, *options)
    assert done.exit_code == 0, done.stderr
    assert done.stdout == ""
    table = read_csv(files.table)
    assert isinstance(table, NamedColumns)
    expected = VAE(latent_dim=2, network=MLP(hidden=(8,)), max_epochs=2, random_state=3).fit(table)
    loaded = isthmus.load(path)
    assert loaded.get_params(deep=False) == expected.get_params(deep=False)
    np.testing.assert_array_equal(loaded.transform(table), expected.transform(table))


def test_summary(files, run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    done = run("fit", files.images, "-o", path, "--recipe", "autoencoder", "--latent-dim", 3, "--max-epochs", 2)
    loaded = isthmus.load(path)
    told = [line.strip() for line in done.stderr.splitlines()]
    warned = [line for line in told if line.startswith("isthmus: warning: ")]
    lines = [line for line in told if line not in warned]
    assert lines[0] == f"isthmus: Autoencoder saved to {path}"
    assert lines[1] == "data           64 rows of 5 × 4 unit-interval pixels"
    assert lines[2] == f"code           3 dimensions, {loaded.active_units_} active"
    assert lines[3].startswith("training       2 epochs in ")
    loss = min(row["validation/total"] for row in loaded.history_.rows)
    assert lines[4] == f"held-out loss  {loss:.6g} nats per row"
    assert lines[5] == f"warnings       {f'{len(warned)} (above)' if warned else 'none'}"


def test_quiet_and_verbose(files, run: Callable[..., Result], tmp_path: Path) -> None:
    common = ["fit", files.array, "-o", tmp_path / "m.safetensors", "--max-epochs", 2]
    assert run(*common, "--quiet").output == ""
    told = run(*common, "--verbose").stderr.splitlines()
    assert told[0].startswith("isthmus: epoch 1/2  train ")
    assert told[1].startswith("isthmus: epoch 2/2  train ")
    assert "held out" in told[0]
    refused = run(*common, "-q", "-v")
    assert refused.exit_code == 2
    assert "--quiet and --verbose contradict each other." in refused.stderr


def test_default_seed_makes_the_same_bytes_but_for_the_clock(files, run: Callable[..., Result], tmp_path: Path) -> None:
    models = []
    for name in ("one.safetensors", "two.safetensors"):
        assert run("fit", files.array, "-o", tmp_path / name, "--max-epochs", 1, "-q").exit_code == 0
        models.append(isthmus.load(tmp_path / name))
    assert models[0].random_state == 0
    X = np.load(files.array)
    np.testing.assert_array_equal(models[0].transform(X), models[1].transform(X))


def test_config_and_flags(files, run: Callable[..., Result], tmp_path: Path) -> None:
    config, path = tmp_path / "model.toml", tmp_path / "m.safetensors"
    config.write_text(
        'recipe = "beta-vae"\nlatent_dim = 3\nmax_epochs = 1\nbeta = 2.5\n[network]\nhidden = [8, 4]\n',
        encoding="utf-8",
    )
    done = run("fit", files.array, "-o", path, "--config", config, "--latent-dim", 2, "--set", "network.dropout=0.1")
    assert done.exit_code == 0, done.stderr
    loaded = isthmus.load(path)
    assert (loaded.latent_dim, loaded.beta, loaded.max_epochs) == (2, 2.5, 1)
    assert loaded.network == MLP(hidden=(8, 4), dropout=0.1)
    assert run("fit", files.array, "-o", path, "--config", config, "--recipe", "vae", "-q").exit_code == 0
    config.write_text("recipe = 3\n", encoding="utf-8")
    refused = run("fit", files.array, "-o", path, "--config", config)
    assert (refused.exit_code, refused.stderr) == (
        2,
        "isthmus: error: `recipe` must be the name of a recipe; got 3.\n",
    )


def test_npz_by_key(run: Callable[..., Result], tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", a=random.normal(size=(20, 3)), b=random.normal(size=(20, 5)))
    path = tmp_path / "m.safetensors"
    ambiguous = run("fit", tmp_path / "d.npz", "-o", path)
    assert ambiguous.exit_code == 1
    assert "several arrays: a, b" in ambiguous.stderr
    done = run("fit", tmp_path / "d.npz", "--key", "b", "-o", path, "--max-epochs", 1)
    assert done.exit_code == 0, done.stderr
    assert isthmus.load(path).n_features_in_ == 5
    np.save(tmp_path / "d.npy", random.normal(size=(20, 3)))
    refused = run("fit", tmp_path / "d.npy", "--key", "b", "-o", path)
    assert (refused.exit_code, "d.npy is none. Leave it out." in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-o", "m.pt"], 2, "-o/--output: the name must end in .safetensors; got 'm.pt'."),
        (["-o", "none/m.safetensors"], 1, "Cannot save 'none/m.safetensors': its folder does not exist; create"),
        (
            ["-o", "m.safetensors", "--latent-dim", "0"],
            2,
            "VAE: `latent_dim` must be 'auto', or an integer in [1, inf); got 0.",
        ),
        (
            ["-o", "m.safetensors", "--set", "learning_rate=-1"],
            2,
            "VAE: `learning_rate` must be a number in (0, inf); got -1.",
        ),
        (
            ["-o", "m.safetensors", "--max-epochs", "x"],
            2,
            "Invalid value for '--max-epochs': 'x' is not a valid integer.",
        ),
        (["-o", "m.safetensors", "--device", "abacus"], 2, "abacus"),
        (["-o", "m.safetensors", "--resume"], 2, "--resume needs --checkpoint DIR."),
        (["-o", "m.safetensors", "--accept-mismatch"], 2, "--accept-mismatch needs --resume."),
        ([], 2, "Missing option '-o' / '--output'"),
    ],
)
def test_bad_usage(
    files,
    run: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = run("fit", files.array, *arguments)
    assert refused.exit_code == code
    assert refused.stdout == ""
    assert message in refused.stderr
    assert refused.stderr.startswith("isthmus: error: ")
    assert refused.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_bad_data_name_the_file_and_keep_the_old_model(files, run: Callable[..., Result], tmp_path: Path) -> None:
    X = np.load(files.array)
    X[3, 2] = np.nan
    np.save(tmp_path / "x.npy", X)
    model = tmp_path / "m.safetensors"
    model.write_bytes(files.table_model.read_bytes())
    failed = run("fit", tmp_path / "x.npy", "-o", model)
    assert failed.exit_code == 1
    assert (
        f"isthmus: error: {tmp_path / 'x.npy'}: Input X contains NaN: 1 cell, first at row 3, column 2."
        in failed.stderr
    )
    assert model.read_bytes() == files.table_model.read_bytes()
    table = tmp_path / "x.csv"
    table.write_text("1,2\n3,four\n", encoding="utf-8")
    failed = run("fit", table, "-o", model)
    assert (failed.exit_code, f"{table}, line 2, column 2: 'four' is not a number" in failed.stderr) == (1, True)


def test_warnings_are_lines_and_are_counted(run: Callable[..., Result], tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(64, 4))
    X[:, 1] = 7
    np.save(tmp_path / "x.npy", X)
    done = run("fit", tmp_path / "x.npy", "-o", tmp_path / "m.safetensors", "--max-epochs", 1)
    assert done.exit_code == 0
    warned = [line for line in done.stderr.splitlines() if line.startswith("isthmus: warning: ")]
    assert "isthmus: warning: 1 of 4 columns are constant" in warned[0]
    assert f"warnings       {len(warned)} (above)" in done.stderr


def test_divergence_is_an_error_and_no_model_is_written(files, run: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    failed = run("fit", files.array, "-o", path, "--set", "learning_rate=1e300", "--max-epochs", 3)
    assert failed.exit_code == 1
    assert "isthmus: error: Training diverged: " in failed.stderr
    assert not path.exists()


def test_checkpoint_folder(files, run: Callable[..., Result], tmp_path: Path) -> None:
    folder, path = tmp_path / "run", tmp_path / "m.safetensors"
    common = ["fit", files.array, "-o", path, "--checkpoint", folder, "--max-epochs", 2]
    fresh = run(*common, "--resume")
    assert fresh.exit_code == 0
    assert f"isthmus: no checkpoint in {folder}: starting from the beginning.\n" in fresh.stderr
    refused = run(*common)
    assert refused.exit_code == 2
    assert refused.stderr == (
        f"isthmus: error: {folder} holds the checkpoint of a run already. Add --resume to go on, or give another "
        "folder.\n"
    )
    assert run(*common, "--resume", "-q").exit_code == 0
    mismatch = run(*common, "--resume", "--set", "learning_rate=0.01")
    assert mismatch.exit_code == 1
    assert "belongs to another run. It differs in settings.learning_rate" in mismatch.stderr
    assert "--accept-mismatch" in mismatch.stderr
    assert run(*common, "--resume", "--accept-mismatch", "--set", "learning_rate=0.01", "-q").exit_code == 0
