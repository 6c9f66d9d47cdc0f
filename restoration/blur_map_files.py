"""The map of blur as a picture to look at and as numbers."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.blur.learned_map import LARGEST_PX, BlurMap
from defocus.errors import InputError
from defocus.pictures import PICTURE_SUFFIX
from defocus.pictures.values import as_shown
from defocus.pictures.write import write_float_tiff, write_image
from defocus.processes.isolation import LeftOut
from defocus.storage.files import make_folder, require_writable


def map_paths(path: Path) -> tuple[Path, Path]:
    """The files of a map: one name with two suffixes, for the picture and for the numbers."""
    if path.suffix.lower() not in {PICTURE_SUFFIX, ".tif", ".tiff"}:
        raise InputError(
            f"{path}: a map is written as {PICTURE_SUFFIX} and .tif; give one of these"
        )
    return path.with_suffix(PICTURE_SUFFIX), path.with_suffix(".tif")


def refuse_existing_map(path: Path) -> None:
    """Refuse a name that exists, or whose suffix is not a map's."""
    both = map_paths(path)
    for one in both:
        if one.exists():
            names = " and ".join(each.name for each in both)
            raise InputError(
                f"{one}: exists already; choose another name for the map, which is written as "
                f"{names}"
            )


def write_map(
    path: Path,
    blur_map: BlurMap,
    orientation: int,
) -> tuple[Path, Path]:
    """Write the estimated circle of confusion as a picture and as a float TIFF, px."""
    # Both files are turned as the picture is shown, by its EXIF orientation.
    make_folder(path.parent)
    picture, numbers = map_paths(path)
    shown = np.ascontiguousarray(as_shown(blur_map.full(), orientation))
    write_image(picture, drawn(shown))
    write_float_tiff(
        numbers,
        shown,
        photometric="minisblack",
        metadata=None,
        software=False,
    )
    return picture, numbers


def drawn(diameter_px: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A map in colours: blue in focus, over green at 10 px, to yellow at 128 px and beyond."""
    # The scale is logarithmic in 1 + d and the same for all pictures.
    share = np.log1p(diameter_px) / np.log1p(LARGEST_PX)
    scaled = np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)
    coloured = cv2.applyColorMap(scaled, cv2.COLORMAP_VIRIDIS)
    return np.ascontiguousarray(np.asarray(coloured, np.uint8)[:, :, ::-1])


def check_map(path: Path, targets: Sequence[Path | LeftOut]) -> None:
    """Refuse a map that could not be written, before anything is computed."""
    both = map_paths(path)
    if len(targets) > 1:
        raise InputError(f"{path}: a map is of one picture; {len(targets)} are given")
    for target in targets:
        if isinstance(target, Path) and target.absolute() in {
            one.absolute() for one in both
        }:
            raise InputError(
                f"{target}: the restored picture goes there; choose another map"
            )
    require_writable(path.parent)
