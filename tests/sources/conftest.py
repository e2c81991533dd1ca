"""CSV files from text, for all tests of sources."""

from __future__ import annotations

import pytest

from isthmus.sources import read_csv


@pytest.fixture
def read(tmp_path):
    """Read what would be in a CSV file: ``read("a,b\\n1,2\\n")``."""

    def read(content, **options):
        path = tmp_path / "rows.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_csv(path, **options)

    return read
