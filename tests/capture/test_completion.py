"""Shell completion, in a real shell."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def program(tmp_path: Path) -> dict[str, str]:
    """An environment in which ``defocus-capture`` is on the path."""
    path = tmp_path / "bin" / "defocus-capture"
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable}\nfrom defocus.capture.cli import main\nmain()\n")
    path.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{path.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }


def completed(shell: str, program: dict[str, str], *words: str) -> set[str]:
    """What bash offers for the last of the words."""
    quoted = " ".join(f"'{word}'" for word in words)
    asked = (
        f'eval "$(defocus-capture --completion {shell})"; COMP_WORDS=({quoted}); '
        f"COMP_CWORD={len(words) - 1}; "
        "_defocus_capture_completion defocus-capture; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", asked], env=program, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.full
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_commands_and_options(program: dict[str, str]) -> None:
    assert completed("bash", program, "defocus-capture", "re") >= {"resume", "review"}
    offered = completed("bash", program, "defocus-capture", "develop", "--")
    assert offered >= {"--out", "--linear", "--bits", "--jobs", "--dual-pixel"}
    assert completed("bash", program, "defocus-capture", "config", "du") == {"dump"}


def test_zsh_and_fish_get_scripts_of_their_own(run: Run) -> None:
    zsh, fish = (run("defocus-capture", "--completion", shell) for shell in ("zsh", "fish"))
    assert zsh.stdout.startswith("#compdef defocus-capture")
    assert "complete --no-files --command defocus-capture" in fish.stdout
    assert "_DEFOCUS_CAPTURE_COMPLETE=fish_complete" in fish.stdout
    assert run("defocus-capture", "--completion", "tcsh").returncode == 2
