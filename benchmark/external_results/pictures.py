"""The pictures of one subject, read as a profile says and brought to one size."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.external_results.cropping import (
    CommonCentre,
    Crop,
    Size,
    common_size,
    corner_of,
    nearly_equal,
    size_words,
)
from defocus.benchmark.external_results.matching import Subject
from defocus.benchmark.scoring.profiles import Profile, as_reference, cropped
from defocus.errors import ImageError
from defocus.images import as_float, read_image

__all__ = ["ComparedPictures", "read_pictures"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ComparedPictures:
    """A restored picture with what it is compared with: ``(H, W, 3)`` in [0, 1], as stored."""

    profile: Profile
    restored: Array
    blurry: Array | None
    sharp: Array | None
    size: Size | None = None
    area: CommonCentre | None = None

    @property
    def corner(self) -> Size:
        """Row and column of the pair's pictures where the scored part begins."""
        whole = self.blurry if self.blurry is not None else self.sharp
        return (0, 0) if self.size is None or whole is None else corner_of(whole, self.size)

    def part(self, picture: NDArray[Any]) -> NDArray[Any]:
        """The scored part of a picture or mask."""
        if self.size is not None:
            top, left = corner_of(picture, self.size)
            height, width = self.size
            picture = np.ascontiguousarray(picture[top : top + height, left : left + width])
        return cropped(picture, self.profile)


def read_pictures(
    subject: Subject, path: Path, profile: Profile, crop: Crop | None, *, with_sharp: bool
) -> ComparedPictures:
    """Read a restored file and what it is compared with; ``crop`` is for nearly equal sizes."""
    restored = np.asarray(as_float(read_image(path), np.float64), dtype=np.float64)
    files = {
        "blurry": subject.pair.blurry if subject.pair is not None else None,
        "sharp": subject.sharp if with_sharp else None,
    }
    others: dict[str, Array | None] = dict.fromkeys(files)
    unequal: dict[Path, Array] = {}
    for kind, file in files.items():
        if file is not None:
            other = others[kind] = as_reference(read_image(file), profile)
            if cropped(other, profile).shape != cropped(restored, profile).shape:
                unequal[file] = other
    pictures = ComparedPictures(profile, restored, others["blurry"], others["sharp"])
    if not unequal:
        return pictures
    if crop is None:
        raise ImageError(_refusal(path, pictures, unequal))
    return _centred(pictures, unequal)


def _refusal(path: Path, pictures: ComparedPictures, unequal: Mapping[Path, Array]) -> str:
    """Why pictures of unequal sizes are not scored, and what scores them."""
    near = all(nearly_equal(pictures.restored.shape, one.shape) for one in unequal.values())
    offer = "; --crop centre scores what both have around the centre" if near else ""
    file, other = next(iter(unequal.items()))
    first, second = (
        size_words(cropped(one, pictures.profile).shape) for one in (pictures.restored, other)
    )
    return f"{path} is {first} but {file} is {second}; sizes must be equal{offer}"


def _centred(pictures: ComparedPictures, unequal: Mapping[Path, Array]) -> ComparedPictures:
    """The same pictures, scored on the centre that all have in common."""
    sizes = [common_size(pictures.restored, other) for other in unequal.values()]
    size = min(height for height, _ in sizes), min(width for _, width in sizes)
    height, width = cropped(np.empty(size), pictures.profile).shape
    other = next(iter(unequal.values()))
    area = CommonCentre(
        size_words(pictures.restored.shape),
        size_words(other.shape),
        size_words((height, width)),
        height * width,
    )
    return replace(pictures, size=size, area=area)
