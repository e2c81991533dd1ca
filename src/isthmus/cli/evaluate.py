"""``isthmus evaluate``: how well a model describes rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from isthmus.core.errors import ParameterError

from .drawn_rows import PAGES, DrawnRows, drawn_rows_options
from .model_rows import ModelRows, model_and_file, reading_options
from .options import examples, output_to
from .results import check_output, write_output
from .rows import ROWS, about, some_rows
from .session import Session

if TYPE_CHECKING:
    from isthmus.estimators.base import BaseAutoencoder
    from isthmus.estimators.density_estimate import DensityEstimate

DEFAULT_SAMPLES = 5000


@click.command(
    "evaluate",
    epilog=examples(
        "isthmus evaluate model.safetensors test.csv",
        "isthmus evaluate people.safetensors unseen.csv --training people.csv --target income -o page.html",
        "isthmus evaluate faces.safetensors photos/ -o scores.csv",
        "isthmus evaluate vae.safetensors test.npy --density --samples 1000 -o scores.csv",
    ),
)
@model_and_file
@click.option("--density", "wants_density", is_flag=True, help="The log-likelihood too, by importance weighting.")
@click.option(
    "--samples",
    type=int,
    metavar="N",
    help=f"How many codes per row --density draws; publications use {DEFAULT_SAMPLES}.  [default: {DEFAULT_SAMPLES}]",
)
@drawn_rows_options
@output_to(
    "A .csv, .parquet, .npy or .npz file to write: a line per row. Of tables also an .html page with pictures of drawn "
    "and real rows, or a .json file with all numbers.",
    default=None,
)
@reading_options
@click.pass_context
def command(
    ctx: click.Context,
    source: ModelRows,
    drawn: DrawnRows,
    wants_density: bool,
    samples: int | None,
    output: Path | None,
) -> None:
    """Measure how well a model describes the rows of FILE: its errors, scores and what its code carries.

    Of tables it also draws rows and compares them with those of FILE: whether they are alike, can be told apart, serve
    to learn from, and stand too near to the training rows. FILE best holds rows that the model has not seen.

    -o writes a line per row: its score and, with --density, its log-likelihood and standard error; for images from
    files, the file's name first.
    """
    session: Session = ctx.obj
    if samples is not None and not wants_density:
        raise click.UsageError("--samples needs --density.", ctx)
    if samples is not None and samples < 2:
        raise ParameterError(f"--samples must be an integer in [2, inf); got {samples}.")
    check_output(output, (*ROWS, *PAGES))
    drawn.check(output)

    import warnings

    import numpy as np

    from isthmus.core.errors import DataWarning
    from isthmus.core.named_columns import NamedColumns

    from .evaluation import measures
    from .tables import listed

    estimator = source.load()
    drawn.check_model(estimator, source.model, output)
    if wants_density and not estimator.module_.bounded:
        raise ParameterError(
            f"--density: the code of {source.model} is a point, which gives rows no likelihood. Leave it out, or fit a "
            "model that has one, such as --recipe vae."
        )
    found = source.read(estimator.schema_)
    data = found.rows
    with about(source.file):
        scores = estimator.score_samples(data)
    with about(source.file), warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # the scores have said it
        rows = estimator.schema_.rows(data, estimator_name=type(estimator).__name__)
        density = _density(estimator, data, samples or DEFAULT_SAMPLES) if wants_density else None
        table = listed(measures(estimator, rows, scores, density), indent="")
    to_standard_output = output is not None and str(output) == "-"
    click.echo(table, err=to_standard_output)
    drawn.evaluate(estimator, source, data, output, to_standard_output)
    if output is None or output.suffix.lower() in PAGES:
        return
    columns = {"score": scores}
    if density is not None:
        columns |= {"log_likelihood": density.log_likelihood, "standard_error": density.standard_error}
    write_output(NamedColumns(tuple(columns), np.column_stack(list(columns.values()))), output, found.names)
    if not to_standard_output:
        session.note(f"wrote {len(scores):,} rows to {output}.")


def _density(estimator: BaseAutoencoder, data: Any, samples: int) -> DensityEstimate:
    """The log-likelihood of all rows, some at a time: each row's estimate is its own."""
    import numpy as np

    from isthmus.estimators.density_estimate import DensityEstimate
    from isthmus.uses.density import DRAWS
    from isthmus.uses.inference import BATCH_ROWS

    from .progress import progress_bar

    # As many rows as share the passes through the decoder, and more where those are few.
    step = BATCH_ROWS // DRAWS * max(1, DEFAULT_SAMPLES // samples)
    pieces = []
    with progress_bar(len(data), "log-likelihood", "row") as bar:
        for start in range(0, len(data), step):
            piece = some_rows(data, slice(start, start + step))
            pieces.append(estimator.density(piece, samples))
            bar.update(len(piece))
    return DensityEstimate(
        np.concatenate([piece.log_likelihood for piece in pieces]),
        np.concatenate([piece.standard_error for piece in pieces]),
    )
