"""Rows that a model of a table draws, beside those of a file: the second half of ``isthmus evaluate``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from isthmus.core.errors import ParameterError

from .options import PATH
from .rows import about
from .session import Session

if TYPE_CHECKING:
    from isthmus.estimators.base import BaseAutoencoder

    from .model_rows import ModelRows

PAGES = (".html", ".json")
STEPS = 6


@dataclass(frozen=True)
class DrawnRows:
    """What was asked about drawn rows.

    Attributes
    ----------
    drawn : Path or None
        Rows that were drawn before; otherwise the model draws some.
    training : Path or None
        The rows that the model was fitted to.
    target : str or None
        The column to predict.
    count : int or None
        How many rows to draw; 0: none, and no comparison.
    seed : int
    """

    drawn: Path | None
    training: Path | None
    target: str | None
    count: int | None
    seed: int

    def check(self, output: Path | None) -> None:
        """Complain about what does not go together, and about what a page needs, before the work is done."""
        if self.count is not None and self.count < 0:
            raise ParameterError(f"-n must be an integer in [0, inf); got {self.count}.")
        if self.count is not None and self.drawn is not None:
            raise ParameterError("-n says how many rows to draw; --drawn gives the rows. Leave one of them out.")
        if self.count == 0 and (said := self._asked(output)):
            raise ParameterError(f"{said} compares drawn rows, and -n 0 draws none. Leave one of them out.")
        if _is_page(output):
            from isthmus.report.table_html import check_page

            check_page(output)

    def check_model(self, estimator: BaseAutoencoder, model: Path, output: Path | None) -> None:
        """Refuse what is asked about drawn rows where no table is modelled."""
        if estimator.schema_.labels is None and (said := self._asked(output)):
            raise ParameterError(f"{said} is for models of tables with named columns; {model} is none. Leave it out.")

    def evaluate(
        self, estimator: BaseAutoencoder, source: ModelRows, real: Any, output: Path | None, to_error: bool
    ) -> None:
        """Print what is found, and write the page; nothing for other data than tables."""
        schema = estimator.schema_
        if schema.labels is None or self.count == 0:
            return
        from isthmus.report.table_judge import evaluate_table

        from .progress import progress_bar

        training = None if self.training is None else source.read(schema, self.training).rows
        drawn = estimator if self.drawn is None else source.read(schema, self.drawn).rows
        with progress_bar(STEPS, "drawn rows", "step") as bar, about(self.training or source.file):

            def tell(words: str) -> None:
                bar.set_description_str(words)
                bar.update()

            found = evaluate_table(
                drawn,
                real,
                training=training,
                target=self.target,
                n=self.count,
                schema=None if self.drawn is None else schema,
                random_state=self.seed,
                progress=tell,
            )
        click.echo(f"\n{found!r}", err=to_error)
        if output is not None and _is_page(output):
            found.save(output, f"{(self.drawn or source.model).stem}: drawn rows beside real ones")
            click.get_current_context().ensure_object(Session).note(f"wrote {output}.")

    def _asked(self, output: Path | None) -> str:
        """The first of the options that only drawn rows answer."""
        asked = {
            "--drawn": self.drawn is not None,
            "--training": self.training is not None,
            "--target": self.target is not None,
            "-n": bool(self.count),
            f"-o {output}": _is_page(output),
        }
        return next((name for name, is_given in asked.items() if is_given), "")


def _is_page(output: Path | None) -> bool:
    return output is not None and output.suffix.lower() in PAGES


def drawn_rows_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options about drawn rows; the command gets them as one ``drawn``."""

    @wraps(function)
    def command(
        *args: Any,
        drawn: Path | None,
        training: Path | None,
        target: str | None,
        count: int | None,
        seed: int,
        **rest: Any,
    ) -> Any:
        return function(*args, drawn=DrawnRows(drawn, training, target, count, seed), **rest)

    for option in reversed(
        (
            click.option("--drawn", type=PATH, metavar="FILE", help="Rows drawn before, by this model or another."),
            click.option("--training", type=PATH, metavar="FILE", help="The rows it was fitted to: for privacy."),
            click.option("--target", metavar="COLUMN", help="Predict this column, to see what can be learnt."),
            click.option(
                "-n",
                "count",
                type=int,
                metavar="N",
                help="How many rows to draw; 0: none.  [default: as many as --training, or FILE, has]",
            ),
            click.option("--seed", type=int, default=0, show_default=True, help="For drawing and comparing."),
        )
    ):
        command = option(command)
    return command
