"""Seeded bugs in the composition, its networks and its corruptions."""

from __future__ import annotations

from .mutation import of

MODEL = (
    *of(
        "models/autoencoder.py",
        "model",
        (
            "model: the code decoded in place of a sample",
            "z = posterior.sample(noise.latent if noise.latent.ndim == 2 else noise.latent.transpose(0, 1))",
            "z = posterior.code",
        ),
        (
            "model: uniform noise",
            "return torch.randn(shape, generator=generator, device=generator.device, dtype=self.scale.dtype)",
            "return torch.rand(shape, generator=generator, device=generator.device, dtype=self.scale.dtype)",
        ),
        (
            "model: raw rows divided by their scale",
            "values = (values.to(scale.dtype) - shift) * scale",
            "values = (values.to(scale.dtype) - shift) / scale",
        ),
        (
            "model: raw rows shifted after scaling",
            "values = (values.to(scale.dtype) - shift) * scale",
            "values = values.to(scale.dtype) * scale - shift",
        ),
        (
            "model: buffers updated in evaluation",
            "if self.training:",
            "if True:",
        ),
    ),
    *of(
        "models/autoencoder.py",
        "linear_optimum",
        (
            "model: the sample detached",
            "z = posterior.sample(noise.latent if noise.latent.ndim == 2 else noise.latent.transpose(0, 1))",
            "z = posterior.sample(noise.latent if noise.latent.ndim == 2 else noise.latent.transpose(0, 1)).detach()",
        ),
    ),
    *of(
        "models/autoencoder.py",
        "context",
        (
            "model: the corrupted rows asked for",
            "return self._completed(batch, features, seen, encode(seen), prior, noise, context, encode, decode)",
            "return self._completed(batch, seen, seen, encode(seen), prior, noise, context, encode, decode)",
        ),
        (
            "model: the clean rows encoded",
            "return self._completed(batch, features, seen, encode(seen), prior, noise, context, encode, decode)",
            "return self._completed(batch, features, seen, encode(features), prior, noise, context, encode, decode)",
        ),
        (
            "model: the condition withheld from the encoder",
            "return seen if context.condition is None else torch.cat([seen, context.condition], -1)",
            "return seen if context.condition is None else torch.cat([seen, 0 * context.condition], -1)",
        ),
        (
            "model: the condition withheld from the decoder",
            "z = torch.cat([z, context.condition.expand(*z.shape[:-1], -1)], -1)",
            "z = torch.cat([z, 0 * context.condition.expand(*z.shape[:-1], -1)], -1)",
        ),
        (
            "model: the exposure withheld from the likelihood",
            "likelihood = self.likelihood(raw, exposure)",
            "likelihood = self.likelihood(raw, None)",
        ),
        (
            "model: the given exposure ignored",
            'exposure = batch.extras.get("exposure") if batch.extras else None',
            "exposure = None",
        ),
        (
            "model: the observed exposure ignored",
            "elif self.likelihood.shows_exposure:",
            "elif False:",
        ),
        (
            "model: penalties decode without the exposure",
            "return partial(self.encode, context=context), partial(self.decode, context=context)",
            "return partial(self.encode, context=context), partial(self.decode, context=Context(context.condition))",
        ),
        (
            "model: reconstructed without the context",
            "return self.decode(self.encode(features, context).code, context).mean  # type: ignore[attr-defined]",
            "return self.decode(self.encode(features, context).code, Context(context.condition) if context else "
            "None).mean",
        ),
        (
            "model: scheduled numbers lost",
            'weights[f"{name}.{number}"] = value',
            "weights[number] = value",
        ),
        (
            "model: one noise for all draws",
            "(normal(rows, latent) if draws is None else normal(rows, draws, latent)) if latent else None,",
            "(normal(rows, latent) if draws is None else normal(rows, 1, latent).repeat(1, draws, 1)) if latent "
            "else None,",
        ),
    ),
    *of(
        "models/autoencoder.py",
        "critics",
        (
            "model: the critic's loss minimised by all",
            "weights[name + CRITIC] = 0.0",
            "weights[name + CRITIC] = 1.0",
        ),
    ),
    *of(
        "models/encoder_inputs.py",
        "context",
        (
            "counts: shown without their scale",
            "return features.log1p() / self.scale",
            "return features.log1p()",
        ),
    ),
    *of(
        "components/networks/layers.py",
        "penalties_of_networks",
        (
            "spectral norm: multiplied",
            "return self.product(rows, None) / largest + self.bias",
            "return self.product(rows, None) * largest + self.bias",
        ),
        (
            "spectral norm: the bias divided",
            "return self.product(rows, None) / largest + self.bias",
            "return self.product(rows, self.bias) / largest",
        ),
        (
            "spectral norm: any singular vector",
            "self.left.copy_(torch.linalg.svd(self.weight, full_matrices=False).U[:, 0])",
            "self.left.copy_(torch.linalg.svd(self.weight, full_matrices=False).U[:, -1])",
        ),
        (
            "spectral norm: a gradient through the singular vectors",
            "right = functional.normalize(self.weight.detach().T @ left, dim=0)",
            "right = functional.normalize(self.weight.T @ left, dim=0)",
        ),
        (
            "spectral norm: no power iteration",
            "left = functional.normalize(stretched.detach(), dim=0)",
            "left = functional.normalize(left, dim=0)",
        ),
    ),
    *of(
        "components/corruptions/chance.py",
        "corruptions",
        (
            "corruption: the complement of the rate",
            "return noise < torch.special.ndtri(torch.full((), probability, dtype=noise.dtype, device=noise.device))",
            "return noise > torch.special.ndtri(torch.full((), probability, dtype=noise.dtype, device=noise.device))",
        ),
    ),
    *of(
        "components/corruptions/masking.py",
        "corruptions",
        (
            "masking: scaled up as dropout is",
            "return torch.where(per_feature(happens(noise, self.rate), blocks), 0.0, features)",
            "return torch.where(per_feature(happens(noise, self.rate), blocks), 0.0, features / (1 - self.rate))",
        ),
        (
            "masking: the kept cells hidden",
            "return torch.where(per_feature(happens(noise, self.rate), blocks), 0.0, features)",
            "return torch.where(per_feature(happens(noise, self.rate), blocks), features, 0.0)",
        ),
    ),
    *of(
        "components/corruptions/gaussian_noise.py",
        "corruptions",
        (
            "Gaussian noise: the variance for its scale",
            "damaged = torch.add(features, noise, alpha=self.scale)",
            "damaged = torch.add(features, noise, alpha=self.scale**2)",
        ),
        (
            "Gaussian noise: other columns' noise",
            "damaged[:, block.start : block.stop].add_(noise[:, place], alpha=self.scale)",
            "damaged[:, block.start : block.stop].add_(noise[:, place].flip(-1), alpha=self.scale)",
        ),
    ),
    *of(
        "components/corruptions/salt_and_pepper.py",
        "corruptions",
        (
            "salt: at the whole rate",
            "salted = torch.where(happens(-chance, 0.5 * self.rate), high, cells)",
            "salted = torch.where(happens(-chance, self.rate), high, cells)",
        ),
        (
            "salt and pepper: at the same end",
            "salted = torch.where(happens(-chance, 0.5 * self.rate), high, cells)",
            "salted = torch.where(happens(-chance, 0.5 * self.rate), low, cells)",
        ),
        (
            "salt and pepper: variances for deviations",
            "far = DEVIATIONS * math.sqrt(block.variance)",
            "far = DEVIATIONS * block.variance",
        ),
    ),
    *of(
        "components/corruptions/swap_noise.py",
        "corruptions",
        (
            "swap noise: the complement of the rate",
            "source = torch.where(share < 1, (own + distance) % (others + 1), own)",
            "source = torch.where(share > 1, (own + distance) % (others + 1), own)",
        ),
        (
            "swap noise: the row itself among the others",
            "distance = 1 + (share * others).long()",
            "distance = (share * others).long()",
        ),
    ),
)
