"""Seeded bugs in rows that are drawn column by column."""

from __future__ import annotations

from .mutation import of

COLUMNS = (
    *of(
        "components/likelihoods/column_cells.py",
        "columns",
        (
            "cells: the width of a cell is not divided by",
            "inside = torch.log1p(-shares) - torch.log(high - low)",
            "inside = torch.log1p(-shares)",
        ),
        (
            "cells: tails for nothing",
            "inside = torch.log1p(-shares) - torch.log(high - low)",
            "inside = -torch.log(high - low)",
        ),
        (
            "cells: a tail at one end only",
            "shares = TAIL_SHARE * (has_lower.to(values.dtype) + last.to(values.dtype))",
            "shares = TAIL_SHARE * has_lower.to(values.dtype)",
        ),
        (
            "cells: tails that are no densities",
            "smooth = -torch.log(self.tails) - beyond.clamp_min(0) / self.tails",
            "smooth = -beyond.clamp_min(0) / self.tails",
        ),
        (
            "cells: tails of whole numbers that are no masses",
            "stepped = -torch.log1p(self.tails) - (beyond.clamp_min(0.5) - 0.5) * torch.log1p(1 / self.tails)",
            "stepped = -torch.log1p(self.tails) - beyond * torch.log1p(1 / self.tails)",
        ),
        (
            "cells: whole numbers have smooth tails",
            "return torch.where(beyond > 0, math.log(TAIL_SHARE) + torch.where(self.whole, stepped, smooth), inside)",
            "return torch.where(beyond > 0, math.log(TAIL_SHARE) + smooth, inside)",
        ),
        (
            "cells: edges at values, not between them",
            "between = (distinct[starts[1:-1] - 1] + distinct[starts[1:-1]]) / 2",
            "between = distinct[starts[1:-1]]",
        ),
        (
            "cells: whole numbers are cut in two",
            "between, margin = between.floor() + 0.5, 0.5",
            "margin = 0.5",
        ),
        (
            "cells: frequent values are smeared",
            "return torch.where(self.single[columns, positions], self.points[columns, positions], spread)",
            "return spread",
        ),
        (
            "cells: everything is drawn in the middle",
            "spread = low + (high - low) * uniform",
            "spread = low + (high - low) * 0.5",
        ),
        (
            "cells: no value has a cell of its own",
            "often = counts * slots >= 2 * counts.sum()  # at most half of the slots",
            "often = counts * slots >= 2 * slots * counts.sum()",
        ),
    ),
    *of(
        "distributions/column_by_column.py",
        "columns",
        (
            "chain: the mean over columns",
            "return self.log_prob_by_column(value).sum(-1)",
            "return self.log_prob_by_column(value).mean(-1)",
        ),
        (
            "chain: the density within cells is left out",
            "total = torch.where(known, torch.cat(terms, -1), 0.0) + self.model.log_density(value, positions)",
            "total = torch.where(known, torch.cat(terms, -1), 0.0)",
        ),
        (
            "chain: given cells have factors",
            "return total if self.given is None else torch.where(self.given, 0.0, total)",
            "return total",
        ),
        (
            "chain: unknown cells have a factor",
            "total = torch.where(known, torch.cat(terms, -1), 0.0) + self.model.log_density(value, positions)",
            "total = torch.cat(terms, -1) + self.model.log_density(value, positions)",
        ),
        (
            "chain: weights instead of probabilities",
            "chosen = torch.log_softmax(cells, -1)",
            "chosen = cells",
        ),
        (
            "chain: draws that ignore the clocks",
            "return (logits - clocks.log()).argmax(-1)",
            "return logits.argmax(-1)",
        ),
        (
            "chain: draws by the wrong clocks",
            "return (logits - clocks.log()).argmax(-1)",
            "return (logits + clocks.log()).argmax(-1)",
        ),
        (
            "chain: later columns are not told",
            "hidden = hidden + self.model.embedded(found, column)",
            "hidden = hidden + 0 * self.model.embedded(found, column)",
        ),
        (
            "chain: given cells are drawn anew",
            "found = torch.where(self.given[..., column], fixed[..., column], found)  # type: ignore[index]",
            "found = torch.where(self.given[..., column], found, fixed[..., column])",
        ),
    ),
    *of(
        "components/penalties/without_code.py",
        "columns",
        (
            "without a code: rows with hidden cells count for nothing",
            "total: Tensor = -likelihood.observing(known).log_prob(features).sum() / share",
            "total: Tensor = -likelihood.observing(known).log_prob(features).sum()",
        ),
        (
            "without a code: the code is there all the same",
            "likelihood = likelihood.without_code()",
            "likelihood = forward_pass.decode(forward_pass.z).without_code()",
        ),
    ),
    *of(
        "components/likelihoods/autoregressive.py",
        "columns",
        (
            "tilts: the wrong way",
            "self.tilt.add_(((counts + 0.5) / (expected + 0.5)).log().to(self.tilt))",
            "self.tilt.sub_(((counts + 0.5) / (expected + 0.5)).log().to(self.tilt))",
        ),
    ),
    *of(
        "distributions/column_by_column.py",
        "columns",
        (
            "tilts: scored, but not drawn by",
            "logits = logits + tilts[column]",
            "pass",
        ),
        (
            "tilts: drawn by, but not scored",
            "return [cells + tilt for cells, tilt in zip(logits, self.model.tilts(), strict=True)]",
            "return logits",
        ),
    ),
)
