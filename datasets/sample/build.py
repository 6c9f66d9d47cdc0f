"""Making a sample dataset on first use, once for all processes, and finding it again undamaged."""

import contextlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.datasets.cache import atomic_folder, cache_folder, derived_folder
from defocus.datasets.fingerprint import code_hash, content_hash
from defocus.datasets.manifest import (
    make_manifest,
    manifest_pairs,
    read_manifest,
    write_manifest,
)
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.sample.rendering import render_scene
from defocus.datasets.sample.scenes import SCENES, Scene, Variant, variant
from defocus.errors import DatasetError
from defocus.files import sha256_file, write_bytes
from defocus.images import write_image
from defocus.progress import say, track
from defocus.staging import staging_folder

__all__ = ["sample_dataset"]

CODE = ("defocus.datasets.sample", "defocus.optics")
"""What decides the pixels, beside the libraries; a dataset made by other code is not found."""


def sample_dataset(name: str) -> Dataset:
    """A variant of the sample dataset, made now if the cache has none that is undamaged.

    Args:
        name: Of the variant; empty for ``sample`` itself.

    Raises:
        DatasetError: There is no such variant.
        StorageError: The cache cannot be written.
    """
    chosen = variant(name)
    folder = cache_folder() / "sample" / f"{chosen.name or 'mild'}-{code_hash(*CODE)[:16]}"
    problem = _problem(folder)
    if problem and folder.exists():
        say(f"{chosen.dataset}: {problem}; it is made again")
        _remove(folder)
    if problem:
        _build(chosen, folder)
    pairs, hashes = manifest_pairs(folder, read_manifest(folder))
    content = content_hash(pairs, hashes)
    return Dataset(
        name=chosen.dataset,
        root=folder,
        pairs=pairs,
        content_hash=content,
        derived=derived_folder(content),
        rendered=True,
    )


def _problem(folder: Path) -> str:
    """Why the folder is not the dataset; empty where every file has its hash."""
    try:
        _, hashes = manifest_pairs(folder, read_manifest(folder))
        for path, sha256 in hashes.items():
            if sha256_file(path) != sha256:
                return f"{path} is damaged"
    except (DatasetError, OSError) as error:
        return str(error)
    return ""


def _remove(folder: Path) -> None:
    """Take the damaged folder away in one step, so that no other process sees it half-removed."""
    with (
        staging_folder(folder.parent, f".{folder.name}-", ".part") as aside,
        contextlib.suppress(FileNotFoundError),  # another process was first
    ):
        folder.rename(aside / "damaged")


def _build(chosen: Variant, folder: Path) -> None:
    with atomic_folder(folder) as root:
        scenes = track(SCENES, f"rendering {chosen.dataset}")
        pairs = tuple(_write_pair(root, scene, chosen) for scene in scenes)
        write_manifest(root, make_manifest(root, pairs))


def _write_pair(root: Path, scene: Scene, chosen: Variant) -> Pair:
    rendered = render_scene(scene, chosen)
    folder = root / "pairs" / scene.name
    folder.mkdir(parents=True)
    pair = Pair(
        id=scene.name,
        scene=scene.name,
        split=scene.split,
        blurry=folder / "blurry.png",
        sharp=folder / "sharp.png",
        truth=folder / "truth.png",
        flow=folder / "flow.npy",
        defocus_map=folder / "defocus_map.npy",
        metadata=rendered.metadata,
    )
    write_image(folder / "blurry.png", rendered.blurry)
    write_image(folder / "sharp.png", rendered.sharp)
    write_image(folder / "truth.png", rendered.truth)
    _write_array(folder / "flow.npy", rendered.flow)
    _write_array(folder / "defocus_map.npy", rendered.defocus_map)
    return pair


def _write_array(path: Path, array: NDArray[np.float32]) -> None:
    """Write a ``.npy`` file; NumPy's own writing does not say that the disk is full."""
    content = io.BytesIO()
    np.save(content, array)
    write_bytes(path, content.getvalue())
