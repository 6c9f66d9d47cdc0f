"""What cannot be read is left out of a study of other datasets by name."""

import json

from tests.benchmark.test_isolation import bench, folder, write_pair

__all__ = ["folder"]


def test_generalise_lists_them(folder, capfd):
    write_pair(folder.with_name("other"), "test", "z")
    options = ("--only", "input", "--test", "pairs:other", "--out", "out", "--json")
    result = bench("studies", "generalise", "--dataset", "pairs:mine", *options)
    assert result.return_value == 1, result.output
    assert [one["id"] for one in json.loads(capfd.readouterr().out)["left_out"]] == [
        "test-s"
    ]
