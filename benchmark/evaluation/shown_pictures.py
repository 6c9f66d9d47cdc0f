"""Small pictures of some test pairs, kept for the slider of the report."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defocus.align.flow.estimator import FlowEstimator
from defocus.benchmark.scoring.protocols import make_target
from defocus.datasets.pair import Dataset, Pair
from defocus.pictures import picture_name
from defocus.pictures.values import FloatImage, Image, as_float, as_integer
from defocus.pictures.write import write_image
from defocus.reports.pictures import small_picture
from defocus.storage.files import make_folder

SHOWN_PAIRS = 12
"""Approximate number of test pairs, spread over all, whose pictures are kept; the report shows
those on which systems differ most."""

SHOWN_PX = 640
"""Longer side of the kept pictures."""


def keep_pictures(
    pair: Pair,
    blurry: Image,
    restored: NDArray[np.float64],
    dataset: Dataset,
    estimator: FlowEstimator,
    folder: Path,
) -> None:
    """Write small 8-bit pictures of a pair and of its restoration."""
    states: dict[str, FloatImage] = {"blurry": as_float(blurry), "restored": restored}
    if pair.sharp is not None:  # kept in memory since it is scored against
        states["sharp"] = make_target(
            "gt",
            dataset,
            pair,
            restored,
            estimator,
        ).reference
    if pair.truth is not None:
        states["truth"] = make_target(
            "truth",
            dataset,
            pair,
            restored,
            estimator,
        ).reference
    for state, picture in states.items():
        write_image(
            make_folder(folder) / picture_name(f"{pair.id}.{state}"),
            as_integer(small_picture(picture, SHOWN_PX, SHOWN_PX), 8),
        )
