"""Options for folders of images and image files, and the parameter types that they need."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

SIZE = re.compile(r"(\d{1,9})(?:[x×](\d{1,9}))?")


class SizeType(click.ParamType):
    """One side of a square, or HEIGHTxWIDTH."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = SIZE.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{value!r} is neither a number of pixels nor HEIGHTxWIDTH, such as 64 or 48x64.", param, ctx)
        return int(found[1]), int(found[2] or found[1])


size_option = click.option(
    "--size",
    type=SizeType(),
    metavar="N|HxW",
    help="Bring images to N × N pixels, or to height × width: antialiased, the middle of what is too long.",
)
channels_option = click.option(
    "--channels",
    type=click.Choice(["1", "3", "4"]),
    help="Turn images into grey (1), colour (3) or colour with transparency (4).",
)
skip_bad_option = click.option(
    "--skip-bad", is_flag=True, help="Pass over damaged files in a folder of images, and count them."
)
