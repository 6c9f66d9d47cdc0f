"""A lens file as a stream, and in a request of ``defocus-data render``."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from defocus.datasets.api import open_dataset
from defocus.datasets.rendering.run import render_dataset
from defocus.errors import DatasetError, OpticsError, SettingsError
from defocus.pictures.read import read_image
from defocus.pictures.write import write_image
from defocus.scene.kernel_bank import KernelBank
from defocus.scene.lens_file import MeasuredLens, read_lens, write_lens
from defocus.scene.real_lens import RealLens

LENS = MeasuredLens(RealLens(2.8, 2.8, 16.0, spherical=3.0), (2.8, 4.0))
REQUEST = """
size = [96, 64]
[lens]
focal_length_mm = 50.0
f_number = 4.0
focus_distance_mm = 1000.0
file = "lens.json"
[[scenes]]
name = "desk"
planes = [{picture = "wall.png", depth_mm = 2500.0}]
"""


@pytest.fixture
def folder(tmp_path):
    picture = np.random.default_rng(0).integers(40, 216, (64, 96, 3), dtype=np.uint8)
    write_image(tmp_path / "wall.png", picture)
    write_lens(tmp_path / "lens.json", LENS)
    return tmp_path


def written(folder, text):
    (folder / "request.toml").write_text(text)
    return folder / "request.toml"


def test_a_request_is_rendered_through_the_lens(folder):
    """At the pixel pitch of its pictures, and the f-number of its scenes."""
    ((pair,), _) = render_dataset(written(folder, REQUEST), folder / "through")
    used = replace(LENS.lens, f_number=4.0, pixel_pitch_um=36000 / 96)
    assert pair.metadata["aperture"] == json.loads(json.dumps(asdict(used)))
    ideal = REQUEST.replace('file = "lens.json"\n', "")
    ((other,), _) = render_dataset(written(folder, ideal), folder / "ideal")
    np.testing.assert_array_equal(read_image(pair.sharp), read_image(other.sharp))
    assert not np.array_equal(read_image(pair.blurry), read_image(other.blurry))
    assert (
        pair.metadata["circle_of_confusion_px"]
        == other.metadata["circle_of_confusion_px"]
    )


def test_a_changed_lens_is_another_request(folder):
    render_dataset(written(folder, REQUEST), folder / "out")
    write_lens(
        folder / "lens.json", replace(LENS, lens=replace(LENS.lens, spherical=5.0))
    )
    with pytest.raises(DatasetError):
        render_dataset(folder / "request.toml", folder / "out")


def test_what_does_not_go_with_a_lens_file_is_told(folder, refused):
    for table in ("aperture", "dual_pixel"):
        with refused(SettingsError):
            render_dataset(written(folder, f"{REQUEST}[{table}]\n"), folder / "out")
    wide = REQUEST.replace("f_number = 4.0", "f_number = 1.4")
    with pytest.raises(OpticsError, match=r"f/1\.4 of a lens of f/2\.8"):
        render_dataset(written(folder, wide), folder / "out")
    with pytest.raises(OpticsError, match=r"away\.json: no lens file"):
        render_dataset(
            written(folder, REQUEST.replace("lens.json", "away.json")), folder / "out"
        )
    assert not (folder / "out").exists()


def test_a_lens_file_is_a_stream(folder, monkeypatch, capsys, refused):
    held_out = {"validation": (0, 1, 64), "test": (9, 1, 64)}
    monkeypatch.setattr("defocus.datasets.stream.dataset.HELD_OUT", held_out)
    monkeypatch.setattr("defocus.datasets.stream.dataset.CIRCLES_PX", ())
    dataset = open_dataset(f"stream:{folder / 'lens.json'}")
    assert dataset.endless.photographs.lens == read_lens(folder / "lens.json")
    bank = KernelBank("train", lens=LENS)
    assert {bank.optic(index).lens.f_number for index in range(20)} == {*LENS.f_numbers}
    stderr = capsys.readouterr().err
    assert "stream: no photographs" in stderr
    assert "::" not in stderr
    (folder / "mine.toml").write_text('lens = "lens.json"\n')
    same = open_dataset(f"stream:{folder / 'mine.toml'}")
    assert same.content_hash == dataset.content_hash
    with refused(DatasetError):
        open_dataset(f"pictures:{folder / 'lens.json'}")
    (folder / "other.json").write_text("[]")
    with refused(OpticsError):
        open_dataset(f"stream:{folder / 'other.json'}")
