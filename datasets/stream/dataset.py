"""A stream as a dataset: endless training pairs, and held-out pairs kept in the cache."""

import hashlib
import json
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.datasets.files.cache import cache_folder, derived_folder
from defocus.datasets.pair import Dataset, Pair, Split
from defocus.datasets.rendering.cached_pairs import kept_pairs
from defocus.datasets.rendering.output import pair_in, write_rendered
from defocus.datasets.rendering.pair import RenderedPair
from defocus.datasets.stream.optics import Optic
from defocus.datasets.stream.patches import STREAM_REVISION, Renderer, StreamPair
from defocus.datasets.stream.photographs import Photographs, find_photographs
from defocus.images import Image, as_integer
from defocus.optics.lens.file import MeasuredLens
from defocus.progress import counted, say, track

__all__ = ["HELD_OUT", "as_rendered", "identity", "pair_metadata", "stream_dataset"]

HELD_OUT: dict[Split, tuple[int, int, int]] = {"validation": (0, 24, 256), "test": (1000, 40, 384)}
"""Number of the first pair, how many, and the side of the pictures, px."""


def stream_dataset(folder: Path | None, lens: MeasuredLens | None = None) -> Dataset:
    """Make the stream of a folder of photographs.

    Its content hash combines the photographs' hashes and the stream's revision; names and places of
    the files do not matter.

    Args:
        folder: Folder of the photographs; None or an empty folder gives procedural textures only.
        lens: The lens through which all is seen; None draws many.

    Raises:
        DatasetError: No photograph of a folder can be used.
        ImageError: A photograph cannot be read.
        StorageError: The cache cannot be written.
    """
    photographs = replace(find_photographs(folder), lens=lens)
    name = f"stream:{'' if folder is None else folder.name}"
    content = identity(photographs)
    root = cache_folder() / "stream" / content[:16]
    if not photographs.files:
        say(f"{name}: no photographs there; its scenes are made of procedural textures alone")
    pairs, _ = kept_pairs(root, name, partial(_write_pairs, name, photographs))
    return Dataset(
        name=name,
        root=root,
        pairs=pairs,
        content_hash=content,
        derived=derived_folder(content),
        rendered=True,
        source="stream",
        endless=photographs,
    )


def identity(photographs: Photographs) -> str:
    """SHA-256 hash of everything that determines the patches of a stream, in hexadecimal."""
    document: dict[str, object] = {
        "revision": STREAM_REVISION,
        "photographs": [sha256 for _, sha256 in photographs.files],
    }
    if photographs.lens is not None:
        document["lens"] = asdict(photographs.lens)
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _write_pairs(name: str, photographs: Photographs, root: Path) -> tuple[Pair, ...]:
    """Write the held-out pairs of both splits."""
    held_out = counted(len(photographs.of("held-out")), "held-out photograph")
    say(f"{name}: its validation and test pairs are rendered from {held_out}, once")
    renderer = Renderer(photographs, "held-out")
    wanted = [
        (f"{split}-{number - first:02d}", split, number, side)
        for split, (first, count, side) in HELD_OUT.items()
        for number in range(first, first + count)
    ]
    pairs = []
    for pair_name, split, number, side in track(wanted, f"rendering {name}"):
        pair = renderer.pair(number, side)
        folder = root / "pairs" / pair_name
        metadata = pair_metadata(renderer.bank.optic(pair.optic), pair)
        write_rendered(folder, as_rendered(pair, metadata))
        pairs.append(pair_in(folder, pair_name, split, metadata))
    return tuple(sorted(pairs, key=lambda pair: pair.id))


def as_rendered(pair: StreamPair, metadata: dict[str, object]) -> RenderedPair:
    """A pair of a stream with 16 bits; it has no misalignment."""
    sharp = _picture(pair.sharp)
    return RenderedPair(
        blurry=_picture(pair.blurry),
        sharp=sharp,
        truth=sharp,
        flow=np.zeros((2, *pair.diameters.shape), np.float32),
        defocus_map=pair.diameters,
        views=None,
        metadata=metadata,
    )


def _picture(stored: NDArray[np.float32]) -> Image:
    return as_integer(stored, 16)


def pair_metadata(optic: Optic, pair: StreamPair) -> dict[str, object]:
    """How a pair was rendered: lens, place in its field, camera, circle of confusion."""
    return {
        "lens": asdict(optic.lens),
        "field": list(optic.field),
        "camera": asdict(pair.camera),
        "depth": pair.kind,
        "circle_of_confusion_px": {
            "min": float(pair.diameters.min()),
            "max": float(pair.diameters.max()),
        },
    }
