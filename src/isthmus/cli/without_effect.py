"""Parameters of an estimator that another one has made meaningless."""

from __future__ import annotations

from isthmus.core.spec import Spec
from isthmus.estimators.base import BaseAutoencoder
from isthmus.estimators.vae import VAE
from isthmus.estimators.vqvae import VQVAE
from isthmus.models.defaults import AUTO

from .stand_in import latent_of, objective_of


def without_effect(estimator: BaseAutoencoder, latent_from_parameters: bool = False) -> dict[str, str]:
    """Names of parameters that change nothing -> why, and what does.

    ``latent_from_parameters``: the latent was made of the estimator's own parameters, which so had their effect.
    """
    if isinstance(estimator, VAE):
        return _divergence(estimator)
    return _quantisation(estimator, latent_from_parameters) if isinstance(estimator, VQVAE) else {}


def _divergence(estimator: VAE) -> dict[str, str]:
    latent, objective = latent_of(estimator), objective_of(estimator)
    if estimator.penalties == AUTO:
        if latent.stochastic and not objective.includes_divergence:
            return {}
        reason = (
            f"objective `{objective.name}` contains the divergence."
            if objective.includes_divergence
            else f"latent `{latent.name}` has no divergence."
        )
        return {"beta": reason, "warmup_epochs": reason}
    words = "the recipe names its penalties; set penalties.kl.weight."
    taken = [name for name, penalty in estimator.penalties.items() if penalty.beta_offset is not None]
    return {"warmup_epochs": words} if len(taken) == 1 else {"beta": words, "warmup_epochs": words}


def _quantisation(estimator: VQVAE, latent_from_parameters: bool) -> dict[str, str]:
    found = {}
    latent = latent_of(estimator)
    if isinstance(estimator.latent, Spec) and not latent_from_parameters:
        own = latent.get_params(deep=False)
        for name in ("n_codes", "tokens"):
            instead = f"set latent.{name}." if name in own else f"its parameters are {', '.join(own)}."
            found[name] = f"the latent is `{latent.name}`; {instead}"
    if estimator.penalties != AUTO:
        found["commitment"] = "the penalties are named; set penalties.commitment.weight."
    elif not latent.has_codebook:
        found["commitment"] = f"latent `{latent.name}` has no codebook that moves."
    return found
