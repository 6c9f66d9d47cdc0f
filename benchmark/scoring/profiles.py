"""Profiles: all conventions that decide a metric's value, except the target.

A profile never changes under its name; a change gets a new name. So the name is the version of the
conventions, and rows of different versions are never ranked together.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from defocus.errors import DefocusError, InputError

if TYPE_CHECKING:  # pictures and the warp need OpenCV; a profile does not
    from defocus.align.sampling.warp import Grid
    from defocus.images import Image

__all__ = [
    "DEFAULT",
    "PROFILES",
    "Profile",
    "as_reference",
    "cropped",
    "find_profile",
    "prepared",
    "require_floats",
]


@dataclass(frozen=True)
class Profile:
    """Conventions under which a metric is computed.

    Common to all profiles: sRGB-encoded values as stored, RGB in [0, 1], not resized; a metric is
        computed per picture and then averaged. Numbers are float64 even if an official script uses
        float32; the difference is below 1e-6 in SSIM and 1e-5 dB (measured in the tests).

    Attributes:
        name: Name in results; it is the version too.
        reproduces: Whose numbers it reproduces, one line for tables.
        sharp_depth: ``own``: divided by 255 or 65535. ``high-byte``: only the upper 8 of 16 bits
            (truncated, as OpenCV's and PIL's 8-bit reading does), divided by 255.
        clamp: Whether the restored picture is clamped to [0, 1].
        rounded: Whether the restored picture is rounded to 8 bits before.
        crop_multiple: Rows at the bottom and columns at the right are cut off until both sides are
            multiples of this.
        ssim_window: ``uniform-7`` with sample covariance, or ``gaussian-11`` (σ 1.5) with
            population covariance; data range 1.
        capped: Whether every PSNR is capped at 100 dB, or only identical pictures get 100 dB.
        without: Metrics that are left out.
        protocol: The protocol of its authors.
        grid: Sampling grid of the warp under ``deformed-gt``; see
            :func:`defocus.align.sampling.warp.warp`.
        ssim_of_luma: Whether SSIM and MS-SSIM look at the luma, rounded to 8 bits, instead of the
            three channels.
        ssim_clipped: Whether a negative term of contrast and structure counts as 0.
        zeros_around: Whether MS-SSIM puts zeros around an odd side before it is halved.
        psnr_floor: Added to the mean squared error under PSNR's logarithm.
    """

    name: str
    reproduces: str
    sharp_depth: Literal["own", "high-byte"] = "own"
    clamp: bool = True
    rounded: bool = False
    crop_multiple: int = 1
    ssim_window: Literal["uniform-7", "gaussian-11"] = "uniform-7"
    capped: bool = False
    without: tuple[str, ...] = ()
    protocol: Literal["gt", "input-aligned", "deformed-gt"] = "gt"
    grid: "Grid" = "correct"
    ssim_of_luma: bool = False
    ssim_clipped: bool = False
    zeros_around: bool = False
    psnr_floor: float = 0.0


DEFAULT = Profile(
    name="defocus-v1",
    reproduces="our own: own bit depth, clamped, both SSIM windows, gain over the input",
    capped=True,
    protocol="input-aligned",
)

PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        DEFAULT,
        Profile("dpdd16", "DPDNet; nearly Restormer dual and IFAN's 16-bit setting", clamp=False),
        Profile(
            "dpdd8",
            "IFAN and Restormer with one picture, and who copied Restormer's script",
            sharp_depth="high-byte",
        ),
        Profile(
            "dpdd8-crop16",
            "DRBNet on DPDD and RealDOF",
            sharp_depth="high-byte",
            crop_multiple=16,
            without=("mae",),
        ),
        Profile(
            "png8",
            "KPAC, and whatever is only there as 8-bit files",
            sharp_depth="high-byte",
            rounded=True,
        ),
        Profile(
            "jdrl-sdd",
            "JDRL's table of SDD, its shifted sampling grid included",
            sharp_depth="high-byte",
            protocol="deformed-gt",
            grid="official",
        ),
        Profile(
            "jdrl-sdd-fixed",
            "the same with the correct grid",
            sharp_depth="high-byte",
            protocol="deformed-gt",
        ),
        Profile(
            "basicsr",
            "BasicSR: 8 bits, RGB, no border cut off, SSIM as MATLAB's",
            sharp_depth="high-byte",
            rounded=True,
            ssim_window="gaussian-11",
        ),
        Profile(
            "pyiqa",
            "the package pyiqa: 8 bits, SSIM and MS-SSIM of the luma, 1e-8 under PSNR's logarithm",
            sharp_depth="high-byte",
            rounded=True,
            ssim_window="gaussian-11",
            ssim_of_luma=True,
            ssim_clipped=True,
            zeros_around=True,
            psnr_floor=1e-8,
        ),
    )
}
"""Every profile by name."""


def find_profile(name: str) -> Profile:
    """The profile of that name.

    Raises:
        InputError: There is none.
    """
    if name not in PROFILES:
        raise InputError(f"no profile '{name}'; there are {', '.join(PROFILES)}")
    return PROFILES[name]


def as_reference(sharp: "Image", profile: Profile) -> NDArray[np.float64]:
    """Convert a sharp picture as a profile reads it.

    Args:
        sharp: ``(H, W, 3)`` uint8 or uint16.
        profile: The conventions.

    Returns:
        ``(H, W, 3)`` float64 in [0, 1].
    """
    if sharp.dtype == np.uint16 and profile.sharp_depth == "high-byte":
        sharp = (sharp >> 8).astype(np.uint8)
    return sharp.astype(np.float64) / np.iinfo(sharp.dtype).max


def cropped(picture: NDArray[Any], profile: Profile) -> NDArray[Any]:
    """A picture or mask ``(H, W, …)``, cropped at bottom and right by the profile."""
    height, width = (side - side % profile.crop_multiple for side in picture.shape[:2])
    return picture[:height, :width]


def prepared(
    restored: NDArray[np.floating[Any]], shape: tuple[int, ...], profile: Profile
) -> NDArray[np.float64]:
    """Prepare a restored picture by a profile: checked, float64, clamped, rounded."""
    require_floats(restored, "restored picture")
    if restored.shape != shape:
        raise DefocusError(f"the restored picture is {restored.shape}, its target {shape}")
    picture = restored.astype(np.float64)
    if not np.isfinite(picture).all():
        raise DefocusError("the restored picture has values that are not finite")
    if profile.clamp:
        picture = np.clip(picture, 0.0, 1.0)
    return np.rint(picture * 255.0) / 255.0 if profile.rounded else picture


def require_floats(picture: NDArray[Any], name: str) -> None:
    """Refuse an integer picture.

    Raises:
        InputError: The picture has an integer type.
    """
    if picture.dtype.kind != "f":
        raise InputError(
            f"the {name} is {picture.dtype}; give floats in [0, 1]: divide 8 bits by 255, 16 bits "
            "by 65535"
        )
