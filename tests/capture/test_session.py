"""The session folder: whole after any end, readable by others, and never believed blindly."""

import errno
import json
import os
import signal
import time
from pathlib import Path

import pytest

from defocus.capture.planning.request import BracketRequest
from defocus.capture.sessions import folder
from defocus.capture.sessions.damage import check_session
from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.sessions.journal import Journal, read_journal
from defocus.capture.sessions.session import read_session
from defocus.errors import DatasetError, StorageError
from tests.capture.shooting import shoot
from tests.command_process import run_python, start_command

pytestmark = pytest.mark.full
TINY = "sim:?seed=3&width=128&height=96&noise=0.5"
PAIRS = ["0001_desk-left", "0002_desk-left", "0003_scene-002"]


def shoot_arguments(session: Path, *more: str) -> list[str]:
    return [
        "shoot", str(session), "--camera", TINY, "--blurry", "f/1.4", "--sharp", "f/22",
        "--shutter", "1/1600", "--yes", *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A session of three pairs of two scenes; tests that change it must work on a copy."""
    session = tmp_path_factory.mktemp("finished") / "session"
    request = BracketRequest(blurry="f/1.4", shutter="1/1600")
    shoot(session, TINY, request, scene="Desk, left", repeat=2)
    shoot(session, TINY, request)
    return session


@pytest.mark.parametrize("change", ["flip", "cut", "remove", "link"])
def test_a_changed_original_is_found(copied, change, run):
    victim = copied / "pairs" / "0002_desk-left" / "sharp.tif"
    content = bytearray(victim.read_bytes())
    victim.unlink()
    if change == "link":
        outside = copied.parent / "outside.tif"
        outside.write_bytes(content)
        victim.symlink_to(outside)
    elif change != "remove":
        content[3000] ^= 1
        victim.write_bytes(content[: 4000 if change == "cut" else None])
    document = json.loads(
        run("defocus-capture", "check", copied, "--json", code=1).stdout
    )
    bad = [
        (p["id"], f["name"])
        for p in document["pairs"]
        for f in p["files"]
        if not f["ok"]
    ]
    assert bad == [("0002_desk-left", "sharp.tif")]
    assert document["ok"] is False
    assert set(document["pairs"][0]) == {"id", "verdict", "reason", "files"}
    assert set(document["pairs"][0]["files"][0]) == {"name", "sha256", "ok"}
    with pytest.raises(DatasetError, match=r"0002_desk-left: sharp\.tif"):
        read_session(copied)


def test_a_torn_last_line_is_reported_and_the_rest_read(copied, run):
    journal = copied / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-30])
    assert [pair.id for pair in read_session(copied).pairs] == PAIRS[:2]
    result = run("defocus-capture", "check", copied, "--json", code=1)
    assert "torn" in result.stderr
    assert json.loads(result.stdout)["pairs"][2]["verdict"] == "incomplete"
    shot = (copied / "pairs/0003_scene-002/blurry.tif").stat().st_mtime_ns
    result = run(
        "defocus-capture", "resume", copied, "--camera", "sim:?fault=unplug@1", code=0
    )
    assert "torn" in result.stderr
    assert "1 pair had all shots and only lacked a verdict" in result.stderr
    assert not (copied / "interrupted").exists()
    assert (copied / "pairs/0003_scene-002/blurry.tif").stat().st_mtime_ns == shot
    assert check_session(copied).ok


def test_a_pair_with_a_shot_missing_is_shot_again(copied, run):
    """That needs no second yes, but for another camera it does."""
    journal = copied / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    assert b'"event":"pair-shot"' in lines[-2]
    journal.write_bytes(b"".join(lines[:-2]))
    # these pairs come first
    refused = run("defocus-capture", *shoot_arguments(copied), code=2)
    assert "resume" in refused.stderr
    result = run(
        "defocus-capture",
        "resume",
        copied,
        "--camera",
        TINY.replace("seed=3", "seed=4"),
    )
    assert result.returncode == 2
    assert "add --yes" in result.stderr
    assert "it goes on with Simulated camera (sim-4)" in result.stderr
    result = run("defocus-capture", "resume", copied, code=0)
    assert "interrupted/0003_scene-002.1" in result.stderr
    assert check_session(copied).ok
    kept = copied / "interrupted" / "0003_scene-002.1" / "blurry.tif"
    assert (
        kept.read_bytes() == (copied / "pairs/0003_scene-002/blurry.tif").read_bytes()
    )


def test_pairs_of_lost_journal_lines_are_not_called_whole(copied):
    journal = copied / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().splitlines(keepends=True)[0])
    checked = check_session(copied)
    assert not checked.ok
    assert [pair.id for pair in checked.pairs] == PAIRS
    assert "the journal does not know it" in checked.lines()[0]


def test_one_writer_at_a_time(copied, run):
    with open_session_folder(copied, create=False):
        result = run("defocus-capture", *shoot_arguments(copied), code=2)
        assert f"in use by process {os.getpid()}" in result.stderr
        assert read_session(copied).pairs  # readers need no lock
    result = run("defocus-capture", *shoot_arguments(copied), code=0)


def test_a_session_needs_a_folder_with_locks(tmp_path, monkeypatch):
    def no_locks(*_: object, **__: object) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(folder, "try_lock", no_locks)
    with (
        pytest.raises(StorageError, match="lock: its file system gives no locks"),
        open_session_folder(tmp_path / "new", create=True),
    ):
        pass


def test_interrupted_by_a_person(tmp_path):
    session = tmp_path / "session"
    journal = session / "journal.jsonl"
    with start_command(
        "defocus-capture", *shoot_arguments(session, "--repeat", "20")
    ) as process:
        while process.poll() is None and not (
            journal.exists() and b'"event":"pair-complete"' in journal.read_bytes()
        ):
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
    left = 20 - len(read_session(session).pairs)
    assert 1 <= left <= 19
    assert f"interrupted; 'defocus-capture resume {session}' shoots the " in err
    assert (
        f"the {left} pairs that are left" if left > 1 else "the pair that is left"
    ) in err
    assert not check_session(session).ok


def test_shooting_goes_on_when_nobody_reads_anything(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    reader, writer = os.pipe()
    os.close(reader)
    code = "from defocus.capture.cli import main; main()"
    words = shoot_arguments(tmp_path / "s", "--json-lines")
    result = run_python(code, *words, stdout=writer, stderr=writer)
    os.close(writer)
    assert result.returncode == 0
    assert len(read_session(tmp_path / "s").pairs) == 1


def test_shooting_goes_on_when_nobody_reads_its_lines(tmp_path):
    words = shoot_arguments(tmp_path / "s", "--repeat", "2", "--json-lines")
    with start_command("defocus-capture", *words) as process:
        assert json.loads(process.stdout.readline())["event"] == "session-created"
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 0, err
    assert err.count("stdout was closed") == 1
    assert len(read_session(tmp_path / "s").pairs) == 2


def test_resume_of_a_complete_session_has_nothing_to_shoot(copied, run):
    """Half-written index files of a killed process are removed."""
    for name in (
        ".session-a1b2c3d4.part.json",
        ".checksums-a1b2c3d4.part.sha256",
        ".session-x",
    ):
        (copied / name).write_text("half")
    result = run("defocus-capture", "resume", copied, code=0)
    assert "nothing to shoot" in result.stderr
    assert [path.name for path in copied.glob(".*")] == [".session-x"]


def test_a_plan_that_a_person_confirmed_is_asked_about_again(
    copied, run, said, snapshot
):
    records = read_journal(copied / "journal.jsonl").records
    (copied / "journal.jsonl").unlink()
    with Journal(copied / "journal.jsonl") as journal:
        for record in records[:2]:
            fields = {
                name: record[name]
                for name in record
                if name not in ("n", "time", "event")
            }
            if "shoots" in fields:
                fields["shoots"] = [{**fields["shoots"][0], "confirmed_by_yes": False}]
            journal.append(record["event"], **fields)
    assert said(run("defocus-capture", "resume", copied)) == snapshot
