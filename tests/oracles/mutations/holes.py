"""Seeded bugs where rows have holes, and where cells are hidden."""

from __future__ import annotations

from .mutation import of

HOLES = (
    *of(
        "distributions/observed.py",
        "holes",
        (
            "observed: every cell counts",
            "return torch.where(self.present, terms, 0.0)",
            "return terms",
        ),
        (
            "observed: the absent cells count",
            "return torch.where(self.present, terms, 0.0)",
            "return torch.where(self.present, 0.0, terms)",
        ),
        (
            "observed: the mean over columns",
            "return self.log_prob_by_column(value).sum(-1)",
            "return self.log_prob_by_column(value).mean(-1)",
        ),
    ),
    *of(
        "core/expansion.py",
        "holes",
        (
            "rows: absent cells keep what is stored",
            "whole[:, :numbers] = values if present is None else torch.where(present[:, :numbers], values, 0.0)",
            "whole[:, :numbers] = values",
        ),
        (
            "rows: absent levels keep what is stored",
            "known &= present[:, numbers : numbers + known.shape[1]]",
            "known &= present[:, numbers : numbers + known.shape[1]] | True",
        ),
        (
            "rows: an unknown level is the first",
            "whole.scatter_(1, places, known.to(whole.dtype))",
            "whole.scatter_(1, places, 1.0)",
        ),
        (
            "rows: indicators of what is there",
            "whole[:, -self.indicators :] = ~had.index_select(1, self.spoken_of)",
            "whole[:, -self.indicators :] = had.index_select(1, self.spoken_of)",
        ),
        (
            "rows: indicators of the first columns",
            "whole[:, -self.indicators :] = ~had.index_select(1, self.spoken_of)",
            "whole[:, -self.indicators :] = ~had[:, : self.indicators]",
        ),
        (
            "rows: an unseen level is missing",
            "had = present if batch.visible is None else present | batch.visible",
            "had = present",
        ),
    ),
    *of(
        "models/encoder_inputs.py",
        "holes",
        (
            "inputs: hidden cells are shown",
            "shown = shown * self.expansion.per_feature(flags)",
            "shown = shown * self.expansion.per_feature(flags).clamp_min(1)",
        ),
        (
            "inputs: flags of what is hidden",
            "return torch.cat([shown, flags.expand(*shown.shape[:-1], -1)], -1)",
            "return torch.cat([shown, 1 - flags.expand(*shown.shape[:-1], -1)], -1)",
        ),
        (
            "inputs: whole rows are flagged as unknown",
            "flags = shown.new_ones(*shown.shape[:-1], self.expansion.columns)",
            "flags = shown.new_zeros(*shown.shape[:-1], self.expansion.columns)",
        ),
    ),
    *of(
        "models/autoencoder.py",
        "holes",
        (
            "model: the loss covers what is visible",
            "visible = present if batch.visible is None else batch.visible",
            "visible = present = present if batch.visible is None else batch.visible",
        ),
        (
            "model: the encoder sees what is not there",
            "visible = present if batch.visible is None else batch.visible",
            "visible = batch.visible",
        ),
        (
            "model: the likelihood of absent cells",
            "return likelihood if context is None or context.present is None else "
            "observed(likelihood, context.present)",
            "return likelihood",
        ),
        (
            "model: a deterministic code is not asked about hidden cells",
            "if not self.stochastic:",
            "if False:",
        ),
        (
            "model: a stochastic code is asked about hidden cells",
            "if not self.stochastic:",
            "if True:",
        ),
        (
            "model: what is hidden, or else what is there",
            "visible = shown if context.visible is None else shown & context.visible",
            "visible = shown if context.visible is None else shown | context.visible",
        ),
        (
            "model: hidden cells are seen",
            "visible = shown if context.visible is None else shown & context.visible",
            "visible = context.visible",
        ),
        (
            "model: the bound of absent cells",
            "present = shown if context.present is None else shown & context.present",
            "present = shown",
        ),
        (
            "model: first noise scales of absent cells",
            "self.likelihood.begin(features, told.exposure, told.present)",
            "self.likelihood.begin(features, told.exposure)",
        ),
    ),
    *of(
        "components/corruptions/hiding.py",
        "holes",
        (
            "hiding: one rate for all rows",
            "rate = torch.where(uniform < self.share, uniform / max(self.share, 1e-30), 0.0)",
            "rate = torch.where(uniform < self.share, 0.5, 0.0)",
        ),
        (
            "hiding: only few cells",
            "rate = torch.where(uniform < self.share, uniform / max(self.share, 1e-30), 0.0)",
            "rate = torch.where(uniform < self.share, uniform, 0.0)",
        ),
        (
            "hiding: in every row",
            "rate = torch.where(uniform < self.share, uniform / max(self.share, 1e-30), 0.0)",
            "rate = uniform",
        ),
        (
            "hiding: what is hidden is seen",
            "seen = noise[:, 1:] >= torch.special.ndtri(rate)",
            "seen = noise[:, 1:] < torch.special.ndtri(rate)",
        ),
        (
            "hiding: indicators stay visible",
            "indicators = [seen[:, list(block.of)] for block in blocks if block.kind == MISSING]",
            "indicators = [seen[:, list(block.of)] | True for block in blocks if block.kind == MISSING]",
        ),
    ),
    *of(
        "components/likelihoods/running_scale.py",
        "holes",
        (
            "running scale: absent cells have an error",
            "sums = torch.where(present, cells, 0.0).sum(across)",
            "sums = cells.sum(across)",
        ),
        (
            "running scale: absent cells are counted",
            "return torch.where(count > 0, sums / count.clamp_min(1), otherwise)",
            "return torch.where(count > 0, sums / present.shape[0], otherwise)",
        ),
        (
            "running scale: nothing known, no error",
            "return torch.where(count > 0, sums / count.clamp_min(1), otherwise)",
            "return sums / count.clamp_min(1)",
        ),
        (
            "running scale: calibrated on absent cells",
            "cells = torch.where(present, cells, 0.0)",
            "cells = cells + 0.0",
        ),
        (
            "running scale: one count for all features",
            "count = cells if self.per_feature else cells.sum()",
            "count = cells.sum()",
        ),
    ),
    *of(
        "components/likelihoods/gaussian.py",
        "holes",
        (
            "shared variance: calibrated on absent cells",
            "squared = torch.where(present, squared, 0.0)",
            "squared = squared + 0.0",
        ),
        (
            "shared variance: over all cells",
            "count = rows * self.width if cells is None else float(cells.sum())",
            "count = rows * self.width",
        ),
    ),
    *of(
        "components/likelihoods/student_t.py",
        "holes",
        (
            "Student t: the errors of absent cells",
            "return residual_histogram(error if present is None else error[present.expand(error.shape)]) / draws",
            "return residual_histogram(error) / draws",
        ),
    ),
    *of(
        "components/likelihoods/count_rates.py",
        "holes",
        (
            "rates: exposures of absent cells",
            "known = (exposure * present).sum(0)",
            "known = exposure.sum(0).expand(present.shape[1])",
        ),
        (
            "dispersion: absent cells are counts of zero",
            "self.begin_dispersion(target, mean if present is None else torch.where(present, mean, 0.0))",
            "self.begin_dispersion(target, mean)",
        ),
    ),
    *of(
        "uses/calibration.py",
        "holes",
        (
            "calibration: rows without holes forgotten",
            "complete += len(batch)",
            "complete += 0",
        ),
        (
            "calibration: cells of the last rows only",
            "cells = present.sum(0, dtype=torch.float64) + (0 if cells is None else cells)",
            "cells = present.sum(0, dtype=torch.float64)",
        ),
    ),
    *of(
        "uses/scoring.py",
        "holes",
        (
            "squared error: of absent cells",
            "return torch.where(model.inputs.expansion.per_feature(context.present), errors, 0.0)",
            "return errors",
        ),
        (
            "surprise: that a cell is missing costs nothing",
            "return terms[:, :columns].index_add(1, torch.tensor(of, device=terms.device), terms[:, columns:])",
            "return terms[:, :columns]",
        ),
    ),
)
