"""``isthmus anomalies``: the oddest rows, their p-values, alarms and reasons, as Python's detector gives them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

import isthmus
from isthmus.cli import anomaly_rows
from isthmus.cli.anomaly_rule import AlarmRule
from isthmus.core.named_columns import NamedColumns
from isthmus.errors import ParameterError
from isthmus.sources import read_csv, read_parquet, write_rows
from isthmus.uses import alarms

NAMES = ("height", "weight", "age", "income")
QUICK = ("--set", "max_epochs=2", "--set", "members=2", "--set", "hidden=[8,8]")
ODD = 37


def correlated(n: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(size=(n, 1)) @ np.ones((1, 4)) + 0.1 * random.normal(size=(n, 4))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """normal.csv, new.csv with one odd row, and a detector that the command has fitted."""
    found = tmp_path_factory.mktemp("anomalies")
    new = correlated(80, 1)
    new[ODD] = [9.0, 9.0, -9.0, 9.0]
    write_rows(found / "normal.csv", NamedColumns(NAMES, correlated(200, 0)))
    write_rows(found / "new.csv", NamedColumns(NAMES, new))
    return found


@pytest.fixture(scope="module")
def fitted(folder: Path) -> tuple[Result, isthmus.AnomalyDetector]:
    from click.testing import CliRunner

    from isthmus.cli.main import app

    words = ["anomalies", folder / "new.csv", "--normal", folder / "normal.csv", "--alarm-rate", "0.05", *QUICK]
    words += ["--save", folder / "d.safetensors", "-o", folder / "scored.csv", "--top", 3, "--drift"]
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.stderr
    return done, isthmus.load(folder / "d.safetensors")


def table(text: str) -> list[list[str]]:
    """The cells of the lines below the headings."""
    return [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()[2:]]


def test_scores_p_values_and_alarms_are_pythons(folder: Path, fitted: tuple[Result, isthmus.AnomalyDetector]) -> None:
    done, detector = fitted
    new = read_csv(folder / "new.csv")
    scores = detector.anomaly_score(new)
    written = read_csv(folder / "scored.csv")
    assert written.names == ("score", "p_value", "alarm")
    np.testing.assert_array_equal(written.values[:, 0], scores)
    np.testing.assert_array_equal(written.values[:, 1], alarms.p_values(scores, detector.calibration_scores_))
    np.testing.assert_array_equal(written.values[:, 2] == 1, detector.predict(new) == -1)
    assert written.whole == (False, False, True)
    lines = table(done.stdout)
    order = np.argsort(-scores, kind="stable")[:3]
    assert lines[0][:4] == ["1", str(ODD), f"{scores[ODD]:.4g}", f"{1 / 41:.3g}"]
    assert [int(line[1]) for line in lines] == order.tolist()
    assert done.stdout.splitlines()[0].split()[:6] == ["rank", "row", "score", "p-value", "alarm", "reasons:"]


def test_reasons_are_those_of_explain(folder: Path, fitted: tuple[Result, isthmus.AnomalyDetector]) -> None:
    done, detector = fitted
    explanation = detector.explain(read_csv(folder / "new.csv").rows(slice(ODD, ODD + 1)))
    words = table(done.stdout)[0][-1].split("; ")
    for word, reason in zip(words, explanation.reasons(0, 3), strict=True):
        share = f"({reason.share:.0%})"
        seen = "" if reason.seen is None else f": {reason.seen:.4g} → {reason.expected:.4g}"
        assert word == f"{reason.column}{seen} {share}"


def test_the_summary_says_what_the_alarms_promise(folder: Path, fitted: tuple[Result, isthmus.AnomalyDetector]) -> None:
    done, detector = fitted
    count = int((detector.predict(read_csv(folder / "new.csv")) == -1).sum())
    assert f"new.csv: 80 rows, {count} alarm" in done.stderr
    assert "of normal rows at most 0.05 give alarm on average (0.0061 to 0.13 with 40 calibration rows)" in done.stderr
    assert "no drift of the scores in 80 rows." in done.stderr
    assert f"wrote 80 rows to {folder / 'scored.csv'}" in done.stderr


def test_a_saved_detector_reads_files_in_pieces(
    folder: Path,
    fitted: tuple[Result, isthmus.AnomalyDetector],
    run: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_rows(tmp_path / "new.parquet", read_csv(folder / "new.csv"))
    pieces: list[int] = []

    def small(*arguments: object, **options: object) -> object:
        for piece in given(*arguments, 30, **options):  # type: ignore[arg-type]
            pieces.append(len(piece))
            yield piece

    given = anomaly_rows.row_pieces
    monkeypatch.setattr(anomaly_rows, "row_pieces", small)
    for name in ("new.csv", "new.parquet"):
        path = (folder if name.endswith("csv") else tmp_path) / name
        done = run(
            "anomalies", path, "--model", folder / "d.safetensors", "-q", "--top", 3, "-o", tmp_path / "s.parquet"
        )
        assert (done.exit_code, done.stderr) == (0, "")
        assert done.stdout == fitted[0].stdout
        scores = read_parquet(tmp_path / "s.parquet").column("score").to_numpy()
        np.testing.assert_array_equal(scores, read_csv(folder / "scored.csv").values[:, 0])
    assert pieces == [30, 30, 20] * 2


def test_other_rules_for_a_saved_detector(
    folder: Path, fitted: tuple[Result, isthmus.AnomalyDetector], run: Callable[..., Result], tmp_path: Path
) -> None:
    detector = fitted[1]
    scores = detector.anomaly_score(read_csv(folder / "new.csv"))
    p = alarms.p_values(scores, detector.calibration_scores_)
    common = (
        "anomalies",
        folder / "new.csv",
        "--model",
        folder / "d.safetensors",
        "--top",
        0,
        "-o",
        tmp_path / "s.csv",
    )
    done = run(*common, "--alarm-rate", "0.2")
    assert done.stdout == ""
    np.testing.assert_array_equal(read_csv(tmp_path / "s.csv").values[:, 2] == 1, p <= 0.2)
    done = run(*common, "--false-discovery-rate", "0.5")
    np.testing.assert_array_equal(read_csv(tmp_path / "s.csv").values[:, 2] == 1, alarms.select(p, 0.5))
    assert "on average at most 0.5 of those that give alarm are normal" in done.stderr
    done = run(*common, "--alarm-rate", "0.001")
    assert (done.exit_code, "resolve rates from 1/41 = 0.0244" in done.stderr) == (1, True)


def test_learning_from_the_file_itself(folder: Path, run: Callable[..., Result]) -> None:
    done = run("anomalies", folder / "new.csv", "--contamination", "0.1", *QUICK, "--top", 1, "--reasons", 0, "-o", "-")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "score,alarm"
    assert sum(line.endswith(",1") for line in lines[1:]) == 8
    assert "alarm at the score that 0.1 of the rows learnt from exceed" in done.stderr
    shown = done.stderr.splitlines()
    heading = next(place for place, line in enumerate(shown) if line.startswith("rank"))
    assert shown[heading].split() == ["rank", "row", "score", "alarm"]
    assert shown[heading + 2].split()[1] == str(ODD)


def test_the_oddest_images_in_a_picture(tmp_path: Path, run: Callable[..., Result]) -> None:
    images = np.tile(np.random.default_rng(0).integers(80, 120, (60, 1, 1)), (1, 32, 64)).astype(np.uint8)
    images[ODD, 14:24, 24:40] = 255
    np.save(tmp_path / "images.npy", images)
    words = [*QUICK, "--top", 2, "--pictures", tmp_path / "odd.png"]
    done = run("anomalies", tmp_path / "images.npy", *words)
    assert done.exit_code == 0, done.stderr
    assert "wrote the 2 oddest images" in done.stderr
    page = np.asarray(Image.open(tmp_path / "odd.png"))
    factor, gap = 2, 2
    height = 2 * 32 * factor + gap
    assert page.shape[2] == 3
    assert page.shape[:2] in ((2 * height + 8, 64 * factor), (height, 2 * 64 * factor + gap))
    np.testing.assert_array_equal(page[: 32 * factor : factor, : 64 * factor : factor, 0], images[ODD])
    below = page[32 * factor + gap : height : factor, : 64 * factor : factor]
    red = np.argwhere((below == (215, 25, 28)).all(-1))
    assert len(red) == 1  # the hottest pixel
    assert 14 <= red[0, 0] < 24
    assert 24 <= red[0, 1] < 40


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--pictures", "x.png", *QUICK], "--pictures shows images; the rows of"),
        (["--pictures", "x.png", "--top", "0"], "--pictures shows the oddest rows: --top must be at least 1."),
        (["--pictures", "x.csv"], "--pictures: the name must end in .png"),
        (["--alarm-rate", "0.1"], "--alarm-rate is a promise about normal rows, so it needs rows that are known"),
        (["--false-discovery-rate", "0.1"], "--false-discovery-rate is a promise about normal rows"),
        (["--alarm-rate", "0.1", "--contamination", "0.1"], "--alarm-rate and --contamination contradict each other"),
        (["--contamination", "0.6"], "--contamination must be a number in (0, 0.5]; got 0.6."),
        (["--alarm-rate", "1", "--normal", "x.csv"], "--alarm-rate must be a number in (0, 1); got 1."),
        (["--top", "-1"], "--top must be an integer in [0, inf); got -1."),
        (["--drift"], "--drift compares with rows known to be normal: it needs --normal or --model."),
        (["--model", "m.safetensors", "--seed", "1"], "--seed is about learning; --model has learnt already"),
        (
            ["--model", "m.safetensors", "--contamination", "0.1"],
            "--contamination is a share of the rows that are learnt",
        ),
        (["-o", "x.png"], "-o/--output: the name must end in .csv, .parquet, .npy or .npz"),
        (["--set", "alarm_rate=0.1"], "`alarm_rate` cannot be set here: use --alarm-rate."),
        (["--set", "verbose=1"], "`verbose` cannot be set here: use --verbose or --quiet."),
        (["--set", "member=1"], "Did you mean `members`?"),
    ],
)
def test_what_makes_no_sense_is_refused(
    folder: Path, run: Callable[..., Result], words: list[str], message: str
) -> None:
    done = run("anomalies", folder / "new.csv", *words)
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_model_that_is_no_detector_is_refused(files, run: Callable[..., Result]) -> None:
    done = run("anomalies", files.table, "--model", files.table_model)
    assert done.exit_code == 2
    assert f"--model {files.table_model} holds a VAE, which is no detector. Learn one from normal rows" in done.stderr


def test_other_commands_say_what_a_detector_is(
    folder: Path, fitted: tuple[Result, isthmus.AnomalyDetector], run: Callable[..., Result]
) -> None:
    path = folder / "d.safetensors"
    for words in (["encode", path, folder / "new.csv"], ["sample", path], ["impute", path, folder / "new.csv"]):
        done = run(*words)
        assert done.exit_code == 2
        assert f"{path} holds a detector of anomalies, which has no code. Use it with: isthmus anomalies" in done.stderr
    done = run("info", path)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith(f"{path}: AnomalyDetector, {path.stat().st_size / 1024:,.0f} KiB\n")
    assert f"above the score   {-fitted[1].offset_:.6g}\n" in done.stdout
    assert "calibration rows  40 (of normal rows 0.0061 to 0.13 give alarm)\n" in done.stdout
    assert "members        2\n" in done.stdout
    said = json.loads(run("info", path, "--json").stdout)
    assert said["alarm"]["alarm_rate"] == 0.05
    assert [field["name"] for field in said["schema"]] == list(NAMES)
    done = run("info", path, "--diagram", folder / "d.svg")
    assert (done.exit_code, "--diagram draws an encoder and a decoder" in done.stderr) == (2, True)


def test_default_rates_are_the_smallest_that_the_rows_can_tell() -> None:
    rule = AlarmRule(None, None, None)
    assert [rule.settings(rows, 0.2, True) for rows in (1000, 500, 110, 60, 40)] == [
        {"alarm_rate": 0.01},
        {"alarm_rate": 0.05},
        {"alarm_rate": 0.1},
        {"alarm_rate": 0.1},
        {"contamination": 0.0},
    ]
    assert rule.settings(1000, 0.2, False) == {}
    assert AlarmRule(0.3, None, None).settings(1000, 0.2, True) == {"alarm_rate": 0.3}
    with pytest.raises(
        ParameterError, match="needs more normal rows: 40 leave 7 to calibrate with, and 9 are the least"
    ):
        AlarmRule(None, None, 0.1).settings(40, 0.2, True)


def test_cells_in_few_characters() -> None:
    shown = [
        anomaly_rows._value(value) for value in (None, math.nan, 1.23456, 11094.6, np.float64(2), 7, "x" * 50, "abc")
    ]
    assert shown == ["missing", "missing", "1.235", "11,095", "2", "7", "x" * 39 + "…", "abc"]
