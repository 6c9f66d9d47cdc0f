"""Writing an aligned pair as files, all of them or none."""

import contextlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.align.compensate import compensate
from defocus.align.measure import Measurement
from defocus.align.output_folder import OUTPUT_NAMES
from defocus.align.resample import inside_frame
from defocus.errors import storage_error
from defocus.files import make_folder, sync_folder, write_json
from defocus.images import Image, write_image
from defocus.optics.geometry import Similarity
from defocus.staging import staging_folder

__all__ = ["Rectangle", "common_rectangle", "write_aligned"]

UNFINISHED = "unfinished.json"
CUT_SHORT = "writing was cut short; run the same command again"

SEARCH_STEPS = 128
"""Candidates per side in each round of the search for the largest rectangle."""


@dataclass(frozen=True)
class Rectangle:
    """A part of the blurry picture, in its pixels."""

    left: int
    top: int
    width: int
    height: int

    def of(self, picture: Image) -> Image:
        """That part of a picture."""
        part = picture[self.top : self.top + self.height, self.left : self.left + self.width]
        return np.ascontiguousarray(part)


def common_rectangle(similarity: Similarity, width: int, height: int) -> Rectangle | None:
    """The largest upright rectangle of the blurry picture that the sharp one shows as a whole.

    What both show is convex, so a rectangle fits where its left and right columns do.
    """
    inside = inside_frame(similarity, width, height)
    columns = np.flatnonzero(inside.any(axis=0))
    if columns.size == 0:
        return None
    first = inside.argmax(axis=0)
    last = height - 1 - inside[::-1].argmax(axis=0)
    step = max(1, len(columns) // SEARCH_STEPS)
    candidates = np.unique(np.concatenate([columns[::step], columns[-1:]]))
    left, right = _largest(candidates, candidates, first, last)
    low, high = columns[0], columns[-1]
    near_left = np.arange(max(low, left - step), min(high, left + step) + 1)
    near_right = np.arange(max(low, right - step), min(high, right + step) + 1)
    left, right = _largest(near_left, near_right, first, last)
    top, bottom = max(first[left], first[right]), min(last[left], last[right])
    if bottom < top:
        return None
    return Rectangle(int(left), int(top), int(right - left + 1), int(bottom - top + 1))


def _largest(
    lefts: NDArray[np.int_],
    rights: NDArray[np.int_],
    first: NDArray[np.int_],
    last: NDArray[np.int_],
) -> tuple[int, int]:
    """The pair of columns that spans the largest rectangle."""
    left, right = np.meshgrid(lefts, rights, indexing="ij")
    rows = np.minimum(last[left], last[right]) - np.maximum(first[left], first[right]) + 1
    area = np.maximum(rows, 0) * np.maximum(right - left + 1, 0)
    best = np.unravel_index(int(area.argmax()), area.shape)
    return int(left[best]), int(right[best])


def write_aligned(folder: Path, blurry: Image, sharp: Image, measurement: Measurement) -> list[str]:
    """Write the aligned pair, its mask and its numbers; where unknown, the numbers alone.

    Both pictures are cropped to their common rectangle: of the blurry one nothing else changes,
    the sharp one is resampled once. Results of an earlier run in the folder are replaced.

    Args:
        folder: Created where absent; see :func:`defocus.align.output_folder.check_output_folder`.
        blurry: ``(H, W, 3)`` uint8 or uint16.
        sharp: ``(H, W, 3)``, its own depth.
        measurement: Of this pair.

    Returns:
        Names of the written files.

    Raises:
        StorageError: The disk is full or the folder is not writable; nothing is left behind.
    """
    existed = folder.exists()
    make_folder(folder)
    complete = False
    try:
        with staging_folder(folder, ".align-") as staging:
            written = _stage(staging, blurry, sharp, measurement)
            _publish(staging, folder, written)
        complete = True
    finally:
        if not complete and not existed:
            with contextlib.suppress(OSError):  # another process writes there too
                folder.rmdir()
    return written


def _stage(staging: Path, blurry: Image, sharp: Image, measurement: Measurement) -> list[str]:
    """Write everything into ``staging``."""
    misalignment = measurement.misalignment
    rectangle = None
    if misalignment.similarity is not None:
        height, width = blurry.shape[:2]
        rectangle = common_rectangle(misalignment.similarity, width, height)
    if rectangle is not None:
        pair = compensate(blurry, sharp, measurement)
        mask = np.where(pair.valid_mask, 255, 0).astype(np.uint8)
        for name, picture in zip(OUTPUT_NAMES, (blurry, pair.sharp, mask), strict=False):
            write_image(staging / name, rectangle.of(picture))
    crop = None if rectangle is None else asdict(rectangle)
    write_json(staging / "misalignment.json", misalignment.to_json() | {"crop_px": crop})
    write_json(staging / UNFINISHED, {"status": "unfinished", "reason": CUT_SHORT})
    return [name for name in OUTPUT_NAMES if (staging / name).exists()]


def _publish(staging: Path, folder: Path, written: list[str]) -> None:
    """Move the staged files into place and remove what an earlier run left beside them.

    Until the last file is there ``misalignment.json`` says that the folder is unfinished: a process
    killed in between leaves no old numbers beside new pictures, and the folder stays known as ours.
    """
    try:
        (staging / UNFINISHED).replace(folder / "misalignment.json")
        for name in OUTPUT_NAMES:
            if name in written:
                (staging / name).replace(folder / name)
            else:
                (folder / name).unlink(missing_ok=True)
        sync_folder(folder)
    except OSError as error:
        raise storage_error(error, folder) from error
