"""The walk of capture/README.md: virtual camera, aligned pair, dataset, with real pictures."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image as PillowImage

from defocus.capture.sessions.session import read_session
from defocus.datasets.api import open_dataset
from defocus.images import read_pair

ROOT = Path(__file__).parents[2]
COMMANDS = {"defocus-capture": "defocus.capture.cli", "defocus-data": "defocus.datasets.cli"}


@pytest.mark.realdata
def test_the_lines_of_the_readme(real_data: Path, tmp_path: Path) -> None:
    stack = real_data / "focus-stacks" / "pcb"
    for name, source in (("wide.jpg", "pcb_003.jpg"), ("narrow.jpg", "expected.jpg")):
        with PillowImage.open(stack / source) as picture:
            picture.reduce(4).save(tmp_path / name, quality=95, exif=b"")
    expected = read_pair(tmp_path / "wide.jpg", tmp_path / "narrow.jpg")
    programs = tmp_path / "bin"
    programs.mkdir()
    for command, module in COMMANDS.items():
        program = f"from {module} import main; main()"
        line = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(program)} "$@"\n'
        (programs / command).write_text(line)
        (programs / command).chmod(0o755)
    lines = re.findall(r"```sh\n(.*?)```", (ROOT / "capture/README.md").read_text(), re.DOTALL)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", lines[0]],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=140,  # 12 s of CPU; the machine may have much else to do
    )
    assert done.returncode == 0, done.stderr
    (pair,) = read_session(tmp_path / "session").pairs
    for got, wanted in zip(read_pair(pair.blurry, pair.sharp), expected, strict=True):
        assert (got == wanted).all()
    assert "status     ok" in done.stdout
    (imported,) = open_dataset(f"manifest:{tmp_path / 'dataset'}").pairs
    measured = imported.metadata["measured_misalignment"]
    assert isinstance(measured, dict)
    assert measured["zoom"] == pytest.approx(0.994, abs=0.0015)  # the focus breathing of this frame
