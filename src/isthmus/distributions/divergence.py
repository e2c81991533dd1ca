"""KL(q‖p) by the pair of types: a closed form where one is registered, else the sampled estimate.

The sampled estimate log q(z) − log p(z) is unbiased for z ~ q, and tests hold every closed form against it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .base import Distribution, Posterior
from .normal import DiagonalNormal, FullNormal, StandardNormal

ClosedForm = Callable[..., Tensor]

_CLOSED_FORMS: dict[tuple[type, type], ClosedForm] = {}


def register_kl(posterior: type, prior: type) -> Callable[[ClosedForm], ClosedForm]:
    """Decorator: the closed form of KL(posterior‖prior), (q, p) -> (n,) nats."""

    def add(closed_form: ClosedForm) -> ClosedForm:
        _CLOSED_FORMS[posterior, prior] = closed_form
        return closed_form

    return add


def closed_forms() -> dict[tuple[type, type], ClosedForm]:
    """The registered closed forms by pair of types."""
    return dict(_CLOSED_FORMS)


def kl_divergence(q: Posterior, p: Distribution, z: Tensor | None = None) -> Tensor:
    """KL(q‖p) of each row in nats, (n,).

    ``z`` is a sample of q; it is needed only where the pair has no closed form.

    >>> import torch
    >>> from isthmus.distributions import DiagonalNormal, StandardNormal
    >>> q = DiagonalNormal(torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2))
    >>> kl_divergence(q, StandardNormal(2))
    tensor([0.5000])
    """
    closed_form = _CLOSED_FORMS.get((type(q), type(p)))
    if closed_form is not None:
        return closed_form(q, p)
    if z is None:
        raise TypeError(
            f"KL({type(q).__name__}‖{type(p).__name__}) has no closed form: pass a sample `z` of the posterior."
        )
    return q.log_prob(z) - p.log_prob(z)


def kl_per_dimension(q: Posterior, p: Distribution) -> Tensor:
    """KL(q‖p) of each row and dimension in nats, (n, d), for pairs that factorise; the sum over d is the whole.

    Raises
    ------
    TypeError
        For a pair whose divergence is not a sum over dimensions.

    Examples
    --------
    >>> import torch
    >>> from isthmus.distributions import DiagonalNormal, StandardNormal
    >>> q = DiagonalNormal(torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2))
    >>> kl_per_dimension(q, StandardNormal(2))
    tensor([[0.5000, 0.0000]])
    """
    if isinstance(q, DiagonalNormal) and isinstance(p, StandardNormal):
        return 0.5 * (q.mean.square() + torch.expm1(2 * q.log_std)) - q.log_std
    if isinstance(q, DiagonalNormal) and isinstance(p, DiagonalNormal):
        return _diagonal_terms(q, p)
    raise TypeError(
        f"KL({type(q).__name__}‖{type(p).__name__}) is not a sum over dimensions: it is one for a DiagonalNormal "
        "posterior with a StandardNormal or DiagonalNormal prior."
    )


@register_kl(DiagonalNormal, StandardNormal)
def _diagonal_standard(q: DiagonalNormal, p: StandardNormal) -> Tensor:
    """Kingma & Welling (2014), Auto-Encoding Variational Bayes, appendix B."""
    # ½ Σ (m² + s² − 1) − log s, with the constant taken out of the sum.
    terms = q.mean.square() + (2 * q.log_std).exp() - 2 * q.log_std
    return 0.5 * (terms.sum(-1) - q.mean.shape[-1])


@register_kl(DiagonalNormal, DiagonalNormal)
def _diagonal_diagonal(q: DiagonalNormal, p: DiagonalNormal) -> Tensor:
    return _diagonal_terms(q, p).sum(-1)


def _diagonal_terms(q: DiagonalNormal, p: DiagonalNormal) -> Tensor:
    log_ratio = p.log_std - q.log_std
    squared = ((q.mean - p.mean) * (-p.log_std).exp()).square()
    return log_ratio + 0.5 * ((-2 * log_ratio).exp() + squared - 1)


@register_kl(DiagonalNormal, FullNormal)
def _diagonal_full(q: DiagonalNormal, p: FullNormal) -> Tensor:
    """½[tr(Σ_p⁻¹Σ_q) + Δᵀ Σ_p⁻¹ Δ − d + ln|Σ_p| − ln|Σ_q|]."""
    inverse = torch.linalg.solve_triangular(
        p.scale_tril, torch.eye(p.mean.shape[-1], dtype=p.mean.dtype, device=p.mean.device), upper=False
    )
    trace = (inverse.square().sum(0) * (2 * q.log_std).exp()).sum(-1)
    squared = ((q.mean - p.mean) @ inverse.T).square().sum(-1)
    log_det = 2 * p.scale_tril.diagonal().log().sum() - 2 * q.log_std.sum(-1)
    return 0.5 * (trace + squared - q.mean.shape[-1] + log_det)
