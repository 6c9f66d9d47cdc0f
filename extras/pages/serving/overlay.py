"""Displacement measured between the members of a pair, for the page's script."""

import numpy as np
from numpy.typing import NDArray

from defocus.pictures.write import data_address


def overlay_document(
    overlay: tuple[str, NDArray[np.uint8]] | None,
) -> dict[str, str] | None:
    """Label and picture, as a data address, of ``(H, W, 4)`` RGBA; None if nothing was measured."""
    if overlay is None:
        return None
    label, picture = overlay
    return {"label": label, "picture": data_address(picture)}
