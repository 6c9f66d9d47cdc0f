"""A rendered pair, written once per session."""

import pytest

from defocus.pictures.write import write_image
from tests.align.synthetic import rendered_pair


@pytest.fixture(scope="session")
def pair():
    """A 16-bit pair with circles of confusion up to 8 px, half an EV brighter when blurry."""
    return rendered_pair(3, 8.0, bits=16, gain_ev=0.3)


@pytest.fixture(scope="session")
def pair_files(pair, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    files = folder / "blurry.png", folder / "sharp.png"
    for path, picture in zip(files, (pair.blurry, pair.sharp), strict=True):
        write_image(path, picture)
    return files
