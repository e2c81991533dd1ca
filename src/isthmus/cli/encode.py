"""``isthmus encode``: rows to codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from isthmus.core.errors import ParameterError

from .model_rows import ModelRows, model_and_file, reading_options
from .options import examples, output_option
from .results import check_output, write_output
from .rows import ROWS, about

if TYPE_CHECKING:
    import numpy as np

    from isthmus.core.named_columns import NamedColumns


@click.command(
    "encode",
    epilog=examples(
        "isthmus encode model.safetensors data.csv > codes.csv",
        "isthmus encode model.safetensors digits.npy -o codes.npy",
        "isthmus encode faces.safetensors photos/ > codes.csv",
        "isthmus encode vq-vae.safetensors data.csv --symbols > symbols.csv",
    ),
)
@model_and_file
@click.option("--symbols", is_flag=True, help="The codebook entries instead, of a model whose codes are symbols.")
@click.option("--clusters", is_flag=True, help="The shares of the components of a mixture prior instead.")
@output_option
@reading_options
@click.pass_context
def command(ctx: click.Context, source: ModelRows, symbols: bool, clusters: bool, output: Path | None) -> None:
    """Give the code of each row of FILE: one line per row, one column per latent dimension.

    With --symbols one column per symbol, with --clusters one per component of the prior: each row's shares sum to 1.
    For images from files, the first column of the table is the file's name.
    """
    if symbols and clusters:
        raise click.UsageError("--symbols and --clusters contradict each other.", ctx)
    check_output(output, ROWS)

    from isthmus.core.named_columns import NamedColumns

    estimator = source.load()
    if symbols and estimator.module_.code_space != "symbols":
        raise ParameterError(
            f"--symbols: the codes of {source.model} are vectors, not symbols. Leave it out, or fit with --recipe "
            "vq-vae."
        )
    if clusters and not hasattr(estimator.module_.prior(estimator.module_.encode_inputs), "responsibilities"):
        raise ParameterError(
            f"--clusters: the prior of {source.model} is no mixture ({estimator.module_.prior.describe()}). Leave it "
            "out, or fit with --recipe mixture-vae."
        )
    data = source.read(estimator.schema_)
    with about(source.file):
        if symbols:
            found = _numbered("symbol", estimator.codes(data.rows))
        elif clusters:
            found = _numbered("cluster", estimator.clusters(data.rows))
        else:
            found = NamedColumns(tuple(estimator.get_feature_names_out()), estimator.transform(data.rows))
    write_output(found, output, data.names)


def _numbered(name: str, values: np.ndarray) -> NamedColumns:
    from isthmus.core.named_columns import NamedColumns

    return NamedColumns(tuple(f"{name}{number}" for number in range(values.shape[1])), values)
