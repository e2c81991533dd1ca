"""Seeded bugs in latents and priors."""

from __future__ import annotations

from .mutation import of

CODES = (
    *of(
        "components/latents/gaussian.py",
        "linear_optimum",
        (
            "latent: deviations before means",
            "mean, log_std = parameters.split(self.latent_dim, -1)",
            "log_std, mean = parameters.split(self.latent_dim, -1)",
        ),
        (
            "latent: log-variance for log-deviation",
            "return DiagonalNormal(mean, log_std if self.training else log_std.clamp_max(LARGEST_LOG_STD))",
            "return DiagonalNormal(mean, 0.5 * log_std)",
        ),
    ),
    *of(
        "components/priors/full_gaussian.py",
        "priors",
        (
            "prior: the variance for its logarithm",
            "factor = self.lower.tril(-1) + torch.diag_embed(self.log_diagonal.exp())",
            "factor = self.lower.tril(-1) + torch.diag_embed((2 * self.log_diagonal).exp())",
        ),
    ),
    *of(
        "components/latents/point.py",
        "codes",
        (
            "top-k: the largest for the farthest from 0",
            "largest = code.abs().topk(self.top_k, -1).indices",
            "largest = code.topk(self.top_k, -1).indices",
        ),
        (
            "top-k: everything passes",
            "return PointMass(code * passed, self.activation, passed)",
            "return PointMass(code, self.activation, passed)",
        ),
    ),
    *of(
        "components/latents/ordered.py",
        "codes",
        (
            "ordered: one length too many",
            "return OrderedLatent((1 - lengths / latent_dim).log())",
            "return OrderedLatent((1 - lengths / (latent_dim + 1)).log())",
        ),
        (
            "ordered: too steep",
            "return OrderedLatent(lengths * math.log1p(-self.rate))",
            "return OrderedLatent(lengths.square() * math.log1p(-self.rate))",
        ),
    ),
    *of(
        "components/latents/finite_scalar.py",
        "codes",
        (
            "grid: rounded down",
            "symbols = ((bounded.detach() + 1) * self.half_range).round().long()",
            "symbols = ((bounded.detach() + 1) * self.half_range).long()",
        ),
        (
            "grid: not bounded",
            "bounded = ((parameters - self.centre) / self.scale).tanh()",
            "bounded = ((parameters - self.centre) / self.scale).clamp(-1, 1)",
        ),
        (
            "grid: the centre flees",
            '"centre": self.centre + part * self.scale * bounded.mean(0) / SLOPE,',
            '"centre": self.centre - part * self.scale * bounded.mean(0) / SLOPE,',
        ),
        (
            "grid: the unit of the mean size",
            "wider = 1 + part * (bounded.square().mean(0) - SQUARE) / SPREADING",
            "wider = 1 + part * (bounded.abs().mean(0) - SQUARE) / SPREADING",
        ),
    ),
    *of(
        "components/latents/codebook.py",
        "codes",
        (
            "codebook: the farthest vector",
            "return steady_linear(rows - center, -2 * vectors, vectors.square().sum(-1)).argmin(-1)",
            "return steady_linear(rows - center, -2 * vectors, vectors.square().sum(-1)).argmax(-1)",
        ),
        (
            "codebook: the factor two lost",
            "return steady_linear(rows - center, -2 * vectors, vectors.square().sum(-1)).argmin(-1)",
            "return steady_linear(rows - center, -vectors, vectors.square().sum(-1)).argmin(-1)",
        ),
        (
            "codebook: the complement of the decay forgotten",
            "counts = kept * self.counts + (1 - self.decay) * found",
            "counts = kept * self.counts + self.decay * found",
        ),
        (
            "codebook: sums decay otherwise than counts",
            "sums = kept[:, None] * self.sums + (1 - self.decay) * (chosen.T @ rows.flatten(0, 1))",
            "sums = kept[:, None] * self.sums + chosen.T @ rows.flatten(0, 1)",
        ),
        (
            "codebook: the living begin anew",
            "dead = self.counts < self.reset_below * self.uniform",
            "dead = self.counts > self.reset_below * self.uniform",
        ),
    ),
    *of(
        "components/latents/vector_quantised.py",
        "codes",
        (
            "vector quantisation: one token's cost",
            "self.log_levels = codebook.per_row * math.log(codebook.n_codes)",
            "self.log_levels = math.log(codebook.n_codes)",
        ),
    ),
    *of(
        "components/latents/residual_quantised.py",
        "codes",
        (
            "residual quantisation: the whole for the rest",
            "remainder = remainder - codebook.vectors[symbols[-1]]",
            "remainder = self._parts(parameters.detach()) - codebook.vectors[symbols[-1]]",
        ),
        (
            "residual quantisation: codebooks follow the whole",
            "remainder = remainder - codebook.vectors[symbols]",
            "remainder = self._parts(posterior.encoded.detach()) - 0 * codebook.vectors[symbols]",
        ),
    ),
    *of(
        "components/latents/hyperspherical.py",
        "sphere",
        (
            "von Mises-Fisher: concentration without the dimension",
            "return VonMisesFisher(direction, 1 + self.latent_dim * log_ratio.clamp_max(LARGEST).exp())",
            "return VonMisesFisher(direction, 1 + log_ratio.clamp_max(LARGEST).exp())",
        ),
    ),
    *of(
        "components/priors/vamp.py",
        "priors",
        (
            "vamp: log K missing",
            "return DiagonalMixture(self.weight_logits.log_softmax(0), posterior.mean, posterior.log_std)",
            "return DiagonalMixture(self.weight_logits, posterior.mean, posterior.log_std)",
        ),
        (
            "vamp: pseudo-inputs beyond their range",
            "posterior = encode(torch.clamp(self.pseudo_inputs, self.lowest, self.highest))",
            "posterior = encode(self.pseudo_inputs)",
        ),
    ),
    *of(
        "components/priors/categorical_mixture.py",
        "priors",
        (
            "categorical mixture: symbols that do not exist",
            "log_probs = self.logits.masked_fill(~self.known, -torch.inf).log_softmax(-1)",
            "log_probs = self.logits.log_softmax(-1).masked_fill(~self.known, -torch.inf)",
        ),
    ),
    *of(
        "components/priors/mixture.py",
        "priors",
        (
            "mixture prior: weights that do not add up",
            "return NormalMixture(self.weight_logits.log_softmax(0), self.means.view_as(self.means), factors)",
            "return NormalMixture(self.weight_logits.sigmoid().log(), self.means.view_as(self.means), factors)",
        ),
    ),
)
