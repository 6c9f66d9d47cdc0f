"""Hashes of the files that the program writes for the corpus of odd pictures.

Make ``written_files.json`` anew where a change of bytes is meant, and read the difference:
``python -m tests.pictures.written_files``. Bytes depend on the libraries that pack pixels, so that
their versions are kept with the hashes.
"""

import argparse
import hashlib
import json
import os
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch

from defocus.baselines.registry import baseline
from defocus.capture.develop import develop_session
from defocus.capture.develop_settings import DevelopSettings
from defocus.capture.simulation.sensor import ExifTags, encode_tiff
from defocus.datasets.pair import Pair
from defocus.datasets.release.pictures import released_members
from defocus.errors import DefocusError
from defocus.pictures.carried import give_blocks
from defocus.pictures.raw import RAW_SUFFIXES
from defocus.pictures.read import read_image, read_own_picture
from defocus.pictures.write import write_image, write_uncompressed
from defocus.restoration.run import restore_pictures
from defocus.restoration.settings import RestoreSettings
from tests.capture.raw_sessions import write_session
from tests.pictures.corpus import deep, scene, write_corpus

COMMAND = "python -m tests.pictures.written_files"
FILE = Path(__file__).with_name("written_files.json")
LIBRARIES = (
    "imagecodecs",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "pillow-heif",
    "rawpy",
    "tifffile",
)
SENSOR_KINDS = (
    "bayer.dng",
    "linear.dng",
    "linear-with-black.dng",
    "rgb16.tif",
    "rgb8.png",
)
"""Files of the corpus of which a session is developed."""
DEVELOPMENTS = (
    DevelopSettings(),
    DevelopSettings(linear=True),
    DevelopSettings(bits=8),
)


def versions() -> dict[str, str]:
    """The version of each library that reads or packs pixels; empty where it is missing."""
    return {name: _version(name) for name in LIBRARIES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each file that is written for the corpus, by verb and name; or why none is."""
    corpus = write_corpus(folder / "corpus")
    written: dict[str, str] = {}
    written |= _restored(corpus, folder)
    for path in corpus:
        written |= _released(path)
        written |= _given_blocks(path, folder)
        written |= _shown(path, folder)
    written |= _encoded(folder)
    written |= _developed(folder)
    written |= _recorded()
    return dict(sorted(written.items()))


def _restored(corpus: list[Path], folder: Path) -> dict[str, str]:
    written = {}
    for path in corpus:
        out = folder / "restored" / path.name
        settings = RestoreSettings(out=out, tile=0, strength=0, no_guard=True)
        (row,) = restore_pictures(
            [path], baseline("input"), None, torch.device("cpu"), settings
        )
        place = f"restore {path.name}"
        written[place] = _words(row.reason) if row.reason else _hash(Path(row.restored))
    return written


def _released(path: Path) -> dict[str, str]:
    place = f"package {path.name}"
    try:
        members = released_members(Pair("a", "a", "test", path, path))
    except DefocusError as error:
        return {place: _words(str(error))}
    return {f"{place} {role}": _of_bytes(content) for role, content in members.items()}


def _given_blocks(path: Path, folder: Path) -> dict[str, str]:
    """What the makers of datasets do: a PNG of the pixels gets what the file held besides them."""
    place, target = f"make {path.name}", folder / "given.png"
    try:
        write_image(target, read_image(path))
        give_blocks(path, target)
    except DefocusError as error:
        return {place: _words(str(error))}
    return {place: _hash(target)}


def _shown(path: Path, folder: Path) -> dict[str, str]:
    """What the page of a restoration does."""
    if path.suffix in RAW_SUFFIXES:
        return {}
    try:
        own = read_own_picture(path)
    except DefocusError:
        return {}
    if own.stored.dtype != np.uint8:
        return {}
    target = folder / "plain.png"
    write_uncompressed(target, own.stored, own.metadata)
    return {f"show {path.name}": _hash(target)}


def _encoded(folder: Path) -> dict[str, str]:
    """The plain pictures of every verb that makes new ones."""
    written = {}
    for end in (".png", ".tif", ".jpg", ".bmp", ".webp"):
        target = folder / f"a{end}"
        write_image(target, scene())
        written[f"write 8 bits {end}"] = _hash(target)
    for end in (".png", ".tif"):
        target = folder / f"a{end}"
        write_image(target, deep())
        written[f"write 16 bits {end}"] = _hash(target)
    write_image(folder / "grey.png", scene()[:, :, 0])
    return {**written, "write grey .png": _hash(folder / "grey.png")}


def _developed(folder: Path) -> dict[str, str]:
    written = {}
    for name in SENSOR_KINDS:
        shot, root = folder / "corpus" / name, folder / "session" / name
        write_session(root, [{"blurry": shot, "sharp": shot}])
        for settings in DEVELOPMENTS:
            words = f"{settings.bits}{' linear' * settings.linear}"
            out = folder / "developed" / words / name
            develop_session(root, out, settings)
            for path in sorted(out.rglob("*.png")):
                place = path.relative_to(out).as_posix()
                written[f"develop {words} {name} {place}"] = _hash(path)
    return written


def _recorded() -> dict[str, str]:
    """What the simulated camera writes of given pixels."""
    tags = ExifTags(4.0, 0.01, 100.0, 50.0, "2000:01:01 00:00:01")
    return {
        "shoot with EXIF": _of_bytes(encode_tiff(deep(), tags)),
        "shoot without EXIF": _of_bytes(encode_tiff(deep(), None)),
    }


def _hash(path: Path) -> str:
    return _of_bytes(path.read_bytes())


def _of_bytes(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _words(reason: str) -> str:
    """A reason without the folder of its file."""
    return " ".join(word.rpartition("/")[2] for word in reason.split())


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["DEFOCUS_CACHE"] = str(Path(temporary) / "cache")
        record = {"libraries": versions(), "hashes": hashes(Path(temporary))}
    FILE.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
