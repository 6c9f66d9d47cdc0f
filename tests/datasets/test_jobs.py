"""Commands with ``--on``: two processes make what one makes, to the byte."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import skimage.data

from defocus.align.compensation.compensate import Release
from defocus.align.flow.by_name import flow_estimator
from defocus.datasets.api import open_dataset
from defocus.datasets.cutting import Scheme, cut_dataset
from defocus.datasets.deriving.compensate import compensate_dataset
from defocus.datasets.release.details import Details
from defocus.datasets.release.packaging import LAYOUTS, package_dataset
from defocus.datasets.sidecar import apply_sidecar
from defocus.datasets.sidecar_writing import write_sidecar
from tests.datasets.conftest import put, write_folder

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of RealDOF with two pairs, which can be aligned."""
    root = tmp_path_factory.mktemp("realdof")
    photographs = skimage.data.coffee(), skimage.data.chelsea()
    for number, photograph in enumerate(photographs):
        sharp = cv2.resize(photograph, (240, 180), interpolation=cv2.INTER_AREA)
        blurry = np.roll(cv2.GaussianBlur(sharp, (0, 0), 1.0), 2, axis=1)
        for role, picture in (("source", blurry), ("target", sharp)):
            put(root / role / f"{number}.png", np.asarray(picture))
    return root


def test_sidecar(copy, tmp_path, both):
    name = f"realdof:{copy}"
    opened = open_dataset(name)
    both(lambda out, jobs: write_sidecar(opened, out, "v1", Release(), "dis", jobs))
    sidecar = tmp_path / "with-1" / "out"

    def applied(out, jobs):
        apply_sidecar(
            name, replace(opened, derived=out.with_name("applied")), sidecar, jobs
        )

    both(applied)
    assert len(list(tmp_path.glob("with-2/applied/**/sharp.png"))) == 2


def test_compensate(copy, both):
    opened = open_dataset(f"realdof:{copy}")
    both(
        lambda out, jobs: compensate_dataset(
            opened, out, Release(), flow_estimator, where=jobs
        )
    )


def test_patches(copy, both):
    opened, scheme = open_dataset(f"realdof:{copy}"), Scheme(side_px=64)
    both(lambda out, jobs: cut_dataset(opened, out, scheme, where=jobs))


@pytest.mark.parametrize("form", list(LAYOUTS))
def test_package(tmp_path, form, both):
    root = write_folder(tmp_path / "noise", ["a.png", "b.png", "c.png"])
    noise, details = open_dataset(f"pairs:{root}"), Details(title="Noise")
    both(lambda out, jobs: package_dataset(noise, out, form, details, 1, where=jobs))
