"""Pictures of a page that is served."""

import numpy as np
from numpy.typing import NDArray

from defocus.errors import ImageError

JPEG_QUALITY = 88


def encode_jpeg(picture: NDArray[np.uint8]) -> bytes:
    """A picture ``(H, W, 3)`` uint8 RGB as JPEG, for a page that is served."""
    import cv2

    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    success, encoded = cv2.imencode(".jpg", picture[:, :, ::-1], options)
    if not success:
        raise ImageError(f"a picture of {picture.shape[:2]} px cannot be encoded for the page")
    return encoded.tobytes()
