"""Development of camera RAW files with one fixed set of parameters.

LibRaw's defaults change a picture's brightness by its own brightest pixel (up to 0.32 EV between
the members of a pair) and use each file's own white balance (6 % in red and blue); both are fixed
here. Source: measurements in capture.md, sections 0 and 5.1.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError

__all__ = ["RAW_SUFFIXES", "develop_pair", "develop_raw"]

RAW_SUFFIXES = frozenset(
    {".arw", ".cr2", ".cr3", ".dng", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".srw"}
)
"""Suffixes (lower case) of the RAW formats that LibRaw develops."""


def develop_raw(path: Path, white_balance: list[float] | None = None) -> NDArray[np.uint16]:
    """Develop a RAW file to a 16-bit sRGB picture.

    Args:
        path: The RAW file.
        white_balance: Four channel multipliers; the file's own as-shot ones when not given.

    Returns:
        ``(H, W, 3)`` RGB uint16, sRGB transfer curve, no automatic brightness.

    Raises:
        ImageError: The file is missing, truncated, or not a RAW file LibRaw knows.
    """
    import rawpy  # slow to import, and not needed for other pictures

    try:
        with rawpy.imread(str(path)) as raw:
            return np.asarray(
                raw.postprocess(
                    demosaic_algorithm=rawpy.DemosaicAlgorithm.AHD,
                    user_wb=white_balance
                    or _as_shot(raw.camera_whitebalance, raw.daylight_whitebalance),
                    output_color=rawpy.ColorSpace.sRGB,
                    output_bps=16,
                    user_flip=0,
                    no_auto_bright=True,
                    adjust_maximum_thr=0.0,
                    gamma=(2.4, 12.92),
                )
            )
    except (rawpy.LibRawError, OSError) as error:
        raise ImageError(
            f"{path}: RAW file cannot be developed ({error}); copy it again"
        ) from error


def develop_pair(blurry: Path, sharp: Path) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Develop both members of a pair with the sharp member's white balance.

    Raises:
        ImageError: A member cannot be developed.
    """
    import rawpy

    try:
        with rawpy.imread(str(sharp)) as raw:
            balance = _as_shot(raw.camera_whitebalance, raw.daylight_whitebalance)
    except (rawpy.LibRawError, OSError) as error:
        raise ImageError(f"{sharp}: RAW file cannot be opened ({error}); copy it again") from error
    return develop_raw(blurry, balance), develop_raw(sharp, balance)


def _as_shot(camera: list[float], daylight: list[float]) -> list[float]:
    """The as-shot multipliers, or the daylight ones of a file that stores none."""
    return list(camera) if any(camera[:3]) else list(daylight)
