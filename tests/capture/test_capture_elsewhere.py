"""Workers of dask.distributed judge and develop the pairs of a session as one process does."""

from pathlib import Path

import pytest

from defocus.capture.commands.check import judged_again
from defocus.capture.develop import develop_session
from defocus.capture.develop_settings import DevelopSettings
from defocus.capture.planning.request import BracketRequest
from defocus.capture.sessions.contact_sheet import write_contact_sheet
from defocus.capture.sessions.damage import check_session
from defocus.processes.machines import Machines, Where
from tests.capture.raw_sessions import write_session
from tests.capture.shooting import shoot
from tests.capture.test_develop import raw_pair, scene

pytestmark = pytest.mark.full


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_pairs_are_developed_to_the_same_bytes(
    tmp_path: Path, two_workers: Machines
) -> None:
    files = raw_pair(tmp_path / "raw", scene(), scene())
    write_session(tmp_path / "s", [files, files, files])
    torn = tmp_path / "s/pairs/0002_desk/sharp.dng"
    torn.chmod(0o644)
    torn.write_bytes(torn.read_bytes()[:-1] + b"\1")
    ways: dict[str, Where] = {"here": 1, "both": 2, "there": two_workers}
    made = [
        develop_session(tmp_path / "s", tmp_path / name, DevelopSettings(where=where))
        for name, where in ways.items()
    ]
    assert made[0] == made[1] == made[2]
    assert made[0].failed == ("0002_desk",)
    here, both, there = (contents(tmp_path / name) for name in ways)
    assert here == both == there
    assert len(here) > 4


def test_pairs_are_judged_alike(tmp_path: Path, two_workers: Machines) -> None:
    root = tmp_path / "s"
    uri = "sim:?seed=2&width=128&height=96&fault=ev%3D0.5@5"
    shoot(root, uri, BracketRequest(shutter="1/200"), code=1, scenes=2, retake="never")
    check, pages = check_session(root), []
    judged = judged_again(root, check, again=True)
    for number, where in enumerate((1, 2, two_workers)):
        assert judged_again(root, check, where, again=True) == judged
        write_contact_sheet(root, tmp_path / f"{number}.html", where)
        pages.append((tmp_path / f"{number}.html").read_bytes())
    assert pages[0] == pages[1] == pages[2]
