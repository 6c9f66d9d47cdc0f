"""The sample is there before the tests of the front door: the first of them would render it."""

import pytest

from defocus.datasets.api import open_dataset


@pytest.fixture(scope="session", autouse=True)
def rendered_sample(cache_folder):
    open_dataset("sample")
