"""The readers of files from anybody, each with a small corpus of good ones."""

import io
import json
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from safetensors.torch import save_file

from defocus.align.compensation.record import read_record
from defocus.baselines.weights.reading import read_tensors
from defocus.benchmark.documents.page import build_page
from defocus.benchmark.leaderboard.rows import leaderboard, to_csv
from defocus.benchmark.results.store import Cost, open_results, read_results
from defocus.benchmark.study.document import read_request
from defocus.benchmark.study.standing import standing_of
from defocus.capture.calibrations import read_calibration
from defocus.capture.links.camera_words import read_dump
from defocus.capture.sessions.damage import check_session
from defocus.capture.sessions.journal import encode_record
from defocus.capture.sessions.session import read_session
from defocus.datasets.api import open_dataset
from defocus.datasets.archives import unpack
from defocus.datasets.checksums import folder_hashes, write_checksums
from defocus.datasets.curation import read_decisions
from defocus.datasets.curation_rules import read_rules
from defocus.datasets.differences import verify_folder
from defocus.datasets.fetching import release_sizes
from defocus.datasets.layouts.layout import read_mapping
from defocus.datasets.manifest import make_manifest, write_manifest
from defocus.datasets.pair import Pair
from defocus.datasets.pair_files import read_array
from defocus.datasets.readers import parquet
from defocus.datasets.release.details import Details
from defocus.datasets.release.facts import read_facts
from defocus.datasets.rendering.run import load_request as read_scene
from defocus.errors import DefocusError
from defocus.pictures.headers import picture_size, stated_bits
from defocus.pictures.metadata import read_exif, read_metadata
from defocus.pictures.read import read_own_picture, read_stored
from defocus.pictures.write import write_image, write_picture
from defocus.processes.machines import ClusterFile
from defocus.settings import load_settings
from defocus.training.record.checkpoint import load_checkpoint
from defocus.training.record.curve_files import read_numbers
from tests.benchmark.example_study import ENTRY
from tests.benchmark.test_results import COSTS, SCORES
from tests.capture.raw_sessions import bayer_dng, write_session
from tests.fuzz.campaign import DamagedReader, foreseen
from tests.fuzz.exif_blocks import exif_block

SIDE = 24


def all_targets(root: Path) -> Iterator[DamagedReader]:
    """Every reader, with its files below a folder."""
    for make in (pictures, rewriting, documents, numbers, archives, folders, store):
        folder = root / make.__name__
        folder.mkdir()
        yield from make(folder)


def pictures(root: Path) -> Iterator[DamagedReader]:
    """Pictures of every kind, decoded, measured and asked for their metadata."""
    noise = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    files = [root / f"a{end}" for end in (".png", ".jpg", ".tif", ".bmp", ".webp")]
    for file in files:
        file.write_bytes(cv2.imencode(file.suffix, noise)[1].tobytes())
    deep, floats, planar = (
        root / f"{name}.tif" for name in ("deep", "floats", "planar")
    )
    write_image(deep, noise.astype(np.uint16) * 257)
    tifffile.imwrite(floats, noise.astype(np.float16), photometric="rgb")
    tifffile.imwrite(
        planar, np.moveaxis(noise, 2, 0), photometric="rgb", planarconfig="separate"
    )
    tagged = root / "tagged.jpg"
    exif = PillowImage.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    PillowImage.fromarray(noise).save(tagged, exif=exif, progressive=True)
    raw = bayer_dng(root / "raw.dng", np.full((64, 64), 0.25))
    for file in (*files, deep, floats, planar, tagged, raw):
        yield DamagedReader(
            f"picture {file.name}", (file,), lambda file=file: picture(file)
        )


def picture(file: Path) -> None:
    """All that is asked of a picture, each for itself."""
    for read in (read_stored, picture_size, stated_bits, read_metadata, read_exif):
        with foreseen():
            read(file)


def rewriting(root: Path) -> Iterator[DamagedReader]:
    """Pictures of every kind that can be read: written again with what their files say, and read.

    EXIF blocks are drawn with any types and values, for damage seldom leaves one that is read."""
    noise = np.random.default_rng(0).integers(0, 255, (8, 10, 3), np.uint8)
    packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>"
    exif = PillowImage.Exif()
    exif[0x010F], exif[0x0112], exif[0x011A] = "maker", 6, 300.0
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0words"
    for end in (".jpg", ".png", ".webp", ".tif"):
        file = root / f"tagged{end}"
        settings = {"tiffinfo": {700: packet}} if end == ".tif" else {"xmp": packet}
        PillowImage.fromarray(noise).save(file, exif=exif, **settings)
        yield DamagedReader(f"rewritten {end}", (file,), partial(rewritten, file))
        yield any_exif(root / f"any{end}", noise)


def any_exif(file: Path, pixels: NDArray[np.uint8]) -> DamagedReader:
    """The picture with any EXIF block; in a TIFF file its directories are the picture's own."""
    name = f"rewritten with any EXIF {file.suffix}"
    if file.suffix == ".tif":
        file.touch()
        return DamagedReader(
            name,
            (file,),
            partial(rewritten, file),
            drawn=partial(exif_block, pixels=pixels),
        )

    def read() -> None:
        content = block.read_bytes()
        exif = content if file.suffix == ".webp" else b"Exif\0\0" + content
        PillowImage.fromarray(pixels).save(file, exif=exif)
        rewritten(file)

    block = file.with_suffix(f"{file.suffix}.exif")
    block.touch()
    return DamagedReader(name, (block,), read, drawn=exif_block)


def rewritten(source: Path) -> None:
    """A picture written again with the metadata of its file, and read again: no error at all."""
    picture = None
    with foreseen():
        picture = read_own_picture(source)
    if picture is None:
        return
    target = source.with_name(f"again{source.suffix}")
    try:
        write_picture(target, picture.stored, picture.metadata)
        again = read_own_picture(target)
    except DefocusError as error:
        raise AssertionError(
            f"what was read is not written or read again: {error}"
        ) from error
    if source.suffix in {".png", ".tif"}:
        np.testing.assert_array_equal(again.stored, picture.stored)
    assert again.stored.shape == picture.stored.shape


def documents(root: Path) -> Iterator[DamagedReader]:
    """Settings and records of one file."""
    readers: dict[str, tuple[str, Callable[[Path], object]]] = {
        "rules.toml": ("most_misalignment_px = 1.0\nsharper = true\n", read_rules),
        "card.toml": (
            'title = "a"\nauthors = ["b c"]\n',
            lambda path: load_settings(Details, path),
        ),
        "mapping.toml": (
            '[[parts]]\nblurry = "b/{name}.*"\nsharp = "s/{name}.*"\n',
            read_mapping,
        ),
        "render.toml": ('variant = "a"\n', read_scene),
        "train.csv": (
            "step,epoch,seconds,learning_rate,loss\n1,0,1,0.1,2.5\n",
            lambda path: read_numbers(path, "step", "seconds", "loss"),
        ),
        "misalignment.json": (json.dumps({"compensation": RECORD}), read_record),
        "calibration.json": (
            json.dumps({"kind": "flat", "format": 1}),
            read_calibration,
        ),
        "words.json": (
            json.dumps({"camera": "x", "entries": {"iso": "100"}}),
            read_dump,
        ),
    }
    for name, (text, read) in readers.items():
        file = root / name
        file.write_text(text)
        yield DamagedReader(name, (file,), lambda read=read, file=file: read(file))
    decisions = root / "decisions.jsonl"
    decisions.write_text('{"id":"a","verdict":"accept","reason":"r"}\n' * 3)
    yield DamagedReader("decisions", (decisions,), lambda: read_decisions(root))


RECORD = {
    "model": "similarity",
    "matrix": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    "kernel": "lanczos3",
    "scale": 1.0,
    "crop_px": {"left": 0, "top": 0, "width": 8, "height": 8},
}


def numbers(root: Path) -> Iterator[DamagedReader]:
    """Arrays and weights."""
    array = root / "flow.npy"
    np.save(array, np.zeros((2, 4, 5), np.float32))
    yield DamagedReader("npy", (array,), lambda: read_array(array))
    tensors = {"a.weight": torch.arange(6.0), "b": torch.ones(2, 2)}
    files = [root / f"w{end}" for end in (".npz", ".safetensors", ".pth", ".h5")]
    np.savez_compressed(
        files[0], **{name: one.numpy() for name, one in tensors.items()}
    )
    save_file(tensors, files[1])
    torch.save({"state": tensors, "list": [1, 2]}, files[2])
    with h5py.File(files[3], "w") as file:
        file.create_dataset("g/a", data=np.ones((3, 4), np.float32), compression="gzip")
    for path in files:
        yield DamagedReader(
            f"weights {path.suffix}", (path,), lambda path=path: read_tensors(path)
        )
    yield DamagedReader(
        "checkpoint", (files[1],), lambda: load_checkpoint(files[1], "run")
    )


def archives(root: Path) -> Iterator[DamagedReader]:
    """Archives of every kind."""
    contents = {"set/a.png": bytes(range(256)) * 3, "set/b/c.txt": b"text" * 50}
    for end in (".zip", ".tar", ".tar.gz", ".tar.bz2", ".tar.xz"):
        path = root / f"a{end}"
        if end == ".zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
                for name, content in contents.items():
                    file.writestr(name, content)
        else:
            with tarfile.open(path, f"w:{end[5:]}") as tar:  # type: ignore[call-overload]
                for name, content in contents.items():
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
        yield DamagedReader(f"archive {end}", (path,), lambda path=path: unpacked(path))


def unpacked(path: Path) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        unpack(path, Path(folder) / "out")


def folders(root: Path) -> Iterator[DamagedReader]:
    """Datasets, releases, sessions and studies."""
    derived = root / "made"
    pairs = []
    for name in ("a", "b"):
        for role in ("blurry", "sharp"):
            (derived / name).mkdir(parents=True, exist_ok=True)
            write_image(
                derived / name / f"{role}.png", np.full((6, 8, 3), len(pairs), np.uint8)
            )
        blurry, sharp = (derived / name / f"{role}.png" for role in ("blurry", "sharp"))
        pairs.append(
            Pair(id=name, scene=name, split="test", blurry=blurry, sharp=sharp)
        )
    write_manifest(derived, make_manifest(derived, tuple(pairs)))
    document = derived / "manifest.json"
    yield DamagedReader(
        "manifest", (document,), lambda: open_dataset(f"manifest:{derived}")
    )
    yield _parquet(root / "hub", pairs)
    write_checksums(derived, folder_hashes(derived))
    sums = tuple(derived / f"{kind}-sha256.txt" for kind in ("manifest", "tagmanifest"))
    yield DamagedReader("checksums", (*sums, document), lambda: verify_folder(derived))
    sizes = root / "croissant.json"
    sizes.write_text(
        '{"distribution": [{"@id": "a.tar", "contentSize": "12 B"}, {"@id": "b"}]}'
    )
    yield DamagedReader("croissant", (sizes,), lambda: release_sizes(root))
    cluster = root / "cluster.toml"
    cluster.write_text('[cluster]\ntime_minutes = 3\nsetup = ["a"]\nmemory_gb = 1.5\n')
    yield DamagedReader(
        "cluster", (cluster,), lambda: load_settings(ClusterFile, cluster)
    )
    origin = root / "release.json"
    origin.write_text('{"format": "defocus-release", "version": 1, "layout": "hdf5"}')
    yield DamagedReader("origin", (origin,), lambda: read_facts(root))
    yield from sessions(root / "session", derived / "a")
    study = root / "study"
    study.mkdir()
    (study / "request.json").write_text(
        json.dumps({"only": ["net"], "datasets": ["sample"]})
    )
    run = {"system": "net", "dataset": "made", "steps": 10, "seed": 0, "budget": "demo"}
    (study / "study.json").write_text(
        json.dumps({"datasets": [], "runs": {"net-1": run}})
    )
    yield DamagedReader(
        "request", (study / "request.json",), lambda: read_request(study)
    )
    yield DamagedReader("study", (study / "study.json",), lambda: standing_of(study))


def _parquet(folder: Path, pairs: list[Pair]) -> DamagedReader:
    """Pairs in columns, as the hub has them."""
    folder.mkdir()
    path = folder / "test-00000-of-00001.parquet"
    columns = {
        "blurry": [
            {"bytes": one.blurry.read_bytes(), "path": "a.png"} for one in pairs
        ],
        "sharp": [{"bytes": one.blurry.read_bytes(), "path": "a.png"} for one in pairs],
    }
    pq.write_table(pa.table(columns), path)
    place = folder / "unpacked"

    def read() -> None:
        shutil.rmtree(place, ignore_errors=True)
        parquet.unpack(folder, [path], parquet.Columns(), place)

    return DamagedReader("parquet", (path,), read)


def sessions(root: Path, pair: Path) -> Iterator[DamagedReader]:
    """A session: its journal with right sums, and the records of its pairs."""
    files = {role: pair / f"{role}.png" for role in ("blurry", "sharp")}
    write_session(root, [files, files])

    def read() -> None:
        check_session(root)
        read_session(root, verify=False)

    journal = root / "journal.jsonl"
    yield DamagedReader("journal", (journal,), read)
    yield DamagedReader("journal with right sums", (journal,), read, resummed)
    records = tuple(sorted(root.glob("pairs/*/pair.json")))
    for record in records:
        record.chmod(0o644)
    yield DamagedReader("pair.json", records, read)
    yield DamagedReader("session.json", (root / "session.json",), read)


def resummed(content: bytes) -> bytes:
    """The lines of a journal with the sums that fit them, so that their content is judged."""
    lines = []
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        try:
            record = json.loads(line)
            del record["crc32"]
            lines.append(encode_record({**record, "n": number}))
        except (ValueError, KeyError, TypeError):
            body = line[len('{"crc32":"xxxxxxxx",') :]
            lines.append(f'{{"crc32":"{zlib.crc32(body):08x}",'.encode() + body + b"\n")
    return b"".join(lines)


def store(root: Path) -> Iterator[DamagedReader]:
    """The store of a study, read as tables read it, as a page, and opened to go on."""
    path = root / "results.sqlite"
    with open_results(path) as results:
        results.record(ENTRY, SCORES, [*COSTS, Cost("peak_mib", 3.0)])

    def read() -> None:
        with read_results(path) as results:
            to_csv(leaderboard(results))
            for entry in results.entries():
                results.matrix(entry.run)
                results.versions(entry.run)

    def report() -> None:
        with read_results(path) as results:
            build_page(root, results, leaderboard(results))

    def go_on() -> None:
        try:
            with open_results(path) as results:
                results.record(ENTRY, SCORES, COSTS)
        finally:
            for extra in root.glob("results.sqlite?*"):
                extra.unlink()

    yield DamagedReader("store read", (path,), read)
    yield DamagedReader("store reported", (path,), report)
    yield DamagedReader("store written", (path,), go_on)
