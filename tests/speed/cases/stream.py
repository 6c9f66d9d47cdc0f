"""A 128 px pair of a training stream, against a scene of the same size from the renderer.

``python -m tests.speed stream``. Ours has a lens with aberrations, a kernel per colour,
and a camera; its kernels are already made, as after the first minutes of a training. The peer has a
thin lens with round discs and three layers. The difference compares a pair that is drawn twice.
"""

import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from defocus.datasets.rendering.pair import render_scene
from defocus.datasets.rendering.scenes.scene import Scene, SceneCamera
from defocus.datasets.sample.scenes import SCENES, variant
from defocus.datasets.stream.patches import Renderer
from defocus.datasets.stream.photographs import find_photographs
from defocus.freed_memory import keep_freed_memory
from tests.speed.case import Case, CaseOutcome
from tests.speed.cases.patches import written
from tests.speed.measuring import Way, Work, cpu_seconds

__all__ = ["CASES", "PAIRS", "SIDE", "rendered", "streamed"]

SIDE = 128
PAIRS = 100
PEER_PAIRS = 2
PHOTOGRAPH = (512, 768)


def streamed(folder: Path) -> Work:
    """Pairs of a stream; the first call makes their kernels."""
    keep_freed_memory()  # as trainings do
    return partial(_pairs, Renderer(find_photographs(folder), "train"))


def _pairs(renderer: Renderer) -> None:
    for number in range(PAIRS):
        renderer.pair(number, SIDE)


def rendered() -> Work:
    """Small scenes like those of the sample dataset."""
    keep_freed_memory()
    return partial(_scenes, [replace(scene, size=(SIDE, SIDE)) for scene in SCENES[:PEER_PAIRS]])


def _scenes(scenes: list[Scene]) -> None:
    for scene in scenes:
        render_scene(scene, variant("").misalignment, SceneCamera())


def _measure() -> CaseOutcome:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder, PHOTOGRAPH, 8)
        ours = cpu_seconds(Way("stream", partial(streamed, folder))) / PAIRS
        peer = cpu_seconds(Way("scenes", rendered)) / PEER_PAIRS
        photographs = find_photographs(folder)
        first, second = (Renderer(photographs, "train").pair(5, SIDE).blurry for _ in "ab")
    return CaseOutcome(ours, peer, float(np.abs(first - second).max()))


NOTE = (
    "the peer does other work: it renders one of the sample's scenes, with layers and a thin lens, "
    f"at {SIDE} px and keeps no kernels; ours is the time of a pair"
)

CASES = (Case("stream", 5, 0.0, _measure, NOTE),)
