"""Makes docs/overview.png, the picture of docs/alignment.md.

``python -m research.pages.overview`` makes it."""

import argparse

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from numpy.typing import NDArray

from defocus.align.compensation.compensate import compensate
from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import measure
from defocus.datasets.api import open_dataset
from defocus.pictures.read import read_image, read_pair
from defocus.pictures.values import as_float
from research.pages import DOCS

mpl.use("agg")
SCENE = "motorcycle"
GAIN = 3.0


def main() -> None:
    """Draw one strongly misaligned pair of the sample dataset before and after alignment."""
    pairs = open_dataset("sample:strong").pairs
    folder = next(pair.blurry for pair in pairs if pair.scene == SCENE).parent
    blurry, sharp = read_pair(folder / "blurry.png", folder / "sharp.png")
    truth = as_float(read_image(folder / "truth.png"))
    aligned = compensate(blurry, sharp, measure(blurry, sharp, flow_estimator("dis")))
    error_before = np.abs(as_float(sharp) - truth)
    error_after = np.abs(as_float(aligned.sharp) - truth)
    before = np.clip(GAIN * error_before, 0, 1)
    after = np.clip(GAIN * error_after, 0, 1)
    panels = {
        "blurry": as_float(blurry),
        "sharp, as captured": as_float(sharp),
        f"its error against the truth (×{GAIN:g})": before,
        "the same after alignment": after * aligned.valid_mask[:, :, None],
    }
    _draw(panels)


def _draw(panels: dict[str, NDArray[np.floating]]) -> None:
    """Draw the panels side by side."""
    figure, axes = plt.subplots(
        1,
        4,
        figsize=(14, 2.75),
        layout="constrained",
    )
    for axis, (title, picture) in zip(axes, panels.items(), strict=True):
        axis.imshow(picture)
        axis.set_title(title, fontsize=11)
        axis.axis("off")
    figure.savefig(DOCS / "overview.png", dpi=80)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
