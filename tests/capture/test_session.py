"""The session folder: whole after any end, readable by others, and never believed blindly."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from defocus.capture.sessions.checking import check_session
from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.sessions.journal import Journal, read_journal
from defocus.capture.sessions.session import read_session
from defocus.errors import DatasetError
from defocus.images import read_image, read_pair
from tests.command_process import StartedCommand, start_command

Run = Callable[..., subprocess.CompletedProcess[str]]

TINY = "sim:?seed=3&width=128&height=96&noise=0.5"
COMMAND = "from defocus.capture.cli import main; main()"
ROOT = Path(__file__).parents[2]


def shoot_arguments(session: Path, *more: str) -> list[str]:
    return [
        "shoot", str(session), "--camera", TINY, "--blurry", "f/1.4", "--sharp", "f/22",
        "--shutter", "1/1600", "--yes", *more,
    ]  # fmt: skip


def start(*arguments: str) -> StartedCommand:
    return start_command("defocus-capture", *arguments)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of three pairs of two scenes; tests that change it must work on a copy."""
    session = tmp_path_factory.mktemp("finished") / "session"
    for more in (["--scene", "Desk, left", "--repeat", "2"], ["--json-lines"]):
        with start(*shoot_arguments(session, *more)) as process:
            out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert [json.loads(line)["event"] for line in out.splitlines()][-1] == "pair-complete"
    return session


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", finished, copy], check=True)
    return copy


@pytest.mark.full
def test_layout(finished: Path) -> None:
    pairs = finished / "pairs"
    assert sorted(path.name for path in pairs.iterdir()) == [
        "0001_desk-left", "0002_desk-left", "0003_scene-002",
    ]  # fmt: skip
    for pair in pairs.iterdir():
        assert {"blurry.tif", "sharp.tif", "pair.json"} <= {path.name for path in pair.iterdir()}
    assert not list(finished.rglob("*.part*"))


@pytest.mark.full
def test_readers_get_pairs_with_their_truth(finished: Path) -> None:
    session = read_session(finished)
    assert [pair.scene for pair in session.pairs] == ["desk-left", "desk-left", "scene-002"]
    for pair in session.pairs:
        assert pair.verdict == "accept", pair.metadata["reason"]
        blurry, _ = read_pair(pair.blurry, pair.sharp)
        assert blurry.shape == (96, 128, 3)
        assert pair.truth_flow is not None
        assert pair.truth_image is not None
        assert pair.defocus_map is not None
        assert np.load(pair.truth_flow).shape == (2, 96, 128)
        assert read_image(pair.truth_image).shape == blurry.shape
        assert np.load(pair.defocus_map).shape == (96, 128)
        roles = pair.metadata["roles"]
        assert roles["sharp"]["exif"]["f_number"] == 22.0
        assert roles["sharp"]["got"]["aperture"] == roles["sharp"]["asked"]["aperture"] == "f/22"
        assert pair.metadata["exposure"]["aperture_ev"] == pytest.approx(8.0)


@pytest.mark.full
def test_pairs_of_one_scene_are_two_shots_of_the_same_thing(finished: Path) -> None:
    first, second, other = (read_image(pair.blurry) for pair in read_session(finished).pairs)
    assert (first != second).any()  # the noise is another one
    near = np.abs(first.astype(int) - second).mean()
    assert 10 * near < np.abs(first.astype(int) - other).mean()


@pytest.mark.full
def test_sha256sum_reads_the_checksums(finished: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "-c", "checksums.sha256"], cwd=finished, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": OK") == 3 * 8


@pytest.mark.full
def test_originals_are_read_only(finished: Path) -> None:
    for path in finished.glob("pairs/*/*.tif"):
        assert not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)


@pytest.mark.full
def test_check_json(finished: Path, run: Run) -> None:
    done = run("defocus-capture", "check", finished, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["ok"] is True
    assert document["pairs"][0]["id"] == "0001_desk-left"
    assert set(document["pairs"][0]) == {"id", "verdict", "reason", "files"}
    assert set(document["pairs"][0]["files"][0]) == {"name", "sha256", "ok"}


@pytest.mark.full
@pytest.mark.parametrize("change", ["flip", "cut", "remove", "link"])
def test_a_changed_original_is_found(copied: Path, change: str, run: Run) -> None:
    victim = copied / "pairs" / "0002_desk-left" / "sharp.tif"
    content = bytearray(victim.read_bytes())
    victim.unlink()
    content[5000] ^= 1
    if change == "link":
        outside = copied.parent / "outside.tif"
        content[5000] ^= 1
        outside.write_bytes(content)
        victim.symlink_to(outside)
    elif change != "remove":
        victim.write_bytes(content[: 4000 if change == "cut" else None])
    done = run("defocus-capture", "check", copied, "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    bad = [
        (pair["id"], entry["name"])
        for pair in document["pairs"]
        for entry in pair["files"]
        if not entry["ok"]
    ]
    assert bad == [("0002_desk-left", "sharp.tif")]
    assert document["ok"] is False
    with pytest.raises(DatasetError, match=r"0002_desk-left: sharp\.tif"):
        read_session(copied)


@pytest.mark.full
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"blurry.tif"', '"../../../etc/passwd"'),
        ('"pair":"0001_desk-left"', '"pair":"../0001"'),
        ('"verdict":"accept"', '"verdict":"perfect"'),
        ('"verdict":"accept",', ""),
    ],
)
def test_a_journal_with_foreign_lines_is_refused(copied: Path, old: str, new: str) -> None:
    """Even where the CRC holds: a session folder can come from anywhere."""
    path = copied / "journal.jsonl"
    records = [json.dumps(record, separators=(",", ":")) for record in read_journal(path).records]
    path.unlink()
    with Journal(path) as journal:
        for text in records:
            record = json.loads(text.replace(old, new) if "pair-complete" in text else text)
            fields = {name: record[name] for name in record if name not in ("n", "time", "event")}
            journal.append(record["event"], **fields)
    with pytest.raises(DatasetError, match="is invalid"):
        read_session(copied)


@pytest.mark.full
def test_a_torn_last_line_is_reported_and_the_rest_read(copied: Path, run: Run) -> None:
    journal = copied / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-30])
    assert [pair.id for pair in read_session(copied).pairs] == ["0001_desk-left", "0002_desk-left"]
    done = run("defocus-capture", "check", copied, "--json")
    assert done.returncode == 1
    assert "torn" in done.stderr
    assert json.loads(done.stdout)["pairs"][2]["verdict"] == "incomplete"
    shot = (copied / "pairs/0003_scene-002/blurry.tif").stat().st_mtime_ns
    done = run("defocus-capture", "resume", copied, "--camera", "sim:?fault=unplug@1")
    assert done.returncode == 0, done.stderr
    assert "torn" in done.stderr
    assert "1 pair had all shots and only lacked a verdict" in done.stderr
    assert not (copied / "interrupted").exists()
    assert (copied / "pairs/0003_scene-002/blurry.tif").stat().st_mtime_ns == shot
    assert check_session(copied).ok


def cut_last_verdict_and_shots(journal: Path) -> None:
    """Leave a journal as of a kill right before the last pair had all its shots."""
    lines = journal.read_bytes().splitlines(keepends=True)
    assert b'"event":"pair-shot"' in lines[-2]
    journal.write_bytes(b"".join(lines[:-2]))


@pytest.mark.full
def test_a_pair_with_a_shot_missing_is_shot_again(copied: Path, run: Run) -> None:
    journal = copied / "journal.jsonl"
    cut_last_verdict_and_shots(journal)
    done = run("defocus-capture", "resume", copied, "--yes")
    assert done.returncode == 0, done.stderr
    assert "interrupted/0003_scene-002.1" in done.stderr
    assert check_session(copied).ok
    kept = copied / "interrupted" / "0003_scene-002.1" / "blurry.tif"
    assert kept.read_bytes() == (copied / "pairs/0003_scene-002/blurry.tif").read_bytes()


@pytest.mark.full
def test_pairs_of_lost_journal_lines_are_not_called_whole(copied: Path) -> None:
    journal = copied / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().splitlines(keepends=True)[0])
    checked = check_session(copied)
    assert not checked.ok
    there = sorted(entry.name for entry in (copied / "pairs").iterdir())
    assert [pair.id for pair in checked.pairs] == there != []
    assert "the journal does not know it" in checked.lines()[0]


@pytest.mark.full
def test_one_writer_at_a_time(copied: Path, run: Run) -> None:
    with open_session_folder(copied, create=False):
        done = run("defocus-capture", *shoot_arguments(copied))
        assert done.returncode == 2
        assert f"in use by process {os.getpid()}" in done.stderr
        assert read_session(copied).pairs  # readers need no lock
    done = run("defocus-capture", *shoot_arguments(copied))
    assert done.returncode == 0, done.stderr


@pytest.mark.full
def test_incomplete_pairs_come_first(copied: Path, run: Run) -> None:
    journal = copied / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-30])
    done = run("defocus-capture", *shoot_arguments(copied))
    assert done.returncode == 2
    assert "resume" in done.stderr


@pytest.mark.parametrize("command", ["check", "resume"])
@pytest.mark.parametrize("kind", ["missing", "other", "file"])
def test_no_session_there(tmp_path: Path, run: Run, command: str, kind: str) -> None:
    folder = tmp_path / "folder"
    if kind == "other":
        folder.mkdir()
        (folder / "holiday.jpg").write_bytes(b"x")
    if kind == "file":
        folder.write_bytes(b"x")
    done = run("defocus-capture", command, folder, *(["--yes"] if command == "resume" else []))
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_a_folder_with_other_things_becomes_no_session(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "holiday.jpg").write_bytes(b"x")
    done = run("defocus-capture", *shoot_arguments(folder))
    assert done.returncode == 2
    assert [path.name for path in folder.iterdir()] == ["holiday.jpg"]


def wait_for_pairs(session: Path, count: int, process: StartedCommand) -> None:
    """Until ``count`` pairs are complete, or the process has ended."""
    journal = session / "journal.jsonl"
    while process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b'"event":"pair-complete"') >= count:
            return
        time.sleep(0.01)


@pytest.mark.full
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_by_a_person(tmp_path: Path, sign: signal.Signals) -> None:
    session = tmp_path / "session"
    with start(*shoot_arguments(session, "--repeat", "20")) as process:
        wait_for_pairs(session, 1, process)
        process.send_signal(sign)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err
    left = 20 - len(read_session(session).pairs)
    assert 1 <= left <= 19
    assert f"interrupted; 'defocus-capture resume {session}' shoots the " in err
    assert (f"the {left} pairs that are left" if left > 1 else "the pair that is left") in err
    assert not check_session(session).ok


def test_a_full_disk_says_how_to_go_on(tmp_path: Path, run: Run) -> None:
    session = tmp_path / "session"
    address = f"{TINY}&fault=disk-full@2"
    done = run(
        "defocus-capture", "shoot", session, "--camera", address, "--blurry", "f/4",
        "--sharp", "f/22", "--shutter", "1/200", "--yes",
    )  # fmt: skip
    assert done.returncode == 5
    assert f"'defocus-capture resume {session}' shoots the pair that is left" in done.stderr
    assert "same command" not in done.stderr


@pytest.mark.full
def test_shooting_goes_on_when_nobody_reads_anything(tmp_path: Path) -> None:
    session = tmp_path / "session"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *shoot_arguments(session, "--json-lines")],
        stdout=writer,
        stderr=writer,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    os.close(writer)
    assert done.returncode == 0
    assert len(read_session(session).pairs) == 1


@pytest.mark.full
def test_shooting_goes_on_when_nobody_reads_its_lines(tmp_path: Path) -> None:
    session = tmp_path / "session"
    with start(*shoot_arguments(session, "--repeat", "2", "--json-lines")) as process:
        assert process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 0, err
    assert err.count("stdout was closed") == 1
    assert len(read_session(session).pairs) == 2


@pytest.mark.full
def test_resume_of_a_complete_session_has_nothing_to_shoot(copied: Path, run: Run) -> None:
    done = run("defocus-capture", "resume", copied)
    assert done.returncode == 0, done.stderr
    assert "nothing to shoot" in done.stderr


@pytest.mark.full
def test_resume_needs_no_second_yes_but_for_another_camera(copied: Path, run: Run) -> None:
    journal = copied / "journal.jsonl"
    cut_last_verdict_and_shots(journal)
    other = TINY.replace("seed=3", "seed=4")
    done = run("defocus-capture", "resume", copied, "--camera", other)
    assert done.returncode == 2
    assert "add --yes" in done.stderr
    done = run("defocus-capture", "resume", copied)
    assert done.returncode == 0, done.stderr
    assert check_session(copied).ok


def test_a_plan_that_a_person_confirmed_is_asked_about_again(tmp_path: Path, run: Run) -> None:
    session = tmp_path / "session"
    assert run("defocus-capture", *shoot_arguments(session)).returncode == 0
    records = read_journal(session / "journal.jsonl").records
    (session / "journal.jsonl").unlink()
    with Journal(session / "journal.jsonl") as journal:
        for record in records[:2]:
            fields = {name: record[name] for name in record if name not in ("n", "time", "event")}
            if "shoots" in fields:
                fields["shoots"] = [{**fields["shoots"][0], "confirmed_by_yes": False}]
            journal.append(record["event"], **fields)
    done = run("defocus-capture", "resume", session)
    assert done.returncode == 2
    assert "add --yes" in done.stderr


@pytest.mark.full
def test_half_written_index_files_of_a_killed_process_are_removed(copied: Path, run: Run) -> None:
    for name in (".session-a1b2c3d4.part.json", ".checksums-a1b2c3d4.part.sha256", ".session-x"):
        (copied / name).write_text("half")
    assert run("defocus-capture", "resume", copied).returncode == 0
    assert [path.name for path in copied.glob(".*")] == [".session-x"]
