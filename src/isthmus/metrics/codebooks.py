"""How much of a codebook is in use."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from isthmus.core.errors import InputError

from .checked_arrays import numeric_array


class CodebookUsage(NamedTuple):
    """What :func:`codebook_usage` measures.

    ``fraction_used`` is in (0, 1], ``perplexity`` between 1 and the size of the codebook.
    """

    fraction_used: float
    perplexity: float


def codebook_usage(symbols: Any, n_codes: int) -> CodebookUsage:
    """The share of the codes that occur, and the perplexity of their frequencies.

    The perplexity exp(−Σ p ln p) is the number of codes which, used equally often, would carry as much (van den Oord et
    al. 2017, arXiv:1711.00937).

    Parameters
    ----------
    symbols : array-like of int, shape (n, T) or (n,)
        Which codes the rows chose; all places count alike.
    n_codes : int
        The size of the codebook.

    Raises
    ------
    InputError
        A symbol is no whole number from 0 to n_codes − 1.

    Examples
    --------
    >>> codebook_usage([[0, 1], [1, 0]], n_codes=8)
    CodebookUsage(fraction_used=0.25, perplexity=2.0)
    """
    array = numeric_array("symbols", symbols)
    if array.dtype.kind not in "iu" or array.size == 0 or array.min() < 0 or array.max() >= n_codes:
        shown = array[(array < 0) | (array >= n_codes) | (array != np.floor(array))][:1]
        raise InputError(
            f"`symbols` must be whole numbers from 0 to {n_codes - 1} (n_codes={n_codes}), as integers; got "
            f"{shown[0] if shown.size else f'an array of dtype {array.dtype} and shape {array.shape}'}."
        )
    shares = np.bincount(array.ravel(), minlength=n_codes) / array.size
    used = shares[shares > 0]
    return CodebookUsage(len(used) / n_codes, math.exp(-float((used * np.log(used)).sum())))
