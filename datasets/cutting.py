"""Make a dataset of patches.

Its folder has ``patches.json`` (dataset and scheme; a folder with others is refused),
``pairs/<id>/`` with ``NN-blurry.png``, ``NN-sharp.png``, … and ``places.json``, and
``manifest.json``, written last. Test pictures stay whole and unchanged, as in DPDD and SDD. Each
picture's folder appears complete or not at all: an interrupted run can be continued.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.output import write_array
from defocus.align.sampling.resample import Placement, ReleaseGrid, Resampling, resampled, whole
from defocus.blocks.derived import give_blocks
from defocus.blur.gradients import sobel_products
from defocus.cache import atomic_folder
from defocus.datasets.deriving.maker import claim_folder, kept_record, origin_of, place_file
from defocus.datasets.files.arrays import ARRAYS, read_array
from defocus.datasets.files.fingerprint import pair_contents, pair_files
from defocus.datasets.files.picture_size import picture_size
from defocus.datasets.manifest import make_manifest, write_manifest
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.step import step
from defocus.errors import ImageError, NotApplicableError
from defocus.images import Image, read_image, write_image
from defocus.isolation import LeftOut, attempt, parted
from defocus.processes import in_processes
from defocus.progress import track

__all__ = ["SCHEMES", "Cut", "Scheme", "cut_dataset", "kept", "places"]


@dataclass(frozen=True)
class Scheme:
    """Scheme for cutting a dataset."""

    side_px: int = 512
    overlap: float = 0.6  # share of a patch that overlaps with its neighbour, in training pictures
    validation_overlap: float = 0.01  # in validation pictures, whose patches are all kept
    edges: bool = True  # a last row and column at the border cover the whole picture
    drop: float = 0.3  # share of a training picture's patches that is dropped, the least sharp ones
    scale: float = 1.0  # size to which pictures are reduced first, 0 < scale <= 1

    def stride_px(self, *, training: bool) -> int:
        """Distance between patches, rounded down, at least 1."""
        overlap = self.overlap if training else self.validation_overlap
        return max(1, int((1.0 - overlap) * self.side_px))


SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {"dpdd": Scheme(), "sdd": Scheme(edges=False, scale=0.7)}
)
"""Source of ``dpdd``: its authors' image_to_patch_filter.py. ``sdd`` is inferred: it gives the
4,830 patches of 115 pictures of 4096 x 2160 that its authors count."""


@dataclass(frozen=True)
class PatchCorner:
    """Upper left corner of a patch, px."""

    top: int
    left: int


def places(
    height: int, width: int, side: int, stride: int, *, edges: bool
) -> tuple[PatchCorner, ...]:
    """Patches' positions (px), row by row; empty if the picture is smaller than a patch."""
    rows, columns = (_starts(length, side, stride, edges=edges) for length in (height, width))
    return tuple(PatchCorner(top, left) for top in rows for left in columns)


def _starts(length: int, side: int, stride: int, *, edges: bool) -> list[int]:
    starts = list(range(0, length - side + 1, stride))
    last = length - side
    return [*starts, last] if edges and starts and starts[-1] != last else starts


def kept(products: NDArray[np.float64], drop: float) -> tuple[int, ...]:
    """Indices of the kept patches, in order; among equally sharp ones the first are dropped."""
    order = np.argsort(products, kind="stable")
    return tuple(sorted(int(index) for index in order[int(drop * len(order)) :]))


ORDER = "patches.json"
PLACES = "places.json"
CUTTING_REVISION = 1
"""Of the patches: raise it when their pixels or their choice change."""


@dataclass(frozen=True)
class Cut:
    """The new dataset in ``root``: patches, and whole test pictures."""

    root: Path
    pairs: tuple[Pair, ...]
    too_small: tuple[str, ...]  # ids of pictures smaller than a patch
    left_out: tuple[LeftOut, ...] = ()  # could not be read; the same command tries them again


def cut_dataset(dataset: Dataset, out: Path, scheme: Scheme, jobs: int = 2) -> Cut:
    """Cut the training and validation pictures of a dataset into patches, in the folder ``out``."""
    _require_large_enough(dataset, scheme)
    order = {
        "format": "defocus-patches",
        "content_hash": dataset.content_hash,
        "pairs": pair_contents(dataset),
        "scheme": asdict(scheme),
        "revision": CUTTING_REVISION,
    }
    claim_folder(out, ORDER, order)
    bare = [replace(pair, metadata={}) for pair in dataset.pairs]  # a read-only view cannot travel
    work = in_processes(partial(_made, out=out, scheme=scheme), bare, jobs)
    _, left_out = parted(track(work, "cutting", len(bare)))
    unread = {one.id for one in left_out}
    whole_pairs = [pair for pair in dataset.pairs if pair.id not in unread]
    if not whole_pairs:
        raise NotApplicableError(f"{dataset.name}: no pair can be read; {left_out[0].reason}")
    pairs = tuple(patch for pair in whole_pairs for patch in _pairs(pair, out))
    if not pairs:
        raise _too_small(dataset, scheme)
    steps = (*dataset.steps, step("patches", **asdict(scheme)))
    write_manifest(out, make_manifest(out, pairs, origin_of(dataset), steps))
    found = {pair.metadata.get("patch_of", pair.id) for pair in pairs}
    return Cut(out, pairs, tuple(p.id for p in whole_pairs if p.id not in found), left_out)


def _require_large_enough(dataset: Dataset, scheme: Scheme) -> None:
    """Check by the files' headers that at least one picture is large enough for a patch."""
    to_cut = [pair.blurry for pair in dataset.pairs if pair.split != "test"]
    # the size of a RAW file shows when it is developed, that of a damaged one not at all
    sizes = [attempt(str(path), partial(picture_size, path)) for path in to_cut]
    known = [size for size in sizes if isinstance(size, tuple)]
    if len(known) == len(sizes) > 0 and all(
        _reduced_side(size, scheme) < scheme.side_px for size in known
    ):
        raise _too_small(dataset, scheme)


def _reduced_side(size: tuple[int, int], scheme: Scheme) -> int:
    """The shorter side of a picture after reduction, px."""
    return min(ReleaseGrid(whole(size), scheme.scale).shape)


def _too_small(dataset: Dataset, scheme: Scheme) -> NotApplicableError:
    reduced = f", reduced to {scheme.scale:g}," if scheme.scale < 1 else ""
    return NotApplicableError(
        f"{dataset.name}: no picture for training or validation{reduced} is as large as "
        f"{scheme.side_px} px; choose smaller patches with --side"
    )


def _made(pair: Pair, out: Path, scheme: Scheme) -> LeftOut | None:
    """Write the folder of one picture, unless an earlier run did."""
    folder = out / "pairs" / pair.id
    return None if folder.is_dir() else attempt(pair.id, partial(_write, pair, folder, scheme))


def _write(pair: Pair, folder: Path, scheme: Scheme) -> None:
    with atomic_folder(folder) as temporary:
        if pair.split == "test":
            _members(pair, 1.0)  # what cannot be read is not taken along
            for role, path in pair_files(pair).items():
                place_file(path, temporary / f"{role}{path.suffix.lower()}")
            return
        _cut(pair, temporary, scheme)


def _cut(pair: Pair, folder: Path, scheme: Scheme) -> None:
    members = _members(pair, scheme.scale)
    blurry = members["blurry"]
    height, width = blurry.shape[:2]
    training = pair.split == "train"
    stride = scheme.stride_px(training=training)
    found = places(height, width, scheme.side_px, stride, edges=scheme.edges)
    chosen = list(enumerate(found))
    if training and found:
        judged = members.get("sharp", blurry)
        sharp = sobel_products([_part(judged, place, scheme.side_px) for place in found])
        chosen = [(index, found[index]) for index in kept(sharp, scheme.drop)]
    for index, place in chosen:
        for role, picture in members.items():
            part = _part(picture, place, scheme.side_px)
            if role in ARRAYS:
                write_array(folder / f"{index:03d}-{role}.npy", part)
            else:
                write_image(folder / f"{index:03d}-{role}.png", part)
    for role, path in pair_files(pair).items():
        if role not in ARRAYS:
            cut = (folder / f"{index:03d}-{role}.png" for index, _ in chosen)
            give_blocks(path, *cut, meaning_alone=True)
    record = {
        "scale": scheme.scale,
        "side_px": scheme.side_px,
        "places": [{"index": index, **asdict(place)} for index, place in chosen],
    }
    (folder / PLACES).write_text(json.dumps(record), encoding="utf-8")


def _members(pair: Pair, scale: float) -> dict[str, NDArray[Any]]:
    """All members of a pair after reduction, with equal height and width."""
    members: dict[str, NDArray[Any]] = {}
    for role, path in pair_files(pair).items():
        members[role] = _array(path, scale) if role in ARRAYS else _reduced(read_image(path), scale)
        size = members[role].shape[-2:] if role in ARRAYS else members[role].shape[:2]
        if size != members["blurry"].shape[:2]:
            raise ImageError(f"{path}: not of the size of {pair.blurry}; a pair needs one size")
    return members


def _reduced(picture: Image, scale: float) -> Image:
    """Reduce a picture without aliasing, by averaging linear light."""
    if scale == 1.0:
        return picture
    grid = ReleaseGrid(whole(picture.shape), scale)
    return resampled(picture, Resampling(Placement(np.eye(3)), grid, "bicubic"))


def _array(path: Path, scale: float) -> NDArray[np.float32]:
    """Reduce displacements or diameters ``(…, H, W)``, in pixels of the smaller picture."""
    array = read_array(path).astype(np.float32)
    if scale == 1.0:
        return np.asarray(array)
    height, width = ReleaseGrid(whole(array.shape[-2:]), scale).shape
    planes = [
        cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
        for plane in array.reshape(-1, *array.shape[-2:])
    ]
    return np.asarray(scale * np.stack(planes).reshape(*array.shape[:-2], height, width))


def _part(array: NDArray[Any], place: PatchCorner, side: int) -> NDArray[Any]:
    """A patch of a picture ``(H, W, 3)``, or of an array ``(…, H, W)`` of floats."""
    rows, columns = np.s_[place.top : place.top + side], np.s_[place.left : place.left + side]
    part = array[..., rows, columns] if array.dtype.kind == "f" else array[rows, columns]
    return np.ascontiguousarray(part)


def _pairs(pair: Pair, out: Path) -> Iterator[Pair]:
    """The patches of a pair, or the whole pair if it is for testing."""
    folder = out / "pairs" / pair.id
    if pair.split == "test":
        names = {role: f"{role}{path.suffix.lower()}" for role, path in pair_files(pair).items()}
        yield _placed(pair, folder, names)
        return
    record = kept_record(folder / PLACES)
    for place in record["places"]:
        number = f"{place['index']:03d}"
        names = {
            role: f"{number}-{role}.{'npy' if role in ARRAYS else 'png'}"
            for role in pair_files(pair)
        }
        known = {
            **pair.metadata,
            "patch_of": pair.id,
            "patch": {**place, "side_px": record["side_px"], "scale": record["scale"]},
        }
        metadata = MappingProxyType(known)
        yield _placed(replace(pair, id=f"{pair.id}-{number}", metadata=metadata), folder, names)


def _placed(pair: Pair, folder: Path, names: dict[str, str]) -> Pair:
    # names of fields are no types: these are all paths
    files: dict[str, Any] = {role: folder / name for role, name in names.items()}
    return replace(pair, **files)
