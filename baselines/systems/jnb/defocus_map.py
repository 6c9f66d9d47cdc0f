"""JNB's map: patches that are just noticeably blurred need fewer atoms of a dictionary.

Source: Shi, Xu, Jia, Just Noticeable Defocus Blur Detection and Estimation, CVPR 2015, and their
demo. Its dictionary is theirs; ours is learned anew (``research/learning/jnb.py``), and so is the
curve from atoms to blur.
"""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from defocus.baselines.operators.classical.deconvolution.domain import Array
from defocus.baselines.operators.classical.domain_transform import recursive_filter
from defocus.baselines.operators.classical.edges import luma
from defocus.baselines.systems.jnb.sparse_coding import atom_counts

__all__ = ["LEARNED", "PATCH_PX", "atoms_needed", "estimate_sigma_px", "patches_of", "smoothed"]

LEARNED = Path(__file__).with_name("learned.safetensors")
PATCH_PX = 8
STRIDE_PX = 2
"""The demo takes every patch; every second one each way is four times faster."""
ERROR = 1.15 * 2 * PATCH_PX
"""Of 255, over a patch: 1.15 times a deviation of 2 per pixel."""


def estimate_sigma_px(picture: Array) -> NDArray[np.float64]:
    """The deviation of the blur at each pixel, ``(H, W)``, 0 to 4 px; high where no edge is."""
    learned = _learned()
    atoms = smoothed(atoms_needed(picture, learned["dictionary"]), picture)
    curve = learned["atoms"].astype(np.float64)  # falling
    return np.asarray(np.interp(-atoms, -curve, learned["sigma_px"].astype(np.float64)))


def atoms_needed(picture: Array, dictionary: NDArray[np.float32]) -> NDArray[np.float64]:
    """``(H', W')``: atoms that the patches need, one value per stride."""
    patches, shape = patches_of(luma(picture) * 255)
    return atom_counts(patches, dictionary, ERROR).reshape(shape).astype(np.float64)


def patches_of(grey: Array) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """Patches without their means, ``(N, 64)``, and in how many rows and columns they stand."""
    windows = np.lib.stride_tricks.sliding_window_view(
        np.asarray(grey, np.float32), (PATCH_PX, PATCH_PX)
    )[::STRIDE_PX, ::STRIDE_PX]
    patches = windows.reshape(-1, PATCH_PX**2)
    return patches - patches.mean(axis=1, keepdims=True), (windows.shape[0], windows.shape[1])


def smoothed(atoms: NDArray[np.float64], picture: Array) -> NDArray[np.float64]:
    """The count at each pixel ``(H, W)``, from one per stride, smoothed where colours are alike."""
    height, width = picture.shape[:2]
    rows = (np.arange(height, dtype=np.float32) - (PATCH_PX - 1) / 2) / STRIDE_PX
    columns = (np.arange(width, dtype=np.float32) - (PATCH_PX - 1) / 2) / STRIDE_PX
    places = np.meshgrid(columns, rows)
    dense = cv2.remap(
        atoms.astype(np.float32), *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    guide = cv2.GaussianBlur(np.asarray(picture, np.float32), (5, 5), 1.0)
    return recursive_filter(
        np.asarray(dense, np.float64), 10, 0.2, 3, guide=np.asarray(guide, np.float64)
    )


@cache
def _learned() -> dict[str, NDArray[np.float32]]:
    learned: dict[str, NDArray[np.float32]] = load_file(LEARNED)
    return learned
