"""Rendered pairs with doses of misalignment."""

from pathlib import Path

import pytest

from defocus.extras.studies.dose_dataset.run import render_dosed_dataset


def render_doses(folder: Path, request: str) -> Path:
    """Pairs that shift, of one lens, as the other lines of the request say."""
    (folder / "dose.toml").write_text(request + 'kinds = ["shift"]\nlenses = 1\n')
    render_dosed_dataset(folder / "dose.toml", folder / "pairs")
    return folder / "pairs"


@pytest.fixture(scope="session")
def dosed(tmp_path_factory):
    """Rendered pairs with doses of 0 and 4 px, one to train and two to test."""
    folder = tmp_path_factory.mktemp("dosed")
    return render_doses(
        folder,
        "size = 64\npairs = {train = 1, test = 2}\ndoses_px = [0, 4]\nblur_px = [2, 4]\n",
    )
