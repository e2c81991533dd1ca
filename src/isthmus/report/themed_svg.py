"""From a matplotlib figure to an inline SVG that follows the page's colours.

Every colour is drawn as a marked value and replaced by its CSS variable afterwards, so one drawing serves light and
dark. Figures are drawn without pyplot and under a private ``rc_context``: the caller's matplotlib is not touched.
"""

from __future__ import annotations

import io
import re
import threading
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from isthmus.core.errors import MissingDependencyError

from .palette import LIGHT, variable
from .templating import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMES = tuple(LIGHT)
_MARK = re.compile(r"#0102([0-9a-f]{2})")
# rc_context changes a process-wide dictionary for as long as it is open.
_drawing = threading.Lock()


def marked(name: str) -> str:
    """The stand-in for a palette colour while matplotlib draws."""
    return f"#0102{_NAMES.index(name):02x}"


def need_matplotlib() -> None:
    """Raise :class:`MissingDependencyError` if matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            "Figures need matplotlib, which is not installed: pip install 'isthmus[plots]'."
        ) from error


def draw(
    paint: Callable[[Axes], None], *, description: str, salt: str, width: float = 3.9, height: float = 2.45
) -> str:
    """Call ``paint`` on fresh axes and return them as an ``<svg>`` element.

    Parameters
    ----------
    paint : callable
        Draws on the axes, with colours from :func:`marked`.
    description : str
        What a screen reader says.
    salt : str
        Makes the element's internal ids unique on its page, and the same in every run.
    width, height : float
        Inches; the element scales to the space that it is given.

    Raises
    ------
    MissingDependencyError
        matplotlib is not installed.
    """
    need_matplotlib()
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    buffer = io.StringIO()
    with _drawing, warnings.catch_warnings(), rc_context(_settings(salt)):
        # Names in scripts that the measuring font lacks are drawn by the browser's fonts all the same.
        warnings.filterwarnings("ignore", message=r".*Glyph .* missing from.*")
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        paint(figure.add_subplot())
        no_metadata = {"Creator": None, "Date": None, "Format": None, "Type": None}
        figure.savefig(buffer, format="svg", transparent=True, metadata=no_metadata)
    return _inline(buffer.getvalue(), description)


def _settings(salt: str) -> dict[Any, Any]:
    return {
        "svg.fonttype": "none",
        "svg.hashsalt": salt,
        "text.parse_math": False,
        "font.family": "sans-serif",
        "font.size": 9.0,
        "axes.edgecolor": marked("rule"),
        "axes.labelcolor": marked("muted"),
        "axes.titlecolor": marked("ink"),
        "axes.titlesize": 9.5,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.8,
        "axes.grid": False,
        "xtick.color": marked("muted"),
        "ytick.color": marked("muted"),
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "lines.linewidth": 1.5,
        "lines.solid_capstyle": "round",
        "text.color": marked("ink"),
        "axes.unicode_minus": True,
        "path.simplify": True,
    }


def _inline(document: str, description: str) -> str:
    from markupsafe import escape

    element = document[document.index("<svg") :].strip()
    element = re.sub(r'<g id="halo[^"]*"', '<g class="halo"', element)
    element = re.sub(r'<g id="[^"]*"', "<g", element)
    element = re.sub(r"<!--.*?-->", "", element, flags=re.DOTALL)
    element = re.sub(r"font-family: [^;\"]*", "font-family: var(--figure-font, sans-serif)", element)
    element = re.sub(r"(font: [^;\"]*?[\d.]+px )[^;\"]*", r"\1var(--figure-font, sans-serif)", element)
    element = _MARK.sub(lambda match: variable(_NAMES[int(match.group(1), 16)]), element)
    opening, rest = element.split(">", 1)
    opening = re.sub(r'\s(width|height|version)="[^"]*"', "", opening)
    label = f'<svg class="chart" role="img" aria-label="{escape(printable(description))}"'
    return opening.replace("<svg", label, 1) + ">" + rest
