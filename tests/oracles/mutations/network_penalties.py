"""Seeded bugs in penalties on networks, and in critics."""

from __future__ import annotations

from .mutation import of

NETWORK_PENALTIES = (
    *of(
        "components/penalties/contraction.py",
        "penalties_of_networks",
        (
            "contraction: the square lost",
            "return torch.stack([gradient.square().sum() for gradient in pulled]).sum() / self.probes",
            "return torch.stack([gradient.abs().sum() for gradient in pulled]).sum() / self.probes",
        ),
        (
            "contraction: a sum over probes",
            "return torch.stack([gradient.square().sum() for gradient in pulled]).sum() / self.probes",
            "return torch.stack([gradient.square().sum() for gradient in pulled]).sum()",
        ),
        (
            "contraction: probes of length one",
            "directions = functional.normalize(noise.unflatten(-1, (self.probes, -1)), dim=-1) * "
            "math.sqrt(code.shape[-1])",
            "directions = functional.normalize(noise.unflatten(-1, (self.probes, -1)), dim=-1)",
        ),
    ),
    *of(
        "components/penalties/encoder_jacobian.py",
        "penalties_of_networks",
        (
            "Jacobian: the slope not squared",
            "return (slope.square().sum(0) * first.square().sum(1)).sum()",
            "return (slope.abs().sum(0) * first.square().sum(1)).sum()",
        ),
        (
            "Jacobian: the units for their derivative",
            "return (_gram(derivative.T) * _gram(first) * _gram(last.weight.T)).sum()",
            "return (_gram(units.T) * _gram(first) * _gram(last.weight.T)).sum()",
        ),
        (
            "Jacobian: half of the gradient",
            "return 2 * products - products.detach()",
            "return products",
        ),
    ),
    *of(
        "components/penalties/decoder_gradient.py",
        "penalties_of_networks",
        (
            "decoder gradient: the square lost",
            "return derivative.square().sum()",
            "return derivative.abs().sum()",
        ),
        (
            "decoder gradient: mean over outputs",
            "return derivative.square().sum()",
            "return derivative.square().mean(-1).sum()",
        ),
    ),
    *of(
        "components/penalties/directional_derivative.py",
        "penalties_of_networks",
        (
            "decoder gradient: its value",
            "return torch.func.jvp(function, (point,), (direction,))[1]",
            "return torch.func.jvp(function, (point,), (direction,))[0]",
        ),
    ),
    *of(
        "components/penalties/weight_decay.py",
        "penalties_of_networks",
        (
            "weight decay: the half lost",
            "return 0.5 * forward_pass.features.shape[0] * total",
            "return forward_pass.features.shape[0] * total",
        ),
        (
            "weight decay: not times the rows",
            "return 0.5 * forward_pass.features.shape[0] * total",
            "return 0.5 * total",
        ),
        (
            "weight decay: biases too",
            "if parameter.ndim >= 2:",
            "if parameter.ndim >= 1:",
        ),
    ),
    *of(
        "components/penalties/adversarial_matching.py",
        "critics",
        (
            "matching: the labels swapped",
            "return softplus(-of_drawn).sum() + softplus(of_own).sum()",
            "return softplus(of_drawn).sum() + softplus(-of_own).sum()",
        ),
        (
            "matching: the encoder helps the critic",
            "return softplus(-self.logits(forward_pass.z)).sum()",
            "return softplus(self.logits(forward_pass.z)).sum()",
        ),
        (
            "matching: the critic moves the codes",
            "own = forward_pass.z.detach()",
            "own = forward_pass.z",
        ),
    ),
    *of(
        "components/penalties/adversarial_total_correlation.py",
        "critics",
        (
            "adversarial total correlation: the labels swapped",
            "return softplus(-of_own).sum() + softplus(of_permuted).sum()",
            "return softplus(of_own).sum() + softplus(-of_permuted).sum()",
        ),
        (
            "adversarial total correlation: sign",
            "return self.logits(forward_pass.z).sum()",
            "return -self.logits(forward_pass.z).sum()",
        ),
        (
            "adversarial total correlation: the critic moves the codes",
            "own = forward_pass.z.detach()",
            "own = forward_pass.z",
        ),
        (
            "adversarial total correlation: whole rows permuted",
            "of_own, of_permuted = self.logits(torch.cat([own, own.gather(0, order)])).split(len(own))",
            "of_own, of_permuted = self.logits(torch.cat([own, own[order[:, 0]]])).split(len(own))",
        ),
    ),
)
