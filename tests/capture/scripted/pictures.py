"""What a scripted body photographs: a textured wall, blurred by its aperture and focus."""

import io
from datetime import datetime, timedelta
from typing import Any

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL.TiffImagePlugin import IFDRational

from tests.capture.raw_sessions import bayer_dng

HEIGHT, WIDTH = 144, 192
FACTORY = datetime(2015, 1, 1)
"""What a body's clock says when it is switched on: nobody set it."""

Exposed = tuple[float, float, float]
"""f-number, seconds and ISO that a shot was truly taken with."""


def _wall(f_number: float, focus: float, shot: int) -> np.ndarray:
    """Light of the wall, ``(H, W)`` in [0, 1]; every shot has noise of its own."""
    texture = np.random.default_rng(0).uniform(0.05, 0.75, (HEIGHT, WIDTH))
    sigma = 0.5 + (12.0 + 0.4 * abs(focus)) / f_number
    blurred = cv2.GaussianBlur(texture, (0, 0), sigma)
    return np.clip(
        blurred + np.random.default_rng(shot).normal(0, 0.002, texture.shape), 0, 1
    )


def _clock(seconds: float) -> str:
    return f"{FACTORY + timedelta(seconds=int(seconds)):%Y:%m:%d %H:%M:%S}"


def jpeg_of(exposed: Exposed, focus: float, shot: int, clock: float = 0.0) -> bytes:
    """A JPEG with EXIF; ``clock``, seconds since the body was switched on."""
    f_number, seconds, iso = exposed
    encoded = np.where(
        (light := _wall(f_number, focus, shot)) > 0.0031308,
        1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055,
        12.92 * light,
    )
    exif = PillowImage.Exif()
    exif[0x8769] = {
        33437: IFDRational(round(f_number * 10), 10),
        33434: IFDRational(*_ratio(seconds)),
        34855: round(iso),
        36867: _clock(clock),
    }
    stream = io.BytesIO()
    picture = PillowImage.fromarray(np.rint(encoded * 255).astype(np.uint8)).convert(
        "RGB"
    )
    picture.save(stream, "JPEG", quality=95, exif=exif)
    return stream.getvalue()


def raw_of(exposed: Exposed, focus: float, shot: int, clock: float = 0.0) -> bytes:
    """A Bayer DNG, which readers of RAW files take under any maker's suffix; see ``jpeg_of``."""
    f_number, seconds, iso = exposed
    facts: Any = {"f_number": f_number, "seconds": _ratio(seconds), "iso": round(iso)}
    light = _wall(f_number, focus, shot)
    return bayer_dng(io.BytesIO(), light, **facts, taken=_clock(clock)).getvalue()


def _ratio(seconds: float) -> tuple[int, int]:
    return (1, round(1 / seconds)) if seconds < 0.3 else (round(seconds * 10), 10)
