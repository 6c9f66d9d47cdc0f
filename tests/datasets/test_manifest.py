import hashlib
import json
import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defocus.datasets.api import open_dataset
from defocus.datasets.manifest import (
    MANIFEST,
    Manifest,
    make_manifest,
    manifest_pairs,
    read_manifest,
    write_manifest,
)
from defocus.datasets.pair import Pair
from defocus.errors import DatasetError
from defocus.pictures.write import write_image
from tests.datasets.conftest import picture, put

HASH = "0" * 64


@pytest.fixture
def root(tmp_path):
    """A manifest dataset of three pairs."""
    folder = tmp_path / "set"
    pairs = []
    for n, split in enumerate(("train", "validation", "test")):
        files = [
            folder / "pairs" / str(n) / f"{role}.png" for role in ("blurry", "sharp")
        ]
        for k, file in enumerate(files):
            put(file, picture(2 * n + k))
        pairs.append(
            Pair(f"p{n}", f"s{n}", split, *files, metadata={"lens": {"f_number": 2.0}})
        )
    write_manifest(folder, make_manifest(folder, tuple(pairs)))
    return folder


def edited(root, change, *, pair=0):
    document = json.loads((root / MANIFEST).read_text())
    target = document if pair is None else document["pairs"][pair]
    target.update(change)
    (root / MANIFEST).write_text(json.dumps(document))


def test_reads_what_was_written(root):
    dataset = open_dataset(f"manifest:{root}")
    assert dataset.name == "manifest:set"
    assert [pair.id for pair in dataset.pairs] == ["p0", "p1", "p2"]
    assert [pair.split for pair in dataset.pairs] == ["train", "validation", "test"]
    assert dataset.pairs[1].sharp == root / "pairs/1/sharp.png"
    assert dataset.pairs[1].metadata["lens"] == {"f_number": 2.0}
    assert dataset.derived.is_relative_to(root)
    assert not dataset.rendered
    for one in read_manifest(root).pairs:
        content = (root / one.blurry.path).read_bytes()
        assert one.blurry.sha256 == hashlib.sha256(content).hexdigest()
        assert one.blurry.bytes == len(content)


def test_writing_is_canonical(root):
    first = (root / MANIFEST).read_bytes()
    pairs, _ = manifest_pairs(root, read_manifest(root))
    write_manifest(root, make_manifest(root, tuple(reversed(pairs))))
    assert (root / MANIFEST).read_bytes() == first


def test_content_hash_follows_pixels_ids_and_splits(root, tmp_path):
    first = open_dataset(f"manifest:{root}").content_hash
    root.rename(tmp_path / "moved")
    moved = tmp_path / "moved"
    assert open_dataset(f"manifest:{moved}").content_hash == first
    edited(moved, {"split": "test"})
    changed = open_dataset(f"manifest:{moved}").content_hash
    edited(moved, {"split": "train", "id": "other"})
    assert len({first, changed, open_dataset(f"manifest:{moved}").content_hash}) == 3


segments = st.text(
    string.ascii_letters + string.digits + " ._-äß", min_size=1, max_size=8
)
named = segments.filter(
    lambda s: s not in {".", ".."} and not re.match("(?i)aux|com|con|lpt|nul|prn", s)
)
good_paths = st.lists(named, min_size=1, max_size=4)
bad_segments = st.sampled_from(["..", ".", "", "a\\b", "C:", "a\0b", "a\nb", "\u202e"])


def row(path, sha256=HASH):
    return {"path": path, "bytes": 1, "sha256": sha256}


def manifest_with(path):
    pair = {"id": "p", "scene": "s", "split": "test", "blurry": row(path)}
    return Manifest.model_validate({"pairs": [pair]})


@given(parts=good_paths)
def test_relative_paths_are_accepted_and_stay_inside(parts):
    root = Path("/nowhere/set")
    ((pair,), _) = manifest_pairs(root, manifest_with("/".join(parts)))
    assert pair.blurry.resolve().is_relative_to(root)


@given(parts=good_paths, bad=bad_segments, data=st.data())
def test_any_other_path_is_refused(parts, bad, data):
    place = data.draw(st.integers(0, len(parts)))
    for path in (
        "/".join([*parts[:place], bad, *parts[place:]]),
        "/" + "/".join(parts),
    ):
        with pytest.raises(ValueError, match="relative path inside the dataset"):
            manifest_with(path)


WRONG = [
    ({"colour": 1}, None), ({"colour": 1}, 1), ({"version": 2}, None), ({"split": "dev"}, 0),
    ({"id": "../p"}, 0), ({"id": ".."}, 0), ({"id": "p1"}, 0), ({"id": "P1"}, 0),
    ({"scene": "s1"}, 0), ({"scene": "\x1b[31mred"}, 0), ({"pairs": []}, None),
    ({"blurry": row("../x")}, 0), ({"blurry": row("x", "00")}, 0),
    ({"blurry": row("pairs/0/x.png")}, 0), ({"blurry": row("pairs")}, 0),
]  # fmt: skip


def test_wrong_manifests_are_refused_and_say_where(root, refused):
    whole = (root / MANIFEST).read_text()
    for change, pair in WRONG:
        (root / MANIFEST).write_text(whole)
        edited(root, change, pair=pair)
        with refused(DatasetError):
            open_dataset(f"manifest:{root}")
    (root / MANIFEST).write_text(whole.replace('"scene"', '"scenne"'))
    with refused(DatasetError):
        open_dataset(f"manifest:{root}")


def test_links_out_of_the_folder_and_changed_files_are_refused(root, tmp_path, refused):
    victim = root / "pairs/0/blurry.png"
    victim.rename(tmp_path / "elsewhere.png")
    victim.symlink_to(tmp_path / "elsewhere.png")
    with refused(DatasetError):
        open_dataset(f"manifest:{root}")
    victim.unlink()
    (tmp_path / "elsewhere.png").rename(victim)
    write_image(root / "pairs/1/sharp.png", picture(99))
    with refused(DatasetError):
        open_dataset(f"manifest:{root}")


def test_garbage_is_refused_in_one_line(root):
    for content in ("", "{", "[]", "null", '{"pairs": 3}', "\xff", "[" * 100_000):
        (root / MANIFEST).write_bytes(content.encode("latin-1"))
        with pytest.raises(
            DatasetError, match=rf"^{root}/[^:]+: (no (JSON|text)|'\w+': ).*$"
        ):
            open_dataset(f"manifest:{root}")
