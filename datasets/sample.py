"""Make the sample dataset on first use, once for all processes, and verify it later."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from defocus.cache import derived_folder
from defocus.datasets.deriving.parts import cached_pairs
from defocus.datasets.pair import Dataset, Pair, Split
from defocus.datasets.pair_files import content_hash
from defocus.datasets.rendering.pair import (
    RENDERING_REVISION,
    pair_in,
    render_scene,
    write_rendered,
)
from defocus.datasets.rendering.scene import DrawnMisalignment, Scene, SceneCamera
from defocus.errors import DatasetError
from defocus.near_names import meant
from defocus.progress import say, track
from defocus.scene.surfaces import CutOut, Motorcycle, Plane, Slope, Surface


@dataclass(frozen=True)
class Variant:
    """Settings of one variant of the dataset, named as after ``sample:``."""

    name: str
    summary: str
    aperture_factor: float  # opens the lens beyond the scene's own aperture
    misalignment: DrawnMisalignment  # ranges from which each pair's is drawn

    @property
    def dataset(self) -> str:
        """The dataset's name on the command line."""
        return f"sample:{self.name}" if self.name else "sample"


_MILD = DrawnMisalignment(
    shift_px=(0.2, 0.55),
    zoom=(0.0002, 0.001),
    rotation_deg=(0.0, 0.03),
    gain_ev=(0.02, 0.12),
)
_STRONG = DrawnMisalignment(
    shift_px=(2.5, 5.0),
    zoom=(0.006, 0.014),
    rotation_deg=(0.05, 0.2),
    gain_ev=(0.02, 0.12),
)

VARIANTS = (
    Variant("", "24 rendered scenes, misalignment below 1 px", 1.0, _MILD),
    Variant(
        "strong", "the same scenes, zoom and shift of several pixels", 1.0, _STRONG
    ),
    Variant("wide", "the same scenes, circles of confusion beyond 15 px", 2.0, _MILD),
)


def variant(name: str) -> Variant:
    """The variant with that name; empty for ``sample`` itself."""
    for candidate in VARIANTS:
        if candidate.name == name:
            return candidate
    names = filter(None, (candidate.name for candidate in VARIANTS))
    raise DatasetError(f"no sample dataset 'sample:{name}'; {meant(name, names)}")


def _small(
    name: str,
    *surfaces: Surface,
    f_number: float = 1.4,
    size: tuple[int, int] = (240, 160),
) -> Scene:
    """A test scene, small enough that each system restores all in a second or two."""
    return Scene(
        name, "test", surfaces, f_number=f_number, size=size, sensor_width_mm=24.0
    )


def _scene(
    name: str,
    split: Split,
    *surfaces: Surface,
    f_number: float,
    size: tuple[int, int] = (384, 256),
) -> Scene:
    return Scene(name, split, surfaces, f_number=f_number, size=size)


def _workshop(
    name: str,
    region: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0),
    focus_mm: float = 2900.0,
    f_number: float = 1.0,
) -> Scene:
    """A test scene with measured depth: the motorcycle, or a part of it."""
    return replace(
        _small(name, Motorcycle(region), f_number=f_number),
        focus_mm=focus_mm,
        focal_length_mm=105.0,
        sensor_width_mm=37.5,
    )


# No picture is used in two splits, so no texture of a test scene appears in training. The 16 test
# scenes are arrangements of five photographs, with different content, depth and lens.
SCENES = (
    _scene("astronaut", "train",
        Plane("astronaut", 1250.0, region=(0.0, 0.0, 1.0, 0.8)),
        Plane("immunohistochemistry", 1000.0, CutOut("ring", -0.45, 0.1, 0.6)),
        Plane("brick", 640.0, CutOut("star", 0.5, 0.25, 0.55, 20.0)),
        f_number=1.4),
    _scene("launch", "train",
        Plane("rocket", 1350.0),
        Plane("page", 1000.0, CutOut("letters", -0.05, 0.1, 0.4, -8.0, text="DEFL")),
        Plane("camera", 620.0, CutOut("disc", 0.45, -0.25, 0.4)),
        f_number=1.6),
    _scene("wall", "train",
        Slope("brick", 700.0, 1800.0, "right"),
        Plane("astronaut", 1100.0, CutOut("disc", 0.3, 0.0, 0.62), (0.1, 0.0, 0.8, 0.5)),
        f_number=1.6),
    _scene("tissue", "train",
        Plane("immunohistochemistry", 1150.0),
        Plane("camera", 1000.0, CutOut("square", 0.05, 0.02, 0.55, 12.0), (0.2, 0.0, 0.8, 0.5)),
        Plane("brick", 570.0, CutOut("bars", 0.2, 0.0, 0.55, 4.0)),
        f_number=1.8),
    _scene("photographer", "train",
        Plane("camera", 1200.0),
        Plane("rocket", 1000.0, CutOut("star", -0.4, 0.0, 0.6), (0.3, 0.0, 0.9, 1.0)),
        Plane("page", 650.0, CutOut("letters", 0.25, 0.3, 0.3, 5.0, text="HELD")),
        f_number=1.4),
    _scene("desk", "train",
        Slope("page", 720.0, 1600.0, "up", grain=1.0),
        Plane("immunohistochemistry", 900.0, CutOut("disc", -0.15, 0.12, 0.34)),
        Plane("astronaut", 1300.0, CutOut("square", 0.16, -0.2, 0.3, -15.0), (0.2, 0, 0.7, 0.4)),
        size=(256, 384), f_number=1.4),
    _scene("night", "train",
        Plane("hubble_deep_field", float("inf"), region=(0.0, 0.0, 0.7, 0.6)),
        Plane("astronaut", 1000.0, CutOut("disc", -0.3, 0.1, 0.7), (0.1, 0.0, 0.8, 0.5)),
        Plane("rocket", 700.0, CutOut("ring", 0.45, -0.2, 0.45), (0.3, 0.1, 0.9, 0.9)),
        f_number=3.2),
    _scene("lawn", "validation",
        Slope("grass", 720.0, 1900.0, "up", grain=0.8),
        Plane("coins", 950.0, CutOut("disc", -0.3, 0.05, 0.5)),
        Plane("coins", 1250.0, CutOut("star", 0.4, -0.2, 0.4), (0.0, 0.5, 1.0, 1.0)),
        f_number=1.6),
    _small("cafe",
        Plane("coffee", 1250.0),
        Plane("gravel", 640.0, CutOut("disc", -0.6, 0.35, 0.45)),
        Plane("chelsea", 1000.0, CutOut("square", 0.5, -0.2, 0.4, 9.0), (0.1, 0.0, 0.7, 0.6))),
    _small("cat",
        Plane("chelsea", 1150.0),
        Plane("coffee", 1000.0, CutOut("ring", 0.4, 0.2, 0.55)),
        Plane("gravel", 620.0, CutOut("bars", 0.1, 0.0, 0.7, -6.0), (0.0, 0.4, 0.6, 1.0))),
    _small("path",
        Slope("gravel", 700.0, 1900.0, "up", grain=0.8),
        Plane("coffee", 1000.0, CutOut("star", -0.3, 0.0, 0.6), (0.2, 0.1, 0.8, 0.9)),
        Plane("retina", 1400.0, CutOut("letters", 0.2, -0.22, 0.28, 3.0, text="FELT"),
              (0.25, 0.3, 0.75, 0.7)),
        f_number=1.2),
    _small("saucer",
        Plane("coffee", 1300.0, region=(0.1, 0.45, 0.75, 1.0)),
        Plane("gravel", 950.0, CutOut("square", 0.35, -0.1, 0.5, 20.0), (0.0, 0.0, 0.4, 0.4)),
        Plane("chelsea", 640.0, CutOut("letters", -0.2, 0.35, 0.2, text="LED"))),
    _small("spoon",
        Plane("coffee", 1200.0, region=(0.3, 0.3, 0.9, 0.85)),
        Plane("retina", 870.0, CutOut("disc", -0.45, -0.1, 0.5), (0.0, 0.2, 0.5, 0.7)),
        Plane("gravel", 1000.0, CutOut("star", 0.4, 0.1, 0.6)),
        Plane("coffee", 620.0, CutOut("ring", 0.5, 0.35, 0.5))),
    _small("table",
        Slope("coffee", 720.0, 1700.0, "right", grain=1.2),
        Plane("gravel", 960.0, CutOut("disc", -0.1, -0.15, 0.45), (0.5, 0.5, 1.0, 1.0)),
        f_number=1.0),
    _small("eyes",
        Plane("chelsea", 1180.0, region=(0.2, 0.1, 0.9, 0.7)),
        Plane("coffee", 600.0, CutOut("bars", 0.3, 0.0, 1.3, 8.0)),
        Plane("gravel", 900.0, CutOut("letters", 0.1, 0.3, 0.22, text="HEEL"))),
    _small("whiskers",
        Plane("chelsea", 1180.0, region=(0.0, 0.35, 0.65, 1.0)),
        Plane("chelsea", 860.0, CutOut("square", 0.2, 0.15, 0.3, -12.0), (0.5, 0.0, 1.0, 0.5)),
        Plane("retina", 620.0, CutOut("star", -0.15, -0.3, 0.35), (0.3, 0.1, 0.8, 0.6)),
        size=(160, 240)),
    _small("fundus",
        Plane("retina", 1150.0, region=(0.15, 0.2, 0.85, 0.8)),
        Plane("gravel", 1130.0, CutOut("letters", 0.2, 0.3, 0.2, 5.0, text="DEFT")),
        Plane("gravel", 930.0, CutOut("ring", -0.3, 0.1, 0.6), (0.2, 0.5, 0.7, 1.0)),
        Plane("chelsea", 610.0, CutOut("disc", 0.6, -0.3, 0.4))),
    _small("vessels",
        Plane("retina", 1150.0, region=(0.05, 0.3, 0.45, 0.7)),
        Plane("gravel", 1100.0, CutOut("letters", 0.0, -0.25, 0.25, -5.0, text="TEETH")),
        Plane("coffee", 800.0, CutOut("star", -0.35, 0.15, 0.55), (0.2, 0.0, 0.8, 0.7)),
        Plane("gravel", 590.0, CutOut("disc", 0.6, 0.4, 0.4))),
    _small("stones",
        Plane("gravel", 1200.0, region=(0.0, 0.0, 0.6, 0.6)),
        Plane("chelsea", 1000.0, CutOut("disc", -0.25, 0.0, 0.6), (0.25, 0.1, 0.75, 0.6)),
        Plane("coffee", 650.0, CutOut("bars", 0.0, 0.0, 1.1, 80.0), (0.0, 0.2, 0.6, 0.8))),
    _small("yard",
        Slope("gravel", 740.0, 1600.0, "right", grain=1.1),
        Plane("coffee", 1000.0, CutOut("square", -0.1, 0.05, 0.45, -18.0), (0.2, 0.2, 0.8, 0.9)),
        Plane("retina", 640.0, CutOut("ring", -0.5, -0.2, 0.4), (0.1, 0.2, 0.6, 0.7)),
        f_number=1.2),
    _workshop("motorcycle"),
    _workshop("engine", (0.2, 0.35, 0.75, 0.95), focus_mm=2700.0),
    _workshop("handle", (0.35, 0.0, 0.9, 0.55), focus_mm=3500.0, f_number=1.3),
    _workshop("wheel", (0.0, 0.3, 0.5, 0.85)),
)  # fmt: skip


SAMPLE_REVISION = 1
"""Revision of the choice of scenes and of their drawing, in addition to the revision of
rendering."""

CAMERA = SceneCamera()

THREADS = min(4, os.cpu_count() or 1)
"""Number of scenes rendered at once; most of a scene's work is Fourier transforms, which share no
lock."""


def sample_dataset(name: str) -> Dataset:
    """Open a variant of the sample dataset; it is made now if missing or damaged in the cache."""
    chosen = variant(name)
    revision = f"{RENDERING_REVISION}.{SAMPLE_REVISION}"
    place = f"sample/{chosen.name or 'mild'}-{revision}"
    folder, pairs, hashes = cached_pairs(
        place, chosen.dataset, partial(_write_pairs, chosen)
    )
    content = content_hash(pairs, hashes)
    derived = derived_folder(content)
    misaligned = chosen.misalignment.shift_px[0] > 1.0
    return Dataset(
        chosen.dataset,
        folder,
        pairs,
        content,
        derived,
        rendered=True,
        misaligned=misaligned,
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
