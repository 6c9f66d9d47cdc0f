"""The lock of a study removes half-written files of its own, and nothing else."""

import errno
import os
import time
from pathlib import Path
from threading import Thread, Timer

import pytest

from defocus.benchmark.results import lock
from defocus.benchmark.results.lock import (
    STUDY_NAMES,
    is_locked,
    run_lock,
    study_lock,
    tell_busy,
)
from defocus.benchmark.results.run_folder import checkpoint_is
from defocus.errors import DefocusError, InputError, StorageError
from defocus.storage import staging
from defocus.storage.files import atomic_path
from defocus.storage.staging import owned_folder, owner_file
from defocus.training.record.folder import CHECKPOINT, training_finished

RUN = "runs/unet-1a2b3c4d"
WRITTEN = (
    *("study.json", "leaderboard.csv", "report.html", "report.pdf", ".report.json"),
    *(
        f"{RUN}/{name}.json"
        for name in ("run", "again", "outputs", "selection", "training")
    ),
    *(f"{RUN}/{name}.safetensors" for name in ("checkpoint", "best")),
    *(f"{RUN}/{name}" for name in ("train.csv", "validation.csv", "failure.txt")),
    f"{RUN}/outputs/cat.1-a.npz",
    *(f"{RUN}/images/cat.1-a.{name}.png" for name in ("blurry", "restored", "sharp")),
)

OTHERS = (
    ".movie.part",
    ".archive.part1.rar",
    ".notes.partial",
    ".study-12345678.part.txt",
    ".study-123.part.json",
    ".run-abcdefgh.part.json",  # right in the folder of a run alone
    "mine/.leaderboard-abcdefgh.part.csv",
    "runs/.run-abcdefgh.part.json",
    "runs/mine/.train-abcdefgh.part.csv",
    "runs/.mine.part/.checkpoint-abcdefgh.part.safetensors",
    "runs/unet-1a2b3c4d/.study-abcdefgh.part.json",
    "runs/unet-1a2b3c4d/images/.cat-abcdefgh.part.png",
    "runs/unet-1a2b3c4d/outputs/.cat-abcdefgh.part.png",
    "runs/unet-1a2b3c4d/deeper/images/.cat.blurry-abcdefgh.part.png",
)


def write(out: Path, name: str) -> Path:
    path = out / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"content")
    return path


def sweep(out: Path) -> None:
    (out / ".lock").touch()  # a study's folder has it from the first moment
    with study_lock(out):
        pass


def test_looking_whether_a_process_works_keeps_none_from_it(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / ".lock").touch()
    with (tmp_path / ".lock").open() as look:
        fcntl.flock(look, fcntl.LOCK_SH)  # as is_locked does, for a moment
        assert not is_locked(tmp_path)
        Timer(0.1, fcntl.flock, (look.fileno(), fcntl.LOCK_UN)).start()
        with study_lock(tmp_path):
            assert is_locked(tmp_path)
    assert not is_locked(tmp_path)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOLCK, "its file system gives no locks"),
        (errno.ENOTSUP, "its file system cannot do that, such as lock"),
    ],
)
def test_a_folder_without_locks_can_be_looked_at_alone(
    tmp_path, monkeypatch, code, said
):
    def no_locks(*_: object, **__: object) -> bool:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(lock, "try_lock", no_locks)
    with (
        pytest.raises(StorageError, match=rf"\.lock: {said}"),
        study_lock(tmp_path),
    ):
        pass
    assert not is_locked(tmp_path)


@pytest.mark.parametrize("name", WRITTEN)
def test_what_a_killed_write_leaves_is_removed(tmp_path, name):
    target = write(tmp_path, name)
    with atomic_path(target) as temporary:
        leftover = temporary
    leftover.write_bytes(b"half")  # as if the process had been killed inside the block
    sweep(tmp_path)
    assert not leftover.exists()
    assert target.exists()


def test_what_a_worker_still_writes_stays(tmp_path):
    """It goes on with a training whose command was killed, and another command begins."""
    with study_lock(tmp_path):
        pass
    checkpoint = tmp_path / RUN / CHECKPOINT
    checkpoint.parent.mkdir(parents=True)
    with atomic_path(checkpoint) as temporary:
        temporary.write_bytes(b"whole")
        with study_lock(tmp_path):
            assert temporary.exists()
    assert checkpoint.read_bytes() == b"whole"


def test_a_run_that_another_process_has_is_waited_for(tmp_path, capsys):
    out, run = tmp_path, Path(RUN).name
    with owned_folder(tmp_path / RUN):
        tell_busy(out, [run, "wiener-1a2b3c4d"])
        entered = []

        def enter() -> None:
            with run_lock(out, run):
                entered.append(time.monotonic())

        waiting = Thread(target=enter)
        waiting.start()
        time.sleep(0.2)
        left = time.monotonic()
        assert entered == []
    waiting.join()
    assert entered[0] > left
    assert capsys.readouterr().err.startswith(f"{run}: a worker of an earlier command")
    tell_busy(out, [run])
    assert capsys.readouterr().err == ""


def test_where_there_are_no_locks_a_run_of_a_killed_worker_is_named(
    tmp_path, monkeypatch
):
    def no_locks(*_: object, **__: object) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(staging, "try_lock", no_locks)
    monkeypatch.setattr(lock, "HELD_SECONDS", 0.0)
    (tmp_path / RUN).mkdir(parents=True)
    named = owner_file(tmp_path / RUN)
    named.write_text("another-computer 1\n")
    run = Path(RUN).name
    with (
        pytest.raises(DefocusError, match=f"remove {named} and give the same command"),
        run_lock(tmp_path, run),
    ):
        pass
    named.unlink()
    with run_lock(tmp_path, run):
        assert named.exists()


@pytest.mark.parametrize("name", OTHERS)
def test_a_person_s_own_hidden_files_stay(tmp_path, name):
    path = write(tmp_path, name)
    sweep(tmp_path)
    assert path.read_bytes() == b"content"


def test_folders_and_links_of_such_a_name_stay(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    kept = write(elsewhere, ".run-abcdefgh.part.json")
    out = tmp_path / "out"
    (out / ".report-abcdefgh.part.html").mkdir(parents=True)
    (out / ".study-abcdefgh.part.json").symlink_to(kept)
    (out / "runs").mkdir()
    (out / "runs" / "unet-1").symlink_to(elsewhere)
    sweep(out)
    assert (out / ".report-abcdefgh.part.html").is_dir()
    assert (out / ".study-abcdefgh.part.json").is_symlink()
    assert kept.exists()


@pytest.mark.parametrize("name", STUDY_NAMES)
def test_a_persons_own_file_is_never_replaced(tmp_path, name, refused):
    path = write(tmp_path, name)
    with refused(InputError), study_lock(tmp_path):
        pass
    assert path.read_bytes() == b"content"
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_folder_in_place_of_a_checkpoint_is_not_the_checkpoint(tmp_path):
    (tmp_path / CHECKPOINT).mkdir()
    assert not checkpoint_is(tmp_path, "0" * 64, "")
    assert not training_finished(tmp_path)


@pytest.mark.parametrize("name", STUDY_NAMES)
def test_a_folder_in_place_of_a_report_is_named(tmp_path, name, refused):
    (tmp_path / ".lock").touch()
    (tmp_path / name).mkdir()
    with refused(InputError), study_lock(tmp_path):
        pass
