"""The memory that restoring a large picture takes, in a process of its own."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

PROGRAM = """
import sys
from pathlib import Path
import torch
from defocus.baselines.registry import baseline
from defocus.restoration.run import restore_pictures
from defocus.baselines.weights_files.store import find_weights

system = baseline(sys.argv[1])
weights = find_weights(system, "own") if sys.argv[1] == "defocus-m" else None
cpu = torch.device("cpu")
(done,) = restore_pictures([Path(sys.argv[2])], system, weights, Path(sys.argv[3]), None, cpu)
assert not done.reason, done.reason
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
print(int(status["VmHWM"].split()[0]) / 2**20)
"""


def peak_gib(system: str, height: int, width: int, folder: Path) -> float:
    """Of a process that restores a JPEG.

    Linux gives KiB. ``ru_maxrss`` will not do: a child begins with the peak of its parent.
    """
    rng = np.random.default_rng(0)
    part = cv2.GaussianBlur(rng.integers(0, 256, (500, 500, 3)).astype(np.uint8), (0, 0), 2)
    repeats = (-(-height // 500), -(-width // 500), 1)
    cv2.imwrite(str(folder / "a.jpg"), np.tile(part, repeats)[:height, :width])
    words = [sys.executable, "-c", PROGRAM, system, str(folder / "a.jpg"), str(folder / "out")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=290, check=False)
    assert done.returncode == 0, done.stderr
    return float(done.stdout.split()[-1])


linux = pytest.mark.skipif(sys.platform != "linux", reason="the peak is read as Linux tells it")


@linux
@pytest.mark.full
def test_twelve_megapixels_take_two_gib_at_most(tmp_path: Path) -> None:
    assert peak_gib("defocus-m", 3000, 4000, tmp_path) <= 2.0


@pytest.mark.full
@linux
def test_all_but_the_network_takes_little_memory(tmp_path: Path) -> None:
    """Map of blur, guard, reading and writing of 6 megapixels."""
    assert peak_gib("input", 2000, 3000, tmp_path) <= 1.5
