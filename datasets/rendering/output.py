"""Files of a rendered pair."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.datasets.pair import Pair, Split
from defocus.datasets.rendering.pair import RenderedPair
from defocus.files import make_folder, write_bytes
from defocus.images import write_image

__all__ = ["pair_in", "write_rendered"]


def write_rendered(folder: Path, rendered: RenderedPair) -> None:
    """Write the pictures and the ground truth of a pair."""
    make_folder(folder)
    write_image(folder / "blurry.png", rendered.blurry)
    write_image(folder / "sharp.png", rendered.sharp)
    write_image(folder / "truth.png", rendered.truth)
    for side, view in zip(("left", "right"), rendered.views or (), strict=False):
        write_image(folder / f"dual_pixel_{side}.png", view)
    _write_array(folder / "flow.npy", rendered.flow)
    _write_array(folder / "defocus_map.npy", rendered.defocus_map)


def pair_in(
    folder: Path, name: str, split: Split, metadata: dict[str, object], *, views: bool = False
) -> Pair:
    """The pair whose files :func:`write_rendered` wrote into a folder."""
    return Pair(
        id=name,
        scene=name,
        split=split,
        blurry=folder / "blurry.png",
        sharp=folder / "sharp.png",
        truth=folder / "truth.png",
        flow=folder / "flow.npy",
        defocus_map=folder / "defocus_map.npy",
        dual_pixel_left=folder / "dual_pixel_left.png" if views else None,
        dual_pixel_right=folder / "dual_pixel_right.png" if views else None,
        metadata=metadata,
    )


def _write_array(path: Path, array: NDArray[np.float32]) -> None:
    """Write a ``.npy`` file; NumPy's own function does not report a full disk."""
    content = io.BytesIO()
    np.save(content, array)
    write_bytes(path, content.getvalue())
