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
from defocus.images import read_image

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
    def exposure_error_ev(self) -> float:
        return abs(self.numbers["measured_ev"] - self.truth["gain_ev"])

    @property
    def corner_error_px(self) -> float | None:
        """How far the measured geometry puts the worst corner from the true one."""
        found, true = self.numbers["misalignment"], self.truth["misalignment"]
        if found["status"] == "unknown":
            return None
        height, width = read_image(self.folder / "sharp.tif").shape[:2]
        shift = math.dist(found["shift_px"], true["shift_px"])
        return shift + abs(found["zoom"] - true["zoom"]) * math.hypot(width, height) / 2


def judged(folder: Path, number: int, options: str, size: str = "width=320&height=240") -> Judged:
    """Pair ``number``: its scene, aperture and noise vary with the number."""
    folder.mkdir()
    (blurry, shutter), noise = WIDE[number // 3 % 3], NOISE[number // 9 % 3]
    camera = open_camera(
        f"sim:?seed={number}&scene={SCENES[number % 3]}&noise={noise}&{size}&{options}"
    )
    assert isinstance(camera, SimulatedCamera)
    camera.stage("desk", number)
    bracket = plan_bracket(camera.settings(), blurry, "f/22", shutter=shutter)
    shots = (("sharp", bracket.sharp), ("blurry", bracket.blurry), ("anchor", bracket.sharp))
    for role, exposure in shots:
        for name, word in exposure.words.items():
            camera.set(name, word)
        (part,) = camera.shoot(folder / role)
        part.rename(folder / f"{role}.tif")
    camera.write_truth(folder)
    paths = {role: folder / f"{role}.tif" for role, _ in shots}
    quality = judge_pair(
        paths["blurry"],
        paths["sharp"],
        bracket,
        {role: read_exif(paths[role]) for role in ("blurry", "sharp")},
        extra=ExtraShots(anchor=paths["anchor"]),
    )
    return Judged(quality, json.loads((folder / "truth.json").read_text()), folder)


def check_measures(folder: Path, count: int) -> None:
    """Exposure within 0.02 EV; shift and zoom within 0.3 px or unknown; drift within 0.3 px."""
    options = "shift=6&breathing=0.01&rotation=0.2&exposure_error=0.4"
    unknown = 0
    for number in range(count):
        pair = judged(folder / str(number), number, options)
        assert pair.exposure_error_ev < 0.02, number
        corner = pair.corner_error_px
        assert corner is None or corner < 0.3, number
        drift = pair.numbers["anchor"]["drift_px"]
        true = pair.truth["shots"]["anchor"]["from_sharp"]["shift_px"]
        assert drift is None or math.dist(drift, true) < 0.3, number
        unknown += corner is None or drift is None
    assert unknown <= count * 0.1, "a number is wanted nearly always"


def check_false_rejects(folder: Path, count: int) -> None:
    """Good pairs, as steady as a tripod is: fewer than 2 % rejected."""
    options = "shift=0.7&breathing=0.001&exposure_error=0.03"
    pairs = [judged(folder / str(n), n, options) for n in range(count)]
    rejected = [p.quality.reason for p in pairs if p.quality.verdict == "reject"]
    assert len(rejected) <= 0.02 * count, rejected
    warned = [p.quality.reason for p in pairs if p.quality.verdict == "warn"]
    assert len(warned) <= 0.1 * count, warned


def check_motion(folder: Path, count: int) -> None:
    """An object that moves by 1 px is seen every time, a still scene never taken for one."""
    for number in range(count):
        scene = f"shift=0.7&breathing=0.001&motion={number % 2}"
        pair = judged(folder / str(number), 3 * (number // 2), scene)
        anchor = pair.numbers["anchor"]
        assert (anchor["moved_share"] > 0) == bool(number % 2), (number, anchor)
        assert ("something moved" in pair.quality.reason) == bool(number % 2)


@pytest.mark.full
def test_exposure_shift_and_zoom_are_true(tmp_path: Path) -> None:
    check_measures(tmp_path, 4)


@pytest.mark.full
def test_good_pairs_are_not_rejected(tmp_path: Path) -> None:
    check_false_rejects(tmp_path, 6)


@pytest.mark.full
def test_an_object_that_moved_by_one_pixel_is_seen(tmp_path: Path) -> None:
    check_motion(tmp_path, 4)


def test_a_change_of_the_light_is_no_motion(tmp_path: Path) -> None:
    """5 % of light is 0.070 EV."""
    pair = judged(tmp_path / "pair", 0, "fault=ev%3D0.07@3")
    anchor = pair.numbers["anchor"]
    assert anchor["light_ev"] == pytest.approx(0.07, abs=0.005)
    assert anchor["moved_share"] == 0.0
    assert pair.quality.verdict == "accept", pair.quality.reason
    cloud = judged(tmp_path / "cloud", 0, "fault=ev%3D0.2@3")
    assert "light changed by +0.20 EV" in cloud.quality.reason


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


def test_drift_is_warned_about(tmp_path: Path) -> None:
    pair = judged(tmp_path / "pair", 0, "fault=shift%3D4@3")
    assert pair.numbers["anchor"]["drift_px"] == pytest.approx([4.0, 0.0], abs=0.1)
    assert "drifted by 4.0 px" in pair.quality.reason


def test_where_diffraction_blurs_the_plane_of_focus_the_pair_is_masked(tmp_path: Path) -> None:
    """Strips from near to far: those in focus at f/2 lose to f/22, those far out of focus win."""
    pair = judged(tmp_path / "pair", 4, "diffraction=10")
    assert pair.quality.verdict != "accept"
    assert "focus stack" in pair.quality.reason
    mask = pair.quality.mask
    assert mask is not None
    assert mask.shape == read_image(pair.folder / "sharp.tif").shape[:2]
    blur = np.abs(np.load(pair.folder / "defocus_map.npy"))
    masked = mask == 0
    assert 0.02 < masked.mean() < 0.9
    assert blur[masked].mean() < 0.7 * blur[~masked].mean()
    clean = judged(tmp_path / "clean", 4, "diffraction=0")
    assert clean.quality.mask is None
    assert clean.numbers["blurrier_share"] < 0.02


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("stuck-aperture@2", "exposure is off"),
        ("wrong-aperture@2", "EXIF of the blurry file says f-number"),
        ("duplicate-frame@2", "both files are the same"),
        ("shift%3D15@2", "moved by 15.0 px"),
        ("zoom%3D1.07@2", "magnification changed by"),
        ("ev%3D-0.5@2", "exposure is off by -0.50 EV"),
    ],
)
def test_faults_are_rejected_with_their_reason(tmp_path: Path, fault: str, reason: str) -> None:
    pair = judged(tmp_path / "pair", 6, f"fault={fault}")
    assert pair.quality.verdict == "reject", pair.quality.reason
    assert reason in pair.quality.reason
