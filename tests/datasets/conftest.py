"""Datasets that the tests of this folder share."""

import itertools
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from defocus.capture.sessions.folder import open_session_folder
from defocus.capture.sessions.state import CompletePair, PlannedPair
from defocus.datasets.api import READERS, Reader, open_dataset
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.release.details import Details
from defocus.datasets.release.packaging import package_dataset
from defocus.datasets.sample import SCENES
from defocus.pictures.read import read_image
from defocus.pictures.write import write_image
from defocus.plugins.discovery import Kind, Loaded, Offer
from defocus.storage.files import write_json


@pytest.fixture
def bring(monkeypatch):
    """Brings a reader, as a plug-in file would."""

    def brought(reader: Reader) -> None:
        offer = Offer(reader.name, "plug-in x.py", Loaded(reader))
        monkeypatch.setattr(
            Kind, "_of_plugins", lambda kind: [offer] if kind is READERS else []
        )

    return brought


@pytest.fixture(scope="session")
def mild(cache_folder):
    return open_dataset("sample")


STRONG = ("astronaut", "cafe", "cat", "desk", "launch")


@pytest.fixture(scope="session")
def strong(cache_folder, tmp_path_factory):
    scenes = tuple(scene for scene in SCENES if scene.name in STRONG)
    return part_of("sample:strong", scenes, tmp_path_factory)


@pytest.fixture(scope="session")
def wide(cache_folder, tmp_path_factory):
    return part_of("sample:wide", SCENES[::7], tmp_path_factory)


def part_of(name, scenes, tmp_path_factory):
    """Some scenes of a variant: all would be rendered for the tests of this one alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEFOCUS_CACHE", str(tmp_path_factory.mktemp("part")))
        patch.setattr("defocus.datasets.sample.SCENES", scenes)
        return open_dataset(name)


@pytest.fixture(scope="session")
def whole_strong(cache_folder):
    return open_dataset("sample:strong")


@pytest.fixture(scope="session")
def whole_wide(cache_folder):
    return open_dataset("sample:wide")


@pytest.fixture
def full_disk(tmp_path):
    """A file system of one megabyte, two thirds of it taken."""
    folder = tmp_path / "full"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)],
        capture_output=True,
    )
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here: run as root")
    try:
        (folder / "ballast").write_bytes(b"x" * 700_000)
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def picture(seed, height=40, width=56, bits=16):
    """A picture whose every value counts: uniform noise of full depth."""
    kind = np.uint8 if bits == 8 else np.uint16
    return np.random.default_rng(seed).integers(
        0, 2**bits, (height, width, 3), dtype=kind
    )


def put(path, shown):
    """Write a picture into a folder that is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, shown)


def write_folder(root, names, bits=16, roles="blurry sharp", first=0):
    """A ``pairs:`` dataset of noise pictures; others begin with another ``first``."""
    for k, role in enumerate(roles.split()):
        for n, name in enumerate(names, start=first):
            put(root / role / name, picture(10 * n + k, bits=bits))
    return root


def one_pair(folder, files_of, **more: Path):
    """A dataset of one training pair, written in a folder."""
    for role, shown in files_of.items():
        write_image(folder / f"{role}.png", shown)
    files = {role: folder / f"{role}.png" for role in files_of} | more
    pair = Pair("a", "a", "train", **files)
    return Dataset(
        f"pairs:{folder.name}", folder, (pair,), "e" * 64, folder / ".derived"
    )


DETAILS = Details(title="Noise", authors=("A lab",), licence="CC-BY-4.0", faces="none")


def package_noise(folder, details=DETAILS, names="ab"):
    """A release of pairs of noise, in ``folder/noise``."""
    source = write_folder(folder / "source", [f"{name}.png" for name in names], bits=8)
    dataset = open_dataset(f"pairs:{source}")
    return package_dataset(dataset, folder / "noise", "folder", details, 10**9).root


def write_session(root, pairs, verdicts=None):
    """A session folder whose originals are the files of pairs that exist already."""
    with open_session_folder(root, create=True) as session:
        for number, pair in enumerate(pairs, start=1):
            planned = PlannedPair(
                f"{number:04d}_{pair.scene}", number, pair.scene, number - 1
            )
            session.plan([{"camera": {"uri": "sim:"}}], [planned])
            folder = session.begin_pair(planned)
            stored = []
            for role in ("blurry", "sharp"):
                source = getattr(pair, role)
                part = folder / f"{role}{source.suffix}.part"
                part.write_bytes(source.read_bytes())
                stored += session.store_originals(planned, role, [part])
            verdict = (verdicts or {}).get(pair.scene, "accept")
            write_json(folder / "pair.json", {"schema": 1, "scene": pair.scene})
            truth = folder / "truth"
            truth.mkdir()
            written = [folder / "pair.json"]
            if pair.flow is not None:
                (truth / "flow.npy").write_bytes(pair.flow.read_bytes())
                written.append(truth / "flow.npy")
            stored += session.store_written(planned, written)
            names = (f"blurry{pair.blurry.suffix}", f"sharp{pair.blurry.suffix}")
            pair_files = CompletePair(
                planned.id, pair.scene, verdict, "", *names, tuple(stored)
            )
            session.complete(pair_files)
    return root


def equal_pictures(first, second):
    """Whether two picture files hold the same pixels at the same depth."""
    a, b = read_image(first), read_image(second)
    return a.dtype == b.dtype and np.array_equal(a, b)


Make = Callable[[Path, int], object]


@pytest.fixture
def both(tmp_path, monkeypatch):
    """Compares what a function makes in one process and elsewhere, each with its cache."""

    def compare(make, elsewhere=2):
        sets = []
        for name, where in (("with-1", 1), ("with-2", elsewhere)):
            monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / f"cache-of-{name}"))
            out = tmp_path / name / "out"
            make(out, where)
            files = (path for path in out.parent.rglob("*") if path.is_file())
            sets.append(
                {str(path.relative_to(out.parent)): path.read_bytes() for path in files}
            )
        assert len(sets[0]) > 2
        assert sets[0] == sets[1]

    return compare


WRITTEN = itertools.count()


def tree(root, names, bits=16):
    """Small pictures, no two alike, of the depth that the suffix allows, or texts."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        suffix = path.suffix.lower()
        if suffix not in {".jpg", ".bmp", ".png", ".tif"}:
            path.write_text("no picture")
            continue
        kind = np.uint8 if bits == 8 or suffix in {".jpg", ".bmp"} else np.uint16
        write_image(path, np.full((6, 8, 3), next(WRITTEN), np.uint16).astype(kind))
    return root


@pytest.fixture
def data(run):
    """Run ``defocus-data``: another exit code than the given one fails with what was said."""
    return partial(run, "defocus-data", code=0)
