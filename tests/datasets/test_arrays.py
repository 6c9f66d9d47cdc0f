"""Arrays of pairs in files that somebody damaged."""

from pathlib import Path

import numpy as np
import pytest

from defocus.datasets.files.arrays import read_array
from defocus.errors import DatasetError


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"'<f4'", b"',f4'"), (b"'shape'", b"'shaqe'"), (b"(2, 3)", b"(2, -)"), (b"{", b"(")],
    ids=["type", "name", "size", "bracket"],
)
def test_a_damaged_header_is_one_line(tmp_path: Path, old: bytes, new: bytes) -> None:
    path = tmp_path / "flow.npy"
    np.save(path, np.zeros((2, 3), np.float32))
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    with pytest.raises(DatasetError, match=r"flow\.npy: no array can be read \(.*\); restore it"):
        read_array(path)
