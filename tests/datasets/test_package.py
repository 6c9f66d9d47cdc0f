"""Releases: whole, without what is private, the same bytes each time, gone on with after a kill."""

import errno
import io
import json
import re
import signal
import tarfile
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import cv2
import h5py
import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL.PngImagePlugin import PngInfo

from defocus.datasets.api import open_dataset
from defocus.datasets.audit.table import QUANTITIES
from defocus.datasets.deriving import parts
from defocus.datasets.differences import verify_folder
from defocus.datasets.pair import step
from defocus.datasets.release.card import undeclared
from defocus.datasets.release.details import details_of
from defocus.datasets.release.facts import ReleaseNotes, audit_facts
from defocus.datasets.release.formats import layout, loose
from defocus.datasets.release.packaging import LAYOUTS, package_dataset
from defocus.datasets.release.pictures import without_private
from defocus.datasets.release.provenance import Number
from defocus.errors import DatasetError, InputError, KilledError
from defocus.pictures.read import read_image
from defocus.processes.isolation import Killed
from defocus.storage import staging
from defocus.storage.staging import owned_folder
from tests.command_process import start_code
from tests.datasets.conftest import DETAILS, picture, write_folder

DETAILS_FILE = (
    'title = "Noise"\nauthors = ["A lab"]\nlicence = "CC-BY-4.0"\nfaces = "none"\n'
)
GIGABYTE = 10**9


@pytest.fixture(scope="module")
def noise(tmp_path_factory, cache_folder):
    """Six pairs of 16 bits."""
    names = [f"{letter}.png" for letter in "abcdef"]
    return open_dataset(
        f"pairs:{write_folder(tmp_path_factory.mktemp('packaged') / 'noise', names)}"
    )


def package(dataset, out, form, shard_bytes=GIGABYTE):
    return package_dataset(dataset, out, form, DETAILS, shard_bytes).root


@pytest.mark.parametrize("form", list(LAYOUTS))
def test_our_loader_gives_the_same_pixels(noise, tmp_path, form):
    moved = package(noise, tmp_path / "release", form).rename(tmp_path / "moved")
    opened = open_dataset(f"release:{moved}")
    assert (opened.name, opened.root) == ("release:moved", moved)
    if form != "hdf5":  # whose pictures are encoded again
        assert opened.content_hash == noise.content_hash
    again = open_dataset(f"{'manifest' if LAYOUTS[form].loose else 'release'}:{moved}")
    for dataset in (opened, again):  # nothing is ever put among what checksums cover
        assert not dataset.derived.is_relative_to(moved)
    for loaded, theirs in zip(opened.pairs, noise.pairs, strict=True):
        assert (loaded.id, loaded.split, loaded.scene) == (
            theirs.id,
            theirs.split,
            theirs.scene,
        )
        np.testing.assert_array_equal(
            read_image(loaded.blurry), read_image(theirs.blurry)
        )
    assert verify_folder(moved).ok


def test_tar_shards_hold_both_members_side_by_side(noise, tmp_path):
    one_pair = sum(
        path.stat().st_size for path in (noise.pairs[0].blurry, noise.pairs[0].sharp)
    )
    release = package(noise, tmp_path / "release", "webdataset", 2 * one_pair + 100)
    shards = sorted(release.glob("*.tar"))
    assert {path.name[:-10] for path in shards} == {pair.split for pair in noise.pairs}
    assert max(int(path.name[-9:-4]) for path in shards) >= 1
    members = {}
    for shard in shards:
        with tarfile.open(shard) as archive:
            names = archive.getnames()
            assert len(names) <= 6
            keys = [name.partition(".")[0] for name in names]
            assert keys == sorted(keys)
            for info in archive:
                assert (info.mtime, info.uid, info.uname) == (0, 0, "")
            for name in names:
                stream = archive.extractfile(name)
                members[shard.name, name] = stream.read()
    rows = (release / "pairs.csv").read_text().splitlines()
    assert rows[0] == "id,scene,split,shard,blurry,sharp"
    by_id = {pair.id: pair for pair in noise.pairs}
    for row in rows[1:]:
        name, _, split, shard, blurry, _ = row.split(",")
        assert by_id[name].split == split
        assert members[shard, blurry] == by_id[name].blurry.read_bytes()


def test_arrays_of_hdf5_are_the_pixels(noise, tmp_path):
    release = package(noise, tmp_path / "release", "hdf5")
    by_id = {pair.id: pair for pair in noise.pairs}
    seen = 0
    for shard in release.glob("*.h5"):
        with h5py.File(shard) as file:
            for name in file["ids"].asstr()[:]:
                pixels = file["sharp"][name][:]
                np.testing.assert_array_equal(pixels, read_image(by_id[name].sharp))
                assert pixels.dtype == np.uint16
                seen += 1
    assert seen == len(noise.pairs)


def test_a_killed_run_is_gone_on_with(noise, tmp_path, data):
    """Killed while it packages: DIR is not there; what was done is kept; the result is the same."""
    arguments = [
        "package",
        f"pairs:{noise.root}",
        "--to",
        "folder",
        "--out",
        str(tmp_path / "r"),
    ]
    code = (
        "import time, defocus.datasets.release.formats.loose as f;"
        "made = f.released_members;"
        "f.released_members = lambda pair: (time.sleep(0.3), made(pair))[1];"
        "from defocus.datasets.cli import main; main()"
    )
    process = start_code(code, *arguments, folder=tmp_path)
    work = tmp_path / ".r.packaging/made/pairs"
    while not list(work.glob("[a-f]")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "r").exists()
    kept = {path: path.stat().st_mtime_ns for path in work.glob("[a-f]/blurry.png")}
    result = data(*arguments, "--json")
    assert verify_folder(tmp_path / "r").ok
    for path, stamp in kept.items():
        assert (
            tmp_path / "r/pairs" / path.parent.name / path.name
        ).stat().st_mtime_ns == stamp
    again = data(*arguments, "--json", code=None)
    assert json.loads(again.stdout) == json.loads(result.stdout)
    otherwise = data(*arguments, "--version", "2.0.0", code=2)
    assert "not empty" in otherwise.stderr
    (tmp_path / "r/LICENSE").write_text("mine")
    damaged = data(*arguments, code=2)
    assert "damaged" in damaged.stderr
    other = data(*arguments[:-1], tmp_path / "s", "--json", code=None)
    assert json.loads(other.stdout)["sha256"] == json.loads(result.stdout)["sha256"]


def test_a_half_made_other_release_is_left_alone(noise, tmp_path, refused):
    work = tmp_path / ".r.packaging"
    work.mkdir()
    (work / "order.json").write_text("{}")
    with refused(DatasetError):
        package(noise, tmp_path / "r", "folder")
    assert (work / "order.json").read_text() == "{}"


def test_a_full_disk_is_one_line_and_nothing_is_there(noise, full_disk, tmp_path, data):
    """In a process of its own: HDF5's library, where it cannot close a file, ends it."""
    (tmp_path / "card.toml").write_text(DETAILS_FILE)
    arguments = (
        "package",
        f"pairs:{noise.root}",
        "--to",
        "hdf5",
        "--out",
        full_disk / "r",
    )
    (full_disk / "more").write_bytes(b"x" * 260_000)
    result = data(*arguments, "--card", "card.toml", code=5)
    assert "the disk is full" in result.stderr.splitlines()[-1]
    assert not (full_disk / "r").exists()
    (full_disk / "more").unlink()
    (full_disk / "ballast").unlink()
    assert verify_folder(package(noise, full_disk / "r", "hdf5")).ok


def test_the_sample_says_who_is_seen(noise, data):
    details = details_of(replace(noise, name="sample:strong"), None)
    assert not undeclared(details)
    assert "Eileen Collins" in details.faces
    assert "Eileen Collins" in data("list", "sample", code=None).stdout


def test_two_processes_do_not_make_one_release(noise, tmp_path, refused):
    with owned_folder(tmp_path / ".r.packaging") as folder:
        assert folder
        with refused(DatasetError):
            package(noise, tmp_path / "r", "folder")
    assert verify_folder(package(noise, tmp_path / "r", "folder")).ok
    assert [path.name for path in tmp_path.iterdir()] == ["r"]
    with refused(DatasetError):
        package(noise, Path("/"), "folder")


def test_a_run_that_was_killed_at_its_very_end_goes_on(noise, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.rename", interrupt)
        with pytest.raises(KeyboardInterrupt):
            package(noise, tmp_path / "r", "webdataset")
    assert (tmp_path / ".r.packaging/made/tagmanifest-sha256.txt").is_file()
    assert verify_folder(package(noise, tmp_path / "r", "webdataset")).ok


def test_what_a_kill_after_the_very_end_leaves_is_swept(noise, tmp_path):
    package(noise, tmp_path / "r", "folder")
    (tmp_path / ".r.packaging").mkdir()
    (tmp_path / ".r.packaging" / "order.json").write_text("{}")
    package(noise, tmp_path / "r", "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_without_locks_two_processes_do_not_make_one_release_either(
    noise, tmp_path, monkeypatch
):
    def no_locks(*_: object, **__: object) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(staging, "try_lock", no_locks)
    with owned_folder(tmp_path / ".r.packaging") as owned:
        assert owned
        with pytest.raises(
            DatasetError, match=r"another process is making it; .* or remove "
        ):
            package(noise, tmp_path / "r", "folder")
    assert verify_folder(package(noise, tmp_path / "r", "folder")).ok
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def interrupt(*_: object):
    raise KeyboardInterrupt


def test_positions_serial_numbers_and_names_are_gone(tmp_path):
    """From the chunks of PNG, the EXIF of JPEG, and metadata, wherever they stand."""
    root = write_folder(tmp_path / "source", ["a.png", "b.png"], bits=8)
    chunks = PngInfo()
    chunks.add_text("Serial", "SECRET-4711")
    exif = PillowImage.Exif()
    exif[0xA431] = "SECRET-4711"
    exif.get_ifd(0x8825)[1] = "N"
    content = PillowImage.fromarray(picture(1, bits=8))
    content.save(root / "blurry/a.png", pnginfo=chunks)
    (root / "sharp/b.png").unlink()
    content.save(root / "sharp/b.jpg", exif=exif, quality=95)
    trailing = root / "sharp/a.png"
    trailing.write_bytes(trailing.read_bytes() + b"SECRET-4711")
    dataset = open_dataset(f"pairs:{root}")
    facts = {
        "camera": "Body of SECRET-4711",
        "exif": {"SerialNumber": "SECRET-4711", "iso": 100},
    }
    dataset = replace(
        dataset, pairs=tuple(replace(p, metadata=facts) for p in dataset.pairs)
    )
    release = package(dataset, tmp_path / "release", "folder")
    files = [path for path in release.rglob("*") if path.is_file()]
    assert not [path for path in files if b"SECRET" in path.read_bytes()]
    assert b'"iso": 100' in (release / "manifest.json").read_bytes()
    for pair in open_dataset(f"release:{release}").pairs:
        original = next(one for one in dataset.pairs if one.id == pair.id)
        np.testing.assert_array_equal(
            read_image(pair.blurry), read_image(original.blurry)
        )
        assert pair.sharp.suffix == ".png"
        chunk_names = re.findall(
            rb"(IHDR|tEXt|eXIf|iTXt|tIME|IEND)", pair.sharp.read_bytes()
        )
        assert chunk_names == [b"IHDR", b"IEND"]


def test_what_is_private_and_what_is_not():
    metadata = {
        "f_number": 4,
        "gps": {"lat": 48.1},
        "note": "by Jane Doe, near 48.1371",
        "owner": "Jane Doe",
        "roles": [{"exif": {"LensSerialNumber": "99887766", "GPSLatitude": 48.1371}}],
        "status": "unknown",
        "camera": {"serial": "unknown", "model": "X 99887766"},
    }
    assert without_private(metadata) == {
        "f_number": 4,
        "note": "by removed, near removed",
        "roles": [{"exif": {}}],
        "status": "unknown",
        "camera": {"model": "X removed"},
    }


def _stored(array):
    content = io.BytesIO()
    np.save(content, array, allow_pickle=True)
    return content.getvalue()


FLOW = _stored(np.zeros((2, 40, 56), np.float32))


@pytest.mark.parametrize(
    "content",
    [
        _stored(np.array([{"a": 1}], dtype=object)),
        _stored(np.zeros((40, 56), np.float32)),
        FLOW.replace(b"(2, 40, 56)", b"(2, 4000000000, 56)"),
        FLOW.replace(b"'shape'", b"((((((("),
        FLOW[:-1],
        b"",
    ],
    ids=["runs code", "of a map", "claims too much", "no header", "cut short", "empty"],
)
def test_a_pair_with_a_bad_array_is_left_out(noise, tmp_path, content):
    (tmp_path / "flow.npy").write_bytes(content)
    first = replace(noise.pairs[0], flow=tmp_path / "flow.npy")
    hostile = replace(noise, pairs=(first, *noise.pairs[1:]))
    for _ in range(2):
        release = package_dataset(
            hostile, tmp_path / "release", "folder", DETAILS, GIGABYTE
        )
        assert [one.id for one in release.left_out] == [noise.pairs[0].id]
        assert re.search(
            r"flow\.npy: (no array can|an array of shape)", release.left_out[0].reason
        )
        assert release.pairs == len(noise.pairs) - 1
    with pytest.raises(DatasetError, match="no pair can be read"):
        package(replace(hostile, pairs=hostile.pairs[:1]), tmp_path / "none", "folder")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("form", "module"), [("folder", parts), ("imagefolder", loose), ("hdf5", layout)]
)
def test_a_pair_whose_processes_were_killed_is_not_left_out(
    noise, tmp_path, form, module, monkeypatch
):
    """The release is not finished without it, and the same command goes on."""
    each = module.each

    def disturbed(work, items, where):
        results = dict(each(work, items, where))
        name = next(iter(results))
        return iter((results | {name: Killed(name, "it was killed")}).items())

    with monkeypatch.context() as patch:
        patch.setattr(module, "each", disturbed)
        with pytest.raises(KilledError, match="give the same command again"):
            package(noise, tmp_path / "release", form)
    assert not (tmp_path / "release").exists()
    release = package_dataset(noise, tmp_path / "release", form, DETAILS, GIGABYTE)
    assert (release.left_out, release.pairs) == ((), len(noise.pairs))


@pytest.mark.parametrize("source", ["dpdd", "realdof", "lfdof", "no-such-reader"])
def test_pictures_of_others_are_refused(noise, tmp_path, source):
    for other in (replace(noise, source=source), replace(noise, name=f"{source}:x")):
        with pytest.raises(DatasetError):
            package(other, tmp_path / "release", "folder")
    assert list(tmp_path.iterdir()) == []


def test_the_documents_say_what_is_known(noise, tmp_path, data):
    import yaml

    card = tmp_path / "card.toml"
    card.write_text(
        'title = "Noise: \\"a set\\""\nauthors = ["Jane Doe"]\nlicence = "CC-BY-NC-SA-4.0"\n'
        'faces = "none"\ndoi = "10.5281/zenodo.1"\ndate = "2026-01-02"\nversion = "1.2.0"\n'
    )
    out = tmp_path / "r"
    arguments = ("package", f"pairs:{noise.root}", "--to", "imagefolder", "--out", out)
    result = data(*arguments, "--card", card, code=None)
    assert (result.returncode, result.stderr) == (0, "")
    _, front, text = (out / "README.md").read_text().split("---\n", 2)
    matter = yaml.safe_load(front)
    assert matter["license"] == "cc-by-nc-sa-4.0"
    assert matter["pretty_name"] == 'Noise: "a set"'
    assert {one["split"] for one in matter["configs"][0]["data_files"]} == {
        pair.split for pair in noise.pairs
    }
    assert (
        "Jane Doe · version 1.2.0 · 2026-01-02 · [doi:10.5281/zenodo.1](https://doi.org/"
        in text
    )
    assert "reads 16-bit colour" in text
    first = text.partition("## Content")[0]
    assert first.index("| blurry | sharp |") < first.index("- **Pairs**: ")
    assert re.search(r"- \*\*Sizes\*\*: \d+ × \d+ px \(\d+ pairs\)", first)
    assert re.search(r"- \*\*Download\*\*: [\d.]+ MB", first)
    assert "- **Licence**: CC-BY-NC-SA-4.0" in first
    pictures = re.findall(r"!\[\w+\]\((.*?)\)", first)
    assert all((out / unquote(name)).is_file() for name in pictures)
    assert len(pictures) == 2
    assert "Recognisable faces: none." in text
    cited = yaml.safe_load((out / "CITATION.cff").read_text())
    assert cited["authors"] == [{"name": "Jane Doe"}]
    assert (cited["doi"], cited["license"]) == ("10.5281/zenodo.1", "CC-BY-NC-SA-4.0")
    assert "creativecommons.org/licenses/by-nc-sa/4.0" in (out / "LICENSE").read_text()
    card.write_text('title = "x"\nautors = ["Jane Doe"]\n')
    wrong = data(*arguments[:-1], tmp_path / "s", "--card", card, code=2)
    assert "did you mean 'authors'" in wrong.stderr


def test_a_folder_of_others_is_refused_before_anything_is_said(tmp_path, data):
    one = write_folder(tmp_path / "one", ["a.png"])
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "notes.txt").touch()
    result = data("package", f"pairs:{one}", "--to", "folder", "--out", "r", code=2)
    assert (
        result.stderr == "defocus-data: r: not empty; choose another folder for --out\n"
    )


def test_an_empty_split_and_what_a_card_does_not_say_are_told(tmp_path, data):
    one = write_folder(tmp_path / "one", ["a.png"])
    result = data("package", f"pairs:{one}", "--to", "folder", "--out", "r")
    assert result.stderr.count("; 'defocus-data split' draws the splits again") == 2
    lacking = (
        "the card lacks licence, faces, authors and date; give them with --card FILE"
    )
    assert result.stderr.count(lacking) == 1
    assert "No licence was given" in (tmp_path / "r/LICENSE").read_text()
    assert "from defocus import open_dataset" in (tmp_path / "r/README.md").read_text()


def test_ids_of_one_file_are_refused_and_cells_of_the_index_are_no_formulas(
    tmp_path, refused
):
    dataset = open_dataset(f"pairs:{write_folder(tmp_path / 'p', ['A.png', 'a.png'])}")
    with refused(DatasetError):
        package(dataset, tmp_path / "r", "folder")
    pair = replace(dataset.pairs[0], scene="=cmd()")
    release = package(replace(dataset, pairs=(pair,)), tmp_path / "s", "folder")
    assert ",'=cmd()," in (release / "pairs.csv").read_text()


def test_a_release_tells_its_steps_numbers_and_title(noise, tmp_path):
    chosen = replace(noise, steps=(step("curate", most_gain_ev=0.5, by_people=3),))
    numbers = (
        Number(title="misalignment", unit="px", count=6, median=0.1, p95=0.2, max=0.25),
    )
    for form in ("folder", "hdf5"):
        release = package_dataset(
            chosen,
            tmp_path / form,
            form,
            DETAILS,
            GIGABYTE,
            notes=ReleaseNotes(numbers),
        ).root
        card = (release / "README.md").read_text()
        assert "- curate (defocus" in card
        assert "most_gain_ev 0.5" in card
        assert "| misalignment, px | 0.1 | 0.2 | 0.25 |" in card
        described = json.loads((release / "croissant.json").read_text())
        assert (
            "3 pairs were judged by a person"
            in described["rai:dataAnnotationProtocol"][1]
        )
        assert "median 0.1" in (release / "CITATION.cff").read_text()
        assert open_dataset(f"release:{release}").steps == chosen.steps
    with h5py.File(next((tmp_path / "hdf5").glob("*.h5"))) as file:
        assert dict(file.attrs) == {
            "title": "Noise",
            "licence": "CC-BY-4.0",
            "version": "1.0.0",
        }


def test_the_card_says_what_the_audit_warns_of(noise, tmp_path):
    texts = [f"it moved: 0.{n} stops" for n in range(4)] + ["34 % is clipped"]
    warned = [
        {"id": f"p{n}", "what": "w", "text": text} for n, text in enumerate(texts)
    ]
    many = "4 of 6 pairs, such as p0: it moved: 0.0 stops; p4: 34 % is clipped"
    for name, audit_warnings, words in (("odd", warned, many), ("good", [], "none")):
        summary = {one.name: {"count": 0} for one in QUANTITIES}
        audit = {
            "content_hash": noise.content_hash,
            "summary": summary,
            "warnings": audit_warnings,
        }
        (tmp_path / "audit.json").write_text(json.dumps(audit))
        numbers, warnings = audit_facts(noise, tmp_path / "audit.json")
        release = package_dataset(
            noise,
            tmp_path / name,
            "folder",
            DETAILS,
            GIGABYTE,
            notes=ReleaseNotes(numbers, warnings),
        ).root
        assert f"- **Warnings**: {words}\n" in (release / "README.md").read_text()
    bare = package_dataset(noise, tmp_path / "bare", "folder", DETAILS, GIGABYTE).root
    assert "Warnings" not in (bare / "README.md").read_text()


def test_the_audit_of_other_pictures_is_refused(noise, tmp_path, refused):
    for text in ('{"content_hash": "x"}', "[]", "no"):
        (tmp_path / "audit.json").write_text(text)
        with refused(InputError):
            audit_facts(noise, tmp_path / "audit.json")


@pytest.mark.parametrize("form", ["folder", "webdataset"])
def test_a_later_version_says_changes(noise, tmp_path, data, form):
    """One pair less, one more, one with another picture, one whose file alone is another."""
    root = write_folder(tmp_path / "later", [f"{letter}.png" for letter in "bcdefg"])
    for letter in "bcdef":  # g is new; c gets the sharp picture of b, d other bytes
        for role in ("blurry", "sharp"):
            source = "b" if (letter, role) == ("c", "sharp") else letter
            content = (noise.root / role / f"{source}.png").read_bytes()
            (root / role / f"{letter}.png").write_bytes(content)
    written = cv2.imread(str(root / "sharp/d.png"), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(root / "sharp/d.png"), written, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    (tmp_path / "card.toml").write_text(DETAILS_FILE + 'doi = "10.5072/one"\n')
    card = ("--to", form, "--card", tmp_path / "card.toml")
    data("package", f"pairs:{noise.root}", *card, "--out", tmp_path / "one")
    later = ("package", f"pairs:{root}", *card, "--previous", tmp_path / "one")
    same = data(*later, "--out", tmp_path / "two", code=2)
    assert "1.0.0 is not later than 1.0.0" in same.stderr
    data(*later, "--out", tmp_path / "two", "--version", "1.1.0")
    text = (tmp_path / "two/CHANGES").read_text()
    assert "from version 1.0.0 to 1.1.0" in text
    assert "4 pairs as before" in text
    assert "Added: 1 pair\n\n- `g`" in text
    assert "Removed: 1 pair\n\n- `a`" in text
    assert "Changed: 1 pair\n\n- `c`: sharp" in text
    assert verify_folder(tmp_path / "two").ok
    related = json.loads((tmp_path / "two/datacite.json").read_text())[
        "relatedIdentifiers"
    ]
    assert related[0]["relatedIdentifier"] == "10.5072/one"
