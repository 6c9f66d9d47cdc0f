"""Profiles: all conventions that decide a metric's value, except the target.

One never changes under its name, its version; rows of different versions are never ranked together.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from defocus.errors import DefocusError, InputError
from defocus.near_names import meant

if TYPE_CHECKING:  # pictures and the warp need OpenCV; a profile does not
    from defocus.align.sampling.warp import Grid
    from defocus.images import Image


@dataclass(frozen=True)
class Profile:
    """Conventions under which a metric is computed; its name is its version."""

    # Common to all: sRGB-encoded RGB in [0, 1] as stored, not resized, float64; a metric is
    # computed per picture, then averaged. ``sharp_depth`` is ``own`` (divided by 255 or 65535) or
    # ``high-byte`` (upper 8 of 16 bits, as 8-bit readers give). ``ssim_window`` is ``uniform-7``
    # with sample covariance or ``gaussian-11`` (σ 1.5) with population covariance. Unless
    # ``capped`` at 100 dB, only identical pictures have it; ``psnr_floor`` is added to the mean
    # squared error.

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
    """The profile of that name; InputError if there is none."""
    if name not in PROFILES:
        raise InputError(f"no profile '{name}'; {meant(name, PROFILES)}")
    return PROFILES[name]


def as_reference(sharp: "Image", profile: Profile) -> NDArray[np.float64]:
    """A sharp picture, uint8 or uint16, as a profile reads it: float64 in [0, 1]."""
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
    """Refuse an integer picture."""
    if picture.dtype.kind != "f":
        raise InputError(
            f"the {name} is {picture.dtype}; give floats in [0, 1]: divide 8 bits by 255, 16 bits "
            "by 65535"
        )
