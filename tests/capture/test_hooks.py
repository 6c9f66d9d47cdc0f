"""A person's command after each pair: it gets the facts, and can never cost the pair."""

import json
import sys
from pathlib import Path

import pytest

from defocus.capture.sessions.state import CompletePair
from defocus.capture.taking.hooks import parse_hook, run_hook
from tests.command_process import has_ended, wait_until

REASON = "moved; $(rm -rf x)"
PAIR = CompletePair("0001_desk", "desk", "warn", REASON, "blurry.nef", "sharp.nef", ())


def script(folder: Path, body: str) -> str:
    """A command line that runs some Python; the folder has a blank in its name."""
    path = folder / "my hooks" / "hook.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(body)
    return f"'{sys.executable}' '{path}'"


@pytest.mark.full
def test_the_facts_come_as_arguments_and_environment_and_to_no_shell(
    tmp_path, monkeypatch
):
    body = (
        "import json, os, sys; from pathlib import Path\n"
        "told = {k: v for k, v in os.environ.items() if k.startswith('DEFOCUS_')}\n"
        "Path('told.json').write_text(json.dumps([sys.argv[1:], told]))\n"
    )
    words = "{pair_dir} 'to {pair} of {scene}' {verdict} ';rm' $HOME > made; touch made"
    hook = parse_hook(f"{script(tmp_path, body)} {words}")
    monkeypatch.chdir(tmp_path)
    assert run_hook(hook, Path("session"), PAIR) == ""
    arguments, facts = json.loads((tmp_path / "told.json").read_text())
    folder = tmp_path / "session/pairs/0001_desk"
    assert arguments[:4] == [str(folder), "to 0001_desk of desk", "warn", ";rm"]
    assert arguments[4:] == ["$HOME", ">", "made;", "touch", "made"]
    assert not (tmp_path / "made").exists()
    expected = {
        "PAIR_DIR": str(folder), "SESSION": str(tmp_path / "session"), "PAIR": "0001_desk",
        "SCENE": "desk", "VERDICT": "warn", "REASON": REASON,
        "BLURRY": str(folder / "blurry.nef"), "SHARP": str(folder / "sharp.nef"),
    }  # fmt: skip
    assert {
        f"DEFOCUS_{name}": value for name, value in expected.items()
    }.items() <= facts.items()


@pytest.mark.full
def test_failure_is_reported(tmp_path, capsys):
    assert parse_hook("echo {{}} {pair}").arguments == ("echo", "{{}}", "{pair}")
    assert "exit code 3" in run_hook(
        parse_hook(f"'{sys.executable}' -c 'exit(3)'"), tmp_path, PAIR
    )
    assert "cannot be started" in run_hook(
        parse_hook("/no/such/program"), tmp_path, PAIR
    )
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert all(line.startswith("hook after 0001_desk: ") for line in said)
    assert all(line.endswith("the pair is complete anyway") for line in said)


@pytest.mark.full
def test_what_takes_too_long_is_ended_with_all_it_started(tmp_path):
    body = (
        "import subprocess, sys, time; from pathlib import Path\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    problem = run_hook(parse_hook(script(tmp_path, body)), tmp_path, PAIR, seconds=10.0)
    assert "was ended after 10 s" in problem
    child = int((tmp_path / "pid").read_text())
    wait_until(lambda: has_ended(child))


def test_shoot_runs_it_after_each_pair_and_journals_its_failure(tmp_path, run):
    body = (
        "import os, sys; from pathlib import Path\n"
        "assert Path(os.environ['DEFOCUS_SHARP']).is_file()\n"
        "with open('seen.txt', 'a') as seen: seen.write(sys.argv[1] + chr(10))\n"
        "print('not for stdout')\n"
        "sys.exit(len(Path('seen.txt').read_text().split()) == 2 and 9)\n"
    )
    result = run(
        "defocus-capture", "shoot", "s", "--camera", "sim:?width=96&height=64", "--yes",
        "--json-lines", "--order", "sharp-first", "--repeat", "2", "--qc", "warn",
        "--hook", script(tmp_path, body) + " {pair}", code=0,
    )  # fmt: skip
    assert (tmp_path / "seen.txt").read_text().split() == [
        "0001_scene-001",
        "0002_scene-001",
    ]
    records = [json.loads(line) for line in result.stdout.splitlines()]
    events = [record["event"] for record in records]
    assert events[:2] == ["session-created", "planned"]
    pair = ["pair-started", "file", "file", "pair-shot", "pair-complete"]
    assert sorted(events[2:]) == sorted([*pair * 2, "hook-failed"])
    (failed,) = (record for record in records if record["event"] == "hook-failed")
    assert failed["pair"] == "0002_scene-001"
    assert "exit code 9" in failed["problem"]
    assert "not for stdout" in result.stderr
