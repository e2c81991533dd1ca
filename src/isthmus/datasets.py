"""Data sets that everyone starts with: ``from isthmus import datasets; datasets.load("digits")``.

Importing this module loads neither torch nor scikit-learn, and touches neither the disk nor the network.
"""

from __future__ import annotations

from .sources.datasets import Dataset, load, names
from .sources.dsprites import render as render_dsprites

__all__ = ["Dataset", "load", "names", "render_dsprites"]
