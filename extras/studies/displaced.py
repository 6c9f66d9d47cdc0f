"""Rendered pairs with a chosen misalignment: the ground truth displaced by a known amount.

The same pixels are restored and scored for all amounts; only the training data differ."""

import hashlib
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from defocus.cache import atomic_folder, derived_folder, in_cache
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.rendering.pair import draw_misalignment
from defocus.datasets.rendering.scene import DrawnMisalignment
from defocus.errors import InputError, NotApplicableError
from defocus.pictures import picture_name
from defocus.pictures.headers import readable_size
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float, as_integer, linear_to_srgb, srgb_to_linear
from defocus.pictures.write import write_image
from defocus.progress import track
from defocus.scene.geometry import Similarity
from defocus.scene.motion import moved
from defocus.storage.files import make_folder

REVISION = 1
"""Revision of the displaced pictures, raised by one where they change on purpose: they are another
dataset then."""

LARGEST_SHIFT = 0.25
"""Largest displacement, as a share of the smallest side of a dataset's pictures."""


def displaced(dataset: Dataset, shift_px: float, zoom: float) -> Dataset:
    """A copy of a rendered dataset with a shift and a zoom's distance from 1, made once and kept.

    Direction and sign are derived from each pair's name."""
    if not dataset.rendered:
        raise NotApplicableError(
            f"{dataset.name} is not rendered; misalignment can be injected only where the truth "
            "is known: use sample or a dataset of 'defocus-data render'"
        )
    _require_in_frame(dataset, shift_px)
    text = f"{dataset.content_hash} {shift_px!r} {zoom!r} {REVISION}"
    content = hashlib.sha256(text.encode()).hexdigest()
    place = f"displaced/{content[:16]}"
    root = in_cache(lambda cache: _displaced_in(cache / place, dataset, shift_px, zoom))
    return Dataset(
        name=f"{dataset.name}+{shift_px:g}px+{zoom:g}",
        root=root,
        pairs=tuple(_pair(pair, root, shift_px, zoom) for pair in dataset.pairs),
        content_hash=content,
        derived=derived_folder(content),
        rendered=True,
        misaligned=True,
        source=dataset.source,
        left_out=dataset.without(),
    )


def _displaced_in(
    root: Path,
    dataset: Dataset,
    shift_px: float,
    zoom: float,
) -> Path:
    """The folder of the copy, made now if it is not there."""
    if not root.is_dir():
        with atomic_folder(root) as folder:
            for pair in track(dataset.pairs, f"displacing {dataset.name}"):
                _write(
                    pair,
                    _geometry(pair, shift_px, zoom),
                    make_folder(folder / pair.id),
                )
    return root


def _require_in_frame(dataset: Dataset, shift_px: float) -> None:
    sides: list[int] = []
    for pair in dataset.pairs:
        sides += readable_size(pair.blurry) or ()
    most = LARGEST_SHIFT * min(sides, default=math.inf)
    if shift_px > most:
        raise InputError(
            f"{dataset.name}: a shift of {shift_px:g} px moves too much out of the frame; "
            f"at most {most:g} px, a quarter of its smallest side"
        )


def _geometry(pair: Pair, shift_px: float, zoom: float) -> Similarity:
    ranges = DrawnMisalignment(shift_px=(shift_px, shift_px), zoom=(zoom, zoom))
    return draw_misalignment(pair.id, ranges, "displaced")[0]


def _write(pair: Pair, geometry: Similarity, folder: Path) -> None:
    truth = read_image(_known(pair.truth), pair.white)
    linear = srgb_to_linear(np.asarray(as_float(truth, np.float64)))
    displaced = moved(np.asarray(linear, np.float64), geometry)
    sharp = linear_to_srgb(np.clip(displaced, 0.0, 1.0))
    write_image(folder / picture_name("sharp"), as_integer(sharp, 16))
    height, width = truth.shape[:2]
    flow = geometry.flow(width, height)
    np.save(folder / "flow.npy", flow.astype(np.float32))


def _known(path: Path | None) -> Path:
    if path is None:
        raise ValueError("a rendered pair without truth")
    return path


def _pair(
    pair: Pair,
    root: Path,
    shift_px: float,
    zoom: float,
) -> Pair:
    geometry = _geometry(pair, shift_px, zoom)
    true = {
        "shift_px": list(geometry.shift_px),
        "zoom": geometry.zoom,
        "rotation_deg": 0.0,
    }
    return replace(
        pair,
        sharp=root / pair.id / picture_name("sharp"),
        flow=root / pair.id / "flow.npy",
        metadata={**pair.metadata, "true_misalignment": {**true, "gain_ev": 0.0}},
    )
