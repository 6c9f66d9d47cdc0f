"""A release of the sample dataset, moved, is read by the libraries that people have."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import pytest

from defocus.datasets.api import open_dataset
from defocus.datasets.differences import verify_folder
from defocus.datasets.pair import Dataset
from defocus.datasets.release.details import Details
from defocus.datasets.release.packaging import package_dataset
from defocus.pictures.read import read_image
from defocus.pictures.values import Image
from defocus.pictures.write import write_image

DETAILS = Details(
    title="Sample",
    authors=("A lab",),
    licence="CC0-1.0",
    faces="an astronaut's",
    date="2026-01-02",
    citation="A lab, Sample, 2026",
)

HUGGING_FACE = """
import sys
import numpy as np
from datasets import Image, load_dataset
eight, sixteen, out = sys.argv[1:]
read = {}
for split, rows in load_dataset(eight).items():
    for row in rows:
        for role in ("blurry", "sharp"):
            read[f"8/{split}/{row['id']}/{role}"] = np.asarray(row[role])
data = load_dataset(sixteen)
for role in ("blurry", "sharp"):
    data = data.cast_column(role, Image(decode=False))
for split, rows in data.items():
    for row in rows:
        for role in ("blurry", "sharp"):
            held = row[role]
            content = held["bytes"] or open(held["path"], "rb").read()
            read[f"16/{split}/{row['id']}/{role}"] = np.frombuffer(content, np.uint8)
np.savez(out, **read)
"""

WEBDATASET = """
import glob, json, sys
import numpy as np
import webdataset
eight, sixteen, out = sys.argv[1:]
read = {}
for depth, folder in (("8", eight), ("16", sixteen)):
    for shard in sorted(glob.glob(folder + "/*.tar")):
        data = webdataset.WebDataset(shard, shardshuffle=False)
        for row in (data.decode("rgb8") if depth == "8" else data):
            known = row["json"] if depth == "8" else json.loads(row["json"])
            for role in ("blurry", "sharp"):
                held = row[role + ".png"]
                held = held if depth == "8" else np.frombuffer(held, np.uint8)
                read[f"{depth}/{known['split']}/{known['id']}/{role}"] = held
np.savez(out, **read)
"""


def script(code: str, folder: Path, *arguments: Path) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    """Run a program of its own, without a network and without our checkout; what it read."""
    result = subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            code,
            *map(str, arguments),
            str(folder / "read.npz"),
        ],
        cwd=folder,
        env={
            **{key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
            "HF_HOME": str(folder / "hf"),
            "HF_HUB_OFFLINE": "1",
        },
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return dict(np.load(folder / "read.npz"))


@pytest.fixture(scope="module")
def eight(mild, tmp_path_factory):
    """Three pairs of the sample, one of each split, at 8 bits."""
    root = tmp_path_factory.mktemp("eight")
    pairs = []
    for split in ("train", "validation", "test"):
        pair = next(one for one in mild.pairs if one.split == split)
        files = {role: root / f"{pair.id}-{role}.png" for role in ("blurry", "sharp")}
        for role, file in files.items():
            write_image(file, (read_image(getattr(pair, role)) >> 8).astype(np.uint8))
        pairs.append(replace(pair, **files, truth=None, flow=None, defocus_map=None))
    bare = [replace(one, dual_pixel_left=None, dual_pixel_right=None) for one in pairs]
    bare = [replace(one, metadata=MappingProxyType({})) for one in bare]
    bare[0] = replace(bare[0], id="カフェ_01")
    return replace(
        mild, pairs=tuple(bare), content_hash="8", name="pairs:eight", root=root
    )


def released(dataset: Dataset, folder: Path, form: str) -> Path:
    """A release that was moved after it was made, and is whole."""
    release_root = package_dataset(
        dataset, folder / "made", form, DETAILS, 3_000_000
    ).root
    moved = release_root.rename(folder / f"{form}-{len(dataset.pairs)}")
    assert verify_folder(moved).ok
    return moved


def decoded(content: np.ndarray) -> Image:  # type: ignore[type-arg]
    picture = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return np.asarray(picture)[:, :, ::-1]


@pytest.mark.parametrize(
    ("form", "code"), [("imagefolder", HUGGING_FACE), ("webdataset", WEBDATASET)]
)
def test_other_libraries_see_the_pixels_that_our_loader_sees(
    mild, eight, tmp_path, form, code
):
    folders = {
        depth: released(one, tmp_path, form) for depth, one in ((8, eight), (16, mild))
    }
    read = script(code, tmp_path, *folders.values())
    assert len(read) == 2 * (len(eight.pairs) + len(mild.pairs))
    for depth, folder in folders.items():
        dataset = open_dataset(f"release:{folder}")
        for pair in dataset.pairs:
            for role in ("blurry", "sharp"):
                array = read[f"{depth}/{pair.split}/{pair.id}/{role}"]
                pixels = array if depth == 8 else decoded(array)
                expected = read_image(getattr(pair, role))
                assert pixels.dtype == expected.dtype
                np.testing.assert_array_equal(pixels, expected)


CROISSANT = """
import sys
import mlcroissant
import numpy as np
rows = {}
for folder in sys.argv[1:-1]:
    dataset = mlcroissant.Dataset(jsonld=folder + "/croissant.json")
    issues = dataset.metadata.ctx.issues
    assert not issues.errors and not issues.warnings, issues.report()
    records = list(dataset.records("pairs"))
    name = folder.rsplit("/")[-1]
    rows[name] = np.array(sorted(r["pairs/id"].decode() for r in records))
    for role in ("blurry", "sharp"):
        if role in {one.id for one in dataset.metadata.record_sets}:
            for record in dataset.records(role):
                key = f"{name}/{record[role + '/id'].decode()}/{role}"
                rows[key] = np.asarray(record[role + "/picture"])
np.savez(sys.argv[-1], **rows)
"""


def test_croissant_describes_every_format(eight, tmp_path):
    forms = ("folder", "hdf5", "webdataset", "imagefolder")
    folders = [released(eight, tmp_path, form) for form in forms]
    report = script(CROISSANT, tmp_path, *folders)
    ids = sorted(pair.id for pair in eight.pairs)
    assert {name: list(rows) for name, rows in report.items() if "/" not in name} == {
        f"{form}-3": ids for form in forms
    }
    assert len(report) == len(forms) + 2 * 2 * len(ids)
    for form in ("folder", "imagefolder"):  # whose pictures are files of their own
        for pair in eight.pairs:
            for role in ("blurry", "sharp"):
                pixels = report[f"{form}-3/{pair.id}/{role}"]
                np.testing.assert_array_equal(pixels, read_image(getattr(pair, role)))


def test_croissant_names_the_hash_of_every_shard(eight, tmp_path):
    release = released(eight, tmp_path, "webdataset")
    document = json.loads((release / "croissant.json").read_text())
    lines = (release / "manifest-sha256.txt").read_text().splitlines()
    hashes = {line[66:]: line[:64] for line in lines}
    for file in document["distribution"]:
        assert file["sha256"] == hashes[file["contentUrl"]]
    assert len(document["distribution"]) == 4
