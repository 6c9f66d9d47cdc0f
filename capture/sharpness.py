"""How sharp a picture is, as one number to compare pictures of one scene with."""

from defocus.errors import CameraError

__all__ = ["jpeg_sharpness"]


def jpeg_sharpness(content: bytes) -> float:
    """Tenengrad of an encoded picture: mean squared gradient over mean squared brightness.

    Args:
        content: A JPEG or PNG.

    Returns:
        A number >= 0 without unit, independent of exposure; larger is sharper.

    Raises:
        CameraError: The picture cannot be decoded.

    Source: Krotkov, Focusing, 1988.
    """
    import cv2
    import numpy as np

    grey = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        raise CameraError("a preview cannot be decoded; try again")
    values = grey.astype(np.float32)
    across, down = (cv2.Sobel(values, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    return float(np.mean(across**2 + down**2) / max(float(np.mean(values**2)), 1.0))
