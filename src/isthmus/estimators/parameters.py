"""Constructor parameters that hold specs: read, set and searched by nested name, never changed in place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, ClassVar, Self

from sklearn.base import BaseEstimator

from isthmus.core.blocks import KINDS
from isthmus.core.constraints import Boolean, Constraint, InstanceOf, Interval, OneOf, check_params
from isthmus.core.errors import ParameterError
from isthmus.core.registry import registered
from isthmus.core.spec import Spec, nested_params, replaced_params
from isthmus.models.defaults import AUTO, default_spec
from isthmus.training.callbacks import Callback
from isthmus.training.schedules import SCHEDULES

from .checkpoint import Checkpoint

AXES = ("network", "encoder", "decoder", "latent", "prior", "likelihood", "objective", "corruption")

EXAMPLES = {
    **dict.fromkeys(("network", "encoder", "decoder"), "isthmus.MLP(hidden=(64, 32))"),
    "latent": "isthmus.GaussianLatent()",
    "prior": "isthmus.Mixture(n_components=10)",
    "likelihood": "isthmus.Gaussian(sigma=0.5)",
    "objective": "isthmus.PenalisedLikelihood()",
    "corruption": "isthmus.Masking(rate=0.25)",
}

_auto = OneOf(AUTO)
_path = InstanceOf((str, PathLike, Checkpoint), "a folder or a Checkpoint")

CONSTRAINTS: Mapping[str, Iterable[Constraint]] = {
    "latent_dim": (_auto, Interval(1, None, integer=True)),
    **{axis: (_auto, InstanceOf(Spec, f"a spec such as {EXAMPLES[axis]}")) for axis in AXES},
    "corruption": (OneOf(AUTO, None), InstanceOf(Spec, f"a spec such as {EXAMPLES['corruption']}")),
    "penalties": (_auto, InstanceOf(Mapping, "a dict of named penalty specs")),
    "schema": (
        OneOf(AUTO, "images", *KINDS),
        InstanceOf(Mapping, "a dict of column to kind"),
    ),
    "scaling": (OneOf(AUTO, "column", "common", "none"),),
    "missing": (OneOf(AUTO, "model", "error"),),
    "extrapolate": (Boolean(),),
    "max_epochs": (_auto, Interval(1, None, integer=True)),
    "max_seconds": (OneOf(None), Interval(0, None, closed="neither")),
    "batch_size": (_auto, Interval(1, None, integer=True)),
    "learning_rate": (Interval(0, None, closed="neither"),),
    "learning_rate_schedule": (OneOf(*SCHEDULES),),
    "validation_fraction": (OneOf(None), Interval(0, 1, closed="neither")),
    "patience": (OneOf(AUTO, None), Interval(1, None, integer=True)),
    "checkpoint": (OneOf(None), _path),
    "warm_start": (Boolean(),),
    "device": (InstanceOf(str, "'auto' or the name of a torch device"),),
    "precision": (OneOf(AUTO, "float32", "bfloat16"),),
    "compile": (Boolean(),),
    "callbacks": (OneOf(None), InstanceOf(Sequence, "a list of callbacks")),
    "verbose": (Boolean(), Interval(0, None, integer=True)),
}

CHECKPOINT_CONSTRAINTS: Mapping[str, Iterable[Constraint]] = {
    "folder": (InstanceOf((str, PathLike), "a folder"),),
    "every_seconds": (Interval(0, None),),
    "accept_mismatch": (Boolean(),),
}


class SpecParameters(BaseEstimator):
    """``get_params`` and ``set_params`` that reach into specs and dicts of named specs (``penalties__kl__weight``).

    scikit-learn would change a nested object in place; specs are values, so they are replaced here: a spec given to
    two estimators stays what it is in the other.
    """

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = CONSTRAINTS
    stochastic: ClassVar[bool] = False

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name; with ``deep``, those of specs too, as ``prior__n_components``."""
        params = {name: getattr(self, name) for name in self._get_param_names()}
        if deep:
            for name, value in list(params.items()):
                params.update(nested_params(name, value))
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name, nested ones as ``prior__n_components``."""
        owner = type(self).__name__
        current = self.get_params(deep=False)
        for key in params:
            axis, separator, inner = key.partition("__")
            if separator and axis in current and current[axis] == AUTO and axis not in params:
                raise ParameterError(self._auto_message(axis, inner, params[key]))
        for name, value in replaced_params(owner, current, params).items():
            setattr(self, name, value)
        return self

    def validate_parameters(self) -> None:
        """Raise one :class:`ParameterError` for the first parameter out of range; ``fit`` calls it."""
        params = self.get_params(deep=False)
        check_params(type(self).__name__, params, self.constraints)
        if isinstance(params["checkpoint"], Checkpoint):
            check_params("Checkpoint", vars(params["checkpoint"]), CHECKPOINT_CONSTRAINTS)
        for callback in params["callbacks"] or ():
            if not isinstance(callback, Callback):
                raise ParameterError(
                    f"{type(self).__name__}: `callbacks` must hold Callback objects; got {callback!r}."
                )

    def _auto_message(self, axis: str, inner: str, value: Any) -> str:
        owner, spec = type(self).__name__, default_spec(axis, self.stochastic)
        if axis == "penalties":
            return (
                f"{owner}: cannot set `{axis}__{inner}` while `{axis}` is 'auto'. Name all of them, for example "
                "penalties={'kl': KL(weight=0.5)}."
            )
        # The first spec of the axis that has such a parameter, "auto"'s own before the others.
        kind = "network" if axis in ("encoder", "decoder") else axis
        others = [cls for (where, _), cls in sorted(registered().items()) if where == kind]
        space = getattr(spec, "code_space", None)
        kinds = [
            cls
            for cls in (type(spec), *others)
            if inner in getattr(cls, "__dataclass_fields__", {}) and getattr(cls, "code_space", None) == space
        ]
        example = f", for example {axis}={kinds[0].__name__}({inner}={value!r})" if kinds else ""
        return (
            f"{owner}: cannot set `{axis}__{inner}` while `{axis}` is 'auto', which stands for {spec!r} here. Give the "
            f"spec itself{example}."
        )
