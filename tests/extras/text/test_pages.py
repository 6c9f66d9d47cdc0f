"""Pages of text: what is printed is known, and the blur is what makes it illegible."""

from pathlib import Path

import numpy as np
import pytest

from defocus.datasets.api import open_dataset, reader_card
from defocus.datasets.stream import dataset
from defocus.errors import DatasetError
from defocus.extras.text.character_readers.tesseract import tesseract_version
from defocus.extras.text.metrics.legibility import characters_in
from defocus.extras.text.similarity import similarity
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float


def share_read(path: Path, wanted: str) -> float:
    picture = as_float(read_image(path), np.float64)
    return similarity(characters_in(picture, np.ones(picture.shape[:2], bool)), wanted)


@pytest.mark.full
@pytest.mark.skipif(not tesseract_version(), reason="needs tesseract-ocr")
@pytest.mark.debian
def test_the_sharp_page_is_read_and_the_blurred_one_is_not(monkeypatch, tmp_path):
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path))
    monkeypatch.setattr(dataset, "CIRCLES_PX", (2, 16))
    monkeypatch.setattr(dataset, "PAGES", 1)
    near, far = open_dataset("text:").split("test")
    for pair in (near, far):
        lines = str(pair.metadata["text"]).split("\n")
        assert [len(line) for line in lines] == [dataset.CHARACTERS] * dataset.LINES
        diameters = np.load(pair.defocus_map or "")
        assert abs(np.abs(diameters) - int(pair.id.split("-")[1])).max() < 2
        assert read_image(pair.blurry).shape[:2] == diameters.shape == dataset.PAGE_PX
        assert share_read(pair.sharp or Path(), "".join(lines)) > 0.9
    assert share_read(far.blurry, str(far.metadata["text"])) < 0.4


def test_pages_have_no_folder_and_as_many_as_the_card_says():
    assert reader_card("text").counts == {
        "test": len(dataset.CIRCLES_PX) * dataset.PAGES
    }
    assert reader_card("text").sizes == (dataset.PAGE_PX[::-1],)
    with pytest.raises(DatasetError, match="give 'text:' alone"):
        open_dataset(f"text:{Path.cwd()}")
