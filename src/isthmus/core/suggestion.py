"""What somebody may have meant who wrote a name that there is not."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: object, known: Iterable[object], quote: str = "'") -> str:
    """ " Did you mean 'x'?", or nothing if no name is close; capitals do not count.

    >>> did_you_mean("agee", ["age", "sex"])
    " Did you mean 'age'?"
    >>> did_you_mean("AGE", ["age", "sex"], quote="`")
    ' Did you mean `age`?'
    >>> did_you_mean("height", ["age", "sex"])
    ''
    """
    names = {str(one).lower(): str(one) for one in known}
    close = get_close_matches(str(name).lower(), names, n=1)
    return f" Did you mean {quote}{names[close[0]]}{quote}?" if close else ""
