"""Sphinx settings: ``sphinx-build -W docs docs/_build`` after ``pip install '.[docs]'``."""

from __future__ import annotations

import re
from pathlib import Path

project = "Isthmus"
author = "The Isthmus developers"
copyright = f"2025, {author}"

# Read, not imported: the pages can be built without PyTorch.
_VERSION_FILE = Path(__file__).parents[1] / "src" / "isthmus" / "_version.py"
release = version = re.findall(r'__version__ = "([^"]+)"', _VERSION_FILE.read_text(encoding="utf-8"))[0]

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["_build"]
myst_heading_anchors = 3
nitpicky = True

html_theme = "furo"
html_title = f"Isthmus {release}"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["wide.css"]
