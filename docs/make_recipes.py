"""Writes the sections of ``recipes.md`` from the table of recipes: ``python docs/make_recipes.py``.

What stands above the marker in the page is written by hand, and stays.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from isthmus import recipe as build
from isthmus.core.blocks import Block
from isthmus.core.spec import Spec
from isthmus.models.composition import Composition
from isthmus.models.defaults import AUTO, complete
from isthmus.models.deterministic_recipes import DETERMINISTIC
from isthmus.models.importance_weighted_recipes import IMPORTANCE_WEIGHTED
from isthmus.models.quantised_recipes import QUANTISED
from isthmus.models.recipe import Recipe
from isthmus.models.variational_recipes import VARIATIONAL

PAGE = Path(__file__).with_name("recipes.md")
MARK = "<!-- All that follows is written by docs/make_recipes.py. -->"
WIDTH, LINE = 110, 128
A_TABLE = Block("continuous", 0, 16, (16,))
CONDITION = {"schema": {"label": "condition"}}
CLASSES = {"autoencoder": "Autoencoder", "vae": "VAE", "vqvae": "VQVAE"}

GROUPS: Mapping[str, tuple[Sequence[Recipe], str]] = {
    "Deterministic": (
        DETERMINISTIC,
        "The code is a point. For `sample`, a density is fitted to the codes after training; `score_samples` is minus "
        "the squared error, which ranks rows and is no likelihood.",
    ),
    "Variational": (
        VARIATIONAL,
        "The code is a distribution. Scores are bounds on the log-likelihood in nats, and `density` estimates the "
        "log-likelihood itself.",
    ),
    "Importance-weighted": (
        IMPORTANCE_WEIGHTED,
        "VAEs that draw several codes per row in training. The decoder runs once for each of them, which is what they "
        "cost. They contain the divergence from the prior, so that there is no KL penalty and no `beta`.",
    ),
    "Quantised": (
        QUANTISED,
        "The code is made of symbols: `codes(X)` gives them as whole numbers, `transform(X)` the vectors that they "
        "stand for.",
    ),
}

HINTS: Mapping[str, str] = {
    "autoencoder": "Compare it with PCA of as many dimensions, on rows that were held out.",
    "linear-autoencoder": "Columns are centred, and keep their relative scale: it is PCA without standardising.",
    "sparse-autoencoder": "Make the code wide, and look at `(model.transform(X) != 0).mean()` before anything else. "
    "Too large a weight switches all units off; a `CollapseWarning` says so.",
    "activation-target-autoencoder": "All codes are positive, and none is exactly 0: the share is that of their mean.",
    "k-sparse-autoencoder": 'Give both numbers: `recipe("k-sparse-autoencoder", latent_dim=64, latent__top_k=8)`.',
    "denoising-autoencoder": "`corruption=GaussianNoise(...)` suits noise of measurement, `SwapNoise(...)` mixed "
    "tables. The code may be wider than a plain one: copying does not pay.",
    "contractive-autoencoder": "With one hidden layer, `encoder=MLP(hidden=(256,))`, the norm has a closed form; for "
    "deeper encoders it is estimated, without bias. A decoder of its own can undo by its size what the norm asks of "
    "the encoder's: the paper ties their weights, `network=MLP(hidden=(), tied=True)`, which makes better features.",
    "rae-l2": "Draw from the fitted density, as `sample` does: no prior has shaped these codes.",
    "ordered-autoencoder": "To use k dimensions: `codes[:, k:] = 0`, then `inverse_transform`.",
    "wae-mmd": "Codes and prior are compared batch by batch: a larger `batch_size` sees more of both.",
    "sliced-wae": "Two samples of one distribution differ, and the fewer rows the more: use large batches.",
    "adversarial-autoencoder": "`penalties__matching__rate_factor` is the critic's learning rate as a share of the "
    "model's: how hard it chases the encoder.",
    "vae": "Leave the likelihood to be calibrated: that replaces the tuning of `beta`.",
    "linear-vae": "`score` can be compared with `sklearn.decomposition.PCA.score`, the likelihood that it approaches.",
    "beta-vae": "`score` is the bound with β = 1, whatever β was trained with: a search for other qualities needs a "
    "scorer of its own.",
    "annealed-beta-vae": "Choose the last capacity, `penalties__kl__capacity__end`, below the `rate_` of a plain VAE: "
    "more would be asked for than the data need.",
    "beta-tc-vae": "`beta` gives the total correlation the weight β − 1; the divergence keeps 1.",
    "factor-vae": "The history tells the critic's loss: 2 ln 2 ≈ 1.39 nats per row mean that it cannot tell "
    "them apart.",
    "info-vae": "If you change one weight, change both, as the formula says.",
    "vamp-vae": "Every step encodes all pseudo-rows: lower `prior__n_components` first if it is slow.",
    "mixture-vae": "Give at least as many components as you expect clusters.",
    "flow-prior-vae": "Needs zuko: `pip install 'isthmus[flows]'`.",
    "iaf-vae": "Needs zuko: `pip install 'isthmus[flows]'`. The codes' standard deviations have no closed form and are "
    "None.",
    "hyperspherical-vae": "Codes have length 1: compare them by their scalar product.",
    "conditional-vae": 'Where there are no rows, the condition is given: `sample(5, given={"label": 3})`.',
    "student-vae": '`likelihood=StudentT(degrees_of_freedom="learnt")` lets the data say how heavy the tails are.',
    "free-bits-vae": "`penalties__kl__nats` is what each dimension has free, not all together.",
    "cyclical-vae": "Only epochs after the last rise, the last eighth of the run, can be kept as the best one.",
    "iwae": "Compare it with `vae` by `density(X).mean`: `score` is the looser bound for both.",
    "vq-vae": "Look at `diagnosis_.perplexity`: far below `n_codes`, a smaller codebook would do as well.",
    "fsq-autoencoder": "It begins slowly: leave it the default number of epochs.",
}


def page() -> str:
    """The whole page: its hand-written beginning, and a section for each recipe."""
    written = PAGE.read_text(encoding="utf-8").split(MARK)[0]
    return written + MARK + "\n\n" + "\n".join(sections())


def sections() -> Iterator[str]:
    """The groups and their recipes."""
    for title, (recipes, words) in GROUPS.items():
        yield f"## {title}\n\n{wrapped(words)}\n"
        for recipe in recipes:
            yield section(recipe)


def section(recipe: Recipe) -> str:
    """Everything about one recipe."""
    estimator = build(recipe.name)
    given = ", ".join(settings(estimator)) or "none besides those of every model"
    lines = [
        f"### {recipe.name}",
        recipe.summary,
        f"*When:* {recipe.use}",
        f"    {recipe.formula}",
        f"```python\n{code(recipe)}\n```",
        f"*Parts:* {parts(estimator)}.",
        f"*Settings:* {given}.",
        *([f"*Needs:* {as_code(recipe.needs)}."] if recipe.needs else []),
        *([f"*Hint:* {HINTS[recipe.name]}"] if recipe.name in HINTS else []),
        f"*Paper:* {linked(recipe.paper)}.",
    ]
    return "\n\n".join(map(wrapped, lines)) + "\n"


def wrapped(paragraph: str) -> str:
    """A paragraph in lines of readable length; code stays as it is."""
    if paragraph.startswith(("```", "    ")):
        return paragraph
    return textwrap.fill(paragraph, LINE, break_long_words=False, break_on_hyphens=False)


def code(recipe: Recipe) -> str:
    """The recipe by name, and what it is short for."""
    estimator = CLASSES[recipe.estimator]
    extra = CONDITION if recipe.needs else {}
    call = written(estimator, {**recipe.params, **extra})
    name = "".join([f'"{recipe.name}"', *(f", {key}={value_code(value)}" for key, value in extra.items())])
    found = {estimator, "recipe", *re.findall(r"\b[A-Z]\w+(?=\()", call)}
    names = sorted(found, key=lambda name: (not name.isupper(), name.islower(), name))
    return f"from isthmus import {', '.join(names)}\n\nmodel = recipe({name})\nsame = {call}"


def written(name: str, params: Mapping[str, Any]) -> str:
    """A call with keyword arguments, on one line if it fits."""
    arguments = [f"{key}={value_code(value)}" for key, value in params.items()]
    line = f"{name}({', '.join(arguments)})"
    if len(line) + len("same = ") <= WIDTH:
        return line
    return f"{name}(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"


def value_code(value: Any) -> str:
    """A value as one would write it, with what differs from the defaults."""
    if isinstance(value, Spec):
        given = {one.name: getattr(value, one.name) for one in fields(value)}
        usual = {one.name: one.default for one in fields(value)}
        changed = [f"{key}={value_code(one)}" for key, one in given.items() if one != usual[key]]
        return f"{type(value).__name__}({', '.join(changed)})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f'"{key}": {value_code(one)}' for key, one in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def composition_of(estimator: Any) -> Composition:
    """What ``fit`` would put together for a table of numbers."""
    return complete(estimator._parts(SimpleNamespace(max_epochs=0)), [A_TABLE])


def parts(estimator: Any) -> str:
    """What the composition is, with all that was left open filled in."""
    composition = composition_of(estimator)
    given = estimator.likelihood != AUTO
    likelihood = f"`{value_code(composition.likelihoods[0])}`"
    words = [
        *([f"corruption `{value_code(composition.corruption)}`"] if composition.corruption else []),
        f"latent `{value_code(composition.latent)}`",
        f"prior `{value_code(composition.prior)}`",
        f"likelihood {likelihood if given else f'by the kind of the data (continuous: {likelihood})'}",
        *(penalty_words(estimator, name, one) for name, one in composition.penalties.items()),
        f"objective `{value_code(composition.objective)}`",
    ]
    return "; ".join(words)


def penalty_words(estimator: Any, name: str, penalty: Any) -> str:
    """A penalty by its name, with the warm-up that a VAE gives its automatic one."""
    warmed_up = ", warmed up over a tenth of the epochs" if name == "kl" and estimator.penalties == AUTO else ""
    return f"penalty `{name}`: `{value_code(penalty)}`{warmed_up}"


def settings(estimator: Any) -> list[str]:
    """The names and values that make the recipe what it is, as ``set_params`` and a grid take them."""
    params = estimator.get_params(deep=True)
    automatic = estimator.penalties == AUTO
    divergence = not getattr(estimator.objective, "includes_divergence", False)
    meaningful = {
        "beta": divergence and (automatic or params.get("beta") != 1.0),
        "warmup_epochs": divergence and automatic,
        "n_codes": estimator.latent == AUTO,
        "tokens": estimator.latent == AUTO,
        "commitment": "commitment" in composition_of(estimator).penalties,
    }
    own = [name for name, means in meaningful.items() if name in params and means]
    by_beta = [f"penalties__{name}__weight" for name, one in given_penalties(estimator) if one.beta_offset is not None]
    overruled = by_beta if params.get("beta", 1.0) != 1.0 else []
    nested = [
        name
        for name, value in params.items()
        if "__" in name and not isinstance(value, (Spec, Mapping)) and name not in overruled
    ]
    return [f"`{name}={value_code(params[name])}`" for name in (*own, *nested)]


def given_penalties(estimator: Any) -> list[tuple[str, Any]]:
    """The penalties of the recipe by name; none where they are automatic."""
    return [] if estimator.penalties == AUTO else list(estimator.penalties.items())


def as_code(words: str) -> str:
    """Words with what is Python in them marked as such."""
    return re.sub(r"schema=\{[^}]*\}", lambda found: f"`{found[0]}`", words)


def linked(paper: str) -> str:
    """A reference whose arXiv numbers are links."""
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", paper)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
