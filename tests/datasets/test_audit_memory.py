"""The memory that auditing large pairs takes, in a process set up as those of ``--jobs`` are."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

PROGRAM = """
import sys
import cv2
import torch
from defocus.datasets.api import open_dataset
from defocus.datasets.audit.run import audit_dataset
from defocus.freed_memory import keep_freed_memory

keep_freed_memory()
cv2.setNumThreads(1)
torch.set_num_threads(1)
rows = audit_dataset(open_dataset(sys.argv[1]), "dis", 1).pairs
assert {row.status for row in rows} == {"ok"}, [row.reason for row in rows]
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
print(*(int(status[name].split()[0]) / 2**20 for name in ("VmHWM", "VmRSS")))
"""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.libc_ver()[0] != "glibc",
    reason="only glibc can be told to keep memory and to give it back",
)


def peak_and_left_gib(folder: Path, pairs: int, height: int, width: int) -> tuple[float, float]:
    """Of a process that audits pairs of 16 bits."""
    for number, role in enumerate(("blurry", "sharp")):
        (folder / role).mkdir()
        for pair in range(pairs):
            noise = np.random.default_rng(pair).integers(0, 2**16, (height // 4, width // 4, 3))
            rough = cv2.GaussianBlur(noise.astype(np.uint16), (0, 0), 2.0 - number)
            picture = cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)
            options = [cv2.IMWRITE_PNG_COMPRESSION, 1]
            cv2.imwrite(str(folder / role / f"{pair}.png"), picture, options)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, f"pairs:{folder}"],
        capture_output=True,
        text=True,
        timeout=290,
        env={**os.environ, "DEFOCUS_CACHE": str(folder / "cache")},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    peak, left = done.stdout.split()
    return float(peak), float(left)


@pytest.mark.full
def test_an_audited_pair_leaves_no_memory_behind(tmp_path: Path) -> None:
    """Else the next one, whose pieces do not fit into the holes, comes on top of it."""
    peak, left = peak_and_left_gib(tmp_path, 1, 2400, 3600)
    assert left < peak - 0.25


@pytest.mark.full
def test_pairs_of_24_megapixels_take_one_and_a_half_gib_at_most(tmp_path: Path) -> None:
    assert peak_and_left_gib(tmp_path, 2, 4000, 6000)[0] <= 1.5
