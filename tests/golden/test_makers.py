"""Measurements and derived datasets that change without their revision being raised are noticed."""

import json
import math

import pytest

from tests.golden import makers as golden

TOLERANCE = 2e-3
"""Of numbers behind a registration, which differ a little between processors."""


def complaint(name: str, numbers: dict[str, float], revisions: object) -> str:
    """What is wrong with a maker's numbers; empty where nothing is."""
    kept = json.loads(golden.FILE.read_text(encoding="utf-8"))
    if kept["revisions"][name] != revisions:
        return f"a revision was raised: remake by {golden.COMMAND}"
    golden_numbers = kept["numbers"][name]
    changed = [
        place
        for place in sorted(numbers.keys() | golden_numbers.keys())
        if numbers.get(place, math.nan)
        != pytest.approx(
            golden_numbers.get(place, math.nan), rel=TOLERANCE, abs=TOLERANCE
        )
    ]
    return (
        f"raise the revision of {name}, remake by {golden.COMMAND}: {changed}"
        if changed
        else ""
    )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in golden.CORE else pytest.mark.full)
        for name in golden.MAKERS
    ],
)
def test_numbers_change_with_a_revision_only(name, tmp_path):
    dataset = golden.stored_dataset(tmp_path / "in")
    numbers = golden.numbers_of(name, dataset, tmp_path / "out")
    assert complaint(name, numbers, golden.REVISIONS[name]) == ""


def test_a_moved_number_and_a_raised_revision_are_told():
    kept = json.loads(golden.FILE.read_text(encoding="utf-8"))
    right, revision = kept["numbers"]["measure"], golden.REVISIONS["measure"]
    place = next(iter(right))
    assert complaint("measure", right, revision) == ""
    assert place in complaint("measure", right | {place: right[place] + 0.1}, revision)
    assert "remake" in complaint("measure", right, [99])
