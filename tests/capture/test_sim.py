"""The simulated camera: what it says is true of its pictures is true of them."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from defocus.capture.cameras.sim import SimulatedCamera
from defocus.capture.links.back_ends import open_camera
from defocus.errors import InputError
from defocus.pictures.metadata import read_exif
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float, srgb_to_linear
from defocus.scene.thin_lens import Lens, circle_of_confusion_px

SMALL = "width=240&height=180"


def opened(uri: str, scene: str = "desk", number: int = 1) -> SimulatedCamera:
    camera = open_camera(uri)
    camera.stage(scene, number)
    return camera


def shoot(camera: SimulatedCamera, stem: Path, aperture: str, shutter: str) -> Path:
    camera.set("aperture", aperture)
    camera.set("shutter", shutter)
    (part,) = camera.shoot(stem)
    return part.rename(part.with_suffix(""))


def shoot_pair(
    uri: str,
    folder: Path,
    blurry: tuple[str, str] = ("f/4", "1/125"),
    sharp: tuple[str, str] = ("f/22", "1/4"),
    scene: str = "desk",
    number: int = 1,
) -> dict[str, Any]:
    """The truth of one pair; its pictures lie in the folder."""
    camera = opened(uri, scene, number)
    folder.mkdir(exist_ok=True)
    shoot(camera, folder / "blurry", *blurry)
    shoot(camera, folder / "sharp", *sharp)
    camera.write_truth(folder)
    return json.loads((folder / "truth.json").read_text())


def linear(path: Path) -> np.ndarray:
    return srgb_to_linear(as_float(read_image(path), np.float64))


@pytest.mark.parametrize("scene", ["shapes", "steps", "wall"])
def test_same_seed_same_bytes_other_scene_other_picture(tmp_path, scene):
    uri = f"sim:?seed=7&scene={scene}&shift=3&breathing=0.01&exposure_error=0.2&{SMALL}"
    for folder in ("a", "b"):
        shoot_pair(uri, tmp_path / folder)
    shoot_pair(uri, tmp_path / "c", scene="shelf")
    for name in (
        "blurry.tif",
        "sharp.tif",
        "truth.json",
        "flow.npy",
        "defocus_map.npy",
    ):
        assert (tmp_path / "a" / name).read_bytes() == (
            tmp_path / "b" / name
        ).read_bytes()
    assert (tmp_path / "a/blurry.tif").read_bytes() != (
        tmp_path / "c/blurry.tif"
    ).read_bytes()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_true_flow_brings_the_sharp_picture_onto_the_blurry_grid(tmp_path, seed):
    """At one aperture the two differ by the movement alone; warping must undo it."""
    uri = f"sim:?seed={seed}&noise=0&shift=6&breathing=0.03&rotation=2&{SMALL}"
    shoot_pair(uri, tmp_path, ("f/8", "1/30"), ("f/8", "1/30"))
    blurry, sharp = linear(tmp_path / "blurry.tif"), linear(tmp_path / "sharp.tif")
    flow = np.load(tmp_path / "flow.npy")
    assert flow.dtype == np.float32
    assert flow.shape == (2, 180, 240)
    assert np.abs(flow).max() > 2
    y, x = np.mgrid[0:180, 0:240].astype(np.float32)
    warped = cv2.remap(sharp, x + flow[0], y + flow[1], cv2.INTER_CUBIC)
    inside = (slice(20, -20), slice(20, -20))
    before = np.abs(sharp - blurry)[inside].mean()
    after = np.abs(warped - blurry)[inside].mean()
    assert after < 0.12 * before


def test_blur_of_each_layer_is_the_thin_lens(tmp_path):
    truth = shoot_pair(f"sim:?{SMALL}", tmp_path)
    for layer in truth["layers"]:
        for role, f_number in (("blurry", 4.0), ("sharp", 2**4.5)):
            lens = Lens(50.0, f_number, 2000.0, 16000 / 240)
            expected = float(circle_of_confusion_px(layer["depth_mm"], lens))
            assert layer[f"{role}_coc_px"] == pytest.approx(expected)
    diameters = {np.float32(layer["blurry_coc_px"]) for layer in truth["layers"]}
    assert set(np.unique(np.load(tmp_path / "defocus_map.npy"))) <= diameters
    picture = read_image(tmp_path / "sharp.tif")
    assert (picture.shape, picture.dtype) == ((180, 240, 3), np.uint16)
    exif = read_exif(tmp_path / "sharp.tif")
    assert (exif.f_number, exif.seconds, exif.iso, exif.focal_length_mm) == (
        22.0,
        0.25,
        100,
        50.0,
    )


def test_noise_has_the_variance_of_its_electrons(tmp_path):
    pictures = []
    for noise in (0, 1):
        camera = opened(f"sim:?scene=wall&noise={noise}&{SMALL}")
        camera.set("iso", "1600")
        pictures.append(linear(shoot(camera, tmp_path / str(noise), "f/8", "1/500")))
    signal, noisy = pictures
    electrons = 30_000 * 100 / 1600
    expected = signal / electrons + (5 / electrons) ** 2
    bright = signal > 0.05  # darker ones are clipped at black
    assert (noisy - signal)[bright].var() == pytest.approx(
        expected[bright].mean(), rel=0.05
    )


@pytest.mark.parametrize("uri", ["webcam:0", "sim"])
def test_an_address_without_a_scheme_is_named(uri):
    with pytest.raises(InputError, match="no camera"):
        open_camera(uri)
