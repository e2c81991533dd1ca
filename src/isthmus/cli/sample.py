"""``isthmus sample``: new rows."""

from __future__ import annotations

from pathlib import Path

import click

from isthmus.core.errors import ParameterError

from .given import given_option, given_values
from .options import debug_option, examples, model_argument, output_option, seed_option, trust_option
from .rows import ROWS, check_output, write_output


@click.command(
    "sample",
    epilog=examples(
        "isthmus sample model.safetensors -n 100 --seed 1 > new.csv",
        "isthmus sample model.safetensors -n 16 --prior -o new-images.npy",
        "isthmus sample model.safetensors --given label=3",
    ),
)
@model_argument
@click.option("-n", "count", type=int, default=10, show_default=True, metavar="N", help="How many rows.")
@click.option("--prior", is_flag=True, help="Draw codes from the prior, not from the density fitted to the codes.")
@given_option
@seed_option
@output_option
@trust_option
@debug_option
def command(
    model: Path,
    count: int,
    prior: bool,
    given: tuple[str, ...],
    seed: int | None,
    output: Path | None,
    trust: tuple[str, ...],
) -> None:
    """Generate new rows, in the columns, units and type of the data that the model was fitted to."""
    if count < 1:
        raise ParameterError(f"-n must be an integer in [1, inf); got {count}.")
    check_output(output, ROWS)

    from isthmus.estimators.saving import load

    estimator = load(model, trust)
    conditions = given_values(given, estimator.schema_)
    write_output(estimator.sample(count, given=conditions, prior=prior, random_state=seed), output)
