from dataclasses import replace

import numpy as np
import pytest

from defocus.datasets.api import open_dataset
from defocus.datasets.deriving.aligned_reference import aligned_reference
from defocus.errors import NotApplicableError
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float
from defocus.pictures.write import write_image
from tests.datasets.conftest import picture, write_folder


def test_reference_shows_the_sharp_picture_on_the_blurry_grid(strong):
    pair = next(pair for pair in strong.pairs if pair.id == "cafe")
    assert pair.sharp is not None
    assert pair.truth is not None
    reference = aligned_reference(strong, pair)
    assert (reference.status, reference.estimator, reference.reason) == (
        "ok",
        "dis",
        "",
    )
    assert reference.sharp.is_relative_to(strong.derived)
    mask = read_image(reference.valid_mask)[:, :, 0]
    assert set(np.unique(mask)) <= {0, 255}
    believed = mask == 255
    assert 0.3 < believed.mean() < 1.0
    truth = as_float(read_image(pair.truth))

    def error(path):
        return float(((as_float(read_image(path)) - truth) ** 2)[believed].mean())

    assert read_image(reference.sharp).dtype == np.uint16
    assert error(reference.sharp) < 0.05 * error(pair.sharp)


@pytest.mark.parametrize("model", ["global", "flow"])
def test_reference_is_computed_once_and_mended(strong, capfd, model):
    pair = strong.split("test")[1]
    first = aligned_reference(strong, pair, model=model)
    moment = first.sharp.stat().st_mtime_ns
    assert aligned_reference(strong, pair, model=model) == first
    assert first.sharp.stat().st_mtime_ns == moment
    for victim in (
        first.sharp,
        first.valid_mask,
        first.sharp.parent / "reference.json",
    ):
        content = victim.read_bytes()
        victim.write_bytes(content[:-30])
        capfd.readouterr()
        assert aligned_reference(strong, pair, model=model) == first
        assert "rebuilt" in capfd.readouterr().err
        assert victim.read_bytes() == content


@pytest.mark.parametrize("kind", ["flat", "noise"])
def test_unknown_misalignment_is_an_answer_that_is_kept(tmp_path, kind, refused):
    root = write_folder(tmp_path / "x", ["a.png"])
    for seed, role in enumerate(("blurry", "sharp")):
        flat = np.full((128, 128, 3), 30000, np.uint16)
        write_image(
            root / role / "a.png", flat if kind == "flat" else picture(seed, 128, 128)
        )
    dataset = open_dataset(f"pairs:{root}")
    reference = aligned_reference(dataset, dataset.pairs[0])
    assert reference.status == "unknown"
    assert reference.reason
    assert not reference.sharp.exists()
    assert aligned_reference(dataset, dataset.pairs[0]) == reference
    with refused(NotApplicableError):
        aligned_reference(dataset, replace(dataset.pairs[0], sharp=None))
