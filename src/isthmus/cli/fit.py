"""``isthmus fit``: from a file of rows to a model file."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from isthmus.core.errors import ParameterError

from .image_options import channels_option, size_option, skip_bad_option
from .images import ImageForm, is_images
from .options import PATH, debug_option, examples, file_argument, header_option, key_option
from .results import check_output
from .rows import about, read_input
from .schema_options import schema_option, schema_setting, with_schema
from .session import Session
from .settings import parse_assignment, read_config, settings_tree
from .threads import choose_threads

if TYPE_CHECKING:
    from isthmus.estimators.base import BaseAutoencoder
    from isthmus.estimators.checkpoint import Checkpoint

DEFAULT_RECIPE = "vae"


@click.command(
    "fit",
    epilog=examples(
        "isthmus fit data.csv -o model.safetensors",
        "isthmus fit people.parquet --schema schema.json -o people.safetensors",
        "isthmus fit photos/ --size 64 -o photos.safetensors",
        "isthmus fit digits.npy -o ae.safetensors --recipe autoencoder --latent-dim 8",
        "isthmus fit data.csv -o m.safetensors --set prior=mixture --set prior.n_components=20",
        "isthmus fit data.csv -o m.safetensors --recipe conditional-vae --schema label=condition",
        "isthmus fit data.npy -o m.safetensors --checkpoint runs/1 --resume",
    ),
)
@file_argument
@click.option("-o", "--output", type=PATH, required=True, metavar="FILE", help="The .safetensors file to write.")
@click.option("--recipe", metavar="NAME", help=f"A model by name; see 'isthmus recipes'.  [default: {DEFAULT_RECIPE}]")
@click.option("--latent-dim", type=int, metavar="N", help="The size of the code.  [default: from the data]")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any parameter of the recipe, by name; see 'isthmus recipes NAME'. Dots reach into components: "
    "network.hidden=[64,32], penalties.kl.weight=2. Repeatable.",
)
@schema_option
@click.option(
    "--config",
    type=PATH,
    metavar="FILE",
    help='A TOML file: recipe = "vae" and the keys of --set; a component\'s parameters are a table, with its name '
    "under 'component'. Options override it.",
)
@click.option("--seed", type=int, metavar="N", help="The same seed gives the same model.  [default: 0]")
@header_option
@key_option
@size_option
@channels_option
@skip_bad_option
@click.option("--checkpoint", type=PATH, metavar="DIR", help="Save the state of the run there now and then.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint, to the bits of an uninterrupted run.")
@click.option("--accept-mismatch", is_flag=True, help="Resume although data, parameters or versions differ.")
@click.option("--max-epochs", type=int, metavar="N", help="At most N passes over the data.  [default: from the data]")
@click.option("--max-seconds", type=float, metavar="S", help="Stop training after S seconds.")
@click.option("--device", metavar="NAME", help="auto, cpu, cuda or mps.  [default: auto]")
@click.option("-q", "--quiet", is_flag=True, help="Only warnings and errors.")
@click.option("-v", "--verbose", is_flag=True, help="A line per epoch instead of a progress bar.")
@debug_option
@click.pass_context
def command(
    ctx: click.Context,
    file: Path,
    output: Path,
    recipe: str | None,
    assignments: tuple[str, ...],
    kinds: tuple[str, ...],
    config: Path | None,
    key: str | None,
    size: tuple[int, int] | None,
    channels: str | None,
    skip_bad: bool,
    checkpoint: Path | None,
    resume: bool,
    accept_mismatch: bool,
    quiet: bool,
    verbose: bool,
    seed: int | None,
    **flags: Any,
) -> None:
    """Train a model on the rows of FILE: a table, an array, or a folder of images.

    A folder's images, and those of its direct sub-folders, must be of one size unless --size says what to bring them
    to.

    Ctrl-C stops cleanly: the checkpoint and the model as far as it got are saved, and the exit code is 130 (143
    after SIGTERM). A second Ctrl-C quits at once.
    """
    session: Session = ctx.obj
    session.quiet = quiet
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose contradict each other.", ctx)
    if resume and checkpoint is None:
        raise click.UsageError("--resume needs --checkpoint DIR.", ctx)
    if accept_mismatch and not resume:
        raise click.UsageError("--accept-mismatch needs --resume.", ctx)
    for flag, value in (("--size", size), ("--channels", channels), ("--skip-bad", skip_bad or None)):
        if value is not None and not is_images(file):
            raise click.UsageError(f"{flag} is for folders of images and image files; {file} is none.", ctx)
    check_output(output, (".safetensors",))

    from .signals import StopSignals, TrainingStop

    stop = TrainingStop()
    with StopSignals(stop):  # early: loading PyTorch takes seconds, too
        schema = schema_setting(kinds)
        if schema is not None and any(parse_assignment(text)[0][0] == "schema" for text in assignments):
            raise ParameterError("`schema` is set twice, by --schema and by --set schema…. Leave one out.")
        settings = settings_tree(
            with_schema({} if config is None else read_config(config), schema),
            assignments,
            {**flags, "random_state": seed},
        )
        name = settings.pop("recipe", DEFAULT_RECIPE) if recipe is None else recipe
        settings.pop("recipe", None)
        if not isinstance(name, str):
            raise ParameterError(f"`recipe` must be the name of a recipe; got {name!r}.")
        settings.setdefault("random_state", 0)

        from .assembling import assemble, refuse_without_need
        from .fit_summary import fit_summary
        from .progress import progress_callbacks

        estimator = assemble(name, settings)
        refuse_without_need(name, estimator)
        title = type(estimator).__name__
        estimator.set_params(callbacks=[stop, *progress_callbacks(title, quiet, verbose)])
        if checkpoint is not None:
            estimator.set_params(checkpoint=_checkpoint(checkpoint, resume, accept_mismatch, session))
        estimator.validate_parameters()
        form = ImageForm(size, None if channels is None else int(channels))
        data = read_input(file, key, form, skip_bad).rows
        choose_threads(data.shape[1:])
        with about(file):
            estimator.fit(data)
        _save(estimator, output)
        session.note(fit_summary(estimator, len(data), output, session.warnings))
    if stop.reason is not None:
        going_on = "" if checkpoint is None else f" Go on with --checkpoint {shlex.quote(str(checkpoint))} --resume."
        session.note(f"interrupted by {stop.reason}: the model is what training had reached.{going_on}")
        ctx.exit(stop.exit_code)


def _checkpoint(folder: Path, resume: bool, accept_mismatch: bool, session: Session) -> Checkpoint:
    from isthmus.estimators.checkpoint import Checkpoint
    from isthmus.training.checkpoints import GLOB

    present = folder.is_dir() and any(folder.glob(GLOB))
    if present and not resume:
        raise ParameterError(
            f"{folder} holds the checkpoint of a run already. Add --resume to go on, or give another folder."
        )
    if resume and not present:
        session.note(f"no checkpoint in {folder}: starting from the beginning.")
    return Checkpoint(folder, accept_mismatch=accept_mismatch)


def _save(estimator: BaseAutoencoder, output: Path) -> None:
    # The stop request and the bar belong to this process, not to the model.
    estimator.set_params(callbacks=None)
    estimator.save(output)
