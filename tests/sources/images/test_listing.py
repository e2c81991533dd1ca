"""Folders that hold something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.core.errors import InputError
from isthmus.sources.images.listing import list_images


def test_a_folder_of_tables_is_told_to_give_one_of_them(tmp_path: Path) -> None:
    for name in ("b.csv", "a.PARQUET", "notes.txt"):
        (tmp_path / name).touch()
    with pytest.raises(InputError) as caught:
        list_images(tmp_path)
    assert str(caught.value).endswith(
        f"found 1 .csv, 1 .parquet, 1 .txt. Tables are read one at a time: give {tmp_path / 'a.PARQUET'}."
    )
