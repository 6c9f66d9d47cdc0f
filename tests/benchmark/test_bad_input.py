"""Bad input and full disks: one clear line, the right exit code, nothing half-written."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import pytest


def refused(result: "subprocess.CompletedProcess[str]", code: int, *words: str) -> None:
    assert result.returncode == code, result.stderr
    lines = [
        line
        for line in result.stderr.splitlines()
        if line.startswith("defocus-bench: ")
    ]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in lines[0]


def test_a_dataset_without_test_pairs_is_refused(bench, tiny_dataset, tmp_path):
    untested = shutil.ignore_patterns(".derived", "t*")
    shutil.copytree(tiny_dataset, tmp_path / "untested", ignore=untested)
    result = bench(
        "run", "--only", "input", "--dataset", "tiny:untested", "--out", "out"
    )
    refused(result, 2, "no test pairs")
    assert not (tmp_path / "out").exists()


def test_damaged_checkpoint_is_named_set_aside_and_trained_again(
    bench, tiny_dataset, two_runs, tmp_path
):
    arguments = [
        "run",
        "--only",
        "tiny-conv",
        "--out",
        "out",
        "--dataset",
        f"tiny:{tiny_dataset}",
    ]
    leaderboard = (two_runs / "leaderboard.csv").read_text()
    (checkpoint,) = tmp_path.glob("out/runs/*/checkpoint.safetensors")
    content = checkpoint.read_bytes()
    damaged = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
    checkpoint.write_bytes(damaged)
    evaluated = bench("evaluate", "tiny-conv", *arguments[3:])
    named = f"{checkpoint.relative_to(tmp_path)}: damaged checkpoint"
    refused(
        evaluated, 2, named, "run: defocus-bench train tiny-conv --out out --dataset "
    )
    assert (tmp_path / "out" / "leaderboard.csv").read_text() == leaderboard

    again = bench(*arguments)
    assert again.returncode == 0, again.stderr
    assert str(checkpoint.relative_to(tmp_path)) in again.stderr
    assert "checkpoint.safetensors.damaged" in again.stderr
    assert (
        checkpoint.with_name("checkpoint.safetensors.damaged").read_bytes() == damaged
    )
    assert checkpoint.read_bytes() == content


def mount(kind_options: str, folder: Path) -> None:
    """Mount a small file system in memory, or skip where that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    options = kind_options.encode()
    if libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0, options) != 0:
        pytest.skip(f"cannot mount a tmpfs here: {os.strerror(ctypes.get_errno())}")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 192 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("size=192k", folder)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_gives_5_and_leaves_nothing_half_written(
    bench, tiny_dataset, small_disk
):
    arguments = [
        "run",
        "--only",
        "input",
        "--only",
        "tiny-conv",
        "--out",
        small_disk / "out",
    ]
    arguments += ["--dataset", f"tiny:{tiny_dataset}"]
    refused(bench(*arguments), 5, "disk")
    assert not [path for path in small_disk.rglob("*") if ".part" in path.name]
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    result = bench(*arguments)
    assert result.returncode == 0, result.stderr
    assert (small_disk / "out" / "report.pdf").exists()


def test_an_unwritable_folder_is_told_before_anything_is_read(bench, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    out = small_disk / "out"
    result = bench("run", "--only", "input", "--out", out, "--dataset", "tiny:none")
    refused(result, 5, str(out), "read-only")
