"""Files that the program writes keep their bytes from version to version."""

import json

import pytest

from tests.pictures import written_files as golden


def difference(kept, written):
    """The places at which two lists of hashes differ, with both."""
    places = sorted(kept.keys() | written.keys())
    return [
        f"{place}: {kept.get(place)} became {written.get(place)}"
        for place in places
        if kept.get(place) != written.get(place)
    ]


@pytest.mark.full
def test_files_that_are_written_keep_their_bytes(tmp_path):
    kept = json.loads(golden.FILE.read_text(encoding="utf-8"))
    if kept["libraries"] != golden.versions():
        pytest.skip(
            f"the hashes are of other libraries; make them anew by {golden.COMMAND}"
        )
    changed = difference(kept["hashes"], golden.hashes(tmp_path))
    assert not changed, "\n".join(changed)


def test_one_other_byte_is_seen():
    kept = {"restore a.png": "0123"}
    assert difference(kept, kept) == []
    assert difference(kept, {"restore a.png": "4567"}) == [
        "restore a.png: 0123 became 4567"
    ]
    assert difference(kept, {}) == ["restore a.png: 0123 became None"]
