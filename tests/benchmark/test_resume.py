"""Killed, interrupted, started twice: nothing finished is repeated and nothing is lost."""

import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from defocus.benchmark.results.lock import study_lock
from defocus.storage.files import atomic_path
from defocus.training.record.folder import CHECKPOINT, steps_done, training_finished
from tests.benchmark.test_run import rows_of
from tests.command_process import StartedCommand, start_code, wait_until

SYSTEMS = (
    "--only",
    "input",
    "--only",
    "tiny-conv",
    "--only",
    "tiny-wide",
    "--only",
    "tiny-slow",
)


def arguments(out: Path, dataset: Path) -> tuple[str | Path, ...]:
    return ("run", "--all", *SYSTEMS, "--out", out, "--dataset", f"tiny:{dataset}")


def scores_of(out: Path) -> list[dict[str, str]]:
    """The leaderboard without its cost rows, which are measured times."""
    return [row for row in rows_of(out) if row["protocol"]]


def stored_runs(out: Path) -> set[str]:
    """The runs in the store, as another process sees them."""
    if not (out / "results.sqlite").exists():
        return set()
    connection = sqlite3.connect(out / "results.sqlite")
    try:
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
        query = "SELECT run FROM runs" if ("runs",) in tables else "SELECT 1 WHERE 0"
        return {run for (run,) in connection.execute(query)}
    finally:
        connection.close()


def trained(out: Path) -> dict[str, int]:
    """When the checkpoint of each finished training was written."""
    folders = [folder for folder in out.glob("runs/*") if training_finished(folder)]
    return {folder.name: (folder / CHECKPOINT).stat().st_mtime_ns for folder in folders}


def computed_seconds(pid: int) -> float:
    """Processor time of a process that is not waited for yet: the same on a busy machine."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def killed_after(process: StartedCommand, seconds: float) -> bool:
    """Kill a process once it has computed for so long; whether it had not ended before."""
    while process.poll() is None:
        if computed_seconds(process.pid) >= seconds:
            process.send_signal(signal.SIGKILL)
            return process.wait() == -signal.SIGKILL
        time.sleep(0.005)
    return False


def kill_and_go_on(
    start_bench: Any, out: Path, dataset: Path, kills: int, seed: int, seconds: float
) -> int:
    """Start a study again and again, kill it at random moments, at last let it end.

    ``seconds`` is the processor time of the undisturbed study. Returns how often it was killed:
    less than asked for where it was done before.
    """
    moments = random.Random(seed)
    finished_runs, checkpoints, killed = set[str](), dict[str, int](), 0
    while True:
        process = start_bench(*arguments(out, dataset))
        again = killed < kills and killed_after(
            process, moments.uniform(0.2, 0.9) * seconds
        )
        stderr = process.communicate()[1]
        begun = {
            line.split("] ")[1] for line in stderr.splitlines() if line.startswith("[")
        }
        assert not begun & finished_runs, "a finished run was begun again"
        assert checkpoints.items() <= trained(out).items(), (
            "a finished training was repeated"
        )
        finished_runs, checkpoints = stored_runs(out), trained(out)
        if not again:
            assert process.returncode == 0, stderr
            return killed
        killed += 1


TIMED = """
import time
from pathlib import Path
from defocus.benchmark.cli import main
try:
    main()
finally:
    Path("seconds").write_text(str(time.process_time()))
"""


@pytest.fixture(scope="module")
def undisturbed(third_party, tiny_dataset, tmp_path_factory):
    out, spent = (
        tmp_path_factory.mktemp("undisturbed") / "out",
        tmp_path_factory.mktemp("spent"),
    )
    words = arguments(out, tiny_dataset)
    with start_code(TIMED, *words, folder=spent, **third_party) as process:
        _, err = process.communicate()
    assert process.returncode == 0, err
    return out, float((spent / "seconds").read_text())


reads_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@reads_proc
def test_killed_at_random_moments_it_ends_as_if_undisturbed(
    undisturbed, start_bench, tiny_dataset, tmp_path
):
    expected, seconds = undisturbed
    out = tmp_path / "out"
    assert (
        kill_and_go_on(start_bench, out, tiny_dataset, kills=2, seed=1, seconds=seconds)
        > 0
    )
    assert scores_of(out) == scores_of(expected)
    assert not list(out.rglob(".*.part*"))


@pytest.mark.full
def test_each_file_of_a_study_is_swept_where_a_kill_left_half_of_it(
    undisturbed, tmp_path
):
    out = tmp_path / "out"
    shutil.copytree(undisturbed[0], out)
    for path in [path for path in out.rglob("[!.]*") if path.is_file()]:
        with atomic_path(path) as temporary:
            half = temporary
        if path.name != "results.sqlite":  # SQLite's own
            half.write_bytes(b"half")
    with study_lock(out):
        pass
    assert not list(out.rglob(".*.part*"))


def test_ctrl_c_gives_130_and_the_study_goes_on_afterwards(
    undisturbed, start_bench, bench, tiny_dataset, tmp_path
):
    out = tmp_path / "out"
    process = start_bench(*arguments(out, tiny_dataset))
    # long before the end, however quick the machine
    wait_until((out / "results.sqlite").exists)
    process.send_signal(signal.SIGINT)
    stderr = process.communicate()[1]
    assert process.returncode == 130
    assert "run the same command again" in stderr
    assert "Traceback" not in stderr
    assert bench(*arguments(out, tiny_dataset)).returncode == 0
    assert scores_of(out) == scores_of(undisturbed[0])


SLOW_NETWORK = """
import time
from pathlib import Path

from torch import nn

from defocus.baselines.card import Baseline


class Slow(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, blurry):
        if self.training and blurry.shape[0] == 3:
            Path("begun").touch()
            time.sleep(SECONDS)
        return self.conv(blurry)


SLOW = Baseline.of_network("slow-net", Slow)
"""


def slow_training(
    folder: Path, dataset: Path, seconds: float
) -> tuple[str | Path, ...]:
    """Words of a training of 9999 steps, each of so many seconds."""
    (folder / "slow.py").write_text(SLOW_NETWORK.replace("SECONDS", str(seconds)))
    (folder / "s.toml").write_text(
        "[schedule]\nsteps = 9999\ncrop_px = 16\nbatch = 3\n"
    )
    return (
        *("train", "slow-net", "--plugin", "slow.py", "--settings", "s.toml"),
        *("--dataset", f"tiny:{dataset}", "--out", folder / "out"),
    )


def test_ctrl_c_saves_the_state_of_a_training(start_bench, tiny_dataset, tmp_path):
    words = slow_training(tmp_path, tiny_dataset, 0.02)
    steps = []
    for _ in range(2):
        process = start_bench(*words)
        wait_until((tmp_path / "begun").exists)
        process.send_signal(signal.SIGINT)
        stderr = process.communicate()[1]
        assert process.returncode == 130, stderr
        assert "stopped and saved at step" in stderr
        assert "Traceback" not in stderr
        (folder,) = (tmp_path / "out" / "runs").iterdir()
        stored_steps = steps_done(folder)
        steps.append(stored_steps[0])
        (tmp_path / "begun").unlink()
    assert 0 < steps[0] < steps[1], "the second went on where the first was stopped"


def test_a_second_ctrl_c_ends_at_once(start_bench, tiny_dataset, tmp_path):
    process = start_bench(*slow_training(tmp_path, tiny_dataset, 300))
    wait_until((tmp_path / "begun").exists)
    process.send_signal(signal.SIGINT)
    assert any("Ctrl-C again ends at once" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert not list(tmp_path.glob(f"out/runs/*/{CHECKPOINT}"))
