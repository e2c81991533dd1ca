"""Well-known data sets by name, from the user's folder, the cache or their public homes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from isthmus.core.errors import ParameterError
from isthmus.core.named_columns import NamedColumns
from isthmus.core.suggestion import did_you_mean

from . import dsprites
from .datasets_catalogue import CATALOGUE, Facts

SPLITS = ("train", "test", "all")


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images, what is known about them, and where they come from.

    Attributes
    ----------
    name : str
    X : ndarray of uint8, shape (n, height, width)
        From 0 (black) to 255 (white).
    y : ndarray of int64, shape (n,), or None
        The class of each image. Of "dsprites": shape (n, 5), the number of each factor's value.
    factors : NamedColumns of shape (n, 5), or None
        Of "dsprites": the factors' values, under their names.
    classes : tuple of str
        What the numbers in ``y`` mean (of "dsprites": in its first column).
    description, source, licence : str
    """

    name: str
    X: np.ndarray
    y: np.ndarray | None
    description: str
    source: str
    licence: str
    classes: tuple[str, ...] = ()
    factors: NamedColumns | None = None

    def __len__(self) -> int:
        return len(self.X)

    def __repr__(self) -> str:
        y = "None" if self.y is None else f"{self.y.dtype} {self.y.shape}"
        return f"Dataset({self.name!r}, X={self.X.dtype} {self.X.shape}, y={y}, classes={len(self.classes)})"


def names() -> tuple[str, ...]:
    """The names that :func:`load` knows.

    Examples
    --------
    >>> names()
    ('digits', 'dsprites', 'fashion-mnist', 'frey-faces', 'mnist')
    """
    return tuple(CATALOGUE)


def load(
    name: str, split: str = "train", *, n: int | None = None, random_state: Any = None, download: bool = True
) -> Dataset:
    """A data set by name.

    Files are looked for in the folder that the environment variable ``ISTHMUS_DATA`` names and in the user's cache
    folder; what is in neither is fetched from its public home into the cache. Wherever a file comes from, the SHA-256
    of its numbers must be that of the published ones. "digits" and "dsprites" need no file.

    Parameters
    ----------
    name : str
        "digits", "dsprites", "fashion-mnist", "frey-faces" or "mnist".
    split : {"train", "test", "all"}
        The part, as published; "all" is train, then test. Of a set that was published in one piece, "train" and "all"
        are the whole, and there is no "test".
    n : int, optional
        So many different rows, drawn at random; None takes all in the published order. All of "dsprites" is a
        memory map of 2.8 GiB that is drawn into the cache at the first call; ``n`` of them are drawn in memory.
    random_state : int, numpy generator or None
        Decides which rows.
    download : bool
        Whether files that are not there may be fetched.

    Returns
    -------
    Dataset

    Raises
    ------
    ParameterError
        For an unknown name or split, or more rows than there are.
    InputError
        If a file is damaged or is not the published one (it is named, with what is expected), or is not there and
        ``download`` is False.
    OSError
        If no home of a file could be reached (ConnectionError), or the cache cannot be written to.

    Examples
    --------
    >>> load("digits")
    Dataset('digits', X=uint8 (1797, 8, 8), y=int64 (1797,), classes=10)
    >>> data = load("dsprites", n=3, random_state=0)
    >>> data
    Dataset('dsprites', X=uint8 (3, 64, 64), y=int64 (3, 5), classes=3)
    >>> data.factors.names
    ('shape', 'scale', 'orientation', 'position x', 'position y')
    """
    facts = _facts(name)
    if split not in SPLITS:
        raise ParameterError(f"`split` must be one of {', '.join(map(repr, SPLITS))}; got {split!r}.")
    if split == "test" and "test" not in facts.parts:
        raise ParameterError(
            f'{name!r} was published in one piece, without a test part. Load split="all" and divide it: '
            "sklearn.model_selection.train_test_split."
        )
    if name == "dsprites":
        return _sprites(facts, n, random_state)
    X, y = _digits() if name == "digits" else _published(facts, split, download)
    rows = _drawn(len(X), n, random_state)
    if rows is not None:
        X, y = X[rows], None if y is None else y[rows]
    return Dataset(name, X, y, facts.description, facts.source, facts.licence, facts.classes)


def _facts(name: str) -> Facts:
    if name in CATALOGUE:
        return CATALOGUE[name]
    hint = did_you_mean(str(name).replace("_", "-"), CATALOGUE)
    raise ParameterError(f"No data set is called {name!r}.{hint} Known: {', '.join(CATALOGUE)}.")


def _drawn(total: int, n: int | None, random_state: Any) -> np.ndarray | None:
    """The rows to take; None is all of them."""
    if n is None:
        return None
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 1 <= n <= total:
        raise ParameterError(
            f"`n` must be None or an integer in [1, {total}], the number of rows there are; got {n!r}."
        )
    from isthmus.core.random import seed_from  # brings torch

    return np.random.default_rng(seed_from(random_state)).choice(total, size=int(n), replace=False)


def _published(facts: Facts, split: str, may_download: bool) -> tuple[np.ndarray, np.ndarray | None]:
    parts = [facts.parts[split]] if split in facts.parts else list(facts.parts.values())
    images = [array.read(may_download) for array, _ in parts]
    labels = [array.read(may_download) for _, array in parts if array is not None]
    X = images[0] if len(images) == 1 else np.concatenate(images)
    return X, np.concatenate(labels).astype(np.int64) if labels else None


def _digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    found = load_digits()
    # From 0 to 16 dark points per pixel to the range of every other image; no two levels become one.
    return np.rint(found.images * (255 / 16)).astype(np.uint8), found.target.astype(np.int64)


def _sprites(facts: Facts, n: int | None, random_state: Any) -> Dataset:
    from .dsprites_store import all_images

    rows = _drawn(dsprites.ROWS, n, random_state)
    X = all_images() if rows is None else dsprites.images_at(rows)
    classes = dsprites.classes_at(np.arange(dsprites.ROWS) if rows is None else rows)
    factors = NamedColumns(dsprites.FACTORS, dsprites.values_of(classes))
    return Dataset(
        facts.name, X, classes, facts.description, facts.source, facts.licence, facts.classes, factors=factors
    )
