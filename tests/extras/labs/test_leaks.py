"""The checks for leaks and memory raise no alarm at honest systems, and one at a real leak."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import defocus
from defocus.datasets.stream import dataset
from defocus.extras.labs.verification.leaks import (
    MOST_LEAKED,
    MOST_LEAKED_IN_ONE,
    leaked_shares,
    low_share,
)
from defocus.extras.labs.verification.rerunning import ERASING_SIGMA_PX
from defocus.pictures.values import as_float


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Blurry and sharp pages of text, whose finest detail the lens has erased."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEFOCUS_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(dataset, "CIRCLES_PX", (6, 8))
        patch.setattr(dataset, "PAGES", 1)
        pairs = defocus.open_dataset("text:").split("test")
        return [
            (as_float(pair.blurry, np.float64), as_float(pair.sharp, np.float64))
            for pair in pairs
        ]


@pytest.mark.parametrize(("name", "weights"), [("wiener", None), ("defocus-s", "own")])
def test_an_honest_system_raises_no_alarm(name, weights, pages):
    system = defocus.load(name, weights=weights)

    def restored(picture: NDArray[np.float64]) -> NDArray[np.float64]:
        output = defocus.restore(picture.astype(np.float32), system=system, guard=False)
        return np.asarray(output, np.float64)

    leaked, remembered = list[float](), list[float]()
    for blurry, sharp in pages:
        leaked += (one := leaked_shares(restored(blurry), blurry, sharp))
        if weights:  # without, the picture is restored again
            lowest = low_share(one)
            assert lowest is not None
            assert lowest < MOST_LEAKED_IN_ONE / 2
        erased = cv2.GaussianBlur(sharp, (0, 0), ERASING_SIGMA_PX)
        remembered += leaked_shares(restored(erased), erased, sharp)
    for shares in (leaked, remembered):
        share = low_share(shares)
        assert share is not None
        assert share < MOST_LEAKED / 2


def test_a_twentieth_of_the_truth_raises_one(pages):
    shares = [
        share
        for blurry, sharp in pages
        for share in leaked_shares(0.95 * blurry + 0.05 * sharp, blurry, sharp)
    ]
    assert (low_share(shares) or 0.0) > MOST_LEAKED
