"""Recognise a picture by its look: a perceptual hash and a thumbnail."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL.Image import Resampling

from defocus.pictures.values import Image, upper_bits
from defocus.strips import strips

MOST_DIFFERENT_BITS = 12
"""Largest number of bits, of a hash of 64, in which two copies differ. A picture that was saved
again, resized, brightened or cropped a little differs in fewer."""
HASHED_PX = 512
"""Shorter side to which a picture is reduced before it is hashed, px, where it has twice that."""
HASH_PX = 32
THUMBNAIL_PX = 48
LEAST_CORRELATION = 0.93
"""Least correlation of the thumbnails of two copies. Hashes alone confuse simple pictures, for
example a dark object on a light wall."""

VIEW_BITS = 20
"""Largest number of different bits of two members of a pair."""
VIEW_CORRELATION = 0.6
"""Least correlation of the thumbnails of two members of a pair whose bits differ more. Simulated
pairs from f/2 to f/22 and three focus stacks have at most 14 bits or at least 0.87; of 2,000 pairs
of two scenes, one in a hundred passes."""


SAME_PIXELS = "blurry and sharp have the same pixels; give the right files"


def same_pixels(first: Image, second: Image) -> bool:
    """Whether two pictures are equal, at the smaller bit depth if they have two."""
    if first.dtype != second.dtype:
        first = upper_bits(first)
        second = upper_bits(second)
    if first.shape != second.shape:
        return False
    # Most differ in the first strip.
    return all(np.array_equal(first[rows], second[rows]) for rows in strips(len(first)))


@dataclass(frozen=True)
class Fingerprint:
    """A perceptual hash, ``(64,)`` bool, and a grey thumbnail of zero mean and unit length."""

    bits: NDArray[np.bool_]
    thumbnail: NDArray[np.float32]


def fingerprint(picture: Image) -> Fingerprint:
    """The fingerprint of a ``(H, W, 3)`` RGB picture; of 16 bits the upper 8 count."""
    grey = cv2.cvtColor(upper_bits(picture), cv2.COLOR_RGB2GRAY)
    # of a large picture that takes half the time
    factor = max(1, min(grey.shape) // HASHED_PX)
    shown = cv2.resize(
        grey,
        None,
        fx=1 / factor,
        fy=1 / factor,
        interpolation=cv2.INTER_AREA,
    )
    bits = _hash(np.asarray(shown, np.uint8))
    small = cv2.resize(grey, (THUMBNAIL_PX,) * 2, interpolation=cv2.INTER_AREA)
    thumbnail = small.astype(np.float32)
    thumbnail -= thumbnail.mean()
    length = float(np.linalg.norm(thumbnail))
    return Fingerprint(bits, thumbnail / max(length, 1e-6))


def _hash(grey: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """For each of the 64 lowest frequencies, whether it exceeds their median, as in imagehash."""
    # Source: the DCT hash known as pHash (Zauner, Implementation and Benchmarking of Perceptual
    # Image Hash Functions, 2010).
    picture = PillowImage.fromarray(grey)
    reduced = picture.resize((HASH_PX,) * 2, Resampling.LANCZOS)
    frequencies = scipy.fft.dctn(np.asarray(reduced, np.float64))
    low = frequencies[:8, :8]
    return np.asarray(low > np.median(low)).ravel()


def one_picture(first: Fingerprint, second: Fingerprint) -> bool:
    """Whether two pictures are nearly identical, as two shots of one scene from a tripod."""
    if _bits(first, second) > MOST_DIFFERENT_BITS:
        return False
    return _correlation(first.thumbnail, second.thumbnail) >= LEAST_CORRELATION


def maybe_one_view(first: Fingerprint, second: Fingerprint) -> bool:
    """Whether two pictures may show one view, one of them blurred or mirrored left to right."""
    if _bits(first, second) <= VIEW_BITS:
        return True
    upright = _correlation(first.thumbnail, second.thumbnail)
    mirrored = _correlation(first.thumbnail[:, ::-1], second.thumbnail)
    return max(upright, mirrored) >= VIEW_CORRELATION


def _bits(first: Fingerprint, second: Fingerprint) -> int:
    return int((first.bits != second.bits).sum())


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    return float(first.ravel() @ second.ravel())


def fingerprint_of(document: dict[str, Any]) -> Fingerprint:
    """A fingerprint from its document; ValueError, KeyError or TypeError for any other one."""
    packed = np.frombuffer(bytes.fromhex(document["bits"]), dtype=np.uint8)
    bits = np.unpackbits(packed)
    thumbnail = np.array(document["thumbnail"], dtype=np.float32)
    fits = bits.size == 64 and thumbnail.shape == (THUMBNAIL_PX,) * 2
    if not fits or not np.isfinite(thumbnail).all():
        raise ValueError("a fingerprint is none")
    return Fingerprint(bits.astype(np.bool_), thumbnail)
