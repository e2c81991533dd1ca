"""``isthmus anomalies``: the oddest rows of a file, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from isthmus.core.errors import ParameterError

from .anomaly_rule import AlarmRule
from .image_options import skip_bad_option
from .options import (
    PATH,
    debug_option,
    examples,
    file_argument,
    header_option,
    key_option,
    output_to,
    trust_option,
)
from .results import check_output, write_output
from .rows import ROWS
from .schema_options import schema_option
from .session import Session


@click.command(
    "anomalies",
    epilog=examples(
        "isthmus anomalies payments.csv --top 20",
        "isthmus anomalies new.csv --normal known.csv --alarm-rate 0.01 -o scored.csv",
        "isthmus anomalies new.csv --normal known.csv --save detector.safetensors",
        "isthmus anomalies stream.parquet --model detector.safetensors --drift",
        "isthmus anomalies photos/ --top 12 --pictures odd.png",
    ),
)
@file_argument
@click.option("--normal", type=PATH, metavar="FILE", help="Rows to learn from that are known to be normal.")
@click.option("--model", type=PATH, metavar="FILE", help="A detector that --save has written, instead of learning one.")
@click.option("--top", type=int, default=20, show_default=True, metavar="N", help="How many rows to show.")
@click.option(
    "--reasons", type=int, default=3, show_default=True, metavar="N", help="How many columns to name for each."
)
@click.option(
    "--alarm-rate",
    type=float,
    metavar="R",
    help="The share of normal rows that may give alarm; needs --normal or --model.  [default with --normal: 0.01]",
)
@click.option("--contamination", type=float, metavar="C", help="The share of the rows learnt from that gives alarm.")
@click.option(
    "--false-discovery-rate",
    type=float,
    metavar="Q",
    help="Of all rows that give alarm, the share that may be normal; needs --normal or --model.",
)
@click.option("--drift", is_flag=True, help="Watch the scores in the order of the rows for a change of their law.")
@click.option(
    "--pictures",
    type=PATH,
    metavar="FILE",
    help="Of images: a .png of the oddest, each above a copy that is red where it is odd.",
)
@click.option("--save", type=PATH, metavar="FILE", help="Keep the detector: a .safetensors file.")
@output_to("A .csv, .parquet, .npy or .npz file to write: score, p-value and alarm of each row.", default=None)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any parameter of AnomalyDetector, by name: members=16, max_epochs=50. Repeatable.",
)
@schema_option
@click.option("--seed", type=int, metavar="N", help="The same seed gives the same detector.  [default: 0]")
@header_option
@key_option
@skip_bad_option
@trust_option
@click.option("-q", "--quiet", is_flag=True, help="Only warnings and errors, and the table.")
@debug_option
@click.pass_context
def command(
    ctx: click.Context,
    file: Path,
    normal: Path | None,
    model: Path | None,
    top: int,
    reasons: int,
    alarm_rate: float | None,
    contamination: float | None,
    false_discovery_rate: float | None,
    drift: bool,
    pictures: Path | None,
    save: Path | None,
    output: Path | None,
    assignments: tuple[str, ...],
    kinds: tuple[str, ...],
    seed: int | None,
    key: str | None,
    skip_bad: bool,
    trust: tuple[str, ...],
    quiet: bool,
) -> None:
    """Show the oddest rows of FILE, the columns that make them odd, and what would have been expected there.

    Without --normal or --model, the detector learns from FILE itself, taking most of its rows for normal. Rows are
    numbered from 0. FILE is read in pieces where it is not learnt from.
    """
    session: Session = ctx.obj
    session.quiet = quiet
    rule = AlarmRule(alarm_rate, contamination, false_discovery_rate)
    rule.check(learns=model is None, from_normal_rows=normal is not None)
    for name, value in (("--top", top), ("--reasons", reasons)):
        if value < 0:
            raise ParameterError(f"{name} must be an integer in [0, inf); got {value}.")
    if model is not None:
        for flag, given in (
            ("--normal", normal),
            ("--save", save),
            ("--set", assignments),
            ("--schema", kinds),
            ("--seed", seed),
        ):
            if given not in (None, ()):
                raise click.UsageError(f"{flag} is about learning; --model has learnt already. Leave one out.", ctx)
    if drift and model is None and normal is None:
        raise click.UsageError("--drift compares with rows known to be normal: it needs --normal or --model.", ctx)
    check_output(output, ROWS)
    check_output(save, (".safetensors",), "--save")
    check_output(pictures, (".png",), "--pictures")
    if pictures is not None:
        if not top:
            raise click.UsageError("--pictures shows the oddest rows: --top must be at least 1.", ctx)
        from isthmus.sources.images.pillow import pillow

        pillow()  # missing? Said before the work is done, not after.

    from .anomaly_detectors import learnt, loaded, refuse_columns
    from .anomaly_rows import found_anomalies, pieces_of

    settings: dict[str, Any] = {"random_state": 0 if seed is None else seed}
    rows = None
    if model is not None:
        detector = loaded(model, trust)
        if pictures is not None:
            refuse_columns(len(detector.schema_.row_shape) > 1, model)
    else:
        known, only = normal is not None, pictures is not None
        detector, rows = learnt(normal or file, key, skip_bad, assignments, kinds, settings, rule, known, only)
        if save is not None:
            detector.save(save)
            session.note(f"the detector is in {save}: --model {save} uses it again.")
    names, pieces = pieces_of(file, detector, key, skip_bad, rows if normal is None else None)
    found = found_anomalies(detector, pieces, rule, top, reasons, file, drift, pictures is not None)
    to_standard_output = output is not None and str(output) == "-"
    if top:
        click.echo(found.table(names), err=to_standard_output)
    session.note(found.summary(file))
    if drift:
        session.note(found.drift_words())
    if pictures is not None:
        found.pictures(pictures)
        session.note(f"wrote the {len(found.oddest):,} oddest images to {pictures}.")
    if output is not None:
        write_output(found.columns(), output, names)
        if not to_standard_output:
            session.note(f"wrote {len(found.scores):,} rows to {output}.")
