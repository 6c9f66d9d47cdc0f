"""The numbers of displaced and of dosed pairs, for ``tests/golden``."""

from dataclasses import replace
from pathlib import Path

from defocus.datasets.pair import Dataset
from defocus.extras.studies import displaced as displacing
from defocus.extras.studies.dose_dataset import run as dosing
from tests.golden.numbers import Numbers, of_folder

REVISIONS = {"displaced": [displacing.REVISION], "doses": [dosing.REVISION]}
REQUEST = """
size = 64
pairs = {train = 1, test = 1}
doses_px = [2]
kinds = ["zoom", "parallax"]
blur_px = [2, 4]
lenses = 1
gain_ev = 0.1
"""


def _displaced(dataset: Dataset, out: Path) -> Numbers:
    moved = displacing.displaced(replace(dataset, rendered=True), 2.0, 0.01)
    yield from of_folder(moved.root)


def _doses(_dataset: Dataset, out: Path) -> Numbers:
    request = out.with_name("dose.toml")
    request.write_text(REQUEST, encoding="utf-8")
    dosing.render_dosed_dataset(request, out)
    yield from of_folder(out)


MAKERS = {"displaced": _displaced, "doses": _doses}
