"""A density over the codes, chosen after training, and new rows drawn from it.

The aggregate of a model's codes is rarely its prior; a density fitted to the codes makes better samples (Ghosh et
al. 2020, From variational to deterministic autoencoders, arXiv:1903.12436).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from isthmus.components.penalties.without_code import WithoutCode
from isthmus.components.priors.base import Prior, PriorModule
from isthmus.core.context import Context
from isthmus.core.random import torch_generator
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.composition import Composition
from isthmus.models.defaults import prior_for

from . import inference
from .conditional_density import fit_conditional_density
from .euclidean_density import fit_euclidean_density
from .sphere_density import fit_sphere_density
from .symbol_density import fit_symbol_density
from .symbol_transformer import OnStep
from .temperature import tempered

MAXIMUM_ROWS = 10_000
# Codes that are drawn at once: where each has a condition of its own, it has means of its own.
DRAWN_ROWS = 1 << 12


def fit_density(
    model: ComposedAutoencoder,
    codes: np.ndarray,
    held_out: np.ndarray | None,
    seed: int,
    *,
    conditions: np.ndarray | None = None,
    held_out_conditions: np.ndarray | None = None,
    max_seconds: float | None = None,
    on_step: OnStep | None = None,
) -> tuple[Prior, PriorModule]:
    """The density of a model's codes that explains held-out codes best.

    Over R^d it is chosen among N(0, I), a full Gaussian and a mixture of ten, and where rows have conditions, also
    among normals that know them (see :func:`~.conditional_density.fit_conditional_density`); on the sphere among the
    uniform distribution and mixtures of von Mises–Fisher; for symbols among uniform, independent and mixtures of
    independent ones, and a transformer where rows are long enough.

    Parameters
    ----------
    model : ComposedAutoencoder
        Its space of codes decides.
    codes : ndarray, shape (n, latent_dim), or symbols (n, T)
        At most 10,000 are used.
    held_out : ndarray or None
        Codes to choose by; the Bayesian information criterion if there are fewer than two.
    seed : int
    conditions, held_out_conditions : ndarray, shape (n, c), optional
        The encoded conditions of both. Codes on the sphere and symbols are fitted without.
    max_seconds, on_step
        For symbols, see :func:`~.symbol_transformer.fit_symbol_transformer`; the others take seconds.

    Returns
    -------
    spec, module
        A prior component with its parameters fixed.
    """
    codes = codes[:MAXIMUM_ROWS]
    if model.code_space == "sphere":
        return fit_sphere_density(codes, held_out, seed)
    if model.code_space == "symbols":
        return fit_symbol_density(codes, model.levels, held_out, seed, max_seconds=max_seconds, on_step=on_step)
    if conditions is not None:
        return fit_conditional_density(codes, conditions[:MAXIMUM_ROWS], held_out, held_out_conditions, seed)
    return fit_euclidean_density(codes, held_out, seed)


def plain_density(composition: Composition, model: ComposedAutoencoder) -> tuple[Prior, PriorModule]:
    """What stands in for the fitted density until there is one: the simplest prior over the space of codes."""
    spec = prior_for(composition.latent)
    return spec, spec.build(composition.latent_dim, levels=model.levels).float().eval()


@torch.inference_mode()
def draw_codes(
    density: PriorModule,
    model: ComposedAutoencoder,
    rows: int,
    seed: int,
    temperature: float = 1.0,
    condition: Tensor | None = None,
) -> np.ndarray:
    """``rows`` codes from a density or prior, given the encoded conditions of the rows (rows, c) if they have any.

    See :func:`~.temperature.tempered`. Returns (rows, latent_dim) float32.
    """
    device = model.scale.device
    generator = torch_generator(seed, device)
    if condition is None:
        drawn = tempered(density(model.encode_inputs), temperature).draw(rows, generator)
    else:
        found = []
        for piece in condition.split(DRAWN_ROWS):
            known = density.given(piece.to(device), model.encode_inputs)
            found.append(tempered(known, temperature).draw(len(piece), generator))
        drawn = torch.cat(found)
    if model.code_space == "symbols":
        drawn = model.latent.vectors(drawn)
    return drawn.float().cpu().numpy()


def drawn_rows(model: ComposedAutoencoder, z: np.ndarray, context: Context | None, seed: int) -> np.ndarray:
    """A row drawn from the likelihood at each code (n, latent_dim), in features: (n, d) float32."""
    generator, size = torch_generator(seed, model.scale.device), inference.batch_rows(model)
    return inference.decoded(model, z, context, lambda likelihood: likelihood.draw(size, generator))


def does_without_code(model: ComposedAutoencoder) -> bool:
    """Whether the model's decoder is a density over rows by itself: the penalty ``WithoutCode`` trained it as one."""
    trained = any(isinstance(one, WithoutCode) for one in model.penalties.values())
    return trained and hasattr(model.likelihood, "no_code")


def drawn_without_code(model: ComposedAutoencoder, rows: int, context: Context | None, seed: int) -> np.ndarray:
    """Rows drawn from the decoder alone, in features: (n, d) float32."""
    generator, size = torch_generator(seed, model.scale.device), inference.batch_rows(model)
    nothing = np.zeros((rows, model.latent_dim), dtype=np.float32)
    return inference.decoded(
        model, nothing, context, lambda likelihood: likelihood.without_code().draw(size, generator)
    )
