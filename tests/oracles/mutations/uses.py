"""Seeded bugs in scores and densities of fitted models."""

from __future__ import annotations

from .mutation import of

USES = (
    *of(
        "uses/scoring.py",
        "uses",
        (
            "score: the rate added",
            "total += likelihood.double() - kl_divergence(posterior, prior, z).double()",
            "total += likelihood.double() + kl_divergence(posterior, prior, z).double()",
        ),
        (
            "score: a sum over samples",
            "scores[piece] = (total / len(draws))[: piece.stop - piece.start].cpu().numpy()",
            "scores[piece] = total[: piece.stop - piece.start].cpu().numpy()",
        ),
        (
            "score: mean squared error for the sum",
            "error = squared_errors(model, features, model(features, context), context).sum(-1)",
            "error = squared_errors(model, features, model(features, context), context).mean(-1)",
        ),
    ),
    *of(
        "uses/density.py",
        "uses",
        (
            "density: sign of log q",
            "log_weights = model.decode(z, context).log_prob(features) + prior.log_prob(z) - posterior.log_prob(z)",
            "log_weights = model.decode(z, context).log_prob(features) + prior.log_prob(z) + posterior.log_prob(z)",
        ),
        (
            "density: the mean of the deviations for the largest weight",
            "log_scale = np.maximum(self.log_scale, log_weights.max(0))",
            "log_scale = np.maximum(self.log_scale, log_weights.max())",
        ),
        (
            "density: earlier weights not brought to scale",
            "own_mean, mean = weights.mean(0), self.mean * shrink",
            "own_mean, mean = weights.mean(0), self.mean",
        ),
        (
            "density: the logarithm of the scale forgotten",
            "return np.where(self.mean == 0, -np.inf, self.log_scale + np.log(self.mean))",
            "return np.where(self.mean == 0, -np.inf, np.log(self.mean))",
        ),
        (
            "density: standard deviation for standard error",
            "relative = np.sqrt(self.squares / (self.count - 1) / self.count) / self.mean",
            "relative = np.sqrt(self.squares / (self.count - 1)) / self.mean",
        ),
        (
            "density: standard error not relative",
            "relative = np.sqrt(self.squares / (self.count - 1) / self.count) / self.mean",
            "relative = np.sqrt(self.squares / (self.count - 1) / self.count)",
        ),
        (
            "density: differences between pieces forgotten",
            "self.squares = self.squares * shrink**2 + ((weights - own_mean) ** 2).sum(0) + between",
            "self.squares = self.squares * shrink**2 + ((weights - own_mean) ** 2).sum(0)",
        ),
        (
            "density of points: the rate added",
            "return model.decode(z, context).log_prob(features).double() - rate.double()",
            "return model.decode(z, context).log_prob(features).double() + rate.double()",
        ),
    ),
    *of(
        "uses/euclidean_density.py",
        "fitted_densities",
        (
            "fitted Gaussian: not centred",
            "centred = codes - codes.mean(0)",
            "centred = codes",
        ),
        (
            "fitted Gaussian: a sum for the mean",
            "covariance = centred.T @ centred / len(codes) + _ridge(codes) * np.eye(codes.shape[1])",
            "covariance = centred.T @ centred + _ridge(codes) * np.eye(codes.shape[1])",
        ),
    ),
    *of(
        "uses/density_choice.py",
        "fitted_densities",
        (
            "choice of density: parameters for free",
            "scores = [fit - cost * one.free_parameters for fit, one in zip(fits, candidates, strict=True)]",
            "scores = [fit + cost * one.free_parameters for fit, one in zip(fits, candidates, strict=True)]",
        ),
        (
            "choice of density: the worst",
            "best = candidates[int(np.argmax(scores))]",
            "best = candidates[int(np.argmin(scores))]",
        ),
    ),
    *of(
        "uses/sphere_density.py",
        "fitted_densities",
        (
            "M-step on the sphere: weights forgotten",
            "log_weights = (counts / len(rows)).clamp_min(1e-30).log()",
            "log_weights = torch.full_like(counts, 1 / len(counts)).log()",
        ),
        (
            "M-step on the sphere: the uniform row forgotten",
            "concentrations = concentration_of(lengths / (counts + UNIFORM_ROWS), rows.shape[-1])",
            "concentrations = concentration_of(lengths / counts, rows.shape[-1])",
        ),
        (
            "concentration: the wrong equation",
            "step = (1 + angle.mean_versine - mean_length) / angle.cosine_variance",
            "step = (1 + angle.mean_versine - mean_length.square()) / angle.cosine_variance",
        ),
    ),
    *of(
        "uses/symbol_density.py",
        "fitted_densities",
        (
            "M-step of symbols: weights not normalised",
            "return SymbolMixture((totals / totals.sum()).clamp_min(1e-30).log(), log_probs)",
            "return SymbolMixture(totals.clamp_min(1e-30).log(), log_probs)",
        ),
        (
            "M-step of symbols: the common row forgotten",
            "log_probs[:, place, : len(table)] = ((found + common_rows * table) / (totals + common_rows)).T.log()",
            "log_probs[:, place, : len(table)] = (found / totals).clamp_min(1e-30).T.log()",
        ),
        (
            "symbols: the half row forgotten",
            "(table + HALF_A_ROW) / (len(rows) + HALF_A_ROW * len(table)) for table in _counts(rows, levels, "
            "everywhere)",
            "table / len(rows) for table in _counts(rows, levels, everywhere)",
        ),
    ),
    *of(
        "components/priors/conditional_mixture.py",
        "fitted_densities",
        (
            "conditional mixture: weights of no condition",
            "return RowwiseNormalMixture(log_weights, means, self.factors)",
            "return RowwiseNormalMixture(self.log_weights.expand_as(log_weights), means, self.factors)",
        ),
        (
            "conditional mixture: the shift the other way",
            "means = (self.means.unsqueeze(1) + centred @ self.slopes.mT).transpose(0, 1)  # (n, k, d)",
            "means = (self.means.unsqueeze(1) - centred @ self.slopes.mT).transpose(0, 1)  # (n, k, d)",
        ),
        (
            "conditional mixture: a marginal without the spread of the condition",
            "both = torch.cat([self.factors, self.slopes @ self.condition_factors], -1)",
            "both = torch.cat([self.factors, self.slopes], -1)",
        ),
    ),
    *of(
        "distributions/rowwise_mixture.py",
        "fitted_densities",
        (
            "rowwise mixture: the weights forgotten",
            "return log_normals(centred, self.scale_trils).mT + self.log_weights",
            "return log_normals(centred, self.scale_trils).mT",
        ),
        (
            "rowwise mixture: the factor transposed",
            "drawn[chosen] = self.means[chosen, number] + noise[chosen] @ factor.T",
            "drawn[chosen] = self.means[chosen, number] + noise[chosen] @ factor",
        ),
    ),
)
