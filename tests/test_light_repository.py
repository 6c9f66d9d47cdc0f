"""What a clone carries: few large files, nothing twice, no path of the machine that wrote it."""

import hashlib
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.full  # it asks git

ROOT = Path(__file__).parents[1]

LARGEST_BYTES = 1_000_000
"""Size that a file may have if it is no weights: half a second of a common line."""

LARGEST_GENERATED_BYTES = 200_000
"""Size that a generated file may have: each renewal stays in the history for ever."""

LARGEST_TREE_BYTES = 82_000_000
"""Size of all tracked files together. Two networks, of flow and of deblurring, have most of it;
lower the number when one of them leaves."""

WEIGHTS = (".safetensors", ".safetensors.xz")
GENERATED = ("docs/", "research/")
"""Folders whose large files a script of ours writes."""

LARGE = {
    "tests/conformance/fixtures/fsim/input.npz": "pictures of the official FSIM, at its size",
    "tests/stored/made_2026_11.tar.xz": "studies, sessions and releases that must go on opening",
}
"""Larger than ``LARGEST_BYTES``, and why."""

LARGE_GENERATED = {
    "docs/jdrl-by-dose-strip-0px.webp": "crops at 1:1, which a smaller file would blur",
    "docs/jdrl-by-dose-strip-2px.webp": "crops at 1:1",
    "docs/jdrl-by-dose-strip-8px.webp": "crops at 1:1",
    "docs/jdrl-nafnet-strip-2px.webp": "crops at 1:1",
    "docs/jdrl-nafnet-strip-4px.webp": "crops at 1:1",
    "docs/jdrl-other-ways-strip-2px.webp": "crops at 1:1",
    "docs/jdrl-other-ways-strip-8px.webp": "crops at 1:1",
    "docs/jdrl-parts-strip-8px.webp": "crops at 1:1",
    "docs/jdrl-restormer-strip-2px.webp": "crops at 1:1",
    "docs/jdrl-restormer-strip-4px.webp": "crops at 1:1",
    "docs/jdrl-restormer-strip-8px.webp": "crops at 1:1",
    "docs/jdrl-unet-strip-8px.webp": "crops at 1:1",
    "docs/weights.jpg": "crops at 1:1",
}
"""Larger than ``LARGEST_GENERATED_BYTES``, and why."""


@pytest.fixture(scope="module")
def sizes():
    """Size of each tracked file, by its path; of links nothing."""
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout of git")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    paths = filter(None, listed.stdout.decode().split("\0"))
    files = [
        path
        for path in paths
        if (ROOT / path).is_file() and not (ROOT / path).is_symlink()
    ]
    return {path: (ROOT / path).stat().st_size for path in files}


def test_a_large_file_is_weights_or_has_a_reason(sizes):
    large = {path for path, size in sizes.items() if size > LARGEST_BYTES}
    assert {path for path in large if not path.endswith(WEIGHTS)} == set(LARGE)


def test_a_large_generated_file_has_a_reason(sizes):
    large = set()
    for path, size in sizes.items():
        if path.startswith(GENERATED) and not path.endswith(WEIGHTS):
            large |= {path} if size > LARGEST_GENERATED_BYTES else set()
    assert large - set(LARGE) == set(LARGE_GENERATED)


def test_the_tree_stays_light(sizes):
    assert sum(sizes.values()) < LARGEST_TREE_BYTES


def test_each_weights_file_lies_once(sizes):
    hashes = Counter()
    for path in sizes:
        if path.endswith(WEIGHTS):
            hashes[hashlib.sha256((ROOT / path).read_bytes()).hexdigest()] += 1
    assert len(hashes) > 30
    assert set(hashes.values()) == {1}


MACHINE_PATH = re.compile(rb"/(work|root|home)/[a-z]")

OWN_MACHINE = {"Dockerfile": "the home of its own user"}
"""Files that make a machine, whose paths they name."""


def machine_paths(folder: Path, names: list[str]) -> list[str]:
    """The text files that name a path of the machine on which they were written."""
    named = []
    for name in names:
        content = (folder / name).read_bytes()
        if b"\0" not in content and MACHINE_PATH.search(content):
            named.append(name)
    return named


def test_no_machine_path_is_in_any_text_file(sizes, tmp_path):
    assert set(machine_paths(ROOT, list(sizes))) == set(OWN_MACHINE)
    path = b"/%s/x" % b"root"
    for name, content in (("notes", path), ("a.svg", b"<a/>"), ("b.bin", b"\0" + path)):
        (tmp_path / name).write_bytes(content)
    assert machine_paths(tmp_path, ["notes", "a.svg", "b.bin"]) == ["notes"]
