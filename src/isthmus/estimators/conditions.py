"""What is given besides the code: conditions and exposures, as models take them and as rows show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isthmus.core.context import Context
from isthmus.data.carried import Carried
from isthmus.data.schema import Schema


def given_context(schema: Schema, given: Mapping[Any, Any] | None, n: int) -> tuple[Context | None, Carried | None]:
    """For ``n`` rows to decode: the context for the decoder, and the columns to put back beside what it gives.

    Both are None for a schema without conditions and exposure; ``given`` must then be None or empty.

    Raises
    ------
    InputError
        A condition is missing, or a key or level unknown.
    """
    carried = schema.carried_given(given, n)  # refuses keys that mean nothing, also without roles
    if not schema.roles.carried:
        return None, None
    condition = schema.encode_condition(given, n) if schema.condition_width else None
    exposure = schema.encode_exposure(given, n).unsqueeze(-1) if schema.has_exposure else None
    return Context(condition, exposure), carried


def carried_of(schema: Schema, data: Any) -> Carried | None:
    """The columns of the user's own rows that decoding cannot make up; None without such columns."""
    return schema.carried(data) if schema.roles.carried or schema.roles.dropped else None
