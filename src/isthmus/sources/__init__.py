"""Files to the user's data and back, under size limits: CSV, Parquet, ``.npy`` and ``.npz``."""

from .csv import read_csv, write_csv
from .npy import read_npy
from .npz import read_npz
from .parquet import read_parquet, write_parquet
from .reading import read_rows, write_rows

__all__ = [
    "read_csv",
    "read_npy",
    "read_npz",
    "read_parquet",
    "read_rows",
    "write_csv",
    "write_parquet",
    "write_rows",
]
