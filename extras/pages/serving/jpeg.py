"""Pictures of a page that is served."""

import numpy as np
from numpy.typing import NDArray

JPEG_QUALITY = 88


def encode_jpeg(picture: NDArray[np.uint8]) -> bytes:
    """A picture ``(H, W, 3)`` uint8 RGB as JPEG, for a page that is served."""
    from defocus.pictures.write import encoded_jpeg

    return encoded_jpeg(picture, JPEG_QUALITY)
