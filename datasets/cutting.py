"""Make a dataset of patches; test pictures stay whole and unchanged, as in DPDD and SDD."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import product, starmap
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.sampling.resample import (
    Placement,
    ReleaseGrid,
    Resampling,
    resampled,
    whole,
)
from defocus.blur.gradients import sobel_products
from defocus.datasets.deriving.maker import (
    Derivation,
    Derived,
    content_of,
    kept_record,
    make_dataset,
    place_pair_files,
    placed,
)
from defocus.datasets.pair import (
    Dataset,
    MakingStep,
    Pair,
    by_id,
    ids_of,
    step,
    with_files,
)
from defocus.datasets.pair_files import ARRAYS, member_name, pair_files, read_array
from defocus.datasets.patching.many_pairs import say_size
from defocus.errors import ImageError, NotApplicableError
from defocus.pictures.carried import give_blocks
from defocus.pictures.headers import picture_size, readable_size, stated_bits
from defocus.pictures.raw import all_raw, any_raw, develop_pair
from defocus.pictures.read import read_image
from defocus.pictures.values import FULL, Image
from defocus.pictures.write import write_array, write_image
from defocus.processes.isolation import attempt
from defocus.processes.machines import Where
from defocus.storage.files import make_folder


@dataclass(frozen=True)
class Scheme:
    """Scheme for cutting a dataset."""

    side_px: int = 512
    overlap: float = (
        0.6  # share of a patch that overlaps with its neighbour, in training pictures
    )
    validation_overlap: float = (
        0.01  # in validation pictures, whose patches are all kept
    )
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
    rows = _starts(height, side, stride, edges=edges)
    columns = _starts(width, side, stride, edges=edges)
    return tuple(starmap(PatchCorner, product(rows, columns)))


def _starts(length: int, side: int, stride: int, *, edges: bool) -> list[int]:
    starts = list(range(0, length - side + 1, stride))
    last = length - side
    return [*starts, last] if edges and starts and starts[-1] != last else starts


def kept(products: NDArray[np.float64], drop: float) -> tuple[int, ...]:
    """Indices of the kept patches, in order; among equally sharp ones the first are dropped."""
    order = np.argsort(products, kind="stable")
    return tuple(sorted(map(int, order[int(drop * len(order)) :])))


PLACES = "places.json"
CUTTING_REVISION = 1
"""Revision of the patches. Raise it when their pixels or their choice change."""
RAW_REVISION = 2
"""The same for pairs of RAW files. Revision 2 has one white balance for both members."""


@dataclass(frozen=True)
class Cut(Derived):
    """The new dataset: patches, and whole test pictures."""

    too_small: tuple[str, ...] = ()  # ids of pictures smaller than a patch


def cut_dataset(dataset: Dataset, out: Path, scheme: Scheme, where: Where = 2) -> Cut:
    """Cut the training and validation pictures of a dataset into patches, in the folder ``out``."""
    _require_large_enough(dataset, scheme)
    size = sum(_bytes_of_patches(pair, scheme) for pair in dataset.pairs)
    text = f"patches of the pictures take up to {size / 1e9:.1f} GB"
    say_size(text, size, make_folder(out))

    def cutting(patches: tuple[Pair, ...]) -> MakingStep:
        if not patches:
            raise _too_small(dataset, scheme)
        return step("patches", **asdict(scheme))

    how = Derivation(
        "patches",
        {
            **content_of(dataset),
            "scheme": asdict(scheme),
            "revision": _revision(dataset.pairs),
        },
        by_id(dataset.pairs),
        partial(_write, scheme=scheme),
        _pairs,
        title="cutting",
        origin=dataset.name,
        dataset=dataset,
        step=cutting,
    )
    derived = make_dataset(out, how, where)
    there = {pair.metadata.get("patch_of", pair.id) for pair in derived.pairs}
    there |= ids_of(derived.left_out)
    too_small = tuple(pair.id for pair in dataset.pairs if pair.id not in there)
    return Cut(out, derived.pairs, derived.left_out, too_small)


def _revision(pairs: Iterable[Pair]) -> int:
    """The revision that says how these pairs are cut."""
    raw = any(any_raw(pair.blurry) for pair in pairs)
    return RAW_REVISION if raw else CUTTING_REVISION


def _require_large_enough(dataset: Dataset, scheme: Scheme) -> None:
    """Check by the files' headers that at least one picture is large enough for a patch."""
    to_cut = [pair.blurry for pair in dataset.pairs if pair.split != "test"]
    # the size of a RAW file shows when it is developed, that of a damaged one not at all
    for path in to_cut:
        size = attempt(str(path), partial(picture_size, path))
        if not isinstance(size, tuple) or _reduced_side(size, scheme) >= scheme.side_px:
            return
    if to_cut:
        raise _too_small(dataset, scheme)


def _reduced_side(size: tuple[int, int], scheme: Scheme) -> int:
    """The shorter side of a picture after reduction, px."""
    return min(ReleaseGrid(whole(size), scheme.scale).shape)


def _bytes_of_patches(pair: Pair, scheme: Scheme) -> int:
    """Bytes of the pixels of a pair's patches, by the headers of its pictures; 0 for testing."""
    if pair.split == "test":
        return 0
    training = pair.split == "train"
    side = scheme.side_px
    stride = scheme.stride_px(training=training)
    total = 0
    for role, path in pair_files(pair).items():
        size = None if role in ARRAYS else readable_size(path)
        if size is None:
            continue
        sides = ReleaseGrid(whole(size), scheme.scale).shape
        count = len(places(*sides, side, stride, edges=scheme.edges))
        dropped = int(scheme.drop * count) if training else 0
        bytes_a_pixel = 6 if stated_bits(path) > 8 else 3
        total += (count - dropped) * side**2 * bytes_a_pixel
    return total


def _too_small(dataset: Dataset, scheme: Scheme) -> NotApplicableError:
    reduced = f", reduced to {scheme.scale:g}," if scheme.scale < 1 else ""
    return NotApplicableError(
        f"{dataset.name}: no picture for training or validation{reduced} is as large as "
        f"{scheme.side_px} px; choose smaller patches with --side"
    )


def _write(pair: Pair, folder: Path, scheme: Scheme) -> None:
    """Write the folder of one picture."""
    if pair.split == "test":
        _members(pair, 1.0)  # what cannot be read is not taken along
        place_pair_files(pair, folder)
    else:
        _cut(pair, folder, scheme)


def _cut(pair: Pair, folder: Path, scheme: Scheme) -> None:
    members = _members(pair, scheme.scale)
    blurry = members["blurry"]
    height, width = blurry.shape[:2]
    training = pair.split == "train"
    stride = scheme.stride_px(training=training)
    corners = places(height, width, scheme.side_px, stride, edges=scheme.edges)
    chosen = list(enumerate(corners))
    if training and corners:
        judged = members.get("sharp", blurry)
        sharp = sobel_products(
            [_part(judged, place, scheme.side_px) for place in corners]
        )
        chosen = [(index, corners[index]) for index in kept(sharp, scheme.drop)]
    for index, place in chosen:
        for role, picture in members.items():
            part = _part(picture, place, scheme.side_px)
            path = folder / _name(index, role)
            (write_array if role in ARRAYS else write_image)(path, part)
    _finish(pair, folder, scheme, chosen)


def _finish(
    pair: Pair, folder: Path, scheme: Scheme, chosen: list[tuple[int, PatchCorner]]
) -> None:
    """Give the parts what the files hold besides pixels, and record their places."""
    for role, path in pair_files(pair).items():
        if role not in ARRAYS:
            cut = (folder / _name(index, role) for index, _ in chosen)
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
    files = pair_files(pair)
    developed = _developed(files)
    for role, path in files.items():
        if role in ARRAYS:
            members[role] = _array(path, scale)
        elif path in developed:
            members[role] = _reduced(developed[path], scale)
        else:
            members[role] = _reduced(read_image(path, pair.white), scale)
        size = members[role].shape[-2:] if role in ARRAYS else members[role].shape[:2]
        if size != members["blurry"].shape[:2]:
            raise ImageError(
                f"{path}: not of the size of {pair.blurry}; a pair needs one size"
            )
    return members


def _developed(files: Mapping[str, Path]) -> dict[Path, Image]:
    """Two RAW members, developed with one set of parameters; nothing for other pairs."""
    members = [files[role] for role in ("blurry", "sharp") if role in files]
    if len(members) < 2 or not all_raw(*members):
        return {}
    blurry, sharp = members
    return dict(zip(members, develop_pair(blurry, sharp), strict=True))


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
    return np.asarray(
        scale * np.stack(planes).reshape(*array.shape[:-2], height, width)
    )


def _part(array: NDArray[Any], place: PatchCorner, side: int) -> NDArray[Any]:
    """A patch of a picture ``(H, W, 3)``, or of an array ``(…, H, W)`` of floats."""
    rows = np.s_[place.top : place.top + side]
    columns = np.s_[place.left : place.left + side]
    part = (
        array[..., rows, columns] if array.dtype.kind == "f" else array[rows, columns]
    )
    return np.ascontiguousarray(part)


def _pairs(pair: Pair, folder: Path) -> Iterator[Pair]:
    """The patches of a pair, or the whole pair if it is for testing."""
    if pair.split == "test":
        yield from placed(pair, folder)
        return
    record = kept_record(folder / PLACES)
    for place in record["places"]:
        corner = {**place, "side_px": record["side_px"], "scale": record["scale"]}
        metadata = MappingProxyType(
            {**pair.metadata, "patch_of": pair.id, "patch": corner}
        )
        name = f"{pair.id}-{place['index']:03d}"
        patch = replace(pair, id=name, metadata=metadata, white=FULL)
        names = {role: _name(place["index"], role) for role in pair_files(pair)}
        yield with_files(patch, folder, names)


def _name(index: int, role: str) -> str:
    """File name of a patch."""
    return f"{index:03d}-{member_name(role)}"
