"""Ctrl-C while a shot is taken: once lets it be finished, twice does not."""

import os
import signal
import threading
import time

import pytest

from defocus.capture.sessions.journal import read_journal
from defocus.capture.taking.shots.frames import finished_first
from tests.command_process import start_command

SECONDS = 3.0


def test_outside_the_main_thread_nothing_changes():
    ends: list[str] = []

    def work() -> None:
        with finished_first():
            ends.append("done")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ends == ["done"]


def pressed(times: int, calls: list[str]) -> None:
    with finished_first():
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)
        calls.append("done")


@pytest.mark.parametrize(("times", "left"), [(1, ["done"]), (2, [])])
def test_the_first_waits_for_the_work_and_the_second_does_not(times, left):
    calls: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        pressed(times, calls)
    assert calls == left
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.full
@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_in_a_shoot(tmp_path, presses):
    session = tmp_path / "s"
    camera = f"sim:?width=96&height=64&latency={SECONDS}"
    words = ("shoot", session, "--camera", camera, "--yes")
    with start_command("defocus-capture", *words) as process:
        journal = session / "journal.jsonl"
        while not (journal.exists() and b"pair-started" in journal.read_bytes()):
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(SECONDS / 4)  # the settings are made, the shot is under way
        process.send_signal(signal.SIGINT)
        said = next(line for line in process.stderr if "finishing the shot" in line)
        if presses == 2:
            process.send_signal(signal.SIGINT)
        _, rest = process.communicate()
    assert process.returncode == 130
    assert (
        said
        == "finishing the shot that is being taken; Ctrl-C once more ends at once\n"
    )
    assert "resume" in rest
    assert "Traceback" not in rest
    shots = [
        record for record in read_journal(journal).records if record["event"] == "file"
    ]
    assert [shot["role"] for shot in shots] == (["sharp"] if presses == 1 else [])
    assert not list(session.rglob("*.part*"))
