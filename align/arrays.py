"""What arrays and shapes are called in this room."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Singles: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Grey: TypeAlias = NDArray[np.float32]
"""``(H, W)``: a picture in grey, mostly its luminance."""
Mask: TypeAlias = NDArray[np.bool_]
Indices: TypeAlias = NDArray[np.int_]
Bytes: TypeAlias = NDArray[np.uint8]
"""A picture of 8 bits, or a mask as OpenCV takes it."""

Shape: TypeAlias = tuple[int, ...]
"""Height and width of a picture, then its channels if it has any."""
Size: TypeAlias = tuple[int, int]
"""Two sides of a picture, a tile or a grid: height and width, unless a sentence says otherwise."""
