"""The systems against stored outputs of the official ones."""

from pathlib import Path

import pytest

from tests.conformance.check import find_fixtures, run_fixture

FIXTURES = find_fixtures(Path(__file__).with_name("fixtures"))


@pytest.mark.parametrize("folder", FIXTURES, ids=lambda folder: folder.name)
def test_fixture(folder):
    assert run_fixture(folder) == ""
