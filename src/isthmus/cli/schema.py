"""``isthmus schema``: what is in a file, and what each column was taken for."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from .image_options import skip_bad_option
from .options import PATH, debug_option, examples, file_argument, header_option, key_option
from .results import check_output
from .rows import about, read_input
from .schema_options import schema_option, schema_setting
from .session import Session


@click.command(
    "schema",
    epilog=examples(
        "isthmus schema people.parquet",
        "isthmus schema people.csv -o schema.json",
        "isthmus schema people.csv --schema zip=categorical --schema id=ignore -o schema.json",
        "isthmus fit people.csv --schema schema.json -o people.safetensors",
    ),
)
@file_argument
@click.option(
    "-o", "--output", type=PATH, metavar="FILE", help="A .json file to write: edit it, and give it to fit --schema."
)
@schema_option
@header_option
@key_option
@skip_bad_option
@debug_option
@click.pass_obj
def command(
    session: Session, file: Path, output: Path | None, kinds: tuple[str, ...], key: str | None, skip_bad: bool
) -> None:
    """Show what each column of FILE would be taken for, and why; nothing is trained.

    -o writes the kinds into a file that can be edited and given to isthmus fit --schema.
    """
    check_output(output, (".json",))
    setting = schema_setting(kinds)

    from .schema_table import SchemaTable

    data = read_input(file, key, None, skip_bad).rows
    with about(file):
        table = SchemaTable(data, setting)
    click.echo(table.text(str(file)))
    if output is None:
        return

    from isthmus.files.atomic import write_atomically

    write_atomically(output, [table.json_text().encode()])
    session.note(f"wrote {output}: change what is wrong, and fit with --schema {shlex.quote(str(output))}.")
