"""The blur of a pair, and what it does not explain, as pictures beside those of the pair."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.align.compensation.blur_map import blur_map_of, blur_picture, blur_scale_px
from defocus.align.flow.by_name import flow_estimator
from defocus.align.photometry.unexplained import unexplained_picture
from defocus.datasets.audit.run import Audit
from defocus.datasets.measuring.kept import kept_blur, pair_keys, session_key
from defocus.datasets.pair import Dataset

__all__ = ["BlurOf", "State", "blur_states"]

State = tuple[str, NDArray[np.uint8]]
BlurOf = Callable[[str, tuple[int, ...]], list[State]]
"""Pictures of a pair by its id, of some width and height."""

BLUR_SIDE = 1800
UNEXPLAINED = "what the blur does not explain: red lighter, blue darker, by half a stop or more"


def blur_states(dataset: Dataset, audit: Audit) -> BlurOf:
    """A function that gives the pictures of a pair, none of one not measured on this computer."""
    keys = pair_keys(dataset, flow_estimator(audit.estimator), audit.limits)
    together = session_key(dataset)

    def states(name: str, size: tuple[int, ...]) -> list[State]:
        known = kept_blur(keys[name], together)
        if known is None:
            return []
        found = blur_map_of(known, step=max(1, max(known.shape) // BLUR_SIDE))
        pictures = [(f"relative blur, 0 to {blur_scale_px(found):.1f} px", blur_picture(found))]
        if known.unexplained is not None:
            pictures.append((UNEXPLAINED, unexplained_picture(known.unexplained)))
        return [
            (label, np.asarray(cv2.resize(one, size, interpolation=cv2.INTER_AREA), np.uint8))
            for label, one in pictures
        ]

    return states
