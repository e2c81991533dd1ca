"""The demonstration: an autoencoder and a VAE on scikit-learn's handwritten digits, and the report about them."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from .html import render_report
from .summarise import Progress, summarise
from .summary import Summary
from .templating import environment

LATENT_DIM = 8


def build_demo(
    output_path: str | os.PathLike[str],
    *,
    quick: bool = False,
    random_state: int = 0,
    progress: Progress | None = None,
) -> Summary:
    """Train on three quarters of scikit-learn's digits and write a report about the last quarter.

    Parameters
    ----------
    output_path : str or path-like
        The HTML file to write.
    quick : bool
        Five epochs only: to see that everything works, not how well.
    random_state : int
        For the split, the training and the samples.
    progress : callable, optional
        Called with a few words before each step.

    Returns
    -------
    Summary
        What the report says, in numbers.

    Raises
    ------
    MissingDependencyError
        matplotlib or jinja2 is not installed; found out before training.
    """
    from isthmus.estimators.autoencoder import Autoencoder
    from isthmus.estimators.vae import VAE

    started = time.perf_counter()
    environment()
    say = progress or (lambda _: None)
    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)
    train, test, train_labels, test_labels = train_test_split(
        images, digits.target, test_size=0.25, stratify=digits.target, random_state=random_state
    )
    settings: dict[str, Any] = {"latent_dim": LATENT_DIM, "random_state": random_state}
    if quick:
        settings["max_epochs"] = 5
    models: dict[str, Any] = {"Autoencoder": Autoencoder(**settings), "VAE": VAE(**settings)}
    for name, model in models.items():
        say(f"training {name} on {len(train):,} digits")
        model.fit(train)
    summary = summarise(
        models,
        train,
        test,
        train_labels=train_labels,
        test_labels=test_labels,
        title="Handwritten digits through a bottleneck",
        data_name="scikit-learn’s digits, pixels from 0 to 255",
        row_noun="digit",
        ends=(int(np.flatnonzero(test_labels == 3)[0]), int(np.flatnonzero(test_labels == 6)[0])),
        commands=_commands(Path(output_path).name, random_state, quick),
        random_state=random_state,
        progress=progress,
    )
    summary = dataclasses.replace(summary, seconds=time.perf_counter() - started)
    say("drawing the report")
    render_report(summary, output_path)
    return summary


def _commands(name: str, random_state: int, quick: bool) -> tuple[tuple[str, str], ...]:
    arguments = f"{name!r}, random_state={random_state}" + (", quick=True" if quick else "")
    return (
        ("In a shell", "pip install 'isthmus[plots]'\nisthmus demo"),
        ("In Python", f"from isthmus.report.demo import build_demo\n\nbuild_demo({arguments})"),
    )
