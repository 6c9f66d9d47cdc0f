"""Which commit a checkout stands at, and what a built package says of it."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from defocus.commit import full_commit_of
from tests.test_frame import STAGES

pytestmark = pytest.mark.full
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def git(folder: Path, *words: str) -> str:
    name = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    command = ["git", "-C", str(folder), *name, *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main/first")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


@pytest.mark.parametrize("state", ["branch", "packed", "detached"])
def test_the_commit_is_what_git_says(checkout, state):
    if state == "packed":
        git(checkout, "pack-refs", "--all")
    if state == "detached":
        git(checkout, "checkout", "-q", "--detach")
    assert full_commit_of(checkout) == git(checkout, "rev-parse", "HEAD")


def test_a_worktree_has_a_commit_of_its_own_and_no_checkout_none(checkout, tmp_path):
    other = tmp_path / "other"
    git(checkout, "worktree", "add", "-q", "-b", "second", str(other))
    git(other, "commit", "-q", "--allow-empty", "-m", "second")
    assert (
        full_commit_of(other)
        == git(other, "rev-parse", "HEAD")
        != full_commit_of(checkout)
    )
    assert full_commit_of(tmp_path) == ""
    git(tmp_path, "init", "-q")
    assert full_commit_of(tmp_path) == ""  # nothing was committed yet
    (tmp_path / ".git" / "HEAD").write_text("../../secret\n")
    assert full_commit_of(tmp_path) == ""


def test_a_wheel_and_an_sdist_carry_the_commit(tmp_path):
    """Of a small copy of this project: its ``setup.py``, and a package with ``commit.py`` alone."""
    project = tmp_path / "project"
    source = Path(__file__).parents[2]
    for stage in STAGES:
        (project / stage).mkdir(parents=True)
        (project / stage / "__init__.py").touch()
    own = (one.parent for one in (source / "defocus").glob("*/__init__.py"))
    for package in [folder.name for folder in own if not folder.is_symlink()]:
        (project / "defocus" / package).mkdir(parents=True)
        (project / "defocus" / package / "__init__.py").touch()
    for name in (
        "setup.py",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "defocus/commit.py",
    ):
        (project / name).write_bytes((source / name).read_bytes())
    (project / "defocus" / "__init__.py").touch()
    (project / ".git").mkdir()
    (project / ".git" / "HEAD").write_text(COMMIT + "\n")
    build(project, "bdist_wheel")
    build(project, "sdist")
    (wheel,) = (project / "dist").glob("*.whl")
    (sdist,) = (project / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.glob("defocus-*")
    build(unpacked, "bdist_wheel")
    (again,) = (unpacked / "dist").glob("*.whl")
    for built in (wheel, again):
        installed = tmp_path / built.parent.parent.name / "installed"
        shutil.unpack_archive(built, installed, "zip")
        code = "from defocus.commit import own_commit; print(own_commit())"
        environment = {**os.environ, "PYTHONPATH": str(installed)}
        words = [sys.executable, "-c", code]
        said = subprocess.check_output(words, env=environment, text=True, cwd=tmp_path)
        assert said.strip() == COMMIT[:7]


def build(folder: Path, command: str) -> None:
    environment = {**os.environ, "PYTHONPATH": "", "PYTHONWARNINGS": "ignore"}
    words = [sys.executable, "setup.py", "-q", command]
    subprocess.run(words, cwd=folder, capture_output=True, check=True, env=environment)
