"""The verdict on a triple of 24 megapixels: two members and the repeat of the first.

The peer reads the same JPEG files at full size and makes them linear by the formula, not by a
table, with the same measurements after that. The difference is that of the light of all 8-bit
values by table and by formula, which is none.
"""

from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np

from defocus.capture.planning.exposure import Bracket, make_exposure
from defocus.capture.quality.pair_quality import Read, judge_pair
from defocus.capture.quality.quick_look import QuickLook, read_halved
from defocus.capture.quality.shot_findings import PairShots
from defocus.capture.quality.verdict import Quality
from defocus.exif import Exif
from defocus.images import as_float, as_integer, as_linear, read_image, srgb_to_linear, write_image
from tests.speed.case import Case, Work, new_folder
from tests.speed.cases.restore import large_picture

HEIGHT, WIDTH = 4000, 6000
BLUR_PX = 6.0


@lru_cache(maxsize=1)
def _triple() -> Path:
    """A folder with ``blurry.jpg``, ``sharp.jpg`` and ``anchor.jpg``, with noise of their own."""
    folder, rng = new_folder(), np.random.default_rng(0)
    sharp = large_picture(HEIGHT, WIDTH)
    blurry = cv2.GaussianBlur(sharp, (0, 0), BLUR_PX)
    for name, picture in (("sharp", sharp), ("blurry", blurry), ("anchor", sharp)):
        noise = rng.standard_normal(picture.shape, np.float32) * np.float32(0.006)
        write_image(folder / f"{name}.jpg", as_integer(0.8 * picture + noise, 8))
    return folder


def _verdict(read: Read) -> Quality:
    bracket = Bracket(
        make_exposure(("f/4", 4.0), ("1/200", 1 / 200), ("100", 100.0)),
        make_exposure(("f/22", 22.0), ("1/6", 1 / 6), ("100", 100.0)),
    )
    asked = {"blurry": bracket.blurry, "sharp": bracket.sharp, "anchor": bracket.sharp}
    paths = {role: _triple() / f"{role}.jpg" for role in asked}
    expected_ev = -bracket.residual_ev
    shots = PairShots(
        paths, asked, dict.fromkeys(asked, Exif()), expected_ev=expected_ev, writes_exif=False
    )
    return judge_pair(shots, read=read)


def _read_plainly(path: Path) -> QuickLook:
    return QuickLook(np.asarray(srgb_to_linear(as_float(read_image(path))), np.float32))


def _judged(read: Read) -> Work:
    _triple()
    return partial(_verdict, read)


def _difference() -> float:
    values = np.arange(256, dtype=np.uint8)
    return float(np.abs(as_linear(values) - srgb_to_linear(as_float(values))).max())


CASES = (
    Case(
        "verdict",
        partial(_judged, read_halved),
        partial(_judged, _read_plainly),
        _difference,
        target=3,
    ),
)
