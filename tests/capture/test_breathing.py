"""Breathing of the simulated lens: in the truth, and in the pictures."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import measure
from defocus.capture.cameras.sim import SimulatedCamera, open_camera
from defocus.images import read_image


def shoot_pair(folder: Path, address: str, number: int = 1) -> dict[str, Any]:
    """The true misalignment of one pair; its pictures lie in the folder."""
    folder.mkdir()
    camera = open_camera(address)
    assert isinstance(camera, SimulatedCamera)
    camera.stage("desk", number)
    for role, aperture, shutter in (("blurry", "f/4", "1/125"), ("sharp", "f/22", "1/4")):
        camera.set("aperture", aperture)
        camera.set("shutter", shutter)
        (part,) = camera.shoot(folder / role)
        part.rename(part.with_suffix(""))
    camera.write_truth(folder)
    truth: dict[str, Any] = json.loads((folder / "truth.json").read_text())["misalignment"]
    return truth


def test_the_option_is_the_largest_change_of_magnification(tmp_path: Path) -> None:
    """Over pairs it fills its range on both sides, and twice the option is twice the change."""
    changes = {
        breathing: [
            shoot_pair(
                tmp_path / f"{breathing}-{number}",
                f"sim:?scene=wall&width=64&height=64&breathing={breathing}",
                number,
            )["zoom"]
            - 1.0
            for number in range(1, 25)
        ]
        for breathing in (0.02, 0.04)
    }
    for breathing, found in changes.items():
        assert 0.8 * breathing < max(found) <= breathing
        assert -breathing <= min(found) < -0.8 * breathing
    assert changes[0.04] == pytest.approx([2 * change for change in changes[0.02]])


def test_without_the_option_the_lens_does_not_breathe(tmp_path: Path) -> None:
    truth = shoot_pair(tmp_path / "pair", "sim:?seed=1&scene=wall&width=64&height=64&rotation=1")
    assert truth["zoom"] == pytest.approx(1.0, abs=1e-12)
    assert truth["rotation_deg"] != 0


@pytest.mark.full
@pytest.mark.parametrize("seed", [1, 2, 4])
def test_the_pictures_show_the_zoom_of_the_truth(tmp_path: Path, seed: int) -> None:
    address = f"sim:?seed={seed}&breathing=0.03&width=480&height=360"
    truth = shoot_pair(tmp_path / "pair", address)
    assert abs(truth["zoom"] - 1.0) > 0.004, "too small to be told from none"
    pictures = (read_image(tmp_path / "pair" / f"{role}.tif") for role in ("blurry", "sharp"))
    found = measure(*pictures, flow_estimator("dis")).misalignment.similarity
    assert found is not None
    assert found.zoom == pytest.approx(truth["zoom"], abs=0.001)
    assert math.hypot(*found.shift_px) < 0.3
    assert found.rotation_deg == pytest.approx(0, abs=0.05)
