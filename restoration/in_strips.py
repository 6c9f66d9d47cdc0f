"""Restore a large picture in strips of its whole width, with the result of the whole picture."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from defocus.baselines.layers.row_strips import Strip, Strips
from defocus.strips import Colours, strips

GRID_PX = 64
"""Areas and strips begin at multiples of it, where places of a network's coarsest level begin."""

Array = NDArray[np.float32]
Area = tuple[slice, slice]
"""Rows and columns of a picture, each with a beginning and an end."""


def areas_of(
    size: tuple[int, int],
    margin_px: int,
    needed: Callable[[slice, slice], bool],
) -> list[Area]:
    """The areas that hold all needed parts and a margin around each; they do not overlap."""
    height, width = size
    margin_px = GRID_PX * -(-margin_px // GRID_PX)
    needed_rows = [rows for rows in _bands(height) if needed(rows, slice(0, width))]
    areas: list[Area] = []
    for rows in _runs(needed_rows, margin_px, height):
        needed_columns = [columns for columns in _bands(width) if needed(rows, columns)]
        runs = _runs(needed_columns, margin_px, width)
        areas.extend((rows, columns) for columns in runs)
    return areas


def _bands(length: int) -> Iterator[slice]:
    """Bands of the picture for each of which is asked whether it is needed."""
    for begin in range(0, length, GRID_PX):
        yield slice(begin, min(begin + GRID_PX, length))


def _runs(bands: Sequence[slice], margin_px: int, length: int) -> list[slice]:
    """Bands with a margin; those that touch or overlap with it become one."""
    runs: list[slice] = []
    for band in bands:
        begin = max(0, band.start - margin_px)
        end = min(length, band.stop + margin_px)
        if runs and begin <= runs[-1].stop:
            runs[-1] = slice(runs[-1].start, end)
        else:
            runs.append(slice(begin, end))
    return runs


def strips_of(area: Area, strip_px: int) -> list[Area]:
    """Strips of an area; the last one has at least :data:`GRID_PX` rows if the area has."""
    rows, columns = area
    begins = list(range(rows.start, rows.stop, strip_px))
    if len(begins) > 1 and rows.stop - begins[-1] < GRID_PX:
        begins.pop()
    ends = [*begins[1:], rows.stop]
    return [
        (slice(begin, end), columns) for begin, end in zip(begins, ends, strict=True)
    ]


def restored_in_strips(
    restore: Callable[[Strips], Strips],
    blurry: Colours,
    areas: Sequence[Area],
    strip_px: int,
    follow: Callable[[int, int], None],
) -> Array:
    """Restore areas of ``(H, W, 3)``; what is outside of them stays as it was given."""
    by_area = [strips_of(area, strip_px) for area in areas]
    restored = _unless_whole(blurry, areas)
    total = sum(map(len, by_area))
    done = 0

    def given(parts: Sequence[Area]) -> Strips:
        nonlocal done
        for number, part in enumerate(parts, 1):
            follow(done, total)
            done += 1
            picture = np.ascontiguousarray(blurry[part])
            rows = torch.from_numpy(picture).permute(2, 0, 1)[None]
            yield Strip(rows, number == len(parts))

    for (rows, columns), parts in zip(areas, by_area, strict=True):
        _fill(restored[rows, columns], restore(given(parts)))
    follow(total, total)
    return restored


def _unless_whole(blurry: Colours, areas: Sequence[Area]) -> Array:
    """A copy of the picture; its values do not matter where one area covers all of it."""
    restored = np.empty(blurry.shape, np.float32)
    height, width = blurry.shape[:2]
    if list(areas) != [(slice(0, height), slice(0, width))]:
        for rows in strips(height):
            restored[rows] = blurry[rows]
    return restored


def _fill(part: Array, restored: Strips) -> None:
    """Write strips into a part of a picture; what they have beyond it was added to its borders."""
    height, width = part.shape[:2]
    top = 0
    for strip in restored:
        rows = strip.rows[0, :, : height - top, :width].permute(1, 2, 0)
        part[top : top + len(rows)] = rows.float().cpu().numpy()
        top += len(rows)
