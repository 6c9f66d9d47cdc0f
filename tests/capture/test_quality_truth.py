"""Quality against the simulated camera's truth: exposure, shift, zoom, motion, false alarms."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from defocus.capture.cameras.sim import SimulatedCamera
from defocus.capture.judging.motion import compare_anchor
from defocus.capture.judging.quality import ExtraShots, judge_pair
from defocus.capture.judging.quick_look import QuickLook
from defocus.capture.judging.verdict import Quality
from defocus.capture.links.back_ends import open_camera
from defocus.capture.planning.exposure import plan_bracket
from defocus.exif import read_exif

SCENES = ("shapes", "steps", "wall")
WIDE = (("f/2", "1/800"), ("f/2.8", "1/400"), ("f/4", "1/200"))
NOISE = (0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Judged:
    """A pair with its anchor, what was found and what is true."""

    quality: Quality
    truth: dict[str, Any]
    folder: Path

    @property
    def numbers(self) -> dict[str, Any]:
        return self.quality.numbers

    @property
    def corner_error_px(self) -> float | None:
        """How far the measured geometry puts the worst corner from the true one."""
        found, true = self.numbers["misalignment"], self.truth["misalignment"]
        if found["status"] == "unknown":
            return None
        return (
            math.dist(found["shift_px"], true["shift_px"]) + abs(found["zoom"] - true["zoom"]) * 200
        )


def judged(folder: Path, number: int, options: str) -> Judged:
    """Pair ``number``: its scene, aperture and noise vary with the number."""
    folder.mkdir()
    (blurry, shutter), noise = WIDE[number // 3 % 3], NOISE[number // 9 % 3]
    looks = f"scene={SCENES[number % 3]}&noise={noise}&width=320&height=240"
    camera = open_camera(f"sim:?seed={number}&{looks}&{options}")
    assert isinstance(camera, SimulatedCamera)
    camera.stage("desk", number)
    bracket = plan_bracket(camera.settings(), blurry, "f/22", shutter=shutter)
    paths = {role: folder / f"{role}.tif" for role in ("sharp", "blurry", "anchor")}
    for role, path in paths.items():
        for name, word in (bracket.blurry if role == "blurry" else bracket.sharp).words.items():
            camera.set(name, word)
        (part,) = camera.shoot(folder / role)
        part.rename(path)
    camera.write_truth(folder)
    exif = {role: read_exif(paths[role]) for role in ("blurry", "sharp")}
    extra = ExtraShots(anchor=paths["anchor"])
    quality = judge_pair(paths["blurry"], paths["sharp"], bracket, exif, extra=extra)
    return Judged(quality, json.loads((folder / "truth.json").read_text()), folder)


@pytest.mark.full
def test_exposure_shift_and_zoom_are_true(tmp_path: Path) -> None:
    """Exposure within 0.02 EV; shift and zoom within 0.3 px or unknown; drift within 0.3 px."""
    for number in range(4):
        options = "shift=6&breathing=0.01&rotation=0.2&exposure_error=0.4"
        pair = judged(tmp_path / str(number), number, options)
        assert abs(pair.numbers["measured_ev"] - pair.truth["gain_ev"]) < 0.02, number
        corner, drift = pair.corner_error_px, pair.numbers["anchor"]["drift_px"]
        assert corner is not None, number
        assert corner < 0.3, number
        true = pair.truth["shots"]["anchor"]["from_sharp"]["shift_px"]
        assert math.dist(drift, true) < 0.3, number


@pytest.mark.full
def test_good_pairs_are_accepted(tmp_path: Path) -> None:
    """As steady as a tripod is."""
    for number in range(6):
        options = "shift=0.7&breathing=0.001&exposure_error=0.03"
        quality = judged(tmp_path / str(number), number, options).quality
        assert quality.verdict == "accept", quality.reason


@pytest.mark.full
def test_an_object_that_moved_by_one_pixel_is_seen(tmp_path: Path) -> None:
    """And a still scene is never taken for one."""
    for number in range(4):
        moves = number % 2
        scene = f"shift=0.7&breathing=0.001&motion={moves}"
        pair = judged(tmp_path / str(number), 3 * (number // 2), scene)
        assert (pair.numbers["anchor"]["moved_share"] > 0) == bool(moves), number
        assert ("something moved" in pair.quality.reason) == bool(moves)


def test_a_change_of_the_light_is_no_motion(tmp_path: Path) -> None:
    """5 % of light is 0.070 EV."""
    pair = judged(tmp_path / "pair", 0, "fault=ev%3D0.07@3")
    anchor = pair.numbers["anchor"]
    assert anchor["light_ev"] == pytest.approx(0.07, abs=0.005)
    assert anchor["moved_share"] == 0.0
    assert pair.quality.verdict == "accept", pair.quality.reason


def test_a_change_of_the_light_does_not_lower_the_noise_ceiling() -> None:
    rng = np.random.default_rng(0)
    scene = cv2.GaussianBlur(rng.uniform(0, 1, (96, 128, 3)).astype(np.float32), (0, 0), 1.5)
    first, repeat = (scene + rng.normal(0, 0.01, scene.shape).astype(np.float32) for _ in "ab")
    even, lit = (
        compare_anchor(QuickLook(first), QuickLook(np.float32(light) * repeat), 3.0)
        for light in (1.0, 1.15)
    )
    assert even.light_ev == pytest.approx(0, abs=0.01)
    assert lit.light_ev == pytest.approx(0.2, abs=0.01)
    assert even.noise_ceiling_db is not None
    assert lit.noise_ceiling_db == pytest.approx(even.noise_ceiling_db, abs=0.3)


def test_where_diffraction_blurs_the_plane_of_focus_the_pair_is_masked(tmp_path: Path) -> None:
    """Strips from near to far: those in focus at f/2 lose to f/22, those far out of focus win."""
    pair = judged(tmp_path / "pair", 4, "diffraction=10")
    assert pair.quality.verdict != "accept"
    assert "focus stack" in pair.quality.reason
    mask = pair.quality.mask
    assert mask is not None
    blur = np.abs(np.load(pair.folder / "defocus_map.npy"))
    masked = mask == 0
    assert 0.02 < masked.mean() < 0.9
    assert blur[masked].mean() < 0.7 * blur[~masked].mean()
    clean = judged(tmp_path / "clean", 4, "diffraction=0")
    assert clean.quality.mask is None
    assert clean.numbers["blurrier_share"] < 0.02
