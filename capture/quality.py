"""Whether a pair is good enough, decided on the spot while the camera still stands there."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.capture.exif import Exif
from defocus.capture.exposure import Bracket, Exposure
from defocus.capture.state import Verdict
from defocus.errors import ImageError
from defocus.files import sha256_file
from defocus.images import FloatImage, Image, as_float, read_pair, srgb_to_linear

__all__ = ["LIMITS", "Finding", "Quality", "QualityLimits", "exposure_gain_ev", "judge_pair"]

Severity = Literal["note", "warn", "reject"]


@dataclass(frozen=True)
class QualityLimits:
    """From where on a pair is warned about, or rejected.

    Attributes:
        exif_ev: EXIF further from what was asked than this rejects, EV; labels are rounded.
        exposure_warn_ev, exposure_reject_ev: Exposure difference that settings do not explain.
        sharpness_warn, sharpness_reject: Gradient energy of sharp over blurry, below.
        shift_warn_px, shift_reject_px: Length of the shift.
        zoom_warn, zoom_reject: Change of magnification, a fraction.
        clipped_warn: Share of clipped pixels.
    """

    exif_ev: float = 0.25
    exposure_warn_ev: float = 0.1
    exposure_reject_ev: float = 0.3
    sharpness_warn: float = 1.1
    sharpness_reject: float = 1.0
    shift_warn_px: float = 2.0
    shift_reject_px: float = 10.0
    zoom_warn: float = 0.003
    zoom_reject: float = 0.05
    clipped_warn: float = 0.01


LIMITS = QualityLimits()

MEASURED_SIZE_PX = 1600
"""Longer pictures are reduced before their misalignment is measured: seconds count on the spot."""

BLOCK_PX = 32
"""Light is compared over blocks: blur carries it across pixels, hardly across blocks."""

CLIPPED, BLACK = 0.98, 0.002
"""Linear values from where on a pixel counts as clipped, and up to where as black."""


@dataclass(frozen=True)
class Finding:
    """One thing to say about a pair."""

    severity: Severity
    text: str


@dataclass
class Quality:
    """What the checks found.

    Attributes:
        findings: In the order of the checks.
        numbers: What was measured, for ``pair.json``; None where it could not be.
    """

    findings: list[Finding] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings."""
        severities = {finding.severity for finding in self.findings}
        if "reject" in severities:
            return "reject"
        return "warn" if "warn" in severities else "accept"

    @property
    def reason(self) -> str:
        """All findings in one line, the gravest first; empty where there are none."""
        order = {"reject": 0, "warn": 1, "note": 2}
        ranked = sorted(self.findings, key=lambda finding: order[finding.severity])
        return "; ".join(finding.text for finding in ranked)

    def compare(self, value: float, warn: float, reject: float, text: str) -> None:
        """Add ``text`` where ``value`` exceeds a limit."""
        if value > reject:
            self.findings.append(Finding("reject", text))
        elif value > warn:
            self.findings.append(Finding("warn", text))


def judge_pair(
    blurry: Path,
    sharp: Path,
    bracket: Bracket,
    exif: Mapping[str, Exif],
    limits: QualityLimits = LIMITS,
    *,
    virtual_camera: bool = False,
) -> Quality:
    """Compare EXIF with what was asked, and measure exposure, sharpness and misalignment.

    Args:
        blurry: Picture file.
        sharp: Picture file.
        bracket: What was asked of the camera.
        exif: What the files say, by role.
        limits: From where on to warn or reject.
        virtual_camera: Whether the pictures are prepared files: then what contradicts the settings
            is said as a warning, since retaking could not mend it.

    Returns:
        Verdict, reasons and numbers. An unknown misalignment is noted and never rejects.
    """
    quality = Quality()
    if sha256_file(blurry) == sha256_file(sharp):
        text = "both files are the same: the camera delivered an old picture, or does not stop down"
        quality.findings.append(Finding("reject", text))
    _check_exif(quality, "blurry", bracket.blurry, exif["blurry"], limits)
    _check_exif(quality, "sharp", bracket.sharp, exif["sharp"], limits)
    try:
        first, second = read_pair(blurry, sharp)
    except ImageError as error:
        quality.findings.append(Finding("reject", str(error)))
        return quality
    linear = srgb_to_linear(as_float(first)), srgb_to_linear(as_float(second))
    _check_exposure(quality, linear, bracket, limits)
    _check_clipping(quality, linear, limits)
    _check_sharpness(quality, as_float(first), as_float(second), limits)
    _check_alignment(quality, first, second, limits)
    if virtual_camera:
        _warn_only(quality)
    return quality


def _warn_only(quality: Quality) -> None:
    found = [replace(f, severity="warn") if f.severity == "reject" else f for f in quality.findings]
    text = "the virtual camera delivers prepared files whatever it is set to"
    quality.findings[:] = [Finding("note", text), *found]


def _check_exif(
    quality: Quality, role: str, asked: Exposure, found: Exif, limits: QualityLimits
) -> None:
    if found.empty:
        text = f"the {role} file has no EXIF, so its settings are not confirmed"
        quality.findings.append(Finding("warn", text))
        return
    f_number, seconds, iso = asked.nominal
    pairs = [("f-number", f_number, found.f_number, 2.0), ("time", seconds, found.seconds, 1.0)]
    if asked.iso is not None:
        pairs.append(("ISO", iso, found.iso, 1.0))
    for name, wanted, got, steps in pairs:
        if got is not None and abs(steps * math.log2(got / wanted)) > limits.exif_ev:
            text = f"EXIF of the {role} file says {name} {got:g}, asked was {wanted:g}"
            quality.findings.append(Finding("reject", text))


def _check_exposure(
    quality: Quality,
    linear: tuple[FloatImage, FloatImage],
    bracket: Bracket,
    limits: QualityLimits,
) -> None:
    measured = exposure_gain_ev(*linear)
    residual = None if measured is None else measured - bracket.residual_ev
    quality.numbers["measured_ev"] = measured
    quality.numbers["exposure_residual_ev"] = residual
    if residual is None:
        quality.findings.append(
            Finding("warn", "no part of the pictures is bright enough to compare their exposure")
        )
        return
    text = f"exposure is off by {residual:+.2f} EV: flickering light or an inexact aperture"
    quality.compare(abs(residual), limits.exposure_warn_ev, limits.exposure_reject_ev, text)


def exposure_gain_ev(blurry: FloatImage, sharp: FloatImage) -> float | None:
    """log2 of the light of the blurry over that of the sharp picture, where neither is clipped.

    Args:
        blurry: ``(H, W, 3)``, linear light in [0, 1].
        sharp: The same size.

    Returns:
        EV; None where no block of 32 × 32 pixels is free of clipped pixels and not black.
    """
    usable = ~(_blocks(np.maximum(blurry, sharp).max(axis=2) >= CLIPPED) > 0)
    light = [_blocks(picture.mean(axis=2)) for picture in (blurry, sharp)]
    usable &= np.minimum(*light) > BLACK
    if not usable.any():
        return None
    return float(np.log2(light[0][usable].sum() / light[1][usable].sum()))


def _blocks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Means over blocks; what is left at the right and lower border is dropped."""
    size = min(BLOCK_PX, *values.shape)
    height, width = (length // size * size for length in values.shape)
    cut = values[:height, :width].reshape(height // size, size, width // size, size)
    return np.asarray(cut.mean(axis=(1, 3), dtype=np.float64))


def _check_clipping(
    quality: Quality, linear: tuple[FloatImage, FloatImage], limits: QualityLimits
) -> None:
    for role, picture in zip(("blurry", "sharp"), linear, strict=True):
        share = float((picture.max(axis=2) >= CLIPPED).mean())
        quality.numbers[f"{role}_clipped_share"] = share
        if share > limits.clipped_warn:
            quality.findings.append(
                Finding("warn", f"{share:.1%} of the {role} picture is clipped")
            )


def _check_sharpness(
    quality: Quality, blurry: FloatImage, sharp: FloatImage, limits: QualityLimits
) -> None:
    energies = [gradient_energy(picture) for picture in (blurry, sharp)]
    ratio = energies[1] / energies[0] if energies[0] > 0 else None
    quality.numbers["sharpness_ratio"] = ratio
    if ratio is None:
        quality.findings.append(Finding("reject", "the blurry picture shows nothing at all"))
        return
    text = f"the sharp picture has {ratio:.2f} times the sharpness of the blurry one"
    quality.compare(-ratio, -limits.sharpness_warn, -limits.sharpness_reject, text)


def gradient_energy(picture: FloatImage) -> float:
    """Mean squared Sobel gradient (Tenengrad), noise damped first, relative to mean brightness.

    Args:
        picture: ``(H, W, 3)`` in [0, 1], sRGB-encoded.
    """
    grey = cv2.GaussianBlur(picture.mean(axis=2), (0, 0), 1.0)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    brightness = float(grey.mean())
    return float((across**2 + down**2).mean()) / brightness**2 if brightness > 0 else 0.0


def _check_alignment(quality: Quality, blurry: Image, sharp: Image, limits: QualityLimits) -> None:
    from defocus.align.flow import flow_estimator  # torch takes a second to import
    from defocus.align.measure import measure

    factor = max(1.0, max(blurry.shape[:2]) / MEASURED_SIZE_PX)
    first, second = _reduced(blurry, factor), _reduced(sharp, factor)
    found = measure(first, second, flow_estimator()).misalignment
    model = found.similarity
    quality.numbers["misalignment"] = {
        **found.to_json(),
        "shift_px": [None, None] if model is None else [s * factor for s in model.shift_px],
        "measured_at_scale": 1.0 / factor,
    }
    if found.status == "unknown" or model is None:
        quality.findings.append(Finding("note", f"misalignment unknown: {found.reason}"))
        return
    shift, zoom = math.hypot(*model.shift_px) * factor, abs(model.zoom - 1.0)
    quality.compare(
        shift, limits.shift_warn_px, limits.shift_reject_px, f"the camera moved by {shift:.1f} px"
    )
    quality.compare(
        zoom, limits.zoom_warn, limits.zoom_reject, f"the magnification changed by {zoom:.2%}"
    )


def _reduced(picture: Image, factor: float) -> Image:
    if factor == 1.0:
        return picture
    height, width = picture.shape[:2]
    size = (round(width / factor), round(height / factor))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(picture.dtype)
