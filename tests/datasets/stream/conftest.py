"""Photographs that the tests of streams write for themselves."""

import cv2
import numpy as np
import pytest

from defocus.datasets.stream.photographs import find_photographs
from defocus.pictures.write import write_image


def write_photographs(folder, held_out=2, training=4):
    """Pictures with detail at every scale, until both branches have some."""
    folder.mkdir()
    for seed in range(1000):
        random = np.random.default_rng(seed)
        scene = np.zeros((200, 240, 3), np.float32)
        for octave in range(6):
            cells = random.standard_normal((3 << octave, 4 << octave, 3), np.float32)
            larger = cv2.resize(cells, (240, 200), interpolation=cv2.INTER_LINEAR)
            scene += 0.5**octave * np.asarray(larger, np.float32)
        pixels = np.clip(128 + 60 * scene, 0, 255).astype(np.uint8)
        write_image(folder / f"{seed}.png", pixels)
        photographs = find_photographs(folder)
        if (
            len(photographs.of("held-out")) >= held_out
            and len(photographs.of("train")) >= training
        ):
            return photographs
    raise AssertionError("no hash of a thousand is held out")


@pytest.fixture(scope="session")
def photographs(tmp_path_factory):
    return write_photographs(tmp_path_factory.mktemp("stream") / "photographs")
