"""Evidence of a measurement: an overview picture and the masks as files."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.arrays import Shape, Singles, Size
from defocus.align.compensation.compensate import Model, Release, plan_compensation
from defocus.align.flow.colour_wheel import flow_colour
from defocus.align.measure import Field, Measurement
from defocus.align.misalignment import Misalignment
from defocus.align.photometry.linear_light import encoded
from defocus.align.sampling.resample import (
    Placement,
    ReleaseGrid,
    Resampling,
    coloured,
    resampled_light,
    whole,
)
from defocus.pictures import picture_name
from defocus.pictures.values import Image
from defocus.pictures.write import write_image
from defocus.storage.files import make_folder

Panel = NDArray[np.uint8]

EVIDENCE_NAMES = (
    picture_name("measurement"),
    picture_name("calibration_mask"),
    picture_name("occlusion_mask"),
)

PANEL_WIDTH = 480
LABEL_HEIGHT = 26
GAP = 8
ARROWS = 14
"""Number of arrows along the longer side."""
SQUARES = 8
"""Squares of the checkerboard along the longer side."""
DIFFERENCE_GAIN = 4.0
FONT_SCALE = 0.55


def write_evidence(
    folder: Path,
    blurry: Image,
    sharp: Image,
    measurement: Measurement,
) -> list[str]:
    """Write :data:`EVIDENCE_NAMES` and return the names; none for an unknown misalignment.

    Masks are 255 where JDRL's mask accepts the flow, and where the sharp one shows another scene.
    """
    if measurement.field is None:
        return []
    make_folder(folder)
    field = measurement.field
    write_image(
        folder / EVIDENCE_NAMES[0],
        measurement_picture(blurry, sharp, measurement, field),
    )
    for name, mask in zip(
        EVIDENCE_NAMES[1:],
        (field.calibration, field.flow.occluded),
        strict=True,
    ):
        full = field.full(mask, measurement.shape)
        white = full.astype(np.uint8) * np.uint8(255)
        write_image(folder / name, white)
    return list(EVIDENCE_NAMES)


def measurement_picture(
    blurry: Image,
    sharp: Image,
    measurement: Measurement,
    field: Field,
) -> Panel:
    """``(h, w, 3)``: flow as colours and arrows, residual flow, differences, checkerboard.

    Differences are blurry minus sharp at equal exposure, amplified four times around grey."""
    scale = min(1.0, PANEL_WIDTH / measurement.shape[1])
    before = _encoded(_seen(sharp, measurement, "none", scale))
    after = _encoded(_seen(sharp, measurement, "global", scale))
    first = _encoded(_seen(blurry, None, "none", scale))
    labelled = _labelled_panels(field, first, before, after)
    above = np.hstack(labelled[:3])
    below = np.hstack(labelled[3:6])
    caption = _caption(measurement.misalignment, above.shape[1])
    return np.vstack([above, below, caption])


def _labelled_panels(
    field: Field,
    first: Panel,
    before: Panel,
    after: Panel,
) -> list[Panel]:
    """The six panels, each with a text that says what it shows."""
    size = first.shape[1::-1]
    total = field.factor * field.flow.flow
    residual = field.factor * field.flow.residual
    panels = [
        (f"flow, full colour {_largest(total):.1f} px", _colours(total, size)),
        ("flow, arrows", _arrows(total, first)),
        (
            f"residual flow, full colour {_largest(residual):.2f} px",
            _colours(residual, size),
        ),
        (f"blurry - sharp, before (x{DIFFERENCE_GAIN:g})", _difference(first, before)),
        (f"blurry - sharp, after (x{DIFFERENCE_GAIN:g})", _difference(first, after)),
        ("checkerboard of blurry and aligned sharp", _checkerboard(first, after)),
    ]
    return [_labelled(panel, text) for text, panel in panels]


def _seen(
    picture: Image,
    measurement: Measurement | None,
    model: Model,
    scale: float,
) -> Singles:
    """The whole picture at a panel's size in linear light; the sharp one is moved by a model."""
    if measurement is None:
        placement = Placement(np.eye(3))
        match = None
        shape: Shape = picture.shape
    else:
        plan = plan_compensation(measurement, picture.shape, Release(model))
        placement = plan.placement
        match = plan.match
        shape = measurement.shape
    grid = ReleaseGrid(whole(shape), scale)
    how = Resampling(placement, grid, "bicubic")
    light = resampled_light(picture, how)
    if placement.rig is not None:
        light = coloured(light, placement.rig)
    if match is not None:
        light = match.applied(light)
    return light


def _encoded(light: Singles) -> Panel:
    return encoded(light, 8).astype(np.uint8)


def _largest(flow: Singles) -> float:
    """Flow length shown in full colour: nearly the largest, to ignore outliers."""
    lengths = np.hypot(*flow)
    return float(np.percentile(lengths, 99))


def _colours(flow: Singles, size: Size) -> Panel:
    """Colour-wheel picture of a flow, with the wheel in the corner."""
    length = np.maximum(np.hypot(*flow), 1e-9)
    shortened = np.minimum(1.0, _largest(flow) / length)
    colours = flow_colour(flow * shortened)
    panel = cv2.resize(colours, size, interpolation=cv2.INTER_AREA)
    side = size[0] // 8 | 1
    around = slice(-1, 1, side * 1j)
    y, x = np.mgrid[around, around]
    disc = np.hypot(x, y) <= 1
    outwards = np.where(disc, np.stack([x, y]), 0.0)
    wheel = flow_colour(outwards)
    corner = panel[-side:, -side:]
    corner[disc] = wheel[disc]
    return np.asarray(panel, np.uint8)


def _arrows(flow: Singles, picture: Panel) -> Panel:
    """Arrows on the blurry picture, scaled so that the longest reaches its neighbour."""
    height, width = picture.shape[:2]
    canvas = (picture // 2 + 96).astype(np.uint8)
    step = max(width, height) / ARROWS
    small = np.stack(
        [cv2.resize(c, (width, height), interpolation=cv2.INTER_AREA) for c in flow]
    )
    stretch = step / max(_largest(flow), 1e-6)
    for y in np.arange(step / 2, height, step):
        for x in np.arange(step / 2, width, step):
            u, v = stretch * small[:, int(y), int(x)]
            start = (round(x), round(y))
            end = (round(x + float(u)), round(y + float(v)))
            cv2.arrowedLine(
                canvas,
                start,
                end,
                (200, 0, 0),
                1,
                cv2.LINE_AA,
                0,
                0.3,
            )
    return canvas


def _difference(first: Panel, second: Panel) -> Panel:
    apart = first.astype(np.float32) - second
    amplified = DIFFERENCE_GAIN * apart + 128
    return np.asarray(np.clip(amplified, 0, 255), np.uint8)


def _checkerboard(first: Panel, second: Panel) -> Panel:
    height, width = first.shape[:2]
    side = max(height, width) / SQUARES
    y, x = np.indices((height, width))
    square = x // side + y // side
    odd = (square % 2).astype(bool)
    return np.where(odd[..., None], second, first)


def _labelled(panel: Panel, text: str) -> Panel:
    """The panel with its label and a white border."""
    bordered = cv2.copyMakeBorder(
        panel,
        LABEL_HEIGHT,
        GAP,
        GAP,
        GAP,
        cv2.BORDER_CONSTANT,
        value=(255, 255, 255),
    )
    place = (GAP, LABEL_HEIGHT - 8)
    return _written(np.asarray(bordered, np.uint8), text, place)


def _caption(result: Misalignment, width: int) -> Panel:
    """The numbers in one line."""
    height = LABEL_HEIGHT + GAP
    strip = np.full((height, width, 3), 255, np.uint8)
    if result.similarity is None or result.sigma is None:
        return strip
    x, y = result.similarity.shift_px
    sigma = result.sigma
    text = (
        f"{result.model}: shift {x:+z.2f}, {y:+z.2f} px (1 sigma {sigma.shift_px:.2f}), "
        f"zoom {result.similarity.zoom:.5f}, rotation {result.similarity.rotation_deg:+z.3f} deg, "
        f"residual {result.residual_median_px:.2f} px median, "
        f"reliable {100 * (result.reliable_share or 0):.0f} %"
    )
    return _written(strip, text, (GAP, LABEL_HEIGHT - 4))


def _written(picture: Panel, text: str, place: tuple[int, int]) -> Panel:
    """Draw a text at the largest size that fits the width, up to the default."""
    room = picture.shape[1] - 2 * place[0]
    size_px, _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, FONT_SCALE, 1)
    width = max(size_px[0], 1)
    size = FONT_SCALE * min(1.0, room / width)
    cv2.putText(
        picture,
        text,
        place,
        cv2.FONT_HERSHEY_SIMPLEX,
        size,
        (0, 0, 0),
        1,
        cv2.LINE_AA,
    )
    return picture
