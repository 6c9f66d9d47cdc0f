"""Known changes of a sharp picture, scored by every protocol and profile: ``docs/metrics.md``.

A protocol that gives a moved picture nearly the sharp one's score cannot see that it moved."""

import argparse
from collections.abc import Callable
from functools import partial

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.flow.by_name import flow_estimator
from defocus.benchmark.metrics.metric import find_metric
from defocus.benchmark.scoring.profiles import PROFILES, as_reference, cropped
from defocus.benchmark.scoring.protocols import Target, deformed_target, everywhere
from defocus.benchmark.scoring.score import score_picture
from defocus.pictures.values import as_integer
from research.light import Array
from research.markdown import table

Picture = NDArray[np.float64]

SIZE = (240, 320)
METRICS = ("psnr", "ssim")


def probe_scene(size: tuple[int, int] = SIZE) -> Picture:
    """A picture with detail at every scale, ``(H, W, 3)`` in [0, 1]."""
    rng = np.random.default_rng(0)
    height, width = size
    scene = np.zeros((height, width, 3))
    for octave in range(6):
        rows = max(height >> octave, 2)
        columns = max(width >> octave, 2)
        cells = rng.standard_normal((rows, columns, 3))
        smooth = cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
        scene += 2.0**octave * smooth
    scaled = 0.5 + 0.15 * scene / scene.std()
    return np.asarray(np.clip(scaled, 0, 1))


def _moved(shift_px: float, sharp: Picture) -> Picture:
    rows, columns = _positions(sharp)
    return _sampled(sharp, columns - np.float32(shift_px), rows)


def _positions(sharp: Picture) -> tuple[Array, Array]:
    rows, columns = np.indices(sharp.shape[:2], dtype=np.float32)
    return np.asarray(rows), np.asarray(columns)


def _warped(sharp: Picture) -> Picture:
    """Warp a picture smoothly, by 2 px at most."""
    rows, columns = _positions(sharp)
    down = np.sin(2 * np.pi * rows / 120)
    across = np.sin(2 * np.pi * columns / 160)
    wave = down * across
    return _sampled(sharp, columns + 2 * wave, rows)


def _sampled(
    sharp: Picture,
    columns: Array,
    rows: Array,
) -> Picture:
    from scipy.ndimage import map_coordinates

    channels = []
    for channel in np.moveaxis(sharp, 2, 0):
        sampled = map_coordinates(
            channel,
            (rows, columns),
            order=3,
            mode="mirror",
        )
        channels.append(sampled)
    return np.asarray(np.clip(np.stack(channels, axis=2), 0, 1))


def _blurred(sigma_px: float, sharp: Picture) -> Picture:
    return np.asarray(cv2.GaussianBlur(sharp, (0, 0), sigma_px), np.float64)


def _noisy(sharp: Picture) -> Picture:
    random = np.random.default_rng(1)
    noise = random.standard_normal(sharp.shape)
    return np.asarray(np.clip(sharp + 0.02 * noise, 0, 1))


PROBES: dict[str, Callable[[Picture], Picture]] = {
    "sharp itself": lambda sharp: sharp,
    "moved 0.25 px": partial(_moved, 0.25),
    "moved 0.5 px": partial(_moved, 0.5),
    "moved 1 px": partial(_moved, 1.0),
    "moved 3 px": partial(_moved, 3.0),
    "warped by 2 px": _warped,
    "blurred, σ 0.5 px": partial(_blurred, 0.5),
    "blurred, σ 1 px": partial(_blurred, 1.0),
    "noise, σ 0.02": _noisy,
    "blurry input": partial(_blurred, 3.0),
}
"""Changes of the sharp picture, which is then scored as if it were an output."""


def protocol_table(size: tuple[int, int] = SIZE) -> str:
    """PSNR and SSIM of each probe under each protocol, by the default profile, as Markdown.

    Without misalignment ``truth``, ``gt`` and ``input-aligned`` have one target, and one column."""
    sharp = probe_scene(size)
    estimators = {name: flow_estimator(name) for name in ("dis", "pwcnet")}
    deformed = [f"deformed-gt, {name}" for name in estimators]
    heads = ["output", "gt, input-aligned, truth", *deformed]
    rows = []
    for name, probe in PROBES.items():
        output = probe(sharp)
        plain = Target(sharp, everywhere(sharp))
        cells = [_cell(output, plain, "defocus-v1")]
        for estimator in estimators.values():
            target = deformed_target(sharp, output, estimator, "correct")
            cells.append(_cell(output, target, "defocus-v1"))
        rows.append([name, *cells])
    return table(heads, rows)


def profile_table() -> str:
    """PSNR and SSIM of each probe under each profile, against a 16-bit sharp picture."""
    sharp = probe_scene(SIZE)
    stored = as_integer(sharp, 16)
    estimator = flow_estimator("pwcnet")
    rows = []
    for name, probe in PROBES.items():
        output = probe(sharp)
        cells = []
        for profile in PROFILES.values():
            reference = cropped(as_reference(stored, profile), profile)
            restored = cropped(output, profile)
            target = Target(reference, everywhere(reference))
            if profile.protocol == "deformed-gt":
                target = deformed_target(reference, restored, estimator, profile.grid)
            cells.append(_cell(restored, target, profile.name))
        rows.append([name, *cells])
    return table(["output", *PROFILES], rows)


def _cell(output: Picture, target: Target, profile: str) -> str:
    metrics = {name: find_metric(name) for name in METRICS}
    scores = score_picture(output, target, PROFILES[profile], metrics)
    psnr, ssim = (scores[name].value for name in METRICS)
    assert psnr is not None  # noqa: S101 - these two need nothing
    assert ssim is not None  # noqa: S101 - these two need nothing
    return f"{psnr:.2f} / {ssim:.3f}"


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    click.echo(f"{protocol_table()}\n\n{profile_table()}")
