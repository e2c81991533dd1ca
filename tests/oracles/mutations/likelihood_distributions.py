"""Seeded bugs in the distributions of likelihoods."""

from __future__ import annotations

from .mutation import of

LIKELIHOOD_DISTRIBUTIONS = (
    *of(
        "distributions/laplace.py",
        "likelihood_distributions",
        (
            "Laplace: the two lost",
            "return -((value - self.location).abs() / self.scale + (2 * self.scale).log()).sum(-1)",
            "return -((value - self.location).abs() / self.scale + self.scale.log()).sum(-1)",
        ),
        (
            "Laplace: mean for sum",
            "return -((value - self.location).abs() / self.scale + (2 * self.scale).log()).sum(-1)",
            "return -((value - self.location).abs() / self.scale + (2 * self.scale).log()).mean(-1)",
        ),
        (
            "Laplace: squared error",
            "return -((value - self.location).abs() / self.scale + (2 * self.scale).log()).sum(-1)",
            "return -((value - self.location).square() / self.scale + (2 * self.scale).log()).sum(-1)",
        ),
        (
            "Laplace: a sum of exponentials drawn",
            "return self.location + self.scale * (pair[0] - pair[1])",
            "return self.location + self.scale * (pair[0] + pair[1])",
        ),
    ),
    *of(
        "distributions/student_t.py",
        "likelihood_distributions",
        (
            "Student's t: one degree of freedom less",
            "return (constant - 0.5 * (freedom + 1) * torch.log1p(ratio.square())).sum(-1)",
            "return (constant - 0.5 * freedom * torch.log1p(ratio.square())).sum(-1)",
        ),
        (
            "Student's t: mean for sum",
            "return (constant - 0.5 * (freedom + 1) * torch.log1p(ratio.square())).sum(-1)",
            "return (constant - 0.5 * (freedom + 1) * torch.log1p(ratio.square())).mean(-1)",
        ),
        (
            "Student's t: freedom forgotten",
            "ratio = (value - self.location) / (self.scale * freedom.sqrt())",
            "ratio = (value - self.location) / self.scale",
        ),
        (
            "Student's t: sign of the scale's logarithm",
            "constant = log_gamma_ratio((freedom / 2).log(), freedom.new_tensor(0.5)) - 0.5 * LOG_2_PI - "
            "self.scale.log()",
            "constant = log_gamma_ratio((freedom / 2).log(), freedom.new_tensor(0.5)) - 0.5 * LOG_2_PI + "
            "self.scale.log()",
        ),
    ),
    *of(
        "distributions/poisson.py",
        "likelihood_distributions",
        (
            "Poisson: sign of the rate",
            "return (value * self.log_rate - self.log_rate.exp() - torch.lgamma(value + 1)).sum(-1)",
            "return (value * self.log_rate + self.log_rate.exp() - torch.lgamma(value + 1)).sum(-1)",
        ),
        (
            "Poisson: the factorial of one less",
            "return (value * self.log_rate - self.log_rate.exp() - torch.lgamma(value + 1)).sum(-1)",
            "return (value * self.log_rate - self.log_rate.exp() - torch.lgamma(value.clamp_min(1))).sum(-1)",
        ),
        (
            "Poisson: mean for sum",
            "return (value * self.log_rate - self.log_rate.exp() - torch.lgamma(value + 1)).sum(-1)",
            "return (value * self.log_rate - self.log_rate.exp() - torch.lgamma(value + 1)).mean(-1)",
        ),
    ),
    *of(
        "distributions/negative_binomial.py",
        "likelihood_distributions",
        (
            "negative binomial: dispersion upside down",
            "gap = log_mean - log_theta  # ln(μ/θ)",
            "gap = log_theta - log_mean  # ln(μ/θ)",
        ),
        (
            "negative binomial: failures for successes",
            "powers = value * (log_mean + logsigmoid(-gap))",
            "powers = value * (log_mean + logsigmoid(gap))",
        ),
        (
            "negative binomial: the factorial lost",
            "return log_gamma_ratio(log_theta, value) + powers + zeros - torch.lgamma(value + 1)",
            "return log_gamma_ratio(log_theta, value) + powers + zeros",
        ),
    ),
    *of(
        "distributions/gamma_ratio.py",
        "likelihood_distributions",
        (
            "ratio of gammas: half a step aside",
            "large = (total - 0.5) * torch.log1p(increment / shape) - increment + _remainder(total) - "
            "_remainder(shape)",
            "large = (total + 0.5) * torch.log1p(increment / shape) - increment + _remainder(total) - "
            "_remainder(shape)",
        ),
        (
            "ratio of gammas: Stirling's series upside down",
            "for coefficient in reversed(STIRLING):",
            "for coefficient in STIRLING:",
        ),
    ),
    *of(
        "distributions/zero_inflated.py",
        "likelihood_distributions",
        (
            "zero inflation: the mask ignored",
            "return kept + torch.where(value == 0, zero, counted)",
            "return kept + zero",
        ),
        (
            "zero inflation: lost for kept",
            "kept = logsigmoid(-self.dropout_logits)",
            "kept = logsigmoid(self.dropout_logits)",
        ),
        (
            "zero inflation: zeros that were counted forgotten",
            "zero = torch.logaddexp(self.dropout_logits, counted)  # ln(π/(1−π) + NB(0))",
            "zero = self.dropout_logits",
        ),
    ),
    *of(
        "distributions/categorical.py",
        "likelihood_distributions",
        (
            "categorical: all columns compete",
            "return (value * torch.log_softmax(self._columns(), -1).flatten(-2)).sum(-1)",
            "return (value * torch.log_softmax(self.logits, -1)).sum(-1)",
        ),
        (
            "categorical: mean for sum",
            "return (value * torch.log_softmax(self._columns(), -1).flatten(-2)).sum(-1)",
            "return (value * torch.log_softmax(self._columns(), -1).flatten(-2)).mean(-1)",
        ),
        (
            "categorical: not normalised",
            "return (value * torch.log_softmax(self._columns(), -1).flatten(-2)).sum(-1)",
            "return (value * self.logits).sum(-1)",
        ),
    ),
    *of(
        "distributions/continuous_bernoulli.py",
        "likelihood_distributions",
        (
            "continuous Bernoulli: sign of the series",
            "return torch.where(near, (value - 0.5) * central - series, far).sum(-1)",
            "return torch.where(near, (value - 0.5) * central + series, far).sum(-1)",
        ),
        (
            "continuous Bernoulli: the constant forgotten",
            "far = exponent + size.log() - torch.log(-torch.expm1(-size))",
            "far = exponent - torch.log(-torch.expm1(-size))",
        ),
        (
            "continuous Bernoulli: λ for the mean",
            "far = 0.5 + 0.5 / (0.5 * logits).tanh() - logits.reciprocal()",
            "far = torch.sigmoid(logits)",
        ),
    ),
    *of(
        "distributions/discretised_logistic.py",
        "likelihood_distributions",
        (
            "discretised logistic: the whole step",
            "below = logsigmoid((centred + self.step / 2) * inverse)  # ln P(x < upper edge)",
            "below = logsigmoid((centred + self.step) * inverse)  # ln P(x < upper edge)",
        ),
        (
            "discretised logistic: the ends as inner levels",
            "mass = torch.where(lowest, below, torch.where(highest, above, inner))",
            "mass = inner",
        ),
        (
            "discretised logistic: the ends swapped",
            "mass = torch.where(lowest, below, torch.where(highest, above, inner))",
            "mass = torch.where(lowest, above, torch.where(highest, below, inner))",
        ),
        (
            "discretised logistic: weights that do not add up",
            "return torch.logsumexp(torch.log_softmax(self.mixture_logits, -1) + mass, -1)",
            "return torch.logsumexp(self.mixture_logits + mass, -1)",
        ),
        (
            "discretised logistic: scales upside down",
            "return (-self.log_scales).clamp(-LARGEST_LOG_SCALE, LARGEST_LOG_SCALE).exp()",
            "return self.log_scales.clamp(-LARGEST_LOG_SCALE, LARGEST_LOG_SCALE).exp()",
        ),
    ),
)
