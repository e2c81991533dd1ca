"""Comma-separated files: numbers without any library, and with pyarrow also text, dates and whatever else."""

from .reading import read_csv
from .writing import write_csv

__all__ = ["read_csv", "write_csv"]
