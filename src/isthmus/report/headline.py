"""The main numbers of a report in one sentence."""

from __future__ import annotations

from .summary import ComparisonRow, Summary


def headline(summary: Summary) -> list[tuple[str, bool]]:
    """One sentence as pieces of text, each with whether it is a number to stress.

    Says what the models gain over PCA at the same number of latent dimensions, and how much of the labels is in the
    codes; claims nothing that the table below it does not show.
    """
    *models, baseline = summary.comparison
    size = summary.models[0].latent_dim
    pieces = [
        ("With ", False),
        (f"{size} number{'' if size == 1 else 's'}", True),
        (f" for each {summary.row_noun}, ", False),
    ]
    for position, row in enumerate(models):
        change, direction = _against(row, baseline)
        joint = "" if position == 0 else (" and " if position == len(models) - 1 else ", ")
        verb = "rebuilds held-out data with " if position == 0 else "with "
        pieces += [
            (f"{joint}the {_in_prose(row.name)} {verb}", False),
            (change, True),
            (f" {direction} squared error", False),
        ]
        if position == 0:
            pieces.append((" than PCA", False))
    probed = [row for row in models if row.linear_probe is not None]
    if probed:
        winner = max(probed, key=lambda row: row.linear_probe or 0.0)
        pieces += [
            ("; a linear classifier reads the label off the ", False),
            (f"{_in_prose(winner.name)}’s code ", False),
            (f"{winner.linear_probe:.1%}", True),
            (" of the time", False),
        ]
    return [*pieces, (".", False)]


def _in_prose(name: str) -> str:
    """A name within a sentence: "Autoencoder" loses its capital, "VAE" keeps them."""
    return name if len(name) < 2 or name[1].isupper() else name[0].lower() + name[1:]


def _against(row: ComparisonRow, baseline: ComparisonRow) -> tuple[str, str]:
    if baseline.squared_error == 0:
        return ("as little" if row.squared_error == 0 else "more"), ""
    ratio = row.squared_error / baseline.squared_error - 1
    return f"{abs(ratio):.0%}", "less" if ratio <= 0 else "more"
