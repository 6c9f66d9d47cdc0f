"""Displacement measured between the members of a pair, for the page's script."""

import base64

import numpy as np
from numpy.typing import NDArray

from defocus.pictures.write import encoded_png


def overlay_document(
    overlay: tuple[str, NDArray[np.uint8]] | None,
) -> dict[str, str] | None:
    """Label and PNG, as a data address, of ``(H, W, 4)`` RGBA; None if nothing was measured."""
    if overlay is None:
        return None
    label, picture = overlay
    source = f"data:image/png;base64,{base64.b64encode(encoded_png(picture)).decode()}"
    return {"label": label, "picture": source}
