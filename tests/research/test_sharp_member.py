"""Sessions of photographs with planted faults: each pair is shot, whatever its fault."""

import numpy as np
import pytest
from skimage import data

from defocus.pictures.write import write_image
from research.sharp_member.plants import PLANTS
from research.sharp_member.session import Session

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    file = tmp_path_factory.mktemp("photographs") / "coffee.png"
    write_image(file, data.coffee())
    return Session.of([file], seed=3)


def test_a_pair_is_shot_and_a_fault_changes_its_sharp_member_alone(session):
    (bands,) = (plant for plant in PLANTS if plant.name.startswith("bands"))
    good = session.pair(0, None, 0)
    banded = session.pair(0, bands, 0)
    assert good.blurry.shape == good.sharp.shape
    assert good.blurry.dtype == np.uint8
    apart = np.abs(good.sharp.astype(float) - banded.sharp).mean()
    assert apart > 5
