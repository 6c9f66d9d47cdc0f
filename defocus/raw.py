"""Development of camera RAW files with one fixed set of parameters.

LibRaw's own differ within a pair: brightness by up to 0.32 EV, red and blue by 6 %."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.errors import FileError, ImageError
from defocus.quiet_decoders import QUIET
from defocus.reading import require_file

RAW_SUFFIXES = frozenset(
    {".arw", ".cr2", ".cr3", ".dng", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".srw"}
)
"""Suffixes (lower case) of the RAW formats that LibRaw develops."""


def develop_raw(
    path: Path,
    white_balance: Sequence[float] | None = None,
    *,
    linear: bool = False,
    frame: int = 0,
) -> NDArray[np.uint16]:
    """Develop a RAW file to ``(H, W, 3)`` uint16, sRGB primaries, no automatic brightness."""
    # ``white_balance`` are four channel multipliers, None for those of the file; ``frame`` 1 is the
    # second view of a dual-pixel RAW file.
    return _developed(path, white_balance, linear=linear, frame=frame)


def raw_preview(path: Path, white_balance: Sequence[float] | None = None) -> NDArray[np.uint16]:
    """Develop a preview: like :func:`develop_raw`, at half the size and several times as fast."""
    return _developed(path, white_balance, half_size=True)


def _developed(
    path: Path,
    white_balance: Sequence[float] | None,
    *,
    linear: bool = False,
    frame: int = 0,
    half_size: bool = False,
) -> NDArray[np.uint16]:
    import rawpy  # slow to import, and not needed for other pictures

    with _opened(path, frame) as raw:
        return np.asarray(
            raw.postprocess(
                demosaic_algorithm=rawpy.DemosaicAlgorithm.AHD,
                half_size=half_size,
                user_wb=list(white_balance or _as_shot(raw)),
                output_color=rawpy.ColorSpace.sRGB,
                output_bps=16,
                user_flip=0,
                no_auto_bright=True,
                adjust_maximum_thr=0.0,
                gamma=(1, 1) if linear else (2.4, 12.92),
            )
        )


def develop_pair(blurry: Path, sharp: Path) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Develop both members of a pair with the sharp member's white balance."""
    balance = shot_white_balance(sharp)
    return develop_raw(blurry, balance), develop_raw(sharp, balance)


def shot_white_balance(path: Path) -> list[float]:
    """The four as-shot multipliers of a RAW file, or daylight ones if it stores none."""
    with _opened(path) as raw:
        return _as_shot(raw)


def has_second_frame(path: Path) -> bool:
    """Whether a RAW file holds a second picture that differs from the first."""
    # If there is no second picture, some versions of LibRaw silently return the first one again.
    import rawpy

    with _opened(path) as raw:
        first = raw.raw_image.copy()
    with _opened(path, 1) as raw:
        try:
            return not np.array_equal(first, raw.raw_image)
        except rawpy.LibRawRequestForNonexistentImageError:
            return False


@contextlib.contextmanager
def _opened(path: Path, frame: int = 0) -> Iterator[Any]:
    """Open a RAW file; errors of LibRaw inside the block become an ImageError."""
    import rawpy

    try:
        require_file(path)
        with QUIET, rawpy.imread(str(path), shot_select=frame) as raw:
            yield raw
    except FileError as error:
        raise ImageError(str(error)) from error
    except (rawpy.LibRawError, rawpy.NotSupportedError, OSError) as error:
        raise ImageError(
            f"{path}: RAW file cannot be developed ({_reason(error)}); copy it again"
        ) from error


def _reason(error: Exception) -> str:
    """LibRaw's message, which rawpy returns as bytes."""
    said = error.args[0] if error.args else error
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


def _as_shot(raw: Any) -> list[float]:  # noqa: ANN401 - a rawpy object
    camera = list(raw.camera_whitebalance)
    return camera if any(camera[:3]) else list(raw.daylight_whitebalance)
