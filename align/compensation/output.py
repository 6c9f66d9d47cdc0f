"""Write an aligned pair to files, atomically."""

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from defocus.align.arrays import Size
from defocus.align.compensation.compensate import (
    Compensation,
    Model,
    Release,
    compensated_sharp,
    plan_compensation,
    released_blurry,
    valid_mask,
)
from defocus.align.compensation.output_folder import OUTPUT_NAMES
from defocus.align.compensation.record import (
    FLOW_FILE,
    Record,
    make_record,
    pixels_sha256,
    read_record,
    recorded_plan,
)
from defocus.align.measure import Measurement
from defocus.align.sampling.kernels import Kernel
from defocus.align.sampling.resample import (
    Placement,
    Rectangle,
    ReleaseGrid,
    Resampling,
    resampled,
)
from defocus.blur.gradients import squared_gradient
from defocus.errors import AlignmentError
from defocus.pictures import picture_name
from defocus.pictures.values import Image, as_float
from defocus.pictures.write import write_array, write_image
from defocus.storage.files import (
    make_folder,
    sha256_file,
    storing,
    sync_folder,
    write_json,
)
from defocus.storage.staging import staging_folder

TILE_PX = 128
TILES = (4, 5)
LEAST_ENERGY = 1e-9


def lost_gradient_energy(sharp: Image, plan: Compensation) -> float | None:
    """Share of gradient energy lost by resampling, over tiles; None if they have no gradient.

    Each is compared with itself moved by whole pixels. Noise counts; overshoot can give < 0."""
    kept = 0.0
    full = 0.0
    for tile in _tiles(plan.grid):
        columns = tile.columns()
        rows = tile.rows()
        xs, ys = plan.placement(columns, rows)
        right = np.rint(np.median(xs) - np.median(columns))
        down = np.rint(np.median(ys) - np.median(rows))
        moved = _moved(sharp, tile, (right, down), plan.kernel)
        how = Resampling(plan.placement, tile, plan.kernel)
        kept += _energy(resampled(sharp, how)) / how.zoom() ** 2
        full += _energy(moved)
    if full < LEAST_ENERGY:
        return None
    return 1.0 - kept / full


def _moved(
    sharp: Image,
    tile: ReleaseGrid,
    shift: tuple[float, float],
    kernel: Kernel,
) -> Image:
    """A tile of the sharp picture, moved by whole pixels; the border is repeated."""
    if tile.scale < 1.0:
        moved = np.eye(3)
        moved[:2, 2] = shift
        how = Resampling(Placement(moved), tile, kernel)
        return resampled(sharp, how)
    height, width = sharp.shape[:2]
    right, down = shift
    columns = np.rint(tile.columns() + right)
    rows = np.rint(tile.rows() + down)
    column = np.clip(columns, 0, width - 1).astype(int)
    row = np.clip(rows, 0, height - 1).astype(int)
    # indexing by two arrays crashes where the memory runs out (NumPy 2.4)
    first = column.min()
    strip = sharp[:, first : column.max() + 1]
    seen = strip.take(row, axis=0)
    return np.asarray(seen.take(column - first, axis=1))


def _tiles(grid: ReleaseGrid) -> list[ReleaseGrid]:
    """Grids of parts of a release."""
    side = TILE_PX / grid.scale
    crop = grid.crop
    width = min(int(side), crop.width)
    height = min(int(side), crop.height)
    last_left = crop.left + crop.width - width
    last_top = crop.top + crop.height - height
    lefts = np.linspace(crop.left, last_left, TILES[1]).astype(int)
    tops = np.linspace(crop.top, last_top, TILES[0]).astype(int)
    tiles = []
    for top in np.unique(tops):
        for left in np.unique(lefts):
            area = Rectangle(int(left), int(top), width, height)
            tiles.append(ReleaseGrid(area, grid.scale))
    return tiles


def _energy(picture: Image) -> float:
    grey = as_float(picture).mean(axis=2)
    squares = squared_gradient(grey.astype(np.float32), smoothing_px=0)
    return float(squares.mean())


NUMBERS = "misalignment.json"
COMPUTED = frozenset({picture_name("blurry"), picture_name("sharp")})
Carry: TypeAlias = Callable[[Path], None]
"""Function that gives a written picture what its source file held besides the pixels."""
UNFINISHED = "unfinished.json"
CUT_SHORT = "writing was cut short; run the same command again"


def write_aligned(
    folder: Path,
    blurry: Image,
    sharp: Image,
    measurement: Measurement,
    release: Release | None = None,
    carry: tuple[Carry, Carry] | None = None,
    size: Size | None = None,
) -> list[str]:
    """Write the aligned pair, its mask and its numbers; if unknown, only the numbers.

    Both are cropped to the largest rectangle that both show; files of an earlier run are replaced.
    """

    def stage(staging: Path) -> None:
        document = measurement.misalignment.to_json()
        crop = compensation = None
        if measurement.misalignment.status == "ok":
            asked = release or Release()
            pictures = (blurry, sharp)
            plan = plan_compensation(measurement, sharp.shape, asked, size)
            compensation = _stage(
                staging,
                pictures,
                carry,
                measurement,
                plan,
                asked.model,
            )
            crop = compensation["crop_px"]
        document |= {"crop_px": crop, "compensation": compensation}
        write_json(staging / NUMBERS, document)

    return _written(folder, stage)


def repeat_aligned(
    folder: Path,
    blurry: Image,
    sharp: Image,
    record_file: Path,
    carry: tuple[Carry, Carry] | None = None,
) -> list[str]:
    """Make an aligned pair again from its record, byte for byte, without measuring anything."""
    record = read_record(record_file)
    lacking = sorted(COMPUTED - record.outputs.keys())
    if lacking:
        raise AlignmentError(
            f"{record_file}: has no hash of {lacking[0]}; align the pair again"
        )
    _require_originals(blurry, sharp, record_file, record)

    def stage(staging: Path) -> None:
        plan = recorded_plan(record, record_file)
        _write_pictures(staging, (blurry, sharp), carry, plan)
        for name, expected in record.outputs.items():
            if name in COMPUTED and sha256_file(staging / name) != expected:
                versions = ", ".join(
                    f"{key} {value}" for key, value in record.versions.items()
                )
                raise AlignmentError(
                    f"{record_file}: {name} differs from the record; it was made with {versions}"
                )
            if name not in COMPUTED:
                _copy_recorded(record_file.parent, name, expected, staging)
        shutil.copyfile(record_file, staging / NUMBERS)

    return _written(folder, stage)


def _require_originals(
    blurry: Image,
    sharp: Image,
    record_file: Path,
    record: Record,
) -> None:
    """Refuse pictures other than those from which the recorded pair was made."""
    crop = record.crop_px
    if (
        crop.left + crop.width > blurry.shape[1]
        or crop.top + crop.height > blurry.shape[0]
    ):
        raise AlignmentError(
            f"{record_file}: its crop of {crop.width}x{crop.height} px lies outside of the blurry "
            f"picture of {blurry.shape[1]}x{blurry.shape[0]}; give the original it was made of"
        )
    for role, picture, expected in (
        ("blurry", blurry, record.inputs.blurry),
        ("sharp", sharp, record.inputs.sharp),
    ):
        if pixels_sha256(picture) != expected:
            raise AlignmentError(
                f"{record_file}: made of another {role} picture; give the original it was made of"
            )


def _copy_recorded(
    folder: Path,
    name: str,
    expected: str,
    staging: Path,
) -> None:
    """Copy a file that only a measurement can make from the record's folder."""
    if name not in OUTPUT_NAMES or not (folder / name).is_file():
        raise AlignmentError(
            f"{folder}: {name} is not beside the record; align the pair again"
        )
    if sha256_file(folder / name) != expected:
        raise AlignmentError(
            f"{folder / name}: has changed since; align the pair again"
        )
    shutil.copyfile(folder / name, staging / name)


def _written(folder: Path, stage: Callable[[Path], None]) -> list[str]:
    """Let ``stage`` fill a temporary folder, then move all files into ``folder``."""
    existed = folder.exists()
    make_folder(folder)
    complete = False
    try:
        with staging_folder(folder, ".align-") as staging:
            stage(staging)
            written = [name for name in OUTPUT_NAMES if (staging / name).exists()]
            write_json(
                staging / UNFINISHED,
                {"status": "unfinished", "reason": CUT_SHORT},
            )
            _publish(staging, folder, written)
        complete = True
    finally:
        if not complete and not existed:
            with contextlib.suppress(OSError):  # another process writes there too
                folder.rmdir()
    return written


def _write_pictures(
    staging: Path,
    pictures: tuple[Image, Image],
    carry: tuple[Carry, Carry] | None,
    plan: Compensation,
) -> None:
    """Write both members of the aligned pair, each with what its file held besides the pixels."""
    # one after the other, because large pictures take much memory
    write_image(staging / picture_name("blurry"), released_blurry(pictures[0], plan))
    write_image(staging / picture_name("sharp"), compensated_sharp(pictures[1], plan))
    if carry is not None:
        for name, give in zip(
            (picture_name("blurry"), picture_name("sharp")), carry, strict=True
        ):
            give(staging / name)


def _stage(
    staging: Path,
    pictures: tuple[Image, Image],
    carry: tuple[Carry, Carry] | None,
    measurement: Measurement,
    plan: Compensation,
    model: Model,
) -> dict[str, Any]:
    """Write pictures, mask and flow into ``staging``; return the record."""
    sharp = pictures[1]
    outputs = list(OUTPUT_NAMES[:3])
    _write_pictures(staging, pictures, carry, plan)
    mask = valid_mask(sharp, measurement, plan).astype(np.uint8)
    write_image(staging / outputs[2], mask * np.uint8(255))
    if plan.placement.local is not None:
        write_array(staging / FLOW_FILE, plan.placement.local.field)
        outputs.append(FLOW_FILE)
    record = make_record(
        plan,
        measurement.misalignment,
        model,
        pictures,
        staging,
        outputs,
        lost_gradient_energy(sharp, plan),
    )
    return record.model_dump(mode="json")


def _publish(staging: Path, folder: Path, written: list[str]) -> None:
    """Move the staged files into place and remove files of an earlier run.

    Until the last, ``misalignment.json`` says unfinished, so no old numbers are taken for new."""
    with storing(folder):
        (staging / UNFINISHED).replace(folder / NUMBERS)
        for name in OUTPUT_NAMES:
            if name in written:
                (staging / name).replace(folder / name)
            else:
                (folder / name).unlink(missing_ok=True)
        sync_folder(folder)
