"""Seeded bugs in densities, divergences and samples."""

from __future__ import annotations

from .mutation import of

DISTRIBUTIONS = (
    *of(
        "distributions/normal.py",
        "distributions",
        (
            "standard normal: mean for sum",
            "return -0.5 * (value.square().sum(-1) + self.dim * LOG_2_PI)",
            "return -0.5 * (value.square().mean(-1) + self.dim * LOG_2_PI)",
        ),
        (
            "standard normal: constant without the dimension",
            "return -0.5 * (value.square().sum(-1) + self.dim * LOG_2_PI)",
            "return -0.5 * (value.square().sum(-1) + LOG_2_PI)",
        ),
        (
            "sample: variance for deviation",
            "return torch.addcmul(self.mean, self.log_std.exp(), noise)",
            "return torch.addcmul(self.mean, (2 * self.log_std).exp(), noise)",
        ),
        (
            "diagonal normal: precision upside down",
            "standardised = (value - self.mean) * (-self.log_std).exp()",
            "standardised = (value - self.mean) * self.log_std.exp()",
        ),
        (
            "diagonal normal: sign of the log-determinant",
            "return -(0.5 * standardised.square() + self.log_std).sum(-1) - 0.5 * self.mean.shape[-1] * LOG_2_PI",
            "return -(0.5 * standardised.square() - self.log_std).sum(-1) - 0.5 * self.mean.shape[-1] * LOG_2_PI",
        ),
        (
            "entropy: the half lost",
            "return self.log_std.sum(-1) + 0.5 * self.mean.shape[-1] * (LOG_2_PI + 1)",
            "return self.log_std.sum(-1) + self.mean.shape[-1] * (LOG_2_PI + 1)",
        ),
        (
            "isotropic normal: sigma for sigma squared",
            "constant = (self.variance.log() + LOG_2_PI).mul(-0.5 * self.mean.shape[-1])",
            "constant = (self.variance.sqrt().log() + LOG_2_PI).mul(-0.5 * self.mean.shape[-1])",
        ),
        (
            "isotropic normal: mean squared error for the sum",
            "self._measured = value, (value - self.mean).square().sum(-1)",
            "self._measured = value, (value - self.mean).square().mean(-1)",
        ),
        (
            "isotropic normal: the half lost",
            "return torch.addcmul(constant, self.squared_error(value), self.variance.reciprocal().mul(-0.5))",
            "return torch.addcmul(constant, self.squared_error(value), self.variance.reciprocal().mul(-1.0))",
        ),
        (
            "isotropic normal: drawn with the variance",
            "return self.mean + self.variance.sqrt() * noise",
            "return self.mean + self.variance * noise",
        ),
        (
            "full normal: the factor transposed",
            "return self.mean + noise @ self.scale_tril.T",
            "return self.mean + noise @ self.scale_tril",
        ),
    ),
    *of(
        "distributions/normal.py",
        "linear_optimum",
        (
            "sample: the deviation detached",
            "return torch.addcmul(self.mean, self.log_std.exp(), noise)",
            "return torch.addcmul(self.mean, self.log_std.detach().exp(), noise)",
        ),
    ),
    *of(
        "distributions/divergence.py",
        "distributions",
        (
            "divergence: sign of the logarithm",
            "terms = q.mean.square() + (2 * q.log_std).exp() - 2 * q.log_std",
            "terms = q.mean.square() + (2 * q.log_std).exp() + 2 * q.log_std",
        ),
        (
            "divergence: sigma for sigma squared",
            "terms = q.mean.square() + (2 * q.log_std).exp() - 2 * q.log_std",
            "terms = q.mean.square() + q.log_std.exp() - 2 * q.log_std",
        ),
        (
            "divergence: mean over dimensions",
            "return 0.5 * (terms.sum(-1) - q.mean.shape[-1])",
            "return 0.5 * (terms.mean(-1) - q.mean.shape[-1])",
        ),
        (
            "divergence: the half lost",
            "return 0.5 * (terms.sum(-1) - q.mean.shape[-1])",
            "return terms.sum(-1) - q.mean.shape[-1]",
        ),
        (
            "divergence: the other way round",
            "log_ratio = p.log_std - q.log_std",
            "log_ratio = q.log_std - p.log_std",
        ),
        (
            "divergence of a full normal: sign of the log-determinant",
            "log_det = 2 * p.scale_tril.diagonal().log().sum() - 2 * q.log_std.sum(-1)",
            "log_det = -2 * p.scale_tril.diagonal().log().sum() - 2 * q.log_std.sum(-1)",
        ),
        (
            "sampled divergence: sign flipped",
            "return q.log_prob(z) - p.log_prob(z)",
            "return p.log_prob(z) - q.log_prob(z)",
        ),
    ),
    *of(
        "distributions/mixture.py",
        "distributions",
        (
            "mixture: the weights forgotten",
            "return log_normal.mT + self.log_weights",
            "return log_normal.mT",
        ),
        (
            "mixture: the best component for the sum",
            "return torch.logsumexp(self.component_log_prob(value), -1)",
            "return self.component_log_prob(value).max(-1).values",
        ),
    ),
    *of(
        "distributions/bernoulli.py",
        "distributions",
        (
            "Bernoulli: sign of the logit",
            "return (value * self.logits + functional.logsigmoid(-self.logits)).sum(-1)",
            "return (value * self.logits + functional.logsigmoid(self.logits)).sum(-1)",
        ),
        (
            "Bernoulli: mean for sum",
            "return (value * self.logits + functional.logsigmoid(-self.logits)).sum(-1)",
            "return (value * self.logits + functional.logsigmoid(-self.logits)).mean(-1)",
        ),
    ),
    *of(
        "distributions/joint.py",
        "distributions",
        (
            "joint: mean over parts",
            "return torch.stack(terms).sum(0)",
            "return torch.stack(terms).mean(0)",
        ),
    ),
    *of(
        "distributions/divergence.py",
        "penalties_of_posteriors",
        (
            "divergence of a dimension: the logarithm halved",
            "return 0.5 * (q.mean.square() + torch.expm1(2 * q.log_std)) - q.log_std",
            "return 0.5 * (q.mean.square() + torch.expm1(2 * q.log_std) - q.log_std)",
        ),
    ),
    *of(
        "distributions/normal.py",
        "priors",
        (
            "shared samples: the factor transposed",
            "return self.mean + noise[..., :-1] @ self.scale_tril.T",
            "return self.mean + noise[..., :-1] @ self.scale_tril",
        ),
    ),
    *of(
        "distributions/diagonal_mixture.py",
        "priors",
        (
            "diagonal mixture: the weights forgotten",
            "return log_normal.to(value.dtype) + self.log_weights",
            "return log_normal.to(value.dtype)",
        ),
        (
            "diagonal mixture: sign of the log-determinant",
            "log_peaks = -0.5 * (scaled * means).sum(-1) - log_stds.sum(-1) - 0.5 * means.shape[-1] * LOG_2_PI",
            "log_peaks = -0.5 * (scaled * means).sum(-1) + log_stds.sum(-1) - 0.5 * means.shape[-1] * LOG_2_PI",
        ),
        (
            "diagonal mixture: sigma for sigma squared",
            "precisions = (-2 * log_stds).exp()",
            "precisions = (-log_stds).exp()",
        ),
    ),
    *of(
        "distributions/symbol_mixture.py",
        "priors",
        (
            "symbol mixture: the last place only",
            "total = total + self.log_probs[:, place].T[chosen]",
            "total = self.log_weights + self.log_probs[:, place].T[chosen]",
        ),
        (
            "symbol mixture: sign of the divergence",
            "return -p.log_prob(q.symbols)",
            "return p.log_prob(q.symbols)",
        ),
    ),
    *of(
        "distributions/hyperspherical.py",
        "sphere",
        (
            "sphere: its area",
            "return math.log(2) + 0.5 * dim * math.log(math.pi) - math.lgamma(0.5 * dim)",
            "return math.log(2) + 0.5 * dim * math.log(math.pi) + math.lgamma(0.5 * dim)",
        ),
        (
            "von Mises-Fisher: sign of the divergence",
            "return log_sphere_area(p.dim) - q.entropy()",
            "return q.entropy() - log_sphere_area(p.dim)",
        ),
        (
            "von Mises-Fisher: normaliser of the wrong sphere",
            "return -self.angle.log_normaliser - log_sphere_area(self.direction.shape[-1] - 1)",
            "return -self.angle.log_normaliser - log_sphere_area(self.direction.shape[-1])",
        ),
        (
            "von Mises-Fisher: sign of the normaliser",
            "return -self.angle.log_normaliser - log_sphere_area(self.direction.shape[-1] - 1)",
            "return self.angle.log_normaliser - log_sphere_area(self.direction.shape[-1] - 1)",
        ),
        (
            "von Mises-Fisher: the half lost",
            "return self._log_peak().to(squared.dtype) - 0.5 * self.concentration.squeeze(-1) * squared",
            "return self._log_peak().to(squared.dtype) - self.concentration.squeeze(-1) * squared",
        ),
        (
            "von Mises-Fisher: entropy without the concentration",
            "entropy = -self._log_peak() - self.angle.concentration * self.angle.mean_versine",
            "entropy = -self._log_peak() - self.angle.mean_versine",
        ),
        (
            "von Mises-Fisher: sines for cosines",
            "return cosine * self.direction + sine * self._tangent(noise[..., 1:])",
            "return sine * self.direction + cosine * self._tangent(noise[..., 1:])",
        ),
        (
            "von Mises-Fisher: deviations along for across",
            "return torch.lerp(across, along, squared).sqrt().to(self.direction.dtype)",
            "return torch.lerp(along, across, squared).sqrt().to(self.direction.dtype)",
        ),
    ),
    *of(
        "distributions/spherical_angle.py",
        "sphere",
        (
            "angle: the volume element of another sphere",
            "fixed.add_(_log_squared_sine(versine), alpha=0.5 * (dim - 2))",
            "fixed.add_(_log_squared_sine(versine), alpha=0.5 * (dim - 1))",
        ),
        (
            "angle: gradient with the wrong sign",
            "return theta, -inwards * by_concentration / density[..., -1], normal / density[..., -1]",
            "return theta, inwards * by_concentration / density[..., -1], normal / density[..., -1]",
        ),
    ),
    *of(
        "distributions/spherical_mixture.py",
        "sphere",
        (
            "spherical mixture: the weights forgotten",
            "return components.log_prob(value.unsqueeze(-2)) + self.log_weights",
            "return components.log_prob(value.unsqueeze(-2))",
        ),
    ),
    *of(
        "distributions/quantised.py",
        "codes",
        (
            "straight through: the gradient of the codebook",
            "return self.quantised.detach() + (self.encoded - self.encoded.detach())",
            "return self.quantised + (self.encoded - self.encoded.detach())",
        ),
        (
            "straight through: no gradient",
            "return self.quantised.detach() + (self.encoded - self.encoded.detach())",
            "return self.quantised.detach() + 0 * (self.encoded - self.encoded.detach())",
        ),
        (
            "symbols: sign of their cost",
            "return q.quantised.new_zeros(q.quantised.shape[:-1]) + p.log_levels",
            "return q.quantised.new_zeros(q.quantised.shape[:-1]) - p.log_levels",
        ),
    ),
    *of(
        "distributions/point.py",
        "codes",
        (
            "ordered prefix: one too long",
            "return 1 + (torch.special.log_ndtr(-noise) < self.log_beyond).sum(-1, keepdim=True)",
            "return 2 + (torch.special.log_ndtr(-noise) < self.log_beyond).sum(-1, keepdim=True)",
        ),
        (
            "ordered prefix: the end kept",
            "return self._code * (place < self.kept(noise)).to(self._code.dtype)",
            "return self._code * (place >= self.kept(noise)).to(self._code.dtype)",
        ),
        (
            "slope of a sigmoid: that of tanh",
            '"sigmoid": lambda value: value * (1 - value),',
            '"sigmoid": lambda value: 1 - value.square(),',
        ),
    ),
    *of(
        "distributions/flow.py",
        "codes",
        (
            "flow posterior: sign of the volume",
            "self._last = image, self.base.log_prob(value) - log_det, torch.is_grad_enabled()",
            "self._last = image, self.base.log_prob(value) + log_det, torch.is_grad_enabled()",
        ),
        (
            "flow posterior: sign of the volume of a given code",
            "density: Tensor = self.base.log_prob(source) - log_det",
            "density: Tensor = self.base.log_prob(source) + log_det",
        ),
    ),
)
