"""Two processes fuse what one fuses, to the byte."""

import cv2
import numpy as np

from defocus.datasets.api import open_dataset
from defocus.extras.stacks.run import fuse_stacks
from defocus.pictures.write import write_image


def test_fuse(tmp_path, both):
    rough = np.random.default_rng(0).random((160, 200, 3)).astype(np.float32)
    scene = cv2.normalize(
        cv2.GaussianBlur(rough, (0, 0), 1.5), None, 0, 255, cv2.NORM_MINMAX
    )
    blurred = cv2.GaussianBlur(scene, (0, 0), 2.0)
    for name in ("cup", "desk"):
        (tmp_path / "stacks" / name).mkdir(parents=True)
        for number, columns in enumerate((slice(0, 100), slice(100, 200))):
            frame = blurred.copy()
            frame[:, columns] = scene[:, columns]
            write_image(
                tmp_path / "stacks" / name / f"{number}.png", frame.astype(np.uint8)
            )
    stacks = open_dataset(f"stack:{tmp_path / 'stacks'}")
    both(lambda out, jobs: fuse_stacks(stacks, out, where=jobs))
