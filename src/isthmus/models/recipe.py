"""A recipe: what a paper's name means as a composition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """One named model: an estimator and its parameters, nothing else.

    Attributes
    ----------
    name : str
    estimator : str
        "autoencoder", "vae" or "vqvae".
    summary : str
        What it is, in a sentence.
    use : str
        When to use it.
    formula : str
        What is minimised, per row.
    paper : str
    params : dict
        Constructor parameters that differ from the estimator's defaults.
    needs : str
        What the user must add, such as a condition column; empty if nothing.
    """

    name: str
    estimator: str
    summary: str
    use: str
    formula: str
    paper: str
    params: Mapping[str, Any] = field(default_factory=dict)
    needs: str = ""
