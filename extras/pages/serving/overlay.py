"""What was measured between the members of a pair, for the page's script."""

import base64

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError


def overlay_document(overlay: tuple[str, NDArray[np.uint8]] | None) -> dict[str, str] | None:
    """Label and PNG, as a data address, of ``(H, W, 4)`` RGBA; None if nothing was measured."""
    if overlay is None:
        return None
    label, picture = overlay
    success, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA))
    if not success:
        raise ImageError(f"an overlay of {picture.shape[:2]} px cannot be encoded for the page")
    source = f"data:image/png;base64,{base64.b64encode(encoded.tobytes()).decode()}"
    return {"label": label, "picture": source}
