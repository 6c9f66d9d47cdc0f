"""Bodies as their owners dumped them, looked at in the browser."""

import pytest

from tests.capture.scripted.faults import EXPECTED, PREVIEW
from tests.capture.scripted.plugging import plug
from tests.capture.scripted.scenarios import meetings
from tests.capture.test_real_bodies import CANNOT_BE_SHOT, SCRIPTS, at_m, body, plugged
from tests.extras.pages.watching import watched

__all__ = ["body", "plugged"]


pytestmark = pytest.mark.realdata


def test_live(body, tmp_path, monkeypatch):
    watched(tmp_path / "s", body, monkeypatch)


@pytest.mark.parametrize(
    ("path", "fault"), meetings(SCRIPTS, EXPECTED, PREVIEW, but=CANNOT_BE_SHOT)
)
def test_faults_in_a_live_view(path, fault, tmp_path, monkeypatch):
    watched(tmp_path / "s", at_m(plug(monkeypatch, path)).body, monkeypatch, fault)
