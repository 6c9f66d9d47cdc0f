"""Frames that are legal and odd are fused, or one line says why not."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.extras.stacks.fusion import fused
from defocus.pictures.values import Image, as_float
from tests.test_legal_pictures import PICTURES, require_finite, require_result_or_line


def fusing(blurry: Image, sharp: Image, _folder: Path) -> None:
    everywhere = np.ones(blurry.shape[:2], bool)

    def frames() -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
        for picture in (blurry, sharp):
            yield np.asarray(as_float(picture), np.float32), everywhere

    fusion = fused(frames)
    require_finite((fusion.picture, fusion.confidence))


@pytest.mark.parametrize("name", PICTURES)
def test_legal_frames_have_a_result_or_a_line(name, tmp_path):
    require_result_or_line(fusing, PICTURES[name], tmp_path)
