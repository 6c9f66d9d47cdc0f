"""What a scripted body photographs: a textured wall, blurred by its aperture and focus."""

import io
from datetime import datetime, timedelta

import cv2
import numpy as np
import tifffile
from PIL import Image as PillowImage
from PIL.TiffImagePlugin import IFDRational

HEIGHT, WIDTH = 96, 128
WHITE = 16383

FACTORY = datetime(2015, 1, 1)
"""What a body's clock says when it is switched on: nobody set it."""

Exposed = tuple[float, float, float]
"""f-number, seconds and ISO that a shot was truly taken with."""


def _wall(f_number: float, focus: float, shot: int) -> np.ndarray:
    """Light of the wall, ``(H, W)`` in [0, 1]; every shot has noise of its own."""
    texture = np.random.default_rng(0).uniform(0.05, 0.75, (HEIGHT, WIDTH))
    sigma = 0.5 + (12.0 + 0.4 * abs(focus)) / f_number
    blurred = cv2.GaussianBlur(texture, (0, 0), sigma)
    return np.clip(blurred + np.random.default_rng(shot).normal(0, 0.002, texture.shape), 0, 1)


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
    picture = PillowImage.fromarray(np.rint(encoded * 255).astype(np.uint8)).convert("RGB")
    picture.save(stream, "JPEG", quality=95, exif=exif)
    return stream.getvalue()


def raw_of(exposed: Exposed, focus: float, shot: int, clock: float = 0.0) -> bytes:
    """A Bayer DNG, which readers of RAW files take under any maker's suffix; see ``jpeg_of``."""
    f_number, seconds, iso = exposed
    raw = _wall(f_number, focus, shot) * WHITE
    raw[0::2, 0::2] *= 0.5
    raw[1::2, 1::2] *= 0.6
    matrix = [3, 1, -1, 1, 0, 1, -1, 1, 2, 1, 0, 1, 0, 1, 0, 1, 1, 1]
    tags = [
        (271, "s", 0, "Scripted", True),
        (272, "s", 0, "Body", True),
        (33434, "2I", 1, _ratio(seconds), True),
        (33437, "2I", 1, (round(f_number * 10), 10), True),
        (34855, "H", 1, round(iso), True),
        (36867, "s", 0, _clock(clock), True),
        (50706, "B", 4, (1, 4, 0, 0), True),
        (50707, "B", 4, (1, 1, 0, 0), True),
        (50708, "s", 0, "Scripted Body", True),
        (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, (0, 1, 1, 2), True),
        (50714, "H", 1, 0, True),
        (50717, "H", 1, WHITE, True),
        (50721, "2i", 9, matrix, True),
        (50728, "2I", 3, (500, 1000, 1000, 1000, 600, 1000), True),
        (50778, "H", 1, 21, True),
    ]
    stream = io.BytesIO()
    content = np.rint(raw).astype(np.uint16)
    tifffile.imwrite(stream, content, photometric=32803, extratags=tags, compression=None)
    return stream.getvalue()


def _ratio(seconds: float) -> tuple[int, int]:
    return (1, round(1 / seconds)) if seconds < 0.3 else (round(seconds * 10), 10)
