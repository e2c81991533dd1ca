"""The user's data on its way to tensors and back: schema, kinds, arrays, tables, images."""

from .builder import SchemaBuilder
from .rows import Rows
from .schema import Schema

__all__ = ["Rows", "Schema", "SchemaBuilder"]
