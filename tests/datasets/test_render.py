"""``defocus-data render``: physics of whole pairs, splits, resume, errors."""

import json
import re
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from defocus.datasets.api import open_dataset
from defocus.datasets.commands.render import command
from defocus.datasets.rendering.run import render_dataset
from defocus.datasets.rendering.scene import polygon_alpha, read_depth
from defocus.errors import DatasetError, SettingsError
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float, srgb_to_linear
from defocus.pictures.write import write_image
from defocus.scene.thin_lens import Lens, circle_of_confusion_px

REQUEST = """
size = [96, 64]
[lens]
focal_length_mm = 100.0
f_number = 2.8
focus_distance_mm = 1000.0
[aperture]
blades = 6
cats_eye = 0.2
[dual_pixel]
profile = "half-disc"
[misalignment]
shift_px = [1.0, 2.0]
gain_ev = [0.1, 0.2]
[[scenes]]
name = "slope"
picture = "a.png"
depth = "a-depth.npy"
[[scenes]]
name = "desk"
planes = [
  {picture = "b.png", depth_mm = 2500.0},
  {picture = "c.png", depth_mm = 700.0, polygon = [[-0.4, -0.3], [0.3, -0.3], [0.0, 0.4]]},
]
[[scenes]]
name = "same-wall"
planes = [{picture = "b-again.png", depth_mm = 1500.0}]
"""


def texture(seed):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 216, (30, 40, 3), dtype=np.uint8)
    return np.repeat(np.repeat(coarse, 6, axis=0), 6, axis=1)


def write_request(folder):
    for number, name in enumerate("abc"):
        write_image(folder / f"{name}.png", texture(number))
    (folder / "b-again.png").write_bytes((folder / "b.png").read_bytes())
    depth = np.linspace(300, 2600, 180)[:, None] * np.ones(240)
    np.save(folder / "a-depth.npy", depth.astype(np.float32))
    (folder / "request.toml").write_text(REQUEST)
    return folder / "request.toml"


@pytest.fixture
def request_file(tmp_path):
    return write_request(tmp_path)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """A folder with a request, its files and, in ``out``, what was rendered of it."""
    folder = tmp_path_factory.mktemp("rendered")
    render_dataset(write_request(folder), folder / "out")
    return folder


def linear(path):
    return np.asarray(srgb_to_linear(as_float(read_image(path), np.float64)))


@pytest.mark.full
def test_a_rendered_dataset_says_the_truth(rendered):
    dataset = open_dataset(f"manifest:{rendered / 'out'}")
    assert dataset.rendered
    assert [pair.id for pair in dataset.pairs] == ["desk", "same-wall", "slope"]
    split = {pair.id: pair.split for pair in dataset.pairs}
    assert split["desk"] == split["same-wall"]  # one source picture in two files
    desk, _, slope = dataset.pairs
    lens = Lens(100.0, 2.8, 1000.0, 36_000 / 96)
    circles = np.load(desk.defocus_map)
    expected = [float(circle_of_confusion_px(depth, lens)) for depth in (2500.0, 700.0)]
    assert sorted({round(float(c), 4) for c in circles.ravel()}) == sorted(
        round(c, 4) for c in expected
    )
    assert circles[32, 48] == pytest.approx(expected[1])
    slope_circles = np.load(slope.defocus_map)
    assert slope_circles[0].mean() < 0 < slope_circles[-1].mean()
    for pair in dataset.pairs:
        truth = pair.metadata["true_misalignment"]
        flow = np.load(pair.flow)
        assert np.allclose(flow.mean(axis=(1, 2)), truth["shift_px"], atol=1e-5)
        assert 1.0 <= float(np.hypot(*truth["shift_px"])) <= 2.0


def test_views_of_whole_pairs(rendered):
    for pair in open_dataset(f"manifest:{rendered / 'out'}").pairs:
        left, right = linear(pair.dual_pixel_left), linear(pair.dual_pixel_right)
        full = linear(pair.blurry)
        assert np.abs((left + right) / 2 - full).max() < 3e-5  # two steps of 16 bits
    desk = rendered / "out" / "pairs" / "desk"
    apart = [
        linear(desk / f"dual_pixel_{side}.png").mean(axis=2)
        for side in ("left", "right")
    ]
    # near: left view to the right
    assert _shift(*(view[28:36, 40:56] for view in apart)) < 0
    assert _shift(*(view[4:12, 4:30] for view in apart)) > 0


def _shift(left, right):
    """By how much the right view lies to the right, by one step of Lucas and Kanade."""
    slope = np.gradient((left + right) / 2, axis=1)
    return float((slope * (left - right)).sum() / (slope**2).sum())


def test_other_pictures_of_a_scene_that_is_rendered_are_refused(
    rendered, tmp_path, refused
):
    shutil.copytree(rendered, tmp_path, dirs_exist_ok=True)
    write_image(tmp_path / "a.png", texture(9))
    with refused(DatasetError):
        render_dataset(tmp_path / "request.toml", tmp_path / "out")


WRONG = [
    ("blades", "blade"), ("shift_px = [1.0, 2.0]", "shift_px = [2.0, 1.0]"),
    ('depth = "a-depth.npy"', ""), ("f_number = 2.8", "f_number = -1"),
    ("depth_mm = 1500.0}", "depth_mm = 1500.0, polygon = [[0,0],[1,0],[1,1]]}"),
    ('name = "desk"', 'name = "slope"'), ('name = "desk"', 'name = "../desk"'),
    ("size = [96, 64]", "size = [96, 100000]"),
]  # fmt: skip


def test_a_wrong_request_names_what_is_wrong(request_file, tmp_path, refused):
    for old, new in WRONG:
        request_file.write_text(REQUEST.replace(old, new, 1))
        with refused(SettingsError):
            render_dataset(request_file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.full
def test_wrong_files_are_named(request_file, tmp_path):
    np.save(tmp_path / "a-depth.npy", np.full((10, 10), 900.0))
    pairs, (left_out,) = render_dataset(request_file, tmp_path / "out")
    assert left_out.id not in {pair.id for pair in pairs} != set()
    assert re.search(r"a-depth\.npy is 10x10 but .*a\.png is 240x180", left_out.reason)
    np.save(tmp_path / "a-depth.npy", np.full((180, 240), 900.0))
    again, left = render_dataset(request_file, tmp_path / "out")
    assert (len(again), left) == (3, ()), "the same command takes what is mended"


def test_a_request_of_which_no_scene_can_be_read_is_refused(
    request_file, tmp_path, refused
):
    for name in ("a-depth.npy", "b.png", "b-again.png"):
        (tmp_path / name).unlink()
    with refused(DatasetError):
        render_dataset(request_file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_makes_a_dataset(request_file, tmp_path, run):
    head = REQUEST[: REQUEST.index("[[scenes]]")]
    request_file.write_text(head + REQUEST[REQUEST.rindex("[[scenes]]") :])
    result = CliRunner().invoke(
        command, [str(request_file), "--out", str(tmp_path / "out")]
    )
    assert result.exit_code == 0, result.output
    assert f"use it with --dataset manifest:{tmp_path / 'out'}" in result.output
    document = json.loads((tmp_path / "out/manifest.json").read_text())
    (pair,) = document["pairs"]
    assert {
        "blurry",
        "sharp",
        "truth",
        "flow",
        "defocus_map",
        "dual_pixel_left",
    } <= set(pair)
    assert pair["metadata"]["sources"][0].startswith("sha256:")
    wrong = run(
        "defocus-data", "render", tmp_path / "nowhere.toml", "--out", tmp_path / "x"
    )
    assert wrong.returncode == 2
    assert "no such settings file" in wrong.stderr


def test_unknown_depth_takes_the_farther_neighbour(tmp_path, refused):
    depth = np.array([[5, 0, 0, 9, 0], [0, 3, 3, 0, 2]], np.uint16)
    write_image(tmp_path / "d.png", depth)
    expected = [[5, 9, 9, 9, 9], [3, 3, 3, 3, 2]]
    assert read_depth(tmp_path / "d.png").tolist() == expected
    write_image(tmp_path / "d.png", np.zeros((2, 2), np.uint16))
    with refused(DatasetError):
        read_depth(tmp_path / "d.png")
    write_image(tmp_path / "d.png", texture(0))
    with refused(DatasetError):
        read_depth(tmp_path / "d.png")


def test_polygon_covers_its_area():
    y, x = (np.mgrid[:100, :100] - 49.5) / 100
    triangle = ((-0.4, -0.4), (0.4, -0.4), (0.0, 0.4))
    alpha = polygon_alpha(triangle, x, y, 100)
    assert alpha.sum() == pytest.approx(0.5 * 80 * 80, rel=0.002)
    assert alpha[12, 50] == 1
    assert alpha[85, 20] == 0
    assert ((alpha > 0) & (alpha < 1)).sum() < 400
