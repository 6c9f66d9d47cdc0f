"""Render a pair with its ground truth in memory."""

import math
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from defocus.datasets.rendering.pair import RenderedPair, render_scene
from defocus.datasets.rendering.scene import (
    DEPTH_STEPS,
    DrawnMisalignment,
    Scene,
    with_margin,
)
from defocus.datasets.sample import CAMERA, SCENES, variant
from defocus.errors import ImageError, InputError
from defocus.front.pictures import Picture, one_picture
from defocus.near_names import meant
from defocus.pictures.values import srgb_to_linear
from defocus.scene.layers import Layer
from defocus.scene.surfaces import Canvas, measured_layers

SMALLEST_SIDE = 32
_VARIANTS = {"mild": "", "strong": "strong"}


def render(
    scene: Picture,
    depth_mm: NDArray[np.floating[Any]] | None = None,
    *,
    focus_mm: float | None = None,
    f_number: float | None = None,
    focal_length_mm: float | None = None,
    misaligned: Literal["none", "mild", "strong"] = "none",
) -> RenderedPair:
    """Render a blurry/sharp pair through a thin lens; equal arguments give equal pixels.

    The diameter of the circle of confusion is c = (f / N) * f / (s - f) * (d - s) / d with object
    distance d, focus distance s, focal length f and f-number N; negative before the focus.

    Args:
        scene: Name of a scene of the sample dataset, such as ``"cafe"``; or, with ``depth_mm``, an
            all-in-focus picture, see :func:`defocus.restore`.
        depth_mm: ``(H, W)`` float, > 0: the distance of each pixel of ``scene``.
        focus_mm: Distance in focus; None uses that of the sample scene, or 1000.
        f_number: F-number of the blurry picture; None uses that of the sample scene, or 2.
        focal_length_mm: Focal length of the lens in mm, with a full-frame sensor; None uses that of
            the sample scene, or 50.
        misaligned: Misalignment of the sharp picture: none, below 1 px, or several px as in
            ``sample:strong``.

    Returns:
        ``blurry``, ``sharp`` and ``truth``, ``(H, W, 3)`` uint16; ``flow`` ``(2, H, W)`` and
        ``defocus_map`` ``(H, W)``, float32, px; dual-pixel ``views``; ``metadata``. A given picture
        is enlarged slightly, so that light from outside the frame is known.

    Raises:
        ImageError: ``scene`` is not a picture, or ``depth_mm`` does not fit it.
        InputError: The sample scene or the misalignment is unknown, or a lens value is not a
            finite number.
        OpticsError: The lens is impossible.

    Examples:
        >>> import numpy as np
        >>> import defocus
        >>> picture = np.random.default_rng(0).random((64, 96, 3))
        >>> pair = defocus.render(picture, np.full((64, 96), 1500.0), focus_mm=1000.0)
        >>> pair.flow.shape, round(float(pair.defocus_map.mean()), 1)
        ((2, 64, 96), 1.2)
    """
    if misaligned not in (levels := ("none", *_VARIANTS)):
        raise InputError(f"no misalignment '{misaligned}'; {meant(misaligned, levels)}")
    drawn = _sample_scene(scene) if depth_mm is None else _depth_scene(scene, depth_mm)
    changed = replace(
        drawn,
        focus_mm=_number("focus_mm", focus_mm, drawn.focus_mm),
        f_number=_number("f_number", f_number, drawn.f_number),
        focal_length_mm=_number(
            "focal_length_mm",
            focal_length_mm,
            drawn.focal_length_mm,
        ),
    )
    if depth_mm is not None or changed != drawn:
        drawn = _fitted(changed)
    name = _VARIANTS.get(misaligned, "")
    ranges = variant(name).misalignment if misaligned != "none" else DrawnMisalignment()
    return render_scene(drawn, ranges, CAMERA, variant=name)


def _number(
    name: str,
    value: object,
    default: float,
) -> float:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"{name} is {value!r}; give a number")
    if not math.isfinite(value):
        raise InputError(f"{name} is {value}; give a finite number")
    return float(value)


def _sample_scene(scene: object) -> Scene:
    if not isinstance(scene, str):
        raise InputError(
            "a picture is rendered with depth_mm, the distance of each of its pixels"
        )
    scenes = {each.name: each for each in SCENES}
    if scene not in scenes:
        raise InputError(f"no scene '{scene}'; {meant(scene, scenes)}")
    return scenes[scene]


def _fitted(scene: Scene) -> Scene:
    """The scene with a margin for the blur of its lens."""
    canvas = Canvas(*scene.size, margin=0, fineness=1)
    depths_mm = []
    for surface in scene.surfaces:
        depths_mm += [layer.depth_mm for layer in surface.layers(canvas)]
    return with_margin(scene, depths_mm)


def _depth_scene(scene: Picture, depth_mm: NDArray[np.floating[Any]]) -> Scene:
    given = one_picture(scene, "scene")
    height, width = given.pixels.shape[1:3]
    if min(height, width) < SMALLEST_SIDE:
        raise ImageError(
            f"scene is {given.size}; give {SMALLEST_SIDE} px a side or more"
        )
    try:
        depth = np.asarray(depth_mm, np.float64)
    except (TypeError, ValueError) as error:
        raise ImageError(
            f"depth_mm is of type {type(depth_mm).__name__}; give an array of numbers"
        ) from error
    is_known = np.isfinite(depth) & (depth > 0)
    if depth.shape != (height, width) or not is_known.all():
        raise ImageError(
            f"depth_mm has the shape {depth.shape}; a scene of {given.size} needs "
            f"({height}, {width}), finite and above 0"
        )
    colour = np.asarray(srgb_to_linear(given.floats(np.float64)[0]), np.float64)
    return Scene(
        "picture",
        "test",
        (_DepthArrays(colour, depth),),
        size=(width, height),
    )


@dataclass(frozen=True)
class _DepthArrays:
    """A picture ``(H, W, 3)`` in linear light with the depth of each of its pixels."""

    colour: NDArray[np.float64]
    depth_mm: NDArray[np.float64]

    @property
    def pictures(self) -> tuple[str, ...]:
        return ()

    def layers(self, canvas: Canvas) -> list[Layer]:
        return measured_layers(
            self.colour,
            self.depth_mm,
            canvas,
            DEPTH_STEPS,
        )
