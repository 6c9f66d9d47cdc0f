"""Every single change to a release is found and named; what is repaired is as it was."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defocus.datasets.checksums import (
    CHECKSUMS,
    TAG_CHECKSUMS,
    canonical,
    folder_hashes,
    tag_of,
    write_checksums,
)
from defocus.datasets.differences import repair_folder, verify_folder
from defocus.errors import DatasetError
from tests.datasets.conftest import package_noise


@pytest.fixture(scope="module")
def whole(tmp_path_factory, cache_folder):
    """A release of three pairs of noise."""
    return package_noise(tmp_path_factory.mktemp("whole"), names="abc")


@pytest.fixture
def release(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "release"))


def wrong(root):
    return [(finding.file, finding.kind) for finding in verify_folder(root).wrong]


@pytest.mark.full
def test_a_release_is_whole_for_us_and_for_sha256sum(release):
    assert wrong(release) == []
    for name in (CHECKSUMS, TAG_CHECKSUMS):
        result = subprocess.run(
            ["sha256sum", "-c", name], cwd=release, capture_output=True
        )
        assert result.returncode == 0
    listed = (release / CHECKSUMS).read_text().splitlines()
    files = {path for path in release.rglob("*") if path.is_file()}
    assert len(listed) == len(files) - 2
    assert listed == sorted(listed, key=lambda line: line[66:])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_each_flipped_bit_is_found_and_named(whole, data):
    """In pictures, documents and both manifests; the file is mended again after each."""
    files = sorted(
        p.relative_to(whole).as_posix() for p in whole.rglob("*") if p.is_file()
    )
    name = data.draw(st.sampled_from([*files, CHECKSUMS, TAG_CHECKSUMS]))
    content = (whole / name).read_bytes()
    place = data.draw(st.integers(0, 8 * len(content) - 1))
    flipped = bytearray(content)
    flipped[place // 8] ^= 1 << place % 8
    (whole / name).write_bytes(flipped)
    try:
        assert wrong(whole) == [(name, "changed")]
    finally:
        (whole / name).write_bytes(content)


@pytest.mark.parametrize(
    "name", ["pairs/a/blurry.png", "manifest.json", "LICENSE", CHECKSUMS, TAG_CHECKSUMS]
)
def test_each_missing_renamed_or_cut_file_is_named(release, name):
    content = (release / name).read_bytes()
    (release / name).rename(release / "other name")
    assert wrong(release) == [(name, "renamed")]
    (release / "other name").unlink()
    assert wrong(release) == [(name, "missing")]
    (release / name).write_bytes(content[:-1])
    assert wrong(release) == [(name, "changed")]
    (release / name).write_bytes(b"")
    assert wrong(release) == [(name, "changed")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pairs/a/blurry.png", "pairs/a/sharp.png"),
        ("pairs/a", "pairs/b"),
        ("README.md", "LICENSE"),
        (CHECKSUMS, TAG_CHECKSUMS),
        (CHECKSUMS, "pairs/a/blurry.png"),
        (TAG_CHECKSUMS, "pairs/a/blurry.png"),
    ],
)
def test_swapped_files_are_both_named(release, one, other):
    (release / one).rename(release / "aside")
    (release / other).rename(release / one)
    (release / "aside").rename(release / other)
    names = [one, other]
    if (release / one).is_dir():
        names = [
            f"{folder}/{role}.png" for folder in names for role in ("blurry", "sharp")
        ]
    assert wrong(release) == [(name, "swapped") for name in sorted(names)]


def test_strangers_are_extra_and_links_are_no_files(release, tmp_path):
    (release / "pairs/a/.hidden").write_bytes(b"")
    (release / "pairs/x\udcff\n.png").write_bytes(b"1")
    (tmp_path / "outside").mkdir()
    (release / "linked").symlink_to(tmp_path / "outside")
    picture = release / "pairs/b/sharp.png"
    picture.rename(tmp_path / "sharp.png")
    picture.symlink_to(tmp_path / "sharp.png")
    assert wrong(release) == [
        ("linked", "extra"),
        ("pairs/a/.hidden", "extra"),
        ("pairs/b/sharp.png", "changed"),
        ("pairs/x\udcff\n.png", "extra"),
    ]


def test_a_damaged_manifest_puts_no_blame_on_the_intact_one(release):
    manifest = release / CHECKSUMS
    good = manifest.read_bytes()
    (release / "notes.txt").write_text("mine")
    other = b"0" if good[:1] != b"0" else b"1"
    # a line and its file differ: the tag knows which errs
    manifest.write_bytes(other + good[1:])
    assert wrong(release) == [(CHECKSUMS, "changed"), ("notes.txt", "extra")]
    manifest.write_bytes(b"\0" + good[1:])
    assert wrong(release) == [(CHECKSUMS, "changed")]
    manifest.unlink()
    assert wrong(release) == [(CHECKSUMS, "missing")]


def test_other_writings_of_a_manifest_are_changes(release):
    """Even where everything else agrees with them: one content has one writing."""
    good = (release / CHECKSUMS).read_bytes()
    lines = good.splitlines(keepends=True)
    for content in (
        *(good.upper().replace(b"PAIRS", b"pairs"), b"".join(reversed(lines))),
        *(
            good.replace(b"\n", b"\r\n"),
            good.replace(b"  ", b" *"),
            good[:-1],
            good + lines[-1],
        ),
    ):
        (release / CHECKSUMS).write_bytes(content)
        (release / TAG_CHECKSUMS).write_bytes(tag_of(content))
        assert (CHECKSUMS, "changed") in wrong(release)


def test_the_manifest_of_pairs_has_one_writing_and_tells_the_same(release):
    document = json.loads((release / "manifest.json").read_text())

    def rewritten(text):
        (release / "manifest.json").write_text(text)
        write_checksums(release, folder_hashes(release))
        return wrong(release)

    canonical_text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    assert rewritten(canonical_text) == []
    assert rewritten(json.dumps(document)) == [("manifest.json", "changed")]
    for key, value in (("bytes", 1), ("sha256", "0" * 64)):
        document["pairs"][0]["blurry"][key] = value
        other = json.dumps(document, indent=1, sort_keys=True) + "\n"
        assert rewritten(other) == [("manifest.json", "changed")]
    (release / "README.md").unlink()
    assert rewritten(canonical_text) == [("README.md", "missing")], (
        "every release has its card"
    )


@pytest.mark.parametrize(
    "path",
    [
        "../outside",
        "/etc/passwd",
        "a/../b",
        "a//b",
        "./a",
        "a\\b",
        "c:b",
        "a\x07b",
        "a\x85b",
    ],
)
def test_manifests_with_names_that_lead_elsewhere_are_refused(tmp_path, path, refused):
    (tmp_path / "file").write_bytes(b"1")
    content = canonical({path: "0" * 64})
    (tmp_path / CHECKSUMS).write_bytes(content)
    (tmp_path / TAG_CHECKSUMS).write_bytes(tag_of(content))
    with refused(DatasetError):
        verify_folder(tmp_path)
    with refused(DatasetError):
        write_checksums(tmp_path, {path: "0" * 64})


def test_names_that_differ_in_case_alone_are_refused(tmp_path, refused):
    for names in (("Readme", "README"), ("é", "e\u0301")):
        with refused(DatasetError):
            write_checksums(tmp_path, dict.fromkeys(names, "0" * 64))


@pytest.mark.parametrize(
    "damage",
    [
        lambda root: (root / "pairs/a/sharp.png").write_bytes(b"damaged"),
        lambda root: shutil.rmtree(root / "pairs/b"),
        lambda root: (root / "pairs/a/sharp.png").rename(root / "pairs/a/old.png"),
        lambda root: (root / "notes").write_text("mine"),
        lambda root: (root / CHECKSUMS).write_bytes(b"\xff"),
        lambda root: (
            (root / CHECKSUMS).write_bytes(b"\xff"),
            (root / TAG_CHECKSUMS).unlink(),
        ),
        lambda root: (
            shutil.rmtree(root / "pairs"),
            (root / "pairs").write_text("a file"),
        ),
        lambda root: ((root / "LICENSE").unlink(), (root / "LICENSE").mkdir()),
    ],
)
def test_repair_puts_everything_back(release, whole, damage):
    damage(release)
    repair = repair_folder(release, whole)
    assert repair.before
    assert repair.after.ok
    assert folder_hashes(release) == folder_hashes(whole)


def test_repair_needs_no_other_bytes_than_are_lost(release, whole, refused):
    """A damaged copy repairs another one, as long as their damage differs; strangers are kept."""
    other = Path(shutil.copytree(whole, release.parent / "other"))
    (other / "pairs/c/sharp.png").write_bytes(b"damaged")
    one, two = release / "pairs/a/blurry.png", release / "pairs/a/sharp.png"
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    (release / "mine.txt").write_text("mine")
    repair = repair_folder(release, other)
    assert repair.after.ok
    assert (repair.aside / "mine.txt").read_text() == "mine"
    assert repair.aside.name == f"{release.name}.extra"
    (release / "pairs/c/sharp.png").unlink()
    with refused(DatasetError):
        repair_folder(release, other)


def test_a_copy_of_something_else_repairs_nothing(release, tmp_path, refused):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/file").write_bytes(b"1")
    write_checksums(tmp_path / "other", folder_hashes(tmp_path / "other"))
    (release / CHECKSUMS).write_bytes(b"\xff")
    (release / TAG_CHECKSUMS).write_bytes(b"\xff")
    with refused(DatasetError):
        repair_folder(release, tmp_path / "other")


def test_the_command(data, release, whole, tmp_path):
    intact = json.loads(data("verify", release, "--json", code=None).stdout)
    assert intact == {"ok": True, "wrong": []}
    (release / "LICENSE").write_text("mine")
    (release / "x\udcff\x1b.png").write_bytes(b"1")
    result = data("verify", release, "--json", code=1)
    assert json.loads(result.stdout)["wrong"][0] == {
        "file": "LICENSE",
        "kind": "changed",
    }
    outcome = data("verify", release, code=1)
    assert "\x1b" not in outcome.stdout
    assert "changed  LICENSE" in outcome.stdout
    assert "2 files wrong: 1 changed, 1 extra" in outcome.stdout
    repaired = data("verify", release, "--repair", whole, code=None)
    assert (repaired.returncode, repaired.stderr.count("was ")) == (0, 2)
    assert "manifest-sha256.txt" in data("verify", tmp_path, code=2).stderr


def test_several_files_are_read_at_once_with_the_same_result(release, data):
    (release / "pairs" / "b" / "sharp.png").write_bytes(b"no picture")
    assert folder_hashes(release, 4) == folder_hashes(release)
    results = [data("verify", release, "--on", number, code=None) for number in "14"]
    assert [result.returncode for result in results] == [1, 1]
    assert results[0].stdout == results[1].stdout
