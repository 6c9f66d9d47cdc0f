"""Pairs are judged while the next one is shot; what is rejected late is taken again in time."""

import time
from pathlib import Path
from urllib.parse import quote

import pytest

from defocus.capture.judging.limits import with_changes
from defocus.capture.judging.verdict import Quality
from defocus.capture.planning.request import BracketRequest
from defocus.capture.reporting.log import write_log
from defocus.capture.sessions.checking import check_session
from defocus.capture.sessions.journal import read_journal
from defocus.capture.taking.running import ShootOptions, shoot_new
from defocus.capture.taking.shots.rig import RigAddress
from defocus.capture.taking.verdicts.stored import StoredShots

TINY = "sim:?seed=3&width=128&height=96&noise=0.5"
REQUEST = BracketRequest("f/1.4", "f/22", "1/1600")


def shoot(session: Path, *faults: str, code: int = 0, **options: object) -> list[tuple[str, str]]:
    """Shoot, and return what was journalled of which pair."""
    uri = TINY + "".join(f"&fault={quote(fault, safe='')}" for fault in faults)
    ended = shoot_new(
        session, RigAddress(uri), REQUEST, ShootOptions(**options),  # type: ignore[arg-type]
        yes=True, json_lines=False, hook=None,
    )  # fmt: skip
    assert ended == code
    return journalled(session)


def journalled(session: Path) -> list[tuple[str, str]]:
    records = read_journal(session / "journal.jsonl").records
    kinds = ("pair-started", "pair-shot", "retake", "pair-complete")
    return [(r["event"], r["pair"][:4]) for r in records if r["event"] in kinds]


def judge_only_once(monkeypatch: pytest.MonkeyPatch, session: Path, event: str, pair: str) -> None:
    """Hold the first verdict back until something was journalled."""
    judged, held = StoredShots.judged, []

    def slow(shots: StoredShots, *arguments: object) -> Quality:
        if not held:
            held.append(shots)
            ends = time.monotonic() + 60
            while (event, pair) not in journalled(session):
                assert time.monotonic() < ends, "the shooting waited for the verdict"
                time.sleep(0.01)
        return judged(shots, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(StoredShots, "judged", slow)


def test_the_next_pair_is_shot_while_one_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge_only_once(monkeypatch, tmp_path / "s", "pair-shot", "0002")
    told = shoot(tmp_path / "s", repeat=2)
    assert told.index(("pair-shot", "0002")) < told.index(("pair-complete", "0001"))
    assert check_session(tmp_path / "s").ok


def test_what_is_rejected_late_is_taken_again_before_its_scene_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judge_only_once(monkeypatch, tmp_path / "s", "pair-shot", "0002")
    told = shoot(tmp_path / "s", "ev=0.5@3", scenes=2, repeat=2, scene="Desk")
    assert told.index(("pair-shot", "0002")) < told.index(("retake", "0001"))
    assert told.index(("retake", "0001")) < told.index(("pair-started", "0003"))
    assert told.count(("pair-started", "0001")) == 2
    assert "0001_desk-1  is taken again before scene 'Desk-1' is left" in capsys.readouterr().err
    assert [pair.verdict for pair in check_session(tmp_path / "s").pairs] == ["accept"] * 4
    write_log(tmp_path / "s", tmp_path / "day.html")
    day = (tmp_path / "day.html").read_text()
    assert day.count("accepted, 1 retake<") == 1
    assert "ISO\N{NO-BREAK SPACE}100" in day, "numbers keep their units on a line"


def test_a_first_look_stops_the_photographer_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = shoot(tmp_path / "s", "ev=1@2", repeat=2)
    assert told.index(("retake", "0001")) < told.index(("pair-started", "0002"))
    assert "wait, the verdict is coming: exposure is off" in capsys.readouterr().err
    assert check_session(tmp_path / "s").ok


def test_a_pair_is_not_repeated_where_the_next_would_be_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = with_changes(ShootOptions().limits, "sharpness_warn=90,sharpness_reject=80")
    told = shoot(tmp_path / "s", limits=limits, retake="auto", code=1)
    assert [event for event, _ in told] == ["pair-started", "pair-shot", "pair-complete"]
    assert "another shot would show the same" in capsys.readouterr().err
