"""A 128 px pair of a training stream, against a scene of the same size from the renderer.

Ours has a lens with aberrations, a kernel per colour, and a camera; its kernels are already made.
The peer has a thin lens and three layers. The difference compares a pair that is drawn twice."""

import itertools
from dataclasses import replace
from functools import lru_cache

from defocus.datasets.rendering.pair import render_scene
from defocus.datasets.rendering.scene import SceneCamera
from defocus.datasets.sample import SCENES, variant
from defocus.datasets.stream.patches import Renderer
from defocus.datasets.stream.photographs import Photographs, find_photographs
from tests.speed.case import Case, Work, apart, new_folder
from tests.speed.cases.patches import photographs

SIDE = 128
PAIRS, PEER_PAIRS = 100, 2
PHOTOGRAPH = (512, 768)
NOTE = (
    "its peer does other work: one of the sample's scenes, with layers and a thin lens, "
    f"at {SIDE} px, without kept kernels"
)


@lru_cache(maxsize=1)
def _photographs() -> Photographs:
    folder = new_folder()
    photographs(folder, PHOTOGRAPH, 8)
    return find_photographs(folder)


def _renderer() -> Renderer:
    return Renderer(_photographs(), "train")


def _streamed() -> Work:
    renderer, numbers = _renderer(), itertools.cycle(range(PAIRS))
    for _ in range(PAIRS):  # makes the kernels
        renderer.pair(next(numbers), SIDE)
    return lambda: renderer.pair(next(numbers), SIDE)


def _rendered() -> Work:
    """Small scenes like those of the sample dataset."""
    scenes = itertools.cycle(
        replace(one, size=(SIDE, SIDE)) for one in SCENES[:PEER_PAIRS]
    )
    return lambda: render_scene(next(scenes), variant("").misalignment, SceneCamera())


def _difference() -> float:
    return apart(*(_renderer().pair(5, SIDE).blurry for _ in "ab"))


CASES = (Case("stream", _streamed, _rendered, _difference, target=5, note=NOTE),)
