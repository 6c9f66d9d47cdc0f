"""``check`` compares the pairs of a shoot with each other."""

import json

import pytest

from defocus.align.sharp_member import discs, suspicion
from defocus.capture.planning.request import BracketRequest
from defocus.capture.quality.beside_session import judged_beside
from defocus.capture.sessions.damage import check_session
from defocus.capture.sessions.folder import open_session_folder
from tests.capture.shooting import shoot

ODD = "0002_scene-002"


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    root = tmp_path_factory.mktemp("beside") / "s"
    shoot(
        root,
        "sim:?seed=2&width=128&height=96",
        BracketRequest(shutter="1/200"),
        scenes=2,
    )
    return root


@pytest.fixture
def one_other_is_enough(monkeypatch):
    monkeypatch.setattr(suspicion, "LEAST_OTHERS", 1)


def plant(root):
    """Give the second pair a number that the other one lacks."""
    for name in ("0001_scene-001", ODD):
        path = root / "pairs" / name / "pair.json"
        document = json.loads(path.read_text())
        assert document["quality"]["unexplained"]["sharp_member"]["bands_ev"] < 0.05
        document["quality"]["unexplained"] = {
            "moved_stops": 0.2 if name == ODD else 0.01
        }
        path.chmod(0o644)
        path.write_text(json.dumps(document))


@pytest.mark.usefixtures("one_other_is_enough")
def test_a_pair_unlike_the_others_gets_a_warning(copied):
    check = check_session(copied)
    plant(copied)
    good, warned = judged_beside(copied, check).pairs
    assert good == check.pairs[0]
    assert warned.verdict == "warn"
    assert warned.reason.endswith(
        "0.20 stops that no blur explains; other pairs have 0.01"
    )


def test_dust_at_one_pixel_of_several_pairs_is_a_warning_on_each(copied, monkeypatch):
    check = check_session(copied)
    monkeypatch.setattr(discs, "LEAST_PAIRS", 2)
    monkeypatch.setattr(discs, "BY_CHANCE", 0)
    for number, name in enumerate(("0001_scene-001", ODD)):
        own = [[0.3, 0.2], [0.1 + 0.2 * number, 0.5], [0.1 + 0.2 * number, 0.6]]
        path = copied / "pairs" / name / "pair.json"
        document = json.loads(path.read_text())
        document["quality"]["unexplained"]["sharp_member"]["dark_discs"] = own
        path.chmod(0o644)
        path.write_text(json.dumps(document))
    words = "dust, small dark discs (1) that stay at their pixel in other pairs"
    assert all(
        pair.reason.endswith(words) for pair in judged_beside(copied, check).pairs
    )


@pytest.mark.usefixtures("one_other_is_enough")
def test_the_decision_of_a_person_stays(copied):
    with open_session_folder(copied, create=False) as folder:
        folder.judge(ODD, "accept", "the cloud is wanted")
    check = check_session(copied)
    assert check.pairs[1].verdict == "accept"
    plant(copied)
    assert judged_beside(copied, check) == check


def test_few_pairs_and_a_damaged_document_change_nothing(copied):
    check = check_session(copied)
    assert judged_beside(copied, check) == check
    (copied / "pairs" / ODD / "pair.json").chmod(0o644)
    (copied / "pairs" / ODD / "pair.json").write_text("{}")
    assert judged_beside(copied, check) == check
