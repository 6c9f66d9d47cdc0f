"""What two pictures themselves show of why their misalignment is unknown.

A registration's reason says where it stopped; what stopped it is often seen in the pictures."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.arrays import Grey
from defocus.align.sampling.pyramid import band
from defocus.pictures.values import Image, bit_depth

EXPOSURE = "leaves no detail there"
TEXTURE = "shows hardly any texture"
BLUR = "of the contrast of the sharp one"
TURNED = "they look alike"
EXCHANGED = "as if the two were exchanged"
TWO_SCENES = "as if they showed two scenes"
"""Words in the answers of :func:`cause`, by which the advice is found."""

SIDE = 512
"""Longest side at which pictures are looked at, px."""
BLACK = 0.02
WHITE = 0.98
MOST_CLIPPED = 0.4
"""Largest share of black or of saturated pixels."""
FINE = (2.0, 8.0)
"""Standard deviations, px, of the Gaussians between which detail counts as texture."""
COARSE = (4.0, 16.0)
"""Standard deviations, px, of the Gaussians between which a strong blur removes detail."""
LEAST_TEXTURE = 0.005
"""Standard deviation of the texture over the mean, in the median of 8 × 8 parts: photographs of
480 × 360 px have 0.08 to 0.19, and with a hundredth of their contrast 0.002."""
PARTS = 8
"""Number of parts along each side of a picture."""
STRONG_BLUR = 0.15
"""Largest contrast that a strong blur leaves. In pictures with that blur, a Gaussian of 30 px
leaves 0.03 to 0.147, one of 8 px 0.37 and more."""
SMALLEST_SIDE = 32
TURNED_SIDE = 128
TURNED_BAND = (1.5, 16.0)
LEAST_ALIKE = 0.7
"""Least correlation of the turned pictures."""
LEAST_MORE_ALIKE = 0.2
"""Least gain of that correlation over that of the pictures as they are. Four turned photographs
have 0.99, 0.3 more than as they are; others at most 0.69, less than as they are."""

ZOOMS = (1.15, 1.32)
"""Zooms that are tried besides 1."""
LEAST_OF_ONE_SCENE = 0.4
"""Least correlation of two pictures of one scene under any shift. Of 18 photographs blurred by 2
and 8 px, enlarged up to 1.4 and shifted, all have 0.52 and more; 148 of 153 combinations of two
photographs have less."""
MORE_CONTRAST = 1.25
"""Contrast of the blurry picture over that of the sharp one from which they are exchanged; pairs of
one scene have at most 1."""

WAYS: tuple[tuple[str, Callable[[Grey], Grey]], ...] = (
    ("turned by 180°", lambda picture: picture[::-1, ::-1]),
    ("mirrored left to right", lambda picture: picture[:, ::-1]),
    ("mirrored upside down", lambda picture: picture[::-1]),
    ("turned by 90°", lambda picture: picture[::-1].T),
    ("turned by 90°", lambda picture: picture[:, ::-1].T),
)


def cause(blurry: Image, sharp: Image) -> str:
    """What the pictures show of why they cannot be registered; empty if nothing stands out."""
    sides = *blurry.shape[:2], *sharp.shape[:2]
    if min(sides) < SMALLEST_SIDE:
        return ""
    clipped = _most_clipped("blurry", blurry) or _most_clipped("sharp", sharp)
    if clipped:
        return clipped
    first = _small(blurry)
    second = _small(sharp)
    left = _contrast(first) / max(_contrast(second), 1e-6)
    thumbnails = _thumbnail(first), _thumbnail(second)
    alike = _likeness(*thumbnails)
    if left > MORE_CONTRAST:
        enlarged = _enlarged_likeness(first, second)
        if alike > max(LEAST_OF_ONE_SCENE, enlarged):
            kept = f"{100 / left:.0f} % of the blurry one's contrast"
            return f"the sharp picture has {kept}, {EXCHANGED}"
    if _texture(second) < LEAST_TEXTURE:
        return f"the sharp picture {TEXTURE}"
    if left < STRONG_BLUR:
        return f"the blurry picture keeps {100 * left:.0f} % {BLUR}"
    if turned := _turned(*thumbnails, alike):
        return turned
    return _other_scene(first, second, alike)


def _most_clipped(name: str, picture: Image) -> str:
    """Words for a member that is mostly black or white; empty if it is not."""
    for tone, share in _clipped(picture):
        if share > MOST_CLIPPED:
            percent = f"{100 * share:.0f} %"
            return f"{percent} of the {name} picture is {tone}, which {EXPOSURE}"
    return ""


def _other_scene(first: Grey, second: Grey, alike: float) -> str:
    """Whether small copies are too different for one scene."""
    if first.shape != second.shape:
        return ""
    alike = max(alike, _enlarged_likeness(first, second))
    if alike < LEAST_OF_ONE_SCENE:
        return f"small copies of them correlate to {alike:.2f}, {TWO_SCENES}"
    return ""


def _clipped(picture: Image) -> tuple[tuple[str, float], tuple[str, float]]:
    """Shares of the pixels that are black, and saturated, in all channels."""
    step = max(1, max(picture.shape) // SIDE)
    white_code = np.float32(2 ** bit_depth(picture) - 1)
    every = slice(None, None, step)
    values = picture[every, every] / white_code
    black = (values <= BLACK).all(axis=2)
    white = (values >= WHITE).all(axis=2)
    return (
        ("black", float(black.mean())),
        ("saturated", float(white.mean())),
    )


def _small(picture: Image) -> Grey:
    """``(h, w)`` encoded grey, of at most :data:`SIDE` px, over its mean."""
    small = _shrunk(picture, SIDE)
    grey = small.mean(axis=2, dtype=np.float32)
    light = max(float(grey.mean()), 1e-6)
    return np.asarray(grey / light, np.float32)


def _texture(picture: Grey) -> float:
    """Standard deviation of the detail in the median part of the picture."""
    detail = band(picture, *FINE)
    deviations: list[float] = []
    for row in np.array_split(detail, PARTS):
        parts = np.array_split(row, PARTS, axis=1)
        deviations += [part.std() for part in parts]
    return float(np.median(deviations))


def _contrast(picture: Grey) -> float:
    """Standard deviation of the coarse detail of the whole picture."""
    return float(band(picture, *COARSE).std())


def _turned(first: Grey, second: Grey, alike: float) -> str:
    """Which turn makes the pictures look alike that do not as they are; empty if none does."""
    tried = []
    for name, turn in WAYS:
        likeness = _likeness(turn(first), second)
        tried.append((likeness, name))
    likeness, name = max(tried)
    least = max(LEAST_ALIKE, alike + LEAST_MORE_ALIKE)
    if likeness <= least:
        return ""
    return f"with one of them {name}, {TURNED}"


def _thumbnail(picture: Grey) -> Grey:
    small = _shrunk(picture, TURNED_SIDE)
    return band(np.asarray(small, np.float32), *TURNED_BAND)


def _shrunk(picture: Image | Grey, side: int) -> NDArray[Any]:
    """The picture with at most ``side`` pixels on its longer side."""
    height, width = picture.shape[:2]
    longest = max(picture.shape)
    factor = min(1.0, side / longest)
    across = max(1, round(factor * width))
    down = max(1, round(factor * height))
    size = (across, down)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _likeness(first: Grey, second: Grey) -> float:
    """Highest correlation under any cyclic shift, 1 for equal pictures; 0 if sizes differ."""
    if first.shape != second.shape:
        return 0.0
    a = np.fft.rfft2(first - first.mean())
    b = np.fft.rfft2(second - second.mean())
    cross = np.conj(a) * b
    surface = np.fft.irfft2(cross, s=first.shape)
    scatter = float(first.std()) * float(second.std())
    energy = max(scatter * first.size, 1e-12)
    return float(surface.max()) / energy


def _enlarged_likeness(first: Grey, second: Grey) -> float:
    """Highest likeness with one of the pictures enlarged, as if it was taken from nearer."""
    likenesses = []
    for one, other in ((first, second), (second, first)):
        small = _thumbnail(one)
        for zoom in ZOOMS:
            enlarged = _thumbnail(_enlarged(other, zoom))
            likenesses.append(_likeness(small, enlarged))
    return max(likenesses)


def _enlarged(picture: Grey, zoom: float) -> Grey:
    height, width = picture.shape
    lost = 1 - 1 / zoom
    top = round(height * lost / 2)
    left = round(width * lost / 2)
    rows = picture[top : height - top]
    middle = rows[:, left : width - left]
    whole = cv2.resize(middle, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(whole, np.float32)


LESS_BLUR = "take the pair again with less blur: a smaller change of aperture or focus"
MORE_TEXTURE = "texture in all parts of the picture"
SESSION = "take several pairs with one lens and one change of aperture, and measure them together"
ALIKE = "look whether both show one scene, of which most is in both"
REACH = (
    "--largest-shift with the longest way that a corner can have moved, if you know it for sure: "
    "less than the true way gives a wrong shift without a warning, or none"
)

EXPOSED = "take the pair again, neither too dark nor too bright"

REASONS: tuple[tuple[str, str], ...] = (
    # what the pictures show comes first: the rest of such a reason only says what followed from it
    (EXPOSURE, f"{EXPOSED}, and with a subject that fills it"),
    (TEXTURE, f"take the pair again, with {MORE_TEXTURE}"),
    (BLUR, f"{LESS_BLUR}; if that is not it, look whether both show one scene"),
    (EXCHANGED, "give the blurry picture first, then the sharp one"),
    (
        TWO_SCENES,
        "give two pictures of one scene, as large in both, of which most is in both",
    ),
    (TURNED, "turn one of the pictures; orientation tags are not applied"),
    ("the pictures are smaller than", "give the pictures in full size"),
    (
        "too little in common",
        "take the pair again, with both pictures of the same view",
    ),
    (
        "show enough in common",
        f"look whether both show one scene; {LESS_BLUR}, and with {MORE_TEXTURE}",
    ),
    ("do not agree on one displacement", f"{ALIKE}, and nothing in it moved"),
    ("that is allowed: it is", "leave --at-most out, or allow a richer model"),
    (
        "the corners would move",
        "leave --largest-shift out, or give the longest way that a corner can have moved",
    ),
    ("only one part of the picture", f"take the pair again, with {MORE_TEXTURE}"),
    ("the tiles leave an error", f"{LESS_BLUR}, and with {MORE_TEXTURE}; or {SESSION}"),
    (
        "do not look alike",
        "look whether both show one scene in one light; if they are noisy, a lower ISO",
    ),
    ("the texture repeats itself", REACH),
    ("skewed as by a coma", f"{LESS_BLUR}; or {SESSION}"),
    ("an asymmetric point spread differ", f"{LESS_BLUR}; or {SESSION}"),
    ("may hide in the blur", f"{LESS_BLUR}; or {SESSION}"),
    (
        "of the tiles agree",
        "look whether something moved in the scene between the pictures",
    ),
    ("the blur is strong", LESS_BLUR),
    (
        "by another zoom than the one that is known",
        "look whether the lens was zoomed or focused otherwise than its metadata say",
    ),
    ("nowhere consistent", f"look whether both show one scene; {LESS_BLUR}"),
    ("black and saturated", EXPOSED),
)
"""Words of a reason, and the advice that helps."""


def resting_on(largest_px: float) -> str:
    """Words on a result whose texture repeats itself farther on than a person says."""
    return f"rests on your --largest-shift {largest_px:g} px: other shifts that fit were left out"


def advice(reason: str) -> str:
    """Advice for a pair that is unknown for a reason; empty if there is none."""
    for words, text in REASONS:
        if words in reason:
            return text
    return ""
