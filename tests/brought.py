"""What a test brings by plug-in files and planted extras is forgotten behind it."""

import sys

import pytest

from defocus.benchmark.documents.section_registry import _sections_beside
from defocus.benchmark.metrics.metric import _metrics_beside
from defocus.progress import telling


@pytest.fixture(autouse=True)
def forgotten(no_plugins, monkeypatch):
    """Before a test of the file that imports it nothing is loaded; after it nothing stays."""
    monkeypatch.setattr(telling, "quiet", False)
    loaded = set(sys.modules)  # of our own extras: tests hold their classes
    yield
    _metrics_beside.cache_clear()
    _sections_beside.cache_clear()
    for name in [
        one for one in set(sys.modules) - loaded if one.startswith("defocus.extras.")
    ]:
        del sys.modules[name]
