"""Render one scene with every dose of a misalignment; equal numbers give equal pixels."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from defocus.datasets.stream.patches import draw_levels
from defocus.extras.studies.dose_dataset.motion import draw_motion, moved_scene
from defocus.extras.studies.dose_dataset.request import DoseRequest, Kind
from defocus.scene.camera import StreamCamera, recorded
from defocus.scene.depth import Focus, draw_focus, draw_kind
from defocus.scene.kernel_bank import (
    KernelBank,
    all_in_focus,
    blurred,
    margin,
    sharp_diameters,
    snapped,
)
from defocus.scene.occluders import Sources, draw_scene

Array = NDArray[np.float32]

SPARE = 2.0
"""Width of the frame around a picture from which displacements bring pixels in, in largest
doses."""

SHARP_DIAMETER_PX = 0.5
"""Largest circle of confusion, px, of a scene that counts as in focus everywhere. These scenes are
drawn again, because they show nothing of deblurring."""


@dataclass(frozen=True)
class DosedScene:
    """A blurry picture, its truth, and a sharp picture per dose."""

    # blurry, truth: ``(side, side, 3)`` float32, stored values in [0, 1]
    blurry: Array
    truth: Array
    diameters: Array  # ``(side, side)`` signed diameter of the circle of confusion, px
    sharp: dict[float, Array]  # the sharp pictures as captured, by dose
    # ``(2, side, side)`` true flow from blurry to sharp, px, by dose
    flows: dict[float, Array]
    kind: Kind  # kind of the misalignment
    gain_ev: float  # exposure difference, blurry over sharp, EV
    lens: int
    # hash of the pixels of the photograph behind, None for a texture
    photograph: str | None


def render_doses(
    request: DoseRequest,
    sources: Sources,
    bank: KernelBank,
    number: int,
) -> DosedScene:
    """Render a scene; kinds are taken in turn by its number in its branch."""
    held_out = sources.branch == "held-out"
    seed = np.random.SeedSequence([request.seed, int(held_out), number])
    random = np.random.Generator(np.random.PCG64(seed))
    kind = request.kinds[number % len(request.kinds)]
    lens = int(random.integers(request.lenses))
    depth, focus, levels = _draw_depth(request, random)
    border = margin(bank, lens, focus) + math.ceil(SPARE * max(request.doses_px)) + 2
    canvas = request.size + 2 * border
    scene = draw_scene(random, sources, depth, focus, levels, (canvas, canvas))
    scene = snapped(bank.optic(lens), scene)
    diameters = sharp_diameters(scene, border)
    motion = draw_motion(random, kind, diameters)
    gain_ev = float(random.uniform(-request.gain_ev, request.gain_ev))
    camera = StreamCamera(shot=request.shot, read=request.read)
    taken = replace(camera, exposure=2.0**-gain_ev)
    middle = ((canvas - 1) / 2,) * 2
    inner = ((request.size - 1) / 2,) * 2
    sharp = {}
    flows = {}
    for dose in request.doses_px:
        displaced = motion.times(dose)
        seen = moved_scene(scene, displaced, middle) if dose else scene
        sharp[dose] = recorded(taken, all_in_focus(seen, border), None)
        flows[dose] = displaced.flow(diameters, inner)
    return DosedScene(
        blurry=recorded(camera, blurred(bank, lens, scene, border), random),
        truth=recorded(camera, all_in_focus(scene, border), None),
        diameters=diameters,
        sharp=sharp,
        flows=flows,
        kind=kind,
        gain_ev=gain_ev,
        lens=lens,
        photograph=scene.photograph,
    )


def _draw_depth(
    request: DoseRequest,
    random: np.random.Generator,
) -> tuple[str, Focus, list[float]]:
    """Kind of depth, focus with the request's blur, and nearness of background and occluders."""
    while True:
        kind = draw_kind(random)
        levels, focused = draw_levels(random, kind)
        focus = draw_focus(random, kind, focused)
        if focus.largest > SHARP_DIAMETER_PX:
            break
    lowest, highest = np.log(request.blur_px)
    largest = math.exp(random.uniform(lowest, highest))
    factor = largest / focus.largest
    scaled = Focus(factor * focus.far, factor * focus.near)
    return kind, scaled, levels
