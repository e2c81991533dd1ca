"""Seeded bugs in likelihoods and their noise scales."""

from __future__ import annotations

from .mutation import of

LIKELIHOODS = (
    *of(
        "components/likelihoods/gaussian.py",
        "likelihoods",
        (
            "shared variance: the sum for the mean",
            "error = distribution.squared_error(target).mean() / self.width",
            "error = distribution.squared_error(target).mean()",
        ),
        (
            "shared variance: absolute error",
            "error = distribution.squared_error(target).mean() / self.width",
            "error = (target - distribution.mean).abs().mean()",
        ),
        (
            "shared variance: averaged over rows only",
            "count = rows * self.width if cells is None else float(cells.sum())",
            "count = rows if cells is None else float(cells.sum())",
        ),
        (
            "floor: the whole step",
            "self.floor = (step / 2) ** 2",
            "self.floor = step**2",
        ),
        (
            "fixed sigma: not squared",
            "start = max(block.variance, self.floor) if isinstance(sigma, str) else sigma**2",
            "start = max(block.variance, self.floor) if isinstance(sigma, str) else sigma",
        ),
    ),
    *of(
        "components/likelihoods/gaussian.py",
        "linear_optimum",
        (
            "sigma: the variance",
            "return float(self.variance.sqrt())",
            "return float(self.variance)",
        ),
    ),
    *of(
        "components/likelihoods/laplace.py",
        "likelihoods",
        (
            "Laplace scale: that of a normal",
            "start = math.sqrt(block.variance / 2) if isinstance(scale, str) else scale",
            "start = math.sqrt(block.variance) if isinstance(scale, str) else scale",
        ),
        (
            "Laplace scale: squared error",
            "return error.abs()",
            "return error.square()",
        ),
    ),
    *of(
        "components/likelihoods/student_t.py",
        "likelihoods",
        (
            "Student's t scale: the variance of the data",
            "start = block.variance * (freedom - 2) / freedom if isinstance(scale, str) else scale**2",
            "start = block.variance if isinstance(scale, str) else scale**2",
        ),
        (
            "Student's t scale: weights ignored",
            "return squared * (freedom + 1) / (freedom + squared / self.squared_scale)",
            "return squared",
        ),
        (
            "Student's t scale: the variance for it",
            "return IndependentStudentT(self.location(parameters), self.squared_scale.sqrt(), self.freedom)",
            "return IndependentStudentT(self.location(parameters), self.squared_scale, self.freedom)",
        ),
    ),
    *of(
        "components/likelihoods/residual_histogram.py",
        "likelihoods",
        (
            "Student's t scale: one degree of freedom less",
            "return float((counts * (freedom + 1) * means / (freedom * squared_scale + means)).sum()) - total",
            "return float((counts * freedom * means / (freedom * squared_scale + means)).sum()) - total",
        ),
    ),
    *of(
        "components/likelihoods/per_feature_gaussian.py",
        "likelihoods",
        (
            "per-feature sigma: the variance",
            "return DiagonalNormal(self.location(parameters), 0.5 * self.variance.log())",
            "return DiagonalNormal(self.location(parameters), self.variance.log())",
        ),
        (
            "per-feature floor: not squared",
            "floor = half_step(block) ** 2",
            "floor = half_step(block)",
        ),
    ),
    *of(
        "components/likelihoods/running_scale.py",
        "likelihoods",
        (
            "running scale: the complement of the momentum",
            "return {self.buffer: torch.lerp(self.spread, found, MOMENTUM).clamp_min(self.floor)}",
            "return {self.buffer: torch.lerp(found, self.spread, MOMENTUM).clamp_min(self.floor)}",
        ),
        (
            "running scale: averaged over rows only",
            "found = statistics / (rows if self.per_feature else rows * self.width)",
            "found = statistics / rows",
        ),
        (
            "running scale: each draw counts",
            "sums = cells.sum(-2).reshape(-1, self.width).mean(0)  # a row with several draws counts once",
            "sums = cells.sum(-2).reshape(-1, self.width).sum(0)",
        ),
    ),
    *of(
        "components/likelihoods/count_rates.py",
        "counts",
        (
            "exposure: divided by",
            "return (scores + exposure.log()).clamp(-LARGEST_LOG_RATE, LARGEST_LOG_RATE)",
            "return (scores - exposure.log()).clamp(-LARGEST_LOG_RATE, LARGEST_LOG_RATE)",
        ),
        (
            "exposure: ignored",
            "return (scores + exposure.log()).clamp(-LARGEST_LOG_RATE, LARGEST_LOG_RATE)",
            "return scores.clamp(-LARGEST_LOG_RATE, LARGEST_LOG_RATE)",
        ),
        (
            "exposure: its logarithm forgotten",
            "return (scores + exposure.log()).clamp(-LARGEST_LOG_RATE, LARGEST_LOG_RATE)",
            "return (scores + exposure).clamp(-LARGEST_LOG_RATE, LARGEST_LOG_RATE)",
        ),
        (
            "first rates: the number of rows for the exposure",
            'rates = counts / (counts.sum() if self.library == "observed" else exposure.sum())',
            'rates = counts / (counts.sum() if self.library == "observed" else len(target))',
        ),
        (
            "library size: the mean for the total",
            'return target.sum(-1, keepdim=True).clamp_min(1) if self.library == "observed" else None',
            'return target.mean(-1, keepdim=True).clamp_min(1) if self.library == "observed" else None',
        ),
    ),
    *of(
        "components/likelihoods/dispersed_count.py",
        "counts",
        (
            "first dispersion: upside down",
            "theta = torch.where(excess > 0, squares / excess, high).clamp(low, high)",
            "theta = torch.where(excess > 0, excess / squares, high).clamp(low, high)",
        ),
        (
            "first dispersion: the Poisson's variance left in",
            "excess, squares = ((target - mean).square() - mean).sum(0), mean.square().sum(0)",
            "excess, squares = (target - mean).square().sum(0), mean.square().sum(0)",
        ),
        (
            "decoded dispersion: the numbers of the means",
            "own = parameters[..., self.width : 2 * self.width] + own",
            "own = parameters[..., : self.width] + own",
        ),
    ),
    *of(
        "components/likelihoods/zero_inflated_negative_binomial.py",
        "counts",
        (
            "decoded dropout: the numbers of the means",
            "dropout = parameters[..., -self.width :] + FIRST_DROPOUT_LOGIT",
            "dropout = parameters[..., : self.width] + FIRST_DROPOUT_LOGIT",
        ),
    ),
    *of(
        "components/likelihoods/discretised_logistic.py",
        "likelihoods",
        (
            "first logistic scale: the deviation",
            "SCALE_OF_DEVIATION = math.sqrt(3) / math.pi",
            "SCALE_OF_DEVIATION = 1.0",
        ),
        (
            "discretised logistic: scales for locations",
            "locations = groups[..., -2, :, :] + self.first_locations",
            "locations = groups[..., -1, :, :] + self.first_locations",
        ),
    ),
    *of(
        "components/likelihoods/per_column.py",
        "context",
        (
            "blocks: the exposure withheld",
            "return part(parameters, exposure) if part.uses_exposure else part(parameters)",
            "return part(parameters)",
        ),
    ),
)
