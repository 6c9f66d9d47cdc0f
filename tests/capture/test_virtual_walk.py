"""The walk of capture/README.md: virtual camera, aligned pair, dataset, with real pictures."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from PIL import Image as PillowImage

from defocus.capture.sessions.session import read_session
from defocus.datasets.api import open_dataset
from defocus.pictures.read import read_pair

pytestmark = pytest.mark.full
ROOT = Path(__file__).parents[2]


@pytest.mark.realdata
def test_the_lines_of_the_readme(real_data, run, tmp_path, program):
    stack = real_data / "focus-stacks" / "pcb"
    for name, source in (("wide.jpg", "pcb_003.jpg"), ("narrow.jpg", "expected.jpg")):
        with PillowImage.open(stack / source) as picture:
            picture.reduce(4).save(tmp_path / name, quality=95, exif=b"")
    expected = read_pair(tmp_path / "wide.jpg", tmp_path / "narrow.jpg")
    lines = re.findall(
        r"```sh\n(.*?)```", (ROOT / "capture/README.md").read_text(), re.DOTALL
    )
    shot, loop, further = lines[0].partition("  done\n")
    result = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", shot + loop],
        cwd=tmp_path,
        env=program,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    align, imported = (run(*shlex.split(line)) for line in further.splitlines() if line)
    assert align.returncode == imported.returncode == 0, align.stderr + imported.stderr
    (pair,) = read_session(tmp_path / "session").pairs
    for got, wanted in zip(read_pair(pair.blurry, pair.sharp), expected, strict=True):
        assert (got == wanted).all()
    assert "status     ok" in align.stdout
    (opened,) = open_dataset(f"manifest:{tmp_path / 'dataset'}").pairs
    measured = opened.metadata["measured_misalignment"]
    assert isinstance(measured, dict)
    # the focus breathing of this frame
    assert measured["zoom"] == pytest.approx(0.994, abs=0.0015)
