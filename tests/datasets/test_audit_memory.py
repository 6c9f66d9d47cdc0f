"""The memory that auditing large pairs takes, in a process set up as those of ``--on`` are."""

import platform
import sys

import cv2
import numpy as np
import pytest

from tests.command_process import run_python

PROGRAM = """
import sys
import cv2
import torch
from defocus.datasets.api import open_dataset
from defocus.datasets.audit.run import audit_dataset
from defocus.processes.freed_memory import keep_freed_memory

keep_freed_memory()
cv2.setNumThreads(1)
torch.set_num_threads(1)
rows = audit_dataset(open_dataset(sys.argv[1]), "dis", 1).pairs
assert {row.status for row in rows} == {"ok"}, [row.reason for row in rows]
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
print(int(status["VmHWM"].split()[0]) / 2**20)
"""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.libc_ver()[0] != "glibc",
    reason="only glibc can be told to keep memory and to give it back",
)


@pytest.mark.full
@pytest.mark.timeout(600)
def test_pairs_of_24_megapixels_take_one_and_a_half_gib_at_most(tmp_path):
    """Of 16 bits; the second would come on top of what the first left behind."""
    for number, role in enumerate(("blurry", "sharp")):
        (tmp_path / role).mkdir()
        for pair in range(2):
            noise = np.random.default_rng(pair).integers(0, 2**16, (1000, 1500, 3))
            rough = cv2.GaussianBlur(noise.astype(np.uint16), (0, 0), 2.0 - number)
            picture = cv2.resize(rough, (6000, 4000), interpolation=cv2.INTER_CUBIC)
            options = [cv2.IMWRITE_PNG_COMPRESSION, 0]
            cv2.imwrite(str(tmp_path / role / f"{pair}.png"), picture, options)
    result = run_python(PROGRAM, f"pairs:{tmp_path}")
    assert float(result.stdout) <= 1.5, result.stderr
