"""The verdict on a triple of 24 megapixels: two members and the repeat of the first.

``python -m tests.speed verdict``. The peer reads the same JPEG files at full size and
makes them linear by the formula, not by a table, with the same measurements after that. The
difference is that of the light of all 8-bit values by table and by formula, which is none.
"""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from defocus.capture.exif import Exif
from defocus.capture.judging.quality import ExtraShots, Read, judge_pair
from defocus.capture.judging.quick_look import QuickLook, read_halved
from defocus.capture.judging.verdict import Quality
from defocus.capture.planning.exposure import Bracket, make_exposure
from defocus.images import as_float, as_integer, as_linear, read_image, srgb_to_linear, write_image
from tests.speed.case import Case, CaseOutcome
from tests.speed.cases.restore import large_picture
from tests.speed.measuring import Way, Work, cpu_seconds

__all__ = ["CASES", "difference", "judged", "triple"]

HEIGHT, WIDTH = 4000, 6000
BLUR_PX = 6.0


def triple(height: int = HEIGHT, width: int = WIDTH) -> tempfile.TemporaryDirectory[str]:
    """A folder with ``blurry.jpg``, ``sharp.jpg`` and ``anchor.jpg``, with noise of their own."""
    import cv2

    folder, rng = tempfile.TemporaryDirectory(), np.random.default_rng(0)
    sharp = large_picture(height, width)
    blurry = cv2.GaussianBlur(sharp, (0, 0), BLUR_PX)
    for name, picture in (("sharp", sharp), ("blurry", blurry), ("anchor", sharp)):
        noise = rng.standard_normal(picture.shape, np.float32) * np.float32(0.006)
        write_image(Path(folder.name) / f"{name}.jpg", as_integer(0.8 * picture + noise, 8))
    return folder


def judged(read: Read) -> Work:
    """The verdict, from files that are there."""
    return partial(_verdict, triple(), read)


def _verdict(folder: tempfile.TemporaryDirectory[str], read: Read) -> Quality:
    place = Path(folder.name)
    bracket = Bracket(
        make_exposure(("f/4", 4.0), ("1/200", 1 / 200), ("100", 100.0)),
        make_exposure(("f/22", 22.0), ("1/6", 1 / 6), ("100", 100.0)),
    )
    return judge_pair(
        place / "blurry.jpg",
        place / "sharp.jpg",
        bracket,
        {"blurry": Exif(), "sharp": Exif()},
        extra=ExtraShots(anchor=place / "anchor.jpg", expected_ev=-bracket.residual_ev),
        exif_expected=False,
        read=read,
    )


def _read_plainly(path: Path) -> QuickLook:
    return QuickLook(np.asarray(srgb_to_linear(as_float(read_image(path))), np.float32))


def difference() -> float:
    """Largest difference between table and formula."""
    values = np.arange(256, dtype=np.uint8)
    return float(np.abs(as_linear(values) - srgb_to_linear(as_float(values))).max())


def _measure() -> CaseOutcome:
    ours = cpu_seconds(Way("half size, table", partial(judged, read_halved)), repeats=2)
    peer = cpu_seconds(Way("full size, formula", partial(judged, _read_plainly)), repeats=1)
    return CaseOutcome(ours, peer, difference())


CASES = (Case("verdict", 3, 0.0, _measure),)
