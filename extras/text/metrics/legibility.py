"""Legible text: characters that are read in the restored picture as in its target."""

import numpy as np
from numpy.typing import NDArray

from defocus.benchmark.metrics.metric import (
    Mask,
    Metric,
    MetricUnavailableError,
    Picture,
)
from defocus.benchmark.scoring.profiles import Profile
from defocus.errors import DefocusError
from defocus.extras.text.character_readers.tesseract import (
    REMEDY,
    read_text,
    tesseract_version,
)
from defocus.extras.text.similarity import similarity

FEWEST_CHARACTERS = 4
"""Least number of legible characters of a picture of text."""

_LUMA = np.array([0.299, 0.587, 0.114])


def _text(restored: Picture, target: Picture, mask: Mask, profile: Profile) -> float:  # noqa: ARG001 - every metric takes the profile
    """Percent of characters that both pictures have in common, in their order.

    Both are read by tesseract without a dictionary. Pixels that do not count are grey in both."""
    wanted = characters_in(target, mask)
    if len(wanted) < FEWEST_CHARACTERS:
        raise MetricUnavailableError(
            f"no text: fewer than {FEWEST_CHARACTERS} characters can be read in the sharp picture"
        )
    return 100 * similarity(characters_in(restored, mask), wanted)


def characters_in(picture: Picture, mask: Mask) -> str:
    """Characters that tesseract reads in a picture in [0, 1]; masked pixels become grey."""
    grey: NDArray[np.float64] = np.clip(picture, 0.0, 1.0) @ _LUMA
    grey = np.where(mask, grey, np.median(grey[mask]))
    try:
        lines = read_text(np.rint(grey * 255).astype(np.uint8))
    except DefocusError as error:
        raise MetricUnavailableError(str(error)) from error
    return "".join("".join(lines).split())


METRIC = Metric(
    name="text",
    display_name="Text",
    better="higher",
    unit="%",
    decimals=1,
    compute=_text,
    span=(0.0, 100.0),
    on_request=True,
    ready=lambda: bool(tesseract_version()),
    remedy=REMEDY,
)
