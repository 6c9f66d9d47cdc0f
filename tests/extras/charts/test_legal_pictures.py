"""A chart is looked for in pictures that are legal and odd, or one line says why not."""

from pathlib import Path

import pytest

from defocus.extras.charts.reading.read import read_chart
from defocus.extras.charts.reading.stored_light import StoredLight
from defocus.pictures.values import Image
from tests.test_legal_pictures import PICTURES, require_result_or_line


def reading(_blurry: Image, sharp: Image, _folder: Path) -> None:
    read_chart(StoredLight(sharp))


@pytest.mark.parametrize("name", PICTURES)
def test_a_legal_picture_has_a_result_or_a_line(name, tmp_path):
    require_result_or_line(reading, PICTURES[name], tmp_path)
