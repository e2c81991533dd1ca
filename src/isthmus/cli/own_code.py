"""Code of the user's own that a command may import."""

from __future__ import annotations

import sys


def search_current_folder() -> None:
    """Find modules in the folder where the command is run too, as Python itself does.

    Behind everything else, and only for commands that name code of one's own: a foreign folder must not be able to
    stand in for an optional package that is not installed.
    """
    if "" not in sys.path:
        sys.path.append("")
