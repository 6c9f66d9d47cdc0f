"""Releases in shards are opened like any other, and what a hostile one holds is refused."""

import io
import json
import shutil
import tarfile
from dataclasses import replace
from typing import Any

import h5py
import numpy as np
import pytest

from defocus.cache import cache_folder
from defocus.datasets.api import open_dataset
from defocus.datasets.checksums import (
    CHECKSUMS,
    TAG_CHECKSUMS,
    folder_hashes,
    write_checksums,
)
from defocus.datasets.pair import Pair
from defocus.datasets.release.facts import ReleaseFacts, read_facts, write_facts
from defocus.datasets.release.packaging import package_dataset
from defocus.errors import DatasetError
from defocus.pictures.read import read_image
from tests.datasets.conftest import DETAILS, picture, write_folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory, cache_folder):
    """Two pairs, one of them with everything that a pair can have."""
    root = write_folder(tmp_path_factory.mktemp("whole"), ["a.png", "b.png"])
    dataset = open_dataset(f"pairs:{root}")
    extra = {"flow": picture(3)[:, :, 0], "defocus_map": picture(4)[:, :, 0]}
    for role, array in extra.items():
        shape = (2, 40, 56) if role == "flow" else (40, 56)
        np.save(root / f"{role}.npy", np.broadcast_to(array.astype(np.float32), shape))
    files = {role: root / f"{role}.npy" for role in extra}
    views = {
        f"dual_pixel_{side}": dataset.pairs[1].blurry for side in ("left", "right")
    }
    named = {**files, **views, "metadata": {"f_number": 1.8}}
    return replace(
        dataset, pairs=(dataset.pairs[0], replace(dataset.pairs[1], **named))
    )


@pytest.mark.parametrize("form", ["webdataset", "hdf5"])
def test_everything_of_a_pair_comes_back(whole, tmp_path, form, refused):
    own = replace(whole, source="realblur")
    root = package_dataset(own, tmp_path / "r", form, DETAILS, 1).root
    opened = open_dataset(f"release:{root}")
    assert opened.source == read_facts(root).source == "realblur"
    full = opened.pairs[1]
    assert dict(full.metadata) == {"f_number": 1.8}
    for role in ("dual_pixel_left", "dual_pixel_right", "flow", "defocus_map"):
        read = read_image if role.startswith("dual") else np.load
        paths = (getattr(one, role) for one in (full, whole.pairs[1]))
        np.testing.assert_array_equal(*map(read, paths))
    assert opened.pairs[0].flow is None
    full.blurry.write_bytes(b"damaged in the cache")
    assert open_dataset(f"release:{root}").content_hash == opened.content_hash
    shard = root / f"test-00000.{'tar' if form == 'webdataset' else 'h5'}"
    shard.write_bytes(shard.read_bytes()[:-1] + b"\1")
    with refused(DatasetError):
        open_dataset(f"release:{root}")


def sealed(root):
    """What an attacker writes has checksums that fit."""
    for name in (CHECKSUMS, TAG_CHECKSUMS):
        (root / name).unlink(missing_ok=True)
    write_facts(root, ReleaseFacts(to="webdataset"))
    write_checksums(root, folder_hashes(root))
    return root


ENTRY = {"id": "a", "scene": "a", "split": "train", "metadata": {}}


def tar_shard(root, entry, *more: tarfile.TarInfo):
    files = {"000000.json": json.dumps(entry).encode(), "000000.blurry.png": b"x"}
    with tarfile.open(root / "train-00000.tar", "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in more:
            archive.addfile(info)
    return sealed(root)


def member(name, kind=tarfile.REGTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


@pytest.mark.parametrize(
    ("entry", "more"),
    [
        ({**ENTRY, "id": "../../a"}, []),
        ({**ENTRY, "id": "/tmp/a"}, []),
        ({**ENTRY, "id": 3}, []),
        ({**ENTRY, "split": "all"}, []),
        ({**ENTRY, "scene": "\x1b[31m"}, []),
        ({**ENTRY, "metadata": []}, []),
        ({**ENTRY, "colour": 1}, []),
        ([ENTRY], []),
        (ENTRY, [member("../000000.sharp.png")]),
        (ENTRY, [member("000000.sharp.png", tarfile.SYMTYPE)]),
        (ENTRY, [member("000000.sharp.png", tarfile.LNKTYPE)]),
        (ENTRY, [member("000000.sharp.exe")]),
        (ENTRY, [member("000001.sharp.png")]),
        (ENTRY, [member("000001.json")]),
    ],
)
def test_hostile_tars_are_refused(tmp_path, entry, more):
    (tmp_path / "r").mkdir()
    before = set(cache_folder().rglob("*"))
    with pytest.raises(DatasetError) as caught:
        open_dataset(f"release:{tar_shard(tmp_path / 'r', entry, *more)}")
    assert len(str(caught.value).splitlines()) == 1
    left = {
        path
        for path in set(cache_folder().rglob("*")) - before
        if path.suffix != ".json"
    }
    assert left <= {cache_folder() / "releases", cache_folder() / "hashes"}


def _linked(file):
    file["blurry/b"] = file["blurry/a"]
    del file["blurry/a"]
    file["blurry/a"] = h5py.SoftLink("/blurry/b")


def _elsewhere(file):
    del file["blurry/a"]
    file["blurry/a"] = h5py.ExternalLink("/etc/other.h5", "/blurry/a")


def _outside(file):
    del file["blurry/a"]
    file.create_dataset(
        "blurry/a", (4, 4, 3), "u1", external=[("/etc/hostname", 0, 48)]
    )


def _put(name, **settings: Any):
    def put(file):
        del file[name]
        file.create_dataset(name, **settings)

    return put


TEXT = h5py.string_dtype()
HOSTILE = {
    "soft link": _linked,
    "external link": _elsewhere,
    "external storage": _outside,
    "larger than memory": _put(
        "blurry/a", shape=(10**6, 10**6, 3), dtype="u1", chunks=(64, 64, 3)
    ),
    "floats": _put("blurry/a", data=np.zeros((4, 4, 3))),
    "no picture": _put("blurry/a", data=np.zeros((4, 4), np.uint8)),
    "leads out": _put("ids", data=["../a"], dtype=TEXT),
    "fewer scenes": _put("scenes", data=[], dtype=TEXT),
    "ids of numbers": _put("ids", data=[1]),
    "a giant text": _put("ids", shape=(10**9,), dtype="S100", chunks=(64,)),
    "metadata is no object": _put("metadata/a", data="[]", dtype=TEXT),
    "metadata is no JSON": _put("metadata/a", data="{", dtype=TEXT),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_hdf5_shards_are_refused(whole, tmp_path, case):
    pair = Pair("a", "a", "test", whole.pairs[0].blurry)
    root = package_dataset(
        replace(whole, pairs=(pair,)), tmp_path / "r", "hdf5", DETAILS, 1
    ).root
    with h5py.File(root / "test-00000.h5", "r+") as file:
        HOSTILE[case](file)
    with pytest.raises(DatasetError, match=r"test-00000\.h5: ") as caught:
        open_dataset(f"release:{sealed(root)}")
    assert len(str(caught.value).splitlines()) == 1


def test_what_is_no_release_is_one_line(whole, tmp_path, refused):
    root = package_dataset(whole, tmp_path / "r", "webdataset", DETAILS, 10**9).root
    shard = next(iter(sorted(root.glob("*.tar"))))
    shutil.move(shard, tmp_path / "moved.tar")
    shard.symlink_to(tmp_path / "moved.tar")
    with refused(DatasetError):
        open_dataset(f"release:{root}")
    (root / CHECKSUMS).write_bytes(b"no manifest")
    with refused(DatasetError):
        open_dataset(f"release:{root}")
    (root / CHECKSUMS).unlink()
    with refused(DatasetError):
        open_dataset(f"release:{root}")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/notes.txt").write_text("x")
    with refused(DatasetError):
        open_dataset(f"release:{sealed(tmp_path / 'empty')}")
