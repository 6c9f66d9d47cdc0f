"""How files find their partners: by placeholders in names, by numbers of shots."""

from pathlib import Path

from defocus.datasets.layouts.numbers import by_number
from defocus.datasets.layouts.patterns import fits


def test_unequal_counts_of_shots_are_assigned_by_distance() -> None:
    assert by_number([100, 103, 110], [102, 111]) == [None, 0, 1]
    assert by_number([100, 102], [101, 103]) == [0, 1]
    assert by_number([1], []) == [None]
    assert by_number([1, 50], [200, 300]) == [None, None]


def test_a_repeated_placeholder_must_be_equal(tmp_path: Path) -> None:
    for name in ("a/a_1.png", "a/b_1.png", "b/b_2.PNG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [fit.path.name for fit in fits(tmp_path, "{scene}/{scene}_{n}.*")]
    assert found == ["a_1.png", "b_2.PNG"]
