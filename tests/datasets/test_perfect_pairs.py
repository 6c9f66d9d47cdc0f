"""A pair that is aligned to the pixel is kept by a rule on its residual flow."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage import data

from defocus.align.flow.by_name import flow_estimator
from defocus.datasets.audit.pair_audit import audit_pair
from defocus.datasets.audit.run import Audit
from defocus.datasets.curation_rules import Rules, judged
from defocus.datasets.pair import Pair
from defocus.images import write_image
from research.alignment_truth.real_like.pair import real_like_pair

pytestmark = pytest.mark.full

STRICT = Rules(most_misalignment_px=None, most_gain_ev=None, most_residual_px=0.5, sharper=False)
STILL = (4, 12, 14)
"""Pairs of the set with seed 5 in which nothing moves."""


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """Pairs with a real lens's blur in which nothing moves."""
    folder = tmp_path_factory.mktemp("photographs")
    for name in ("astronaut", "coffee", "rocket"):
        write_image(folder / f"{name}.png", getattr(data, name)())
    files = tuple(sorted(folder.iterdir()))
    pairs = [real_like_pair(files, 5, index) for index in STILL]
    assert all(np.array_equal(pair.matrix, np.eye(3)) for pair in pairs)
    return pairs


def audited(pair, folder, key):
    write_image(folder / "blurry.png", pair.blurry)
    write_image(folder / "sharp.png", pair.sharp)
    one = Pair("a", "a", "train", folder / "blurry.png", folder / "sharp.png")
    return audit_pair(one, flow_estimator("dis"), key)


def verdict(row):
    return judged(Audit("test", "0", "dis", (row,), ()), STRICT)[0].verdict


def test_the_residual_is_its_own_error(still, tmp_path):
    rows = [audited(pair, tmp_path, f"still{k}") for k, pair in enumerate(still)]
    for row in rows:
        assert row.status == "ok"
        assert row.residual_p95_px < 2.5 * row.residual_sigma_px
        assert row.residual_sigma_px < 0.6, "an error that explains everything says nothing"
        assert verdict(row) == "accept"
    longest = max(row.residual_p95_px or 0.0 for row in rows)
    assert longest > 0.15, "pairs without any residual show nothing"


def test_what_moves_inside_is_still_rejected(still, tmp_path):
    pair = still[0]
    height, width = pair.sharp.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    moved = np.asarray(
        cv2.remap(pair.sharp, x + 2 * np.sin(y / height * 9), y, cv2.INTER_CUBIC), np.uint8
    )
    assert verdict(audited(replace(pair, sharp=moved), tmp_path, "moved")) == "reject"
