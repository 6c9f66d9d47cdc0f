"""Speed and memory of a large pair measured and compensated, against a plain OpenCV pipeline.

``python -m tests.speed.programs.alignment [WIDTH HEIGHT]`` prints a Markdown table,
by default for 4096×2160 px. Each method runs in its own process on two threads and starts from the
same decoded pictures. The plain method is what a simple script would do: ECC with an affine
transform on grey pictures of half the size, and one bicubic warp of the stored values. It does not
know whether its result is right, has no local flow, no mask and no exposure matching, and
interpolates encoded values instead of linear light.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.images import Image, as_integer, linear_to_srgb
from defocus.optics.geometry import Similarity
from defocus.optics.psf import disc_psf

__all__ = ["Timing", "large_pair", "main", "measured", "table"]

T = TypeVar("T")

SIZE = (4096, 2160)
TRUTH = Similarity(zoom=1.012, rotation_deg=0.2, shift_px=(14.0, -9.0))
BLUR_PX = (15.0, 4.0)
"""Circles of confusion of the left and the right half."""
THREADS = 2
KIBIBYTES = 1 if sys.platform != "darwin" else 1024
"""Units of the peak that the system reports."""


@dataclass(frozen=True)
class Timing:
    """Time, memory and error of a method.

    Attributes:
        name: Name of the implementation.
        wall_seconds: Clock time, seconds.
        cpu_seconds: CPU seconds of all threads.
        peak_mib: Largest resident memory of the process, libraries and pictures included.
        error_px: Error of the transform at the worst corner; None if there is no transform.
    """

    name: str
    wall_seconds: float
    cpu_seconds: float
    peak_mib: float
    error_px: float | None


def large_pair(width: int, height: int, seed: int = 0) -> tuple[Image, Image]:
    """A blurry and a sharp 16-bit picture with detail at every scale, misaligned by TRUTH."""
    rng = np.random.default_rng(seed)
    scene = np.zeros((height, width, 3), np.float32)
    for octave in range(9):
        cells = (max(height >> octave, 2), max(width >> octave, 2), 3)
        noise = rng.standard_normal(cells, np.float32)
        scene += 2.0**octave * cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    scene = np.clip(0.35 + 0.12 * scene / scene.std(), 0.01, 0.9).astype(np.float32)
    sharp = np.float32(1) * cv2.warpAffine(
        scene, TRUTH.matrix(width, height), (width, height),
        flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    half = width // 2
    for part, blur in zip((np.s_[:, :half], np.s_[:, half:]), BLUR_PX, strict=True):
        psf = disc_psf(blur)
        scene[part] = cv2.filter2D(scene[part], -1, psf, borderType=cv2.BORDER_REFLECT)
    return _stored(scene, rng), _stored(sharp, rng)


def _stored(linear: NDArray[np.float32], rng: np.random.Generator) -> Image:
    noisy = linear + np.float32(0.002) * rng.standard_normal(linear.shape, np.float32)
    return as_integer(linear_to_srgb(np.clip(noisy, 0, 1)), 16)


def _ours(blurry: Image, sharp: Image) -> NDArray[np.float64] | None:
    from defocus.align.compensation.compensate import (
        Release,
        compensated_sharp,
        plan_compensation,
        released_blurry,
        valid_mask,
    )
    from defocus.align.flow.by_name import flow_estimator
    from defocus.align.measure import measure

    measurement = measure(blurry, sharp, flow_estimator())
    if measurement.misalignment.matrix is None:
        return None
    plan = plan_compensation(measurement, sharp.shape, Release("flow"))
    compensated_sharp(sharp, plan)
    released_blurry(blurry, plan)
    valid_mask(sharp, measurement, plan)
    return measurement.misalignment.matrix


def _plain(blurry: Image, sharp: Image) -> NDArray[np.float64] | None:
    first, second = (
        cv2.cvtColor((picture[::2, ::2] >> 8).astype(np.uint8), cv2.COLOR_RGB2GRAY)
        for picture in (blurry, sharp)
    )
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-4)
    start, whole = np.eye(2, 3, dtype=np.float32), np.full(first.shape, 255, np.uint8)
    _, found = cv2.findTransformECC(first, second, start, cv2.MOTION_AFFINE, criteria, whole, 5)
    affine = np.vstack([found.astype(np.float64), [0, 0, 1]])
    affine[:2, 2] *= 2
    size = (blurry.shape[1], blurry.shape[0])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    cv2.warpAffine(sharp, affine[:2], size, flags=flags)
    return affine


WAYS: dict[str, Callable[[Image, Image], NDArray[np.float64] | None]] = {
    "plain: ECC affine at half size, one warp": _plain,
    "ours: measured with uncertainties, compensated by flow, masked": _ours,
}


def measured(name: str, folder: str) -> Timing:
    """Run one of :data:`WAYS` on a stored pair in this process, after compilation."""
    cv2.setNumThreads(THREADS)
    WAYS[name](*large_pair(512, 384))
    pair = np.load(Path(folder) / "blurry.npy"), np.load(Path(folder) / "sharp.npy")
    height, width = pair[0].shape[:2]
    wall, cpu = time.perf_counter(), time.process_time()
    matrix = WAYS[name](*pair)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIBIBYTES / 1024
    return Timing(name, wall, cpu, peak, _error_px(matrix, width, height))


def _error_px(matrix: NDArray[np.float64] | None, width: int, height: int) -> float | None:
    if matrix is None:
        return None
    right, bottom = width - 1, height - 1
    corners = np.array([(0, 0, 1), (right, 0, 1), (0, bottom, 1), (right, bottom, 1)], float).T
    found = matrix @ corners
    apart = found[:2] / found[2] - TRUTH.matrix(width, height) @ corners
    return float(np.linalg.norm(apart, axis=0).max())


def _store_pair(folder: str, width: int, height: int) -> None:
    for name, picture in zip(("blurry", "sharp"), large_pair(width, height), strict=True):
        np.save(Path(folder) / f"{name}.npy", picture)


def main() -> None:
    """Measure all methods and print the table."""
    width, height = map(int, sys.argv[1:3]) if len(sys.argv) == 3 else SIZE
    with tempfile.TemporaryDirectory() as folder:
        _alone(_store_pair, folder, width, height)
        timings = [_alone(measured, name, folder) for name in WAYS]
    print(table(timings, f"{width}×{height} px, 16 bits, {THREADS} threads"))  # noqa: T201 - its purpose


def _alone(work: Callable[..., T], *arguments: object) -> T:
    """Call a function in a separate process, to measure its own peak memory."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def table(timings: list[Timing], title: str) -> str:
    """A Markdown table with ratios to the first method."""
    lines = [
        title,
        "",
        "| way | wall s | CPU s | CPU to plain | peak MiB | error px |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for found in timings:
        error = "unknown" if found.error_px is None else f"{found.error_px:.2f}"
        lines.append(
            f"| {found.name} | {found.wall_seconds:.1f} | {found.cpu_seconds:.1f} | "
            f"{found.cpu_seconds / timings[0].cpu_seconds:.2f} | {found.peak_mib:.0f} | {error} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
