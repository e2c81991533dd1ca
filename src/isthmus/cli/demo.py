"""``isthmus demo``: a report about digits, in a minute."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import PATH, debug_option, examples
from .results import check_output
from .session import Session
from .threads import choose_threads

if TYPE_CHECKING:
    from isthmus.report.summary import ComparisonRow


@click.command("demo", epilog=examples("isthmus demo --open", "isthmus demo -o report.html --seed 1"))
@click.option(
    "-o",
    "--output",
    type=PATH,
    default=Path("isthmus-demo.html"),
    show_default=True,
    metavar="FILE",
    help="The HTML file to write.",
)
@click.option("--open", "show", is_flag=True, help="Open the report in the browser.")
@click.option("--quick", is_flag=True, help="A few epochs only: to see that everything works, not how well.")
@click.option("--seed", type=int, default=0, show_default=True, help="For the split, the training and the samples.")
@debug_option
@click.pass_obj
def command(session: Session, output: Path, show: bool, quick: bool, seed: int) -> None:
    """Train an autoencoder and a VAE on handwritten digits, and write a report about them.

    Everything is in one HTML file: the models, their losses, reconstructions, samples and maps, and a comparison
    with principal component analysis.
    """
    check_output(output, (".html", ".htm"))

    from isthmus.report.demo import build_demo

    choose_threads((64,))  # the pixels of its digits
    summary = build_demo(output, quick=quick, random_state=seed, progress=lambda words: session.note(f"{words} …"))
    click.echo(str(output))
    for row in summary.comparison:
        click.echo(_line(row))
    if show:
        import webbrowser

        if not webbrowser.open(output.resolve().as_uri()):
            session.note(f"no browser could be started; open {output} yourself.")


def _line(row: ComparisonRow) -> str:
    words = [f"{row.name}: held-out squared error {row.squared_error:,.0f}"]
    if row.linear_probe is not None:
        words.append(f"linear probe {row.linear_probe:.1%}")
    if row.kmeans_nmi is not None:
        words.append(f"k-means NMI {row.kmeans_nmi:.2f}")
    if row.log_likelihood is not None:
        words.append(f"log-likelihood {row.log_likelihood:,.1f} nats")
    return ", ".join(words)
