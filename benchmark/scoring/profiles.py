"""Profiles: all conventions that decide a metric's value, except the target.

One never changes under its name, its version; rows of different versions are never ranked together.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from defocus.errors import DefocusError, InputError

if TYPE_CHECKING:  # pictures and the warp need OpenCV; a profile does not
    from defocus.align.sampling.warp import Grid
    from defocus.pictures.values import Image

Array = NDArray[np.float64]


Depth = Literal["own", "high-byte", "nearest-byte"]
"""How a file of 16 bits is read."""

Resampling = Literal["area", "cubic"]
"""How a picture is scaled: OpenCV's names."""


@dataclass(frozen=True)
class Profile:
    """Conventions under which a metric is computed; its name is its version."""

    # Common to all: sRGB-encoded RGB in [0, 1] as stored, not resized, float64; a metric is
    # computed per picture, then averaged. ``sharp_depth`` is ``own`` (divided by 255 or 65535),
    # ``high-byte`` (upper 8 of 16 bits, as 8-bit readers give) or ``nearest-byte`` (rounded).
    # ``ssim_window`` is ``uniform-7`` with sample covariance or ``gaussian-11`` (σ 1.5) with
    # population covariance. Unless ``capped`` at 100 dB, only identical pictures have it;
    # ``psnr_floor`` is added to the mean squared error.
    # The fields from ``restored_depth`` on are of printed profiles. They are not in the repr,
    # which is part of the version of stored scores; ``reproduces`` has them in words there.

    name: str
    reproduces: str
    sharp_depth: Depth = "own"
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
    restored_depth: Depth = field(default="own", repr=False)  # of a file with 16 bits
    crop_from: Literal["corner", "centre"] = field(default="corner", repr=False)
    # both pictures are scaled by it, then cropped
    size: float = field(default=1.0, repr=False)
    resampling: Resampling = field(default="area", repr=False)
    # for PSNR
    mean: Literal["pictures", "errors"] = field(default="pictures", repr=False)


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
        Profile(
            "dpdd16",
            "DPDNet; nearly Restormer dual and IFAN's 16-bit setting",
            clamp=False,
        ),
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


def conventions_of(profile: Profile) -> str:
    """The conventions in words."""
    crop = f"cropped to multiples of {profile.crop_multiple}"
    if profile.crop_from == "centre":
        crop += " around the centre"
    channels = " of the luma" if profile.ssim_of_luma else ""
    words = [
        f"sharp picture with {_DEPTH_WORDS[profile.sharp_depth]} bit depth",
        "clamped" if profile.clamp else "not clamped",
        "rounded to 8 bits" if profile.rounded else "not rounded",
        crop if profile.crop_multiple > 1 else "not cropped",
        f"SSIM window {profile.ssim_window}{channels}",
    ]
    if profile.restored_depth != "own":
        words.append(f"restored picture with {profile.restored_depth} bit depth")
    if profile.size != 1:
        words.append(f"scaled by {profile.size:g} ({profile.resampling})")
    if profile.mean == "errors":
        words.append("PSNR of the mean error of all pictures")
    return "; ".join(words)


_DEPTH_WORDS = {
    "own": "its own",
    "high-byte": "high-byte",
    "nearest-byte": "nearest-byte",
}


def as_reference(sharp: "Image", profile: Profile) -> Array:
    """A sharp picture, uint8 or uint16, as a profile reads it: float64 in [0, 1]."""
    return _as_read(sharp, profile.sharp_depth)


def as_restored(restored: "Image", profile: Profile) -> Array:
    """A restored file's picture, uint8 or uint16, as a profile reads it: float64 in [0, 1]."""
    return _as_read(restored, profile.restored_depth)


_CODES_OF_A_BYTE = 257
"""Codes of 16 bits between two neighbours of 8 bits: 65535 / 255."""


def _as_read(picture: "Image", depth: Depth) -> Array:
    if picture.dtype == np.uint16:
        if depth == "high-byte":
            picture = (picture >> 8).astype(np.uint8)
        elif depth == "nearest-byte":
            picture = np.rint(picture / _CODES_OF_A_BYTE).astype(np.uint8)
    white = np.iinfo(picture.dtype).max
    return picture.astype(np.float64) / white


def resized(picture: Array, profile: Profile) -> Array:
    """A picture ``(H, W, 3)`` at the size of the profile; sides are rounded down."""
    if profile.size == 1:
        return picture
    import cv2

    height = int(picture.shape[0] * profile.size)
    width = int(picture.shape[1] * profile.size)
    if not (height and width):
        raise DefocusError(
            f"a picture of {picture.shape[:2]} px has no size {profile.size:g}"
        )
    method = cv2.INTER_AREA if profile.resampling == "area" else cv2.INTER_CUBIC
    scaled = cv2.resize(picture, (width, height), interpolation=method)
    return np.asarray(np.clip(scaled, 0.0, 1.0), np.float64)


def cropped(picture: NDArray[Any], profile: Profile) -> NDArray[Any]:
    """A picture or mask ``(H, W, …)``, cropped at bottom and right, or all round."""
    height, width = picture.shape[:2]
    return picture[crop_of(height, width, profile)]


def crop_of(height: int, width: int, profile: Profile) -> tuple[slice, slice]:
    """The rows and columns that a profile keeps of a picture of that size."""
    rows = height - height % profile.crop_multiple
    columns = width - width % profile.crop_multiple
    top = left = 0
    if profile.crop_from == "centre":
        top = (height - rows) // 2
        left = (width - columns) // 2
    return slice(top, top + rows), slice(left, left + columns)


def prepared(
    restored: NDArray[np.floating[Any]],
    shape: tuple[int, ...],
    profile: Profile,
) -> Array:
    """Prepare a restored picture by a profile: checked, float64, clamped, rounded."""
    require_floats(restored, "restored picture")
    if restored.shape != shape:
        raise DefocusError(
            f"the restored picture is {restored.shape}, its target {shape}"
        )
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
