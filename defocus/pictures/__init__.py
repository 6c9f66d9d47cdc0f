"""Pictures in files: every format read and written, with all that a file holds."""

PICTURE_FORMAT = "PNG"
"""Format in which this program writes its own pictures: without loss, 8 or 16 bits."""
PICTURE_SUFFIX = ".png"
"""Suffix of the pictures that this program writes."""
PICTURE_TYPE = "image/png"
"""Media type of the pictures that this program writes."""

READ_FORMATS = "JPEG, PNG, TIFF, WebP, BMP, HEIC, AVIF, JPEG XL or RAW"
"""The formats that are read, for people."""


def picture_name(stem: str) -> str:
    """Name of the file of a picture that this program writes."""
    return f"{stem}{PICTURE_SUFFIX}"
