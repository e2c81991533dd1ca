"""The page's colours by name: CSS variables that change between light and dark, with fallbacks for elsewhere."""

from __future__ import annotations

INK, MUTED, RULE = "ink", "muted", "rule"
TRAINING, VALIDATION = "series-1", "series-2"

MOST_CATEGORIES = 10

# Ten hues that stay apart for the common colour-vision deficiencies mostly by their lightness; wherever they are used,
# the name is also written at the group's centre, so that no reading depends on colour alone.
LIGHT = {
    "ink": "#1f2225",
    "muted": "#62666a",
    "rule": "#d9d5cb",
    "series-1": "#1f5f8b",
    "series-2": "#b5541c",
    "category-0": "#332288",
    "category-1": "#0a7db8",
    "category-2": "#2f9e8f",
    "category-3": "#117733",
    "category-4": "#8a8a1a",
    "category-5": "#c58a00",
    "category-6": "#d1560f",
    "category-7": "#cc6677",
    "category-8": "#882255",
    "category-9": "#6f6a64",
}
DARK = {
    "ink": "#e9e6df",
    "muted": "#a5a39d",
    "rule": "#3b3d40",
    "series-1": "#7db8e0",
    "series-2": "#f0985f",
    "category-0": "#9d90ff",
    "category-1": "#53b4ec",
    "category-2": "#5fd3c0",
    "category-3": "#55b96e",
    "category-4": "#c8c850",
    "category-5": "#f2b632",
    "category-6": "#ff8d52",
    "category-7": "#f595a4",
    "category-8": "#d873b3",
    "category-9": "#b6b2ab",
}


def category(position: int) -> str:
    """The colour name of the group at ``position``; groups beyond the tenth share the last."""
    return f"category-{min(position, MOST_CATEGORIES - 1)}"


def variable(name: str) -> str:
    """The CSS value of a colour name."""
    return f"var(--{name}, {LIGHT[name]})"
