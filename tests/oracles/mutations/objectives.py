"""Seeded bugs in objectives, loss terms, schedules and the step."""

from __future__ import annotations

from .mutation import of

OBJECTIVES = (
    *of(
        "components/objectives/penalised_likelihood.py",
        "linear_optimum",
        (
            "objective: sign flipped",
            'parts = {"reconstruction": -forward_pass.likelihood.log_prob(forward_pass.features).sum()}',
            'parts = {"reconstruction": forward_pass.likelihood.log_prob(forward_pass.features).sum()}',
        ),
        (
            "objective: mean over rows",
            'parts = {"reconstruction": -forward_pass.likelihood.log_prob(forward_pass.features).sum()}',
            'parts = {"reconstruction": -forward_pass.likelihood.log_prob(forward_pass.features).mean()}',
        ),
    ),
    *of(
        "components/objectives/penalised_likelihood.py",
        "loss",
        (
            "objective: the number of columns for that of rows",
            "return LossTerms(parts, dict(weights), forward_pass.features.shape[0], group_weights=groups)",
            "return LossTerms(parts, dict(weights), forward_pass.features.shape[1], group_weights=groups)",
        ),
    ),
    *of(
        "core/loss_terms.py",
        "loss",
        (
            "loss: weights ignored",
            "term = part if weight == 1.0 else part * weight",
            "term = part",
        ),
        (
            "loss: the last part only",
            "total = term if total is None else total + term",
            "total = term",
        ),
        (
            "loss: not divided by the rows",
            "return total / self.rows",
            "return total",
        ),
        (
            "loss: tensor weights ignored",
            "term = part * weight",
            "term = part",
        ),
        (
            "loss: groups minimise everything",
            "return self.total if weights is None else self._weighted(weights, 0.0)",
            "return self.total if weights is None else self._weighted(weights, 1.0)",
        ),
        (
            "loss: groups ignored",
            "return self.total if weights is None else self._weighted(weights, 0.0)",
            "return self.total",
        ),
        (
            "loss: parts without a weight forgotten",
            "return self._weighted(self.weights, 1.0)",
            "return self._weighted(self.weights, 0.0)",
        ),
    ),
    *of(
        "components/objectives/log_weights.py",
        "objectives",
        (
            "importance weights: log K missing",
            "return torch.logsumexp(log_weights, dim) - math.log(log_weights.shape[dim])",
            "return torch.logsumexp(log_weights, dim)",
        ),
        (
            "importance weights: the mean of logarithms",
            "return torch.logsumexp(log_weights, dim) - math.log(log_weights.shape[dim])",
            "return log_weights.mean(dim)",
        ),
        (
            "importance weights: sign of log q",
            "rate = forward_pass.posterior.log_prob(z) - forward_pass.prior.log_prob(z)",
            "rate = -forward_pass.posterior.log_prob(z) - forward_pass.prior.log_prob(z)",
        ),
        (
            "importance weights: the prior forgotten",
            "rate = forward_pass.posterior.log_prob(z) - forward_pass.prior.log_prob(z)",
            "rate = forward_pass.posterior.log_prob(z)",
        ),
        (
            "importance weights: sign of the rate",
            "return log_likelihood.reshape(-1, rows), (log_likelihood - rate).reshape(-1, rows)",
            "return log_likelihood.reshape(-1, rows), (log_likelihood + rate).reshape(-1, rows)",
        ),
    ),
    *of(
        "components/objectives/bounds.py",
        "objectives",
        (
            "bounds: mean over rows",
            "parts.update({name: -bound.sum() for name, bound in self.bounds(log_w).items()})",
            "parts.update({name: -bound.mean() for name, bound in self.bounds(log_w).items()})",
        ),
        (
            "bounds: the reconstruction minimised too",
            'TOLD: Mapping[str, float] = {"reconstruction": 0.0}',
            "TOLD: Mapping[str, float] = {}",
        ),
        (
            "multiple bounds: samples for repeats",
            "return log_mean_exp(log_weights.unflatten(0, (-1, samples)), 1).mean(0)",
            "return log_mean_exp(log_weights.unflatten(0, (samples, -1)), 1).mean(0)",
        ),
        (
            "multiple bounds: one of all",
            "return log_mean_exp(log_weights.unflatten(0, (-1, samples)), 1).mean(0)",
            "return log_mean_exp(log_weights)",
        ),
    ),
    *of(
        "components/objectives/importance_weighted.py",
        "objectives",
        (
            "importance-weighted: the mean of the weights' logarithms",
            'return {"importance_bound": log_mean_exp(log_w)}',
            'return {"importance_bound": log_w.mean(0)}',
        ),
    ),
    *of(
        "components/objectives/multiple_importance_weighted.py",
        "objectives",
        (
            "multiple bounds: repeats for samples",
            'return {"importance_bound": mean_bound(log_w, self.samples)}',
            'return {"importance_bound": mean_bound(log_w, self.repeats)}',
        ),
    ),
    *of(
        "components/objectives/partially_importance_weighted.py",
        "objectives",
        (
            "partial bounds: the groups swapped",
            'return {"encoder": {**penalties, ENCODERS: 1.0}}',
            'return {"decoder": {**penalties, ENCODERS: 1.0}}',
        ),
        (
            "partial bounds: the decoder's for the encoder",
            'return {"encoder": {**penalties, ENCODERS: 1.0}}',
            'return {"encoder": {**penalties, "importance_bound": 1.0}}',
        ),
        (
            "partial bounds: both for the decoder",
            "return {**TOLD, ENCODERS: 0.0}",
            "return TOLD",
        ),
        (
            "partial bounds: the encoder without penalties",
            'return {"encoder": {**penalties, ENCODERS: 1.0}}',
            'return {"encoder": {ENCODERS: 1.0}}',
        ),
    ),
    *of(
        "components/objectives/combined_importance_weighted.py",
        "objectives",
        (
            "combined bounds: the shares swapped",
            'return {**TOLD, "evidence_bound": share, "importance_bound": 1.0 - share}',
            'return {**TOLD, "evidence_bound": 1.0 - share, "importance_bound": share}',
        ),
    ),
    *of(
        "components/objectives/base.py",
        "critics",
        (
            "critic: trained on the penalty",
            "groups[critic] = {critic: 1.0}",
            "groups[critic] = {name: 1.0}",
        ),
    ),
    *of(
        "core/schedule.py",
        "loss",
        (
            "schedule: backwards",
            "return start * (1.0 - share) + end * share",
            "return start * share + end * (1.0 - share)",
        ),
        (
            "schedule: half a cosine upside down",
            "return 0.5 - 0.5 * math.cos(math.pi * share)",
            "return 0.5 + 0.5 * math.cos(math.pi * share)",
        ),
        (
            "schedule: beyond its end",
            "return between(self.start, self.end, self.way(min(1.0, fraction / self.until)))",
            "return between(self.start, self.end, self.way(fraction / self.until))",
        ),
        (
            "schedule: one cycle",
            "return between(self.low, self.high, min(1.0, (fraction * self.cycles % 1.0) / self.ramp))",
            "return between(self.low, self.high, min(1.0, (fraction * self.cycles) / self.ramp))",
        ),
    ),
    *of(
        "training/step.py",
        "training_step",
        (
            "step: groups have the common gradient",
            "own = [(terms.total_of(name), self.groups[name]) for name in terms.group_weights if "
            "self.groups.get(name)]",
            "own = [(terms.total, self.groups[name]) for name in terms.group_weights if self.groups.get(name)]",
        ),
        (
            "step: pieces of different sizes count alike",
            "share = terms.rows / rows",
            "share = 1 / self.splits",
        ),
        (
            "step: updates of the last piece only",
            "updates[name] = updates[name] + value * share if name in updates else value * share",
            "updates[name] = value",
        ),
    ),
)
