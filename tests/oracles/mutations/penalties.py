"""Seeded bugs in penalties on codes and posteriors."""

from __future__ import annotations

from .mutation import of

PENALTIES = (
    *of(
        "components/penalties/kl.py",
        "loss",
        (
            "penalty: mean over rows",
            "return kl_divergence(forward_pass.posterior, forward_pass.prior, forward_pass.z).sum()",
            "return kl_divergence(forward_pass.posterior, forward_pass.prior, forward_pass.z).mean()",
        ),
        (
            "warm-up: upside down",
            "return weight if progress.epoch >= self.warmup_epochs else weight * progress.epoch / self.warmup_epochs",
            "return weight if progress.epoch >= self.warmup_epochs else weight * (1 - progress.epoch / "
            "self.warmup_epochs)",
        ),
    ),
    *of(
        "components/penalties/kl.py",
        "linear_optimum",
        (
            "penalty: sign flipped",
            "return kl_divergence(forward_pass.posterior, forward_pass.prior, forward_pass.z).sum()",
            "return -kl_divergence(forward_pass.posterior, forward_pass.prior, forward_pass.z).sum()",
        ),
        (
            "penalty: detached",
            "return kl_divergence(forward_pass.posterior, forward_pass.prior, forward_pass.z).sum()",
            "return kl_divergence(forward_pass.posterior, forward_pass.prior, forward_pass.z).sum().detach()",
        ),
    ),
    *of(
        "components/penalties/free_bits.py",
        "penalties_of_posteriors",
        (
            "free bits: at most for at least",
            "return divergence.shape[0] * divergence.mean(0).clamp_min(self.nats).sum()",
            "return divergence.shape[0] * divergence.mean(0).clamp_max(self.nats).sum()",
        ),
        (
            "free bits: of the sum over dimensions",
            "return divergence.shape[0] * divergence.mean(0).clamp_min(self.nats).sum()",
            "return divergence.shape[0] * divergence.mean(0).sum().clamp_min(self.nats)",
        ),
        (
            "free bits: of each row",
            "return divergence.shape[0] * divergence.mean(0).clamp_min(self.nats).sum()",
            "return divergence.clamp_min(self.nats).sum()",
        ),
        (
            "free bits: not times the rows",
            "return divergence.shape[0] * divergence.mean(0).clamp_min(self.nats).sum()",
            "return divergence.mean(0).clamp_min(self.nats).sum()",
        ),
    ),
    *of(
        "components/penalties/capacity.py",
        "penalties_of_posteriors",
        (
            "capacity: the absolute value lost",
            "return divergence.shape[0] * (divergence.mean() - target).abs()",
            "return divergence.shape[0] * (divergence.mean() - target)",
        ),
        (
            "capacity: of each row",
            "return divergence.shape[0] * (divergence.mean() - target).abs()",
            "return (divergence - target).abs().sum()",
        ),
        (
            "capacity: the schedule ignored",
            'target = at["target"] if at else value_at(self.capacity, 1.0)',
            "target = value_at(self.capacity, 1.0)",
        ),
    ),
    *of(
        "components/penalties/total_correlation.py",
        "penalties_of_posteriors",
        (
            "total correlation: sign",
            "return joint.sum() - marginals.sum()",
            "return marginals.sum() - joint.sum()",
        ),
        (
            "total correlation: the size of the batch missing",
            "return uniform - torch.full_like(log_size, float(rows)).log()",
            "return uniform",
        ),
        (
            "total correlation: the size of the data missing",
            "self.dataset_size.fill_(float(rows))",
            "self.dataset_size.fill_(1.0)",
        ),
        (
            "total correlation: the logarithm missing",
            "log_size = dataset_size.clamp_min(float(rows)).log()",
            "log_size = dataset_size.clamp_min(float(rows))",
        ),
        (
            "total correlation: the mean of logarithms",
            "joint.append(torch.logsumexp(terms.sum(-1) + weights, 1))",
            "joint.append((terms.sum(-1) + weights).mean(1))",
        ),
        (
            "total correlation: own row as the others",
            "return torch.where(own, uniform, others)",
            "return others.expand_as(uniform)",
        ),
        (
            "total correlation: precision upside down",
            "precision, constant = (-log_std).exp(), log_std + 0.5 * LOG_2_PI",
            "precision, constant = log_std.exp(), log_std + 0.5 * LOG_2_PI",
        ),
    ),
    *of(
        "components/penalties/disentangled_inferred_prior.py",
        "penalties_of_posteriors",
        (
            "covariance: the diagonal counted twice",
            "off_diagonal = covariance - torch.diag_embed(variances)",
            "off_diagonal = covariance",
        ),
        (
            "covariance: variances asked to vanish",
            "return rows * (off_diagonal.square().sum() + self.ratio * (variances - 1).square().sum())",
            "return rows * (off_diagonal.square().sum() + self.ratio * variances.square().sum())",
        ),
        (
            "covariance: the ratio on the wrong part",
            "return rows * (off_diagonal.square().sum() + self.ratio * (variances - 1).square().sum())",
            "return rows * (self.ratio * off_diagonal.square().sum() + (variances - 1).square().sum())",
        ),
        (
            "covariance: not centred",
            "centred = posterior.mean - posterior.mean.mean(0)",
            "centred = posterior.mean",
        ),
        (
            "covariance: sigma for sigma squared",
            "variances = variances + (2 * posterior.log_std).exp().expand_as(centred).mean(0)",
            "variances = variances + posterior.log_std.exp().expand_as(centred).mean(0)",
        ),
    ),
    *of(
        "components/penalties/maximum_mean_discrepancy.py",
        "penalties_of_samples",
        (
            "discrepancy: the cross term once",
            "return within - 2 * self._similarity(between, typical).mean()",
            "return within - self._similarity(between, typical).mean()",
        ),
        (
            "discrepancy: sums with each row itself",
            "within = self._similarity(torch.pdist(x), typical).mean() + self._similarity(torch.pdist(y), "
            "typical).mean()",
            "within = self._similarity(torch.cdist(x, x), typical).mean() + self._similarity(torch.cdist(y, y), "
            "typical).mean()",
        ),
        (
            "discrepancy: distances not squared",
            "return constant / (constant + distance.square())",
            "return constant / (constant + distance)",
        ),
        (
            "discrepancy: bandwidth without the two",
            "doubled = typical if isinstance(self.scale, str) else 2 * self.scale**2",
            "doubled = typical if isinstance(self.scale, str) else self.scale**2",
        ),
        (
            "discrepancy: not times the rows",
            "return z.shape[0] * self.squared_discrepancy(z, drawn, typical)",
            "return self.squared_discrepancy(z, drawn, typical)",
        ),
    ),
    *of(
        "components/penalties/sliced_wasserstein.py",
        "penalties_of_samples",
        (
            "projections: not in order",
            "first = torch.sort(x @ directions.T, dim=0).values",
            "first = x @ directions.T",
        ),
        (
            "projections: sorted along the wrong axis",
            "second = torch.sort(y @ directions.T, dim=0).values",
            "second = torch.sort(y @ directions.T, dim=1).values",
        ),
        (
            "projections: the square lost",
            "return (first - second).square().mean()",
            "return (first - second).abs().mean()",
        ),
        (
            "projections: a sum over rows and lines",
            "return (first - second).square().mean()",
            "return (first - second).square().sum()",
        ),
        (
            "projections: lines of any length",
            "directions = functional.normalize(noise[:lines, : z.shape[-1]], dim=-1)",
            "directions = noise[:lines, : z.shape[-1]]",
        ),
    ),
    *of(
        "components/penalties/sparsity.py",
        "penalties_of_posteriors",
        (
            "sparsity: the absolute value lost",
            "return forward_pass.posterior.code.abs().sum()",
            "return forward_pass.posterior.code.sum()",
        ),
        (
            "sparsity: squared",
            "return forward_pass.posterior.code.abs().sum()",
            "return forward_pass.posterior.code.square().sum()",
        ),
    ),
    *of(
        "components/penalties/activation_target.py",
        "penalties_of_posteriors",
        (
            "activation target: the wrong way round",
            "cross = -(self.target * mean.log() + (1 - self.target) * torch.log1p(-mean))",
            "cross = -((1 - self.target) * mean.log() + self.target * torch.log1p(-mean))",
        ),
        (
            "activation target: of each row",
            "mean = code.mean(0).clamp(least, 1 - least)",
            "mean = code.clamp(least, 1 - least)",
        ),
        (
            "activation target: sign of the entropy",
            "return code.shape[0] * (cross - entropy).sum()",
            "return code.shape[0] * (cross + entropy).sum()",
        ),
    ),
    *of(
        "components/penalties/code_norm.py",
        "penalties_of_posteriors",
        (
            "code norm: the half lost",
            "return 0.5 * forward_pass.posterior.code.square().sum()",
            "return forward_pass.posterior.code.square().sum()",
        ),
    ),
    *of(
        "components/penalties/commitment.py",
        "codes",
        (
            "commitment: the wrong side detached",
            "squared: Tensor = (posterior.encoded - posterior.quantised.detach()).square()",
            "squared: Tensor = (posterior.encoded.detach() - posterior.quantised).square()",
        ),
        (
            "commitment: nothing detached",
            "squared: Tensor = (posterior.encoded - posterior.quantised.detach()).square()",
            "squared: Tensor = (posterior.encoded - posterior.quantised).square()",
        ),
    ),
    *of(
        "components/penalties/codebook.py",
        "codes",
        (
            "codebook loss: nothing detached",
            "squared: Tensor = (posterior.encoded.detach() - posterior.quantised).square()",
            "squared: Tensor = (posterior.encoded - posterior.quantised).square()",
        ),
    ),
)
