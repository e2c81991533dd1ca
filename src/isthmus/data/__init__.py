"""The user's data on its way to tensors and back: schema, kinds, roles, arrays, tables, images."""

from .builder import SchemaBuilder
from .carried import Carried
from .rows import Rows
from .schema import Schema

__all__ = ["Carried", "Rows", "Schema", "SchemaBuilder"]
