"""Differences of two cameras on one scene: mirror, geometry, exposure, time of release.

A moving object before the static scene, the median over the shots, is both cameras' clock."""

import contextlib
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.align.registration.register import register
from defocus.capture.planning.exposure import Exposure
from defocus.capture.quality.quick_look import QuickLook, encoded_grey, luminance
from defocus.errors import CameraError
from defocus.extras.calibration.bench import CalibrationBench, central_light
from defocus.scene.geometry import Similarity
from defocus.scene.thin_lens import exposure_difference_ev

Array = NDArray[np.float64]

RELEASE_TIMEOUT_SECONDS = 60.0
LEAST_SHOTS = 3

MOVING_OVER_NOISE = 8.0
LEAST_MOVING_PIXELS = 30

Grey = NDArray[np.float32]


@dataclass(frozen=True)
class _Release:
    """Both cameras' pictures of one release, and the time of the order."""

    blurry: QuickLook
    sharp: QuickLook
    ordered_at: float


def calibrate_rig(
    blurry: CalibrationBench,
    sharp: CalibrationBench,
    *,
    aperture: str,
    shutter: str | None,
    shots: int,
) -> dict[str, Any]:
    """Compare the pictures of two cameras at one narrow aperture.

    ``skew_seconds``: delay of the sharp one if both are released together; null: no motion."""
    blurry.show("chart", "point both cameras at something with fine detail everywhere")
    sharp.show("chart", "leave it there")
    first = blurry.well_exposed(blurry.aperture(aperture), shutter)
    second = sharp.equal_exposure(sharp.aperture(aperture), first)
    looks = blurry.shot(first), sharp.shot(second)
    _require_one_size(*looks)
    similarity, mirrored = _geometry(*looks)
    gain_ev = _gain_ev(*looks)
    blurry.show(
        "moving",
        "let something bright cross the picture slowly, again and again",
    )
    sharp.show("moving", "keep it moving")
    releases = _releases(blurry, sharp, (first, second), shots)
    skew, scatter = _skew_seconds(releases, similarity, mirrored=mirrored)
    return {
        "mirrored": mirrored,
        "shift_px": [s * looks[0].pixels for s in similarity.shift_px],
        "zoom": similarity.zoom,
        "rotation_deg": similarity.rotation_deg,
        "gain_ev": gain_ev - exposure_difference_ev(first.true, second.true),
        "skew_seconds": skew,
        "skew_scatter_seconds": scatter,
    }


def _require_one_size(first: QuickLook, second: QuickLook) -> None:
    if first.linear.shape != second.linear.shape:
        raise CameraError(
            "the two cameras give pictures of two sizes; use two of one model"
        )


def _gain_ev(first: QuickLook, second: QuickLook) -> float:
    """How much more light the first camera shows in the centre."""
    return float(np.log2(central_light(first) / max(central_light(second), 1e-6)))


def _mirrored(look: QuickLook) -> QuickLook:
    return QuickLook(np.ascontiguousarray(look.linear[:, ::-1]), look.pixels)


def _geometry(blurry: QuickLook, sharp: QuickLook) -> tuple[Similarity, bool]:
    """The similarity between the cameras, and whether one of them sees a mirror image."""
    reference = luminance(blurry.linear)
    direct = register(reference, luminance(sharp.linear))
    turned = register(reference, luminance(_mirrored(sharp).linear))
    best = max(
        (direct, turned),
        key=lambda result: (result.similarity is not None, result.inlier_share),
    )
    if best.similarity is None:
        raise CameraError(
            f"the pictures of the two cameras cannot be registered: {direct.reason}; "
            "point both at one detailed scene at about equal scale"
        )
    return best.similarity, best is turned


def _releases(
    blurry: CalibrationBench,
    sharp: CalibrationBench,
    exposures: tuple[Exposure, Exposure],
    shots: int,
) -> list[_Release]:
    """Release both cameras together, several times."""
    together = Barrier(2, timeout=RELEASE_TIMEOUT_SECONDS)

    def release(bench: CalibrationBench, exposure: Exposure) -> QuickLook:
        return bench.shot(exposure, release=together.wait)

    releases = []
    with ThreadPoolExecutor(2) as threads:
        for _ in range(shots):
            ordered_at = time.monotonic()
            first = threads.submit(release, blurry, exposures[0])
            second = threads.submit(release, sharp, exposures[1])
            releases.append(_Release(first.result(), second.result(), ordered_at))
    return releases


def _skew_seconds(
    releases: Sequence[_Release],
    similarity: Similarity,
    *,
    mirrored: bool,
) -> tuple[float | None, float | None]:
    """Delay of the sharp camera and its standard deviation; None if nothing crossed the picture."""
    first, second = _tracks_in_both(releases, mirrored=mirrored)
    velocity = _velocity(first, [release.ordered_at for release in releases])
    if len(first) < LEAST_SHOTS or velocity is None:
        return None, None
    height, width = releases[0].blurry.linear.shape[:2]
    affine = similarity.matrix(width, height)
    inverse = np.linalg.inv(np.vstack([affine, [0.0, 0.0, 1.0]]))
    speed = float(velocity @ velocity)
    delays = []
    for number, place in first.items():
        onto_first = (inverse @ [*second[number], 1.0])[:2]
        along = float((onto_first - place) @ velocity)
        delays.append(along / speed)
    return float(np.median(delays)), float(np.std(delays))


def _tracks_in_both(
    releases: Sequence[_Release],
    *,
    mirrored: bool,
) -> tuple[dict[int, Array], dict[int, Array]]:
    """Centres of the moving object by each camera, of the first one where the second has one."""
    blurry = []
    sharp = []
    for release in releases:
        look = _mirrored(release.sharp) if mirrored else release.sharp
        blurry.append(encoded_grey(release.blurry.linear))
        sharp.append(encoded_grey(look.linear))
    second = _tracks(sharp)
    first = _tracks(blurry)
    return {number: first[number] for number in first if number in second}, second


def _tracks(pictures: list[Grey]) -> dict[int, Array]:
    """Centre (x, y) of the moving object, by number of the picture, where it is fully visible."""
    still = np.median(pictures, axis=0)
    centres = {}
    for number, picture in enumerate(pictures):
        change = np.abs(picture - still)
        moving = change > MOVING_OVER_NOISE * max(float(np.median(change)), 1e-3)
        with contextlib.suppress(ValueError):
            centres[number] = _centre(np.where(moving, change, 0.0))
    return centres


def _centre(weights: Array) -> Array:
    """Centre of the largest connected part."""
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (weights > 0).astype(np.uint8)
    )
    if count < 2:
        raise ValueError("nothing moves")
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    left, top, width, height, area = stats[largest]
    rows, columns = weights.shape
    cut = left == 0 or top == 0 or left + width == columns or top + height == rows
    if cut or area < LEAST_MOVING_PIXELS:
        raise ValueError("it is not seen whole")
    part = np.where(labels == largest, weights, 0.0)
    y, x = np.mgrid[0:rows, 0:columns]
    moments = np.array([(part * x).sum(), (part * y).sum()])
    return np.asarray(moments / part.sum())


def _velocity(
    places: dict[int, Array],
    ordered_at: Sequence[float],
) -> Array | None:
    """Median velocity between consecutive pictures, px/s: a restart of the object is an outlier."""
    steps = []
    for n, place in places.items():
        if n + 1 in places:
            seconds = ordered_at[n + 1] - ordered_at[n]
            steps.append((places[n + 1] - place) / seconds)
    if not steps:
        return None
    velocity = np.median(steps, axis=0)
    return velocity if np.hypot(*velocity) > 1.0 else None
