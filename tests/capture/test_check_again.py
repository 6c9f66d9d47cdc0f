"""``check --again`` judges again from the files alone; the contact sheet shows what there is."""

import json
import pickle
import re
from urllib.parse import unquote

import pytest

from defocus.capture.commands import check as checks
from defocus.capture.commands._settings import CheckSettings
from defocus.capture.commands.check import judge_again, judged_again
from defocus.capture.planning.request import BracketRequest
from defocus.capture.quality.limits import with_changes
from defocus.capture.sessions import contact_sheet as sheets
from defocus.capture.sessions.contact_sheet import contact_sheet, write_contact_sheet
from defocus.capture.sessions.damage import CheckedPair, check_session
from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.sessions.session import read_state
from defocus.errors import DatasetError
from defocus.reports.model import Folded, Gallery, Paragraph, Table
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
    good, shot, record = (
        state.complete["0001_scene-001"],
        state.shoots[0],
        entry(session),
    )
    limits = with_changes(
        shot.handling.limits, "gradient_energy_warn=9,gradient_energy_reject=8"
    )
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
    good, bad = judged_again(copied, check_session(copied), again=True).pairs
    assert (bad.verdict, bad.reason) == ("accept", "the cloud is wanted")
    assert good == check_session(session).pairs[0]
    sharp = next((copied / "pairs" / good.id).glob("sharp.*"))
    sharp.unlink()
    assert (
        judged_again(copied, check_session(copied), again=True).pairs[0].verdict
        == "incomplete"
    )


def test_only_what_was_not_judged_is_judged_unless_all_is_asked_for(
    copied, monkeypatch
):
    """A pair that failed in an unforeseen way when it was shot has no verdict from its pictures."""
    check = check_session(copied)
    judged, judge = [], checks._judged
    monkeypatch.setattr(
        checks, "_judged", lambda job: judged.append(job.pair.id) or judge(job)
    )
    assert judged_again(copied, check) == check
    assert judged == []
    path = copied / "pairs" / "0001_scene-001" / "pair.json"
    document = json.loads(path.read_text())
    finding = {"severity": "warn", "text": "not judged: no memory", "lasting": False}
    document["quality"]["findings"].append(finding)
    path.chmod(0o644)
    path.write_text(json.dumps(document))
    judged_again(copied, check)
    assert judged == ["0001_scene-001"]
    path.write_text("{}")
    assert (
        judged_again(copied, check)
        .pairs[0]
        .reason.startswith("pair.json cannot be used")
    )


def test_the_page_is_written_where_the_session_changed(copied, monkeypatch):
    written = []
    monkeypatch.setattr(
        sheets, "write_contact_sheet", lambda *given: written.append(given)
    )
    for again in (False, False, True):
        assert checks._checked(copied, CheckSettings(again=again))[1] is not None
        (copied / "report.html").touch()
    assert len(written) == 2, "at first, and again"
    with open_session_folder(copied, create=False) as folder:
        folder.note("0001_scene-001", "a cloud")
    checks._checked(copied, CheckSettings())
    assert len(written) == 3


def test_an_interrupted_check_goes_on_where_it_ended(copied, monkeypatch):
    whole = judged_again(copied, check_session(copied), again=True)
    judged, judge = [], checks._judged

    def stopped(job: checks._Job) -> CheckedPair:
        if judged:
            raise KeyboardInterrupt
        judged.append(job.pair.id)
        return judge(pickle.loads(pickle.dumps(job)))  # noqa: S301 - as another process gets it

    monkeypatch.setattr(checks, "_judged", stopped)
    with pytest.raises(KeyboardInterrupt):
        judged_again(copied, check_session(copied), again=True)
    (kept,) = copied.glob(".check-in-progress*")
    kept.write_bytes(kept.read_bytes() + b'["half a li')
    monkeypatch.setattr(
        checks, "_judged", lambda job: judged.append(job.pair.id) or judge(job)
    )
    assert judged_again(copied, check_session(copied), again=True) == whole
    assert judged == ["0001_scene-001", "0002_scene-002"]
    assert not kept.exists()


def test_a_pair_that_cannot_be_judged_is_named_and_the_others_are_judged(
    copied, monkeypatch
):
    whole = judged_again(copied, check_session(copied), again=True)
    judge = checks._judged

    def failing(job: checks._Job) -> CheckedPair:
        if job.pair.id == "0001_scene-001":
            raise MemoryError
        return judge(job)

    monkeypatch.setattr(checks, "_judged", failing)
    check = judged_again(copied, check_session(copied), again=True)
    assert check.pairs[0].verdict == "incomplete"
    assert "too little memory" in check.pairs[0].reason
    assert check.pairs[1:] == whole.pairs[1:]


def test_check_writes_the_contact_sheet(run, session, tmp_path):
    result = run("defocus-capture", "check", session, "--json", "--files-only", code=1)
    assert not (session / "report.html").exists()
    again = run("defocus-capture", "check", session, "--json")
    assert (again.returncode, again.stdout) == (1, result.stdout), (
        "nothing else is said"
    )
    html = (session / "report.html").read_text(encoding="utf-8")
    write_contact_sheet(session, tmp_path / "two.html", where=2)
    assert (tmp_path / "two.html").read_text(encoding="utf-8") == html
    for said in (
        "0001_scene-001",
        "exposure is off by +0.50 EV",
        "f/22",
        "Noise ceiling",
    ):
        assert said in html
    assert html.count("data:image/") >= 4
    statuses = [entry(session, n)["quality"]["misalignment"]["status"] for n in (1, 2)]
    assert html.count('alt="Displacement × ') == statuses.count("ok") > 0
    assert "http://" not in html.replace("http://www.w3.org/", "")


def test_the_pictures_of_many_pairs_are_in_a_folder_beside_the_page(
    session, tmp_path, monkeypatch
):
    """A page that is opened loads those that are looked at; its name may have any signs."""
    page = tmp_path / 'a "b" #1%.html'
    assert write_contact_sheet(session, page) is None
    inline = page.read_text(encoding="utf-8")
    assert inline.count('src="data:image/') == inline.count("<img")
    monkeypatch.setattr(sheets, "INLINE_BYTES", 1000)
    folder = write_contact_sheet(session, page)
    assert folder is not None
    html = page.read_text(encoding="utf-8")
    assert html.count("<img") == inline.count("<img") == html.count('loading="lazy"')
    assert html.count('src="a%20%22b%22%20%231%25-pictures/') == html.count("<img")
    shown = {unquote(source) for source in re.findall('<img src="([^"]*)"', html)}
    assert {tmp_path / name for name in shown} == set(folder.iterdir())
    _, *folds = html.split('<details class="folded"')
    assert all(len(fold) < 2500 for fold in folds[:-1]), "1,000 pairs are 3 MB to open"


def test_a_verdict_is_told_in_one_form(tmp_path, capsys):
    """On the terminal, by ``check`` and on the contact sheet; JSON keeps its short words."""
    root, forms = tmp_path / "s", ["accepted", "rejected", "warned"]
    uri = "sim:?seed=4&width=240&height=180&fault=ev%3D0.5@5&fault=ev%3D0.2@9"
    shoot(
        root,
        uri,
        BracketRequest(blurry="f/2.8", shutter="1/200"),
        code=1,
        scenes=3,
        retake="never",
    )
    said = [line.split() for line in capsys.readouterr().err.splitlines()]
    pairs = sorted(read_state(root)[0].complete)
    verdicts = {
        line[0]: line[1].rstrip(":") for line in said if line[:1] and line[0] in pairs
    }
    assert [verdicts[pair] for pair in pairs] == forms
    report = check_session(root)
    assert [line.split()[1] for line in report.lines()[:3]] == forms
    assert [pair["verdict"] for pair in report.to_json()["pairs"]] == [
        "accept",
        "reject",
        "warn",
    ]
    sections = dict(contact_sheet(root).sections)
    (gallery,) = [part for part in sections["All pairs"] if isinstance(part, Gallery)]
    assert [tile.line for tile in gallery.tiles] == forms
    folds = [part for part in sections["Pair by pair"] if isinstance(part, Folded)]
    assert [fold.title for fold in folds] == pairs
    assert [f"#{fold.anchor}" for fold in folds] == [
        tile.target for tile in gallery.tiles
    ]
    firsts = [fold.parts[0] for fold in folds]
    assert [
        one.text.split(":")[0] for one in firsts if isinstance(one, Paragraph)
    ] == forms
    (remarks,) = [part for part in sections["All pairs"] if isinstance(part, Table)]
    assert [row[2] for row in remarks.rows] == forms[1:], (
        "an accepted pair has no reason"
    )


def test_a_kept_verdict_of_endless_brackets_is_left_out(tmp_path):
    kept = tmp_path / "verdicts"
    kept.write_text("[" * 50_000 + "\n")
    assert checks._KeptVerdicts(kept).verdicts == {}
