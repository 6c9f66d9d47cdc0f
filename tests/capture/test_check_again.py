"""``check`` judges again from the files alone; the contact sheet shows what there is."""

import json
import pickle

import pytest

from defocus.capture.commands import check
from defocus.capture.commands.check import judge_again, judged_again
from defocus.capture.planning.request import BracketRequest
from defocus.capture.quality.limits import with_changes
from defocus.capture.sessions.contact_sheet import contact_sheet, write_contact_sheet
from defocus.capture.sessions.damage import CheckedPair, check_session
from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.sessions.session import read_state
from defocus.errors import DatasetError
from defocus.reports.model import Paragraph, Table
from tests.capture.shooting import entry, shoot

REQUEST = BracketRequest(shutter="1/200")


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A good pair, and one whose exposure is off by 0.5 EV."""
    root = tmp_path_factory.mktemp("check") / "s"
    uri = "sim:?seed=2&width=128&height=96&fault=ev%3D0.5@5"
    shoot(root, uri, REQUEST, code=1, scenes=2, retake="never")
    return root


def test_the_files_give_the_same_numbers_again(session):
    state, _ = read_state(session)
    for pair in state.complete.values():
        record = entry(session, int(pair.id[:4]))
        judgement = judge_again(session, state.shoots[0], pair, record)
        assert (judgement.verdict, judgement.reason) == (pair.verdict, pair.reason)
        for name, value in judgement.numbers.items():
            assert json.loads(json.dumps(value)) == record["quality"][name], name


def test_limits_of_the_shoot_and_exif_against_the_plan_decide(session, refused):
    state, _ = read_state(session)
    good, shot, record = state.complete["0001_scene-001"], state.shoots[0], entry(session)
    limits = with_changes(shot.handling.limits, "gradient_energy_warn=9,gradient_energy_reject=8")
    handling = shot.handling.model_copy(update={"limits": limits})
    strict = shot.model_copy(update={"handling": handling})
    assert judge_again(session, strict, good, record).verdict == "reject"
    record["roles"]["blurry"]["asked"]["aperture"] = "f/8"
    judgement = judge_again(session, shot, good, record)
    assert judgement.verdict == "reject"
    assert "EXIF of the blurry file says f-number 4, asked was 8" in judgement.reason
    record["roles"]["blurry"]["file"] = "../../journal.jsonl"
    with refused(DatasetError):
        judge_again(session, shot, good, record)


def test_what_a_person_decided_and_what_is_damaged_stays(session, copied):
    with open_session_folder(copied, create=False) as folder:
        folder.judge("0002_scene-002", "accept", "the cloud is wanted")
    good, bad = judged_again(copied, check_session(copied)).pairs
    assert (bad.verdict, bad.reason) == ("accept", "the cloud is wanted")
    assert good == check_session(session).pairs[0]
    sharp = next((copied / "pairs" / good.id).glob("sharp.*"))
    sharp.unlink()
    assert judged_again(copied, check_session(copied)).pairs[0].verdict == "incomplete"


def test_an_interrupted_check_goes_on_where_it_ended(copied, monkeypatch):
    whole = judged_again(copied, check_session(copied))
    judged, judge = [], check._judged

    def stopped(job: check._Job) -> CheckedPair:
        if judged:
            raise KeyboardInterrupt
        judged.append(job.pair.id)
        return judge(pickle.loads(pickle.dumps(job)))  # noqa: S301 - as another process gets it

    monkeypatch.setattr(check, "_judged", stopped)
    with pytest.raises(KeyboardInterrupt):
        judged_again(copied, check_session(copied))
    (kept,) = copied.glob(".check-in-progress*")
    kept.write_bytes(kept.read_bytes() + b'["half a li')
    monkeypatch.setattr(check, "_judged", lambda job: judged.append(job.pair.id) or judge(job))
    assert judged_again(copied, check_session(copied)) == whole
    assert judged == ["0001_scene-001", "0002_scene-002"]
    assert not kept.exists()


def test_check_writes_the_contact_sheet(run, session, tmp_path):
    result = run("defocus-capture", "check", session, "--json", "--files-only", code=1)
    assert not (session / "report.html").exists()
    again = run("defocus-capture", "check", session, "--json")
    assert (again.returncode, again.stdout) == (1, result.stdout), "nothing else is said"
    html = (session / "report.html").read_text(encoding="utf-8")
    write_contact_sheet(session, tmp_path / "two.html", jobs=2)
    assert (tmp_path / "two.html").read_text(encoding="utf-8") == html
    for said in ("0001_scene-001", "exposure is off by +0.50 EV", "f/22", "Noise ceiling"):
        assert said in html
    assert html.count("data:image/") >= 4
    statuses = [entry(session, n)["quality"]["misalignment"]["status"] for n in (1, 2)]
    assert html.count('alt="Displacement × ') == statuses.count("ok") > 0
    assert "http://" not in html.replace("http://www.w3.org/", "")


def test_a_verdict_is_told_in_one_form(tmp_path, capsys):
    """On the terminal, by ``check`` and on the contact sheet; JSON keeps its short words."""
    root, forms = tmp_path / "s", ["accepted", "rejected", "warned"]
    uri = "sim:?seed=4&width=240&height=180&fault=ev%3D0.5@5&fault=ev%3D0.2@9"
    shoot(
        root, uri, BracketRequest(blurry="f/2.8", shutter="1/200"), code=1, scenes=3, retake="never"
    )
    said = [line.split() for line in capsys.readouterr().err.splitlines()]
    pairs = sorted(read_state(root)[0].complete)
    verdicts = {line[0]: line[1].rstrip(":") for line in said if line[:1] and line[0] in pairs}
    assert [verdicts[pair] for pair in pairs] == forms
    report = check_session(root)
    assert [line.split()[1] for line in report.lines()[:3]] == forms
    assert [pair["verdict"] for pair in report.to_json()["pairs"]] == ["accept", "reject", "warn"]
    sections = dict(contact_sheet(root).sections)
    overview = sections["All pairs"][-1]
    assert isinstance(overview, Table)
    assert [row[2] for row in overview.rows] == forms
    firsts = [sections[pair][0] for pair in pairs]
    assert [one.text.split(":")[0] for one in firsts if isinstance(one, Paragraph)] == forms
