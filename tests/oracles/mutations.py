"""Seeded bugs: a line of the loss code, and what a slip of the pen could make of it.

Each original must stand in its file exactly once (as a whole line, without its indentation), so that the list cannot
rot.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One seeded bug in one line of a file below ``src/isthmus``."""

    name: str
    file: str
    original: str
    mutated: str


NORMAL = "distributions/normal.py"
DIVERGENCE = "distributions/divergence.py"
MIXTURE = "distributions/mixture.py"
GAUSSIAN = "components/likelihoods/gaussian.py"
MODEL = "models/autoencoder.py"

MUTATIONS = tuple(
    Mutation(*entry)
    for entry in (
        (
            "standard normal: mean for sum",
            NORMAL,
            "return -0.5 * (value.square().sum(-1) + self.dim * LOG_2_PI)",
            "return -0.5 * (value.square().mean(-1) + self.dim * LOG_2_PI)",
        ),
        (
            "standard normal: constant without the dimension",
            NORMAL,
            "return -0.5 * (value.square().sum(-1) + self.dim * LOG_2_PI)",
            "return -0.5 * (value.square().sum(-1) + LOG_2_PI)",
        ),
        (
            "sample: variance for deviation",
            NORMAL,
            "return torch.addcmul(self.mean, self.log_std.exp(), noise)",
            "return torch.addcmul(self.mean, (2 * self.log_std).exp(), noise)",
        ),
        (
            "sample: the deviation detached",
            NORMAL,
            "return torch.addcmul(self.mean, self.log_std.exp(), noise)",
            "return torch.addcmul(self.mean, self.log_std.detach().exp(), noise)",
        ),
        (
            "diagonal normal: precision upside down",
            NORMAL,
            "standardised = (value - self.mean) * (-self.log_std).exp()",
            "standardised = (value - self.mean) * self.log_std.exp()",
        ),
        (
            "diagonal normal: sign of the log-determinant",
            NORMAL,
            "return -(0.5 * standardised.square() + self.log_std).sum(-1) - 0.5 * self.mean.shape[-1] * LOG_2_PI",
            "return -(0.5 * standardised.square() - self.log_std).sum(-1) - 0.5 * self.mean.shape[-1] * LOG_2_PI",
        ),
        (
            "entropy: the half lost",
            NORMAL,
            "return self.log_std.sum(-1) + 0.5 * self.mean.shape[-1] * (LOG_2_PI + 1)",
            "return self.log_std.sum(-1) + self.mean.shape[-1] * (LOG_2_PI + 1)",
        ),
        (
            "isotropic normal: sigma for sigma squared",
            NORMAL,
            "constant = (self.variance.log() + LOG_2_PI).mul(-0.5 * self.mean.shape[-1])",
            "constant = (self.variance.sqrt().log() + LOG_2_PI).mul(-0.5 * self.mean.shape[-1])",
        ),
        (
            "isotropic normal: mean squared error for the sum",
            NORMAL,
            "self._measured = value, (value - self.mean).square().sum(-1)",
            "self._measured = value, (value - self.mean).square().mean(-1)",
        ),
        (
            "isotropic normal: the half lost",
            NORMAL,
            "return torch.addcmul(constant, self.squared_error(value), self.variance.reciprocal().mul(-0.5))",
            "return torch.addcmul(constant, self.squared_error(value), self.variance.reciprocal().mul(-1.0))",
        ),
        (
            "isotropic normal: drawn with the variance",
            NORMAL,
            "return self.mean + self.variance.sqrt() * noise",
            "return self.mean + self.variance * noise",
        ),
        (
            "full normal: the factor transposed",
            NORMAL,
            "return self.mean + noise @ self.scale_tril.T",
            "return self.mean + noise @ self.scale_tril",
        ),
        (
            "divergence: sign of the logarithm",
            DIVERGENCE,
            "terms = q.mean.square() + (2 * q.log_std).exp() - 2 * q.log_std",
            "terms = q.mean.square() + (2 * q.log_std).exp() + 2 * q.log_std",
        ),
        (
            "divergence: sigma for sigma squared",
            DIVERGENCE,
            "terms = q.mean.square() + (2 * q.log_std).exp() - 2 * q.log_std",
            "terms = q.mean.square() + q.log_std.exp() - 2 * q.log_std",
        ),
        (
            "divergence: mean over dimensions",
            DIVERGENCE,
            "return 0.5 * (terms.sum(-1) - q.mean.shape[-1])",
            "return 0.5 * (terms.mean(-1) - q.mean.shape[-1])",
        ),
        (
            "divergence: the half lost",
            DIVERGENCE,
            "return 0.5 * (terms.sum(-1) - q.mean.shape[-1])",
            "return terms.sum(-1) - q.mean.shape[-1]",
        ),
        (
            "divergence: the other way round",
            DIVERGENCE,
            "log_ratio = p.log_std - q.log_std",
            "log_ratio = q.log_std - p.log_std",
        ),
        (
            "divergence of a full normal: sign of the log-determinant",
            DIVERGENCE,
            "log_det = 2 * p.scale_tril.diagonal().log().sum() - 2 * q.log_std.sum(-1)",
            "log_det = -2 * p.scale_tril.diagonal().log().sum() - 2 * q.log_std.sum(-1)",
        ),
        (
            "sampled divergence: sign flipped",
            DIVERGENCE,
            "return q.log_prob(z) - p.log_prob(z)",
            "return p.log_prob(z) - q.log_prob(z)",
        ),
        (
            "mixture: the weights forgotten",
            MIXTURE,
            "return log_normal.mT + self.log_weights",
            "return log_normal.mT",
        ),
        (
            "mixture: the best component for the sum",
            MIXTURE,
            "return torch.logsumexp(self.component_log_prob(value), -1)",
            "return self.component_log_prob(value).max(-1).values",
        ),
        (
            "Bernoulli: sign of the logit",
            "distributions/bernoulli.py",
            "return (value * self.logits + functional.logsigmoid(-self.logits)).sum(-1)",
            "return (value * self.logits + functional.logsigmoid(self.logits)).sum(-1)",
        ),
        (
            "Bernoulli: mean for sum",
            "distributions/bernoulli.py",
            "return (value * self.logits + functional.logsigmoid(-self.logits)).sum(-1)",
            "return (value * self.logits + functional.logsigmoid(-self.logits)).mean(-1)",
        ),
        (
            "joint: mean over parts",
            "distributions/joint.py",
            "return torch.stack(terms).sum(0)",
            "return torch.stack(terms).mean(0)",
        ),
        (
            "shared variance: the sum for the mean",
            GAUSSIAN,
            "error = (target - distribution.mean).square().mean()",
            "error = (target - distribution.mean).square().sum(-1).mean()",
        ),
        (
            "shared variance: absolute error",
            GAUSSIAN,
            "error = (target - distribution.mean).square().mean()",
            "error = (target - distribution.mean).abs().mean()",
        ),
        (
            "shared variance: averaged over rows only",
            GAUSSIAN,
            "self.variance.copy_((statistics / (rows * self.width)).clamp_min(self.floor))",
            "self.variance.copy_((statistics / rows).clamp_min(self.floor))",
        ),
        (
            "floor: the whole step",
            GAUSSIAN,
            "self.floor = (step / 2) ** 2",
            "self.floor = step**2",
        ),
        (
            "fixed sigma: not squared",
            GAUSSIAN,
            "start = max(block.variance, self.floor) if isinstance(sigma, str) else sigma**2",
            "start = max(block.variance, self.floor) if isinstance(sigma, str) else sigma",
        ),
        (
            "sigma: the variance",
            GAUSSIAN,
            "return float(self.variance.sqrt())",
            "return float(self.variance)",
        ),
        (
            "latent: deviations before means",
            "components/latents/gaussian.py",
            "mean, log_std = parameters.split(self.latent_dim, -1)",
            "log_std, mean = parameters.split(self.latent_dim, -1)",
        ),
        (
            "latent: log-variance for log-deviation",
            "components/latents/gaussian.py",
            "return DiagonalNormal(mean, log_std)",
            "return DiagonalNormal(mean, 0.5 * log_std)",
        ),
        (
            "penalty: mean over rows",
            "components/penalties/kl.py",
            "return kl_divergence(forward_pass.posterior, forward_pass.prior, forward_pass.z).sum()",
            "return kl_divergence(forward_pass.posterior, forward_pass.prior, forward_pass.z).mean()",
        ),
        (
            "penalty: sign flipped",
            "components/penalties/kl.py",
            "return kl_divergence(forward_pass.posterior, forward_pass.prior, forward_pass.z).sum()",
            "return -kl_divergence(forward_pass.posterior, forward_pass.prior, forward_pass.z).sum()",
        ),
        (
            "penalty: detached",
            "components/penalties/kl.py",
            "return kl_divergence(forward_pass.posterior, forward_pass.prior, forward_pass.z).sum()",
            "return kl_divergence(forward_pass.posterior, forward_pass.prior, forward_pass.z).sum().detach()",
        ),
        (
            "warm-up: upside down",
            "components/penalties/kl.py",
            "return float(self.weight) * epoch / self.warmup_epochs",
            "return float(self.weight) * (1 - epoch / self.warmup_epochs)",
        ),
        (
            "objective: sign flipped",
            "components/objectives/penalised_likelihood.py",
            'parts = {"reconstruction": -forward_pass.likelihood.log_prob(forward_pass.features).sum()}',
            'parts = {"reconstruction": forward_pass.likelihood.log_prob(forward_pass.features).sum()}',
        ),
        (
            "objective: mean over rows",
            "components/objectives/penalised_likelihood.py",
            'parts = {"reconstruction": -forward_pass.likelihood.log_prob(forward_pass.features).sum()}',
            'parts = {"reconstruction": -forward_pass.likelihood.log_prob(forward_pass.features).mean()}',
        ),
        (
            "objective: the number of columns for that of rows",
            "components/objectives/penalised_likelihood.py",
            "return LossTerms(parts, dict(weights), forward_pass.features.shape[0])",
            "return LossTerms(parts, dict(weights), forward_pass.features.shape[1])",
        ),
        (
            "loss: weights ignored",
            "core/loss_terms.py",
            "term = part if isinstance(weight, float) and weight == 1.0 else part * weight",
            "term = part",
        ),
        (
            "loss: the last part only",
            "core/loss_terms.py",
            "total = term if total is None else total + term",
            "total = term",
        ),
        (
            "loss: not divided by the rows",
            "core/loss_terms.py",
            "return total / self.rows",
            "return total",
        ),
        (
            "model: the code decoded in place of a sample",
            MODEL,
            "z = posterior.code if noise is None else posterior.sample(noise)",
            "z = posterior.code",
        ),
        (
            "model: the sample detached",
            MODEL,
            "z = posterior.code if noise is None else posterior.sample(noise)",
            "z = posterior.code if noise is None else posterior.sample(noise).detach()",
        ),
        (
            "model: uniform noise",
            MODEL,
            "return torch.randn(shape, generator=generator, device=generator.device, dtype=self.scale.dtype)",
            "return torch.rand(shape, generator=generator, device=generator.device, dtype=self.scale.dtype)",
        ),
        (
            "model: raw rows divided by their scale",
            MODEL,
            "return (batch.values.to(self.scale.dtype) - self.shift) * self.scale",
            "return (batch.values.to(self.scale.dtype) - self.shift) / self.scale",
        ),
        (
            "model: raw rows shifted after scaling",
            MODEL,
            "return (batch.values.to(self.scale.dtype) - self.shift) * self.scale",
            "return batch.values.to(self.scale.dtype) * self.scale - self.shift",
        ),
        (
            "model: buffers updated in evaluation",
            MODEL,
            "if self.training:",
            "if True:",
        ),
        (
            "prior: the variance for its logarithm",
            "components/priors/full_gaussian.py",
            "factor = self.lower.tril(-1) + torch.diag_embed(self.log_diagonal.exp())",
            "factor = self.lower.tril(-1) + torch.diag_embed((2 * self.log_diagonal).exp())",
        ),
        (
            "score: the rate added",
            "uses/scoring.py",
            "total += model.decode(z).log_prob(features).double() - kl_divergence(posterior, prior, z).double()",
            "total += model.decode(z).log_prob(features).double() + kl_divergence(posterior, prior, z).double()",
        ),
        (
            "score: a sum over samples",
            "uses/scoring.py",
            "return total / len(noise)",
            "return total",
        ),
        (
            "score: mean squared error for the sum",
            "uses/scoring.py",
            "error = (features.double() - model(features).double()).square().sum(-1)",
            "error = (features.double() - model(features).double()).square().mean(-1)",
        ),
    )
)
