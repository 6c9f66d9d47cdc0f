"""Make the sample dataset on first use, once for all processes, and verify it later."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from defocus.cache import cache_folder, derived_folder
from defocus.datasets.files.fingerprint import content_hash
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.rendering.cached_pairs import kept_pairs
from defocus.datasets.rendering.output import pair_in, write_rendered
from defocus.datasets.rendering.pair import render_scene
from defocus.datasets.rendering.revision import RENDERING_REVISION
from defocus.datasets.rendering.scene import Scene, SceneCamera
from defocus.datasets.sample.scenes import SCENES, Variant, variant
from defocus.progress import say, track

__all__ = ["sample_dataset"]

SAMPLE_REVISION = 1
"""Of the choice of scenes and of their drawing, beside the revision of rendering."""

CAMERA = SceneCamera()

THREADS = min(4, os.cpu_count() or 1)
"""Scenes rendered at once; most of a scene's work is Fourier transforms, which share no lock."""


def sample_dataset(name: str) -> Dataset:
    """Open a variant of the sample dataset; it is made now if missing or damaged in the cache."""
    chosen = variant(name)
    folder = (
        cache_folder()
        / "sample"
        / f"{chosen.name or 'mild'}-{RENDERING_REVISION}.{SAMPLE_REVISION}"
    )
    pairs, hashes = kept_pairs(folder, chosen.dataset, partial(_write_pairs, chosen))
    content = content_hash(pairs, hashes)
    return Dataset(
        name=chosen.dataset,
        root=folder,
        pairs=pairs,
        content_hash=content,
        derived=derived_folder(content),
        rendered=True,
        misaligned=chosen.misalignment.shift_px[0] > 1.0,
    )


def _write_pairs(chosen: Variant, root: Path) -> tuple[Pair, ...]:
    say(f"{chosen.dataset}: rendering its {len(SCENES)} scenes, only this once")
    with ThreadPoolExecutor(THREADS) as pool:
        pairs = pool.map(partial(_write_pair, root, chosen), SCENES)
        return tuple(track(pairs, f"rendering {chosen.dataset}", len(SCENES)))


def _write_pair(root: Path, chosen: Variant, scene: Scene) -> Pair:
    rendered = render_scene(
        scene,
        chosen.misalignment,
        CAMERA,
        variant=chosen.name,
        aperture_factor=chosen.aperture_factor,
    )
    folder = root / "pairs" / scene.name
    write_rendered(folder, rendered)
    views = rendered.views is not None
    return pair_in(folder, scene.name, scene.split, rendered.metadata, views=views)
