"""The perceptual hash of a picture: bits recorded with the library imagehash 4.3."""

import cv2
import numpy as np
import pytest

from defocus.likeness import fingerprint


@pytest.mark.parametrize(
    ("size", "bits"), [((40, 60), "93d03e96dad47903"), ((700, 300), "d83a74b16c23fcd0")]
)
def test_the_hash_is_that_of_the_library(size, bits):
    random = np.random.default_rng(sum(size))
    noise = random.integers(0, 256, (*size, 3), dtype=np.uint8)
    own_hash = fingerprint(cv2.GaussianBlur(noise, (0, 0), 3))
    assert np.packbits(own_hash.bits).tobytes().hex() == bits
