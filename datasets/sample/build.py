"""Making a sample dataset on first use, once for all processes, and finding it again undamaged."""

import contextlib
from pathlib import Path

from defocus.datasets.cache import atomic_folder, cache_folder, derived_folder
from defocus.datasets.fingerprint import code_hash, content_hash
from defocus.datasets.manifest import (
    make_manifest,
    manifest_pairs,
    read_manifest,
    write_manifest,
)
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.rendering.output import pair_in, write_rendered
from defocus.datasets.rendering.pair import render_scene
from defocus.datasets.rendering.scene import Camera, Scene
from defocus.datasets.sample.scenes import SCENES, Variant, variant
from defocus.errors import DatasetError
from defocus.files import sha256_file
from defocus.progress import say, track
from defocus.staging import staging_folder

__all__ = ["sample_dataset"]

CODE = ("defocus.datasets.sample", "defocus.datasets.rendering", "defocus.optics")
"""What decides the pixels, beside the libraries; a dataset made by other code is not found."""


CAMERA = Camera()


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
    say(f"{chosen.dataset}: its {len(SCENES)} scenes are rendered, once")
    with atomic_folder(folder) as root:
        scenes = track(SCENES, f"rendering {chosen.dataset}")
        pairs = tuple(_write_pair(root, scene, chosen) for scene in scenes)
        write_manifest(root, make_manifest(root, pairs))


def _write_pair(root: Path, scene: Scene, chosen: Variant) -> Pair:
    rendered = render_scene(
        scene,
        chosen.misalignment,
        CAMERA,
        variant=chosen.name,
        aperture_factor=chosen.aperture_factor,
    )
    folder = root / "pairs" / scene.name
    write_rendered(folder, rendered)
    return pair_in(folder, scene, rendered.metadata, views=rendered.views is not None)
