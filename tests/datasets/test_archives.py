"""Archives from anybody: unpacked whole, or refused before anything is written."""

import io
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defocus.datasets.archives import Limits, unpack
from defocus.errors import DatasetError

FILE, LINK = tarfile.REGTYPE, tarfile.SYMTYPE
Entries = list[tuple[str, bytes, bytes]]


def tar(path, entries):
    mode = {".gz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2"}.get(path.suffix, "w")
    with tarfile.open(path, mode) as archive:
        for name, kind, content in entries:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(content), "/etc/passwd"
            archive.addfile(info, io.BytesIO(content) if content else None)
    return path


def zipped(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def packed(path, contents):
    """By its suffix a ZIP or a TAR file; with the folders that other programs add."""
    if path.suffix == ".zip":
        return zipped(path, {"set/": b"", **contents})
    files = ((f"./{name}", FILE, content) for name, content in contents.items())
    return tar(path, [("./", tarfile.DIRTYPE, b""), *files])


def refuse(archive, reason, limits=None):
    """It is refused, and nothing is written anywhere."""
    folder = archive.parent
    before = sorted(folder.rglob("*"))
    with pytest.raises(DatasetError, match=reason):
        unpack(archive, folder / "out", limits or Limits())
    assert sorted(folder.rglob("*")) == before


SUFFIXES = [".zip", ".tar", ".tar.gz", ".tar.xz", ".tar.bz2"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_good_archive_is_unpacked(tmp_path, suffix):
    contents = {
        "set/blurry/1.png": b"one",
        "set/sharp/1.png": b"two",
        "set/empty.txt": b"",
    }
    path = packed(tmp_path / f"set{suffix}", contents)
    assert unpack(path, tmp_path / "out") == 3
    files = {
        p.relative_to(tmp_path / "out").as_posix(): p
        for p in (tmp_path / "out").rglob("*.*")
    }
    assert {name: file.read_bytes() for name, file in files.items()} == contents
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out", f"set{suffix}"]


NAMES = [
    "../up", "/top", "a/../../up", "a/./b", "a//b", "C:x", "a\\b", "a\nb", "..", "a/..", "\x7f",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    tarred = tar(tmp_path / "a.tar", [("good", FILE, b"1"), (name, FILE, b"1")])
    refuse(tarred, "nothing was unpacked")
    (tmp_path / "z").mkdir()
    refuse(
        zipped(tmp_path / "z/a.zip", {"good": b"1", name: b"1"}), "nothing was unpacked"
    )


@settings(max_examples=60, deadline=None)
@given(name=st.text(min_size=1, max_size=12).filter(lambda name: "\0" not in name))
def test_no_name_lands_outside(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("any")
    try:
        archive = zipped(folder / "a.zip", {name: b"1"})
    except UnicodeEncodeError:  # lone surrogates cannot be written
        return
    try:
        unpack(archive, folder / "out")
    except DatasetError:
        pass
    else:
        outside = [
            path for path in folder.rglob("*") if folder / "out" not in path.parents
        ]
        assert [path for path in outside if path.is_file()] == [archive]
    assert {entry.name for entry in folder.iterdir()} <= {"a.zip", "out"}


@pytest.mark.parametrize(
    "kind", [LINK, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_are_refused(tmp_path, kind):
    refuse(
        tar(tmp_path / "a.tar", [("good", FILE, b"1"), ("bad", kind, b"")]),
        "'bad' is a link",
    )


def test_links_in_zip_files_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("bad")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    refuse(tmp_path / "a.zip", "'bad' is a link")


def test_two_names_for_one_file_are_refused(tmp_path):
    refuse(tar(tmp_path / "a.tar", [("a", FILE, b"1"), ("A", FILE, b"2")]), "one file")
    refuse(tar(tmp_path / "a.tar", [("a", FILE, b"1"), ("a", FILE, b"2")]), "one file")
    refuse(
        tar(tmp_path / "a.tar", [("a", FILE, b"1"), ("a/b", FILE, b"2")]),
        "file and a folder",
    )


def test_bombs_are_refused(tmp_path):
    zeros = bytes(20_000_000)
    refuse(zipped(tmp_path / "a.zip", {"bomb": zeros}), "as a bomb does")
    refuse(tar(tmp_path / "a.tar.gz", [("bomb", FILE, zeros)]), "as a bomb does")
    many = tar(tmp_path / "many.tar", [(str(n), FILE, b"") for n in range(20)])
    refuse(many, "more than 10 members", Limits(members=10))
    large = tar(tmp_path / "large.tar", [("a", FILE, bytes(100))])
    refuse(large, "more than 99 bytes", Limits(total_bytes=99))


def test_a_header_that_claims_less_does_not_help_a_bomb(tmp_path):
    """A ZIP entry says 10 bytes and holds 20 million."""
    path = zipped(tmp_path / "a.zip", {"bomb": bytes(20_000_000)})
    honest, lie = (20_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(honest, lie))
    refuse(path, "another size|damaged")


def test_a_bomb_in_the_headers_of_a_tar_file_is_refused(tmp_path):
    with tarfile.open(
        tmp_path / "a.tar.gz", "w:gz", format=tarfile.PAX_FORMAT
    ) as archive:
        info = tarfile.TarInfo("a")
        info.pax_headers = {"comment": "x" * 20_000_000}
        archive.addfile(info)
    refuse(tmp_path / "a.tar.gz", "bomb|damaged")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damaged_archives_are_refused(tmp_path, suffix):
    path = packed(tmp_path / f"a{suffix}", {"a": bytes(range(256)) * 40})
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"not an archive"):
        path.write_bytes(damaged)
        refuse(path, "damaged|another size")


@pytest.mark.parametrize("suffix", [one for one in SUFFIXES if one != ".tar"])
def test_a_flipped_byte_ends_in_a_line(tmp_path, suffix):
    contents = {"a": bytes(range(256)) * 4}
    path = tmp_path / f"a{suffix}"
    zipped(path, contents) if suffix == ".zip" else tar(
        path, [("a", FILE, contents["a"])]
    )
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        out = tmp_path / "out" / str(at)
        try:
            unpack(path, out)
        except DatasetError:
            assert not out.exists()
        else:  # a time or a flag
            assert {one.name: one.read_bytes() for one in out.iterdir()} == contents


def test_a_member_with_too_long_a_name_is_the_one_that_is_named(tmp_path):
    refuse(zipped(tmp_path / "a.zip", {"a" * 300: b""}), "a.zip: 'aaa.*is too long")
    refuse(
        tar(tmp_path / "a.tar", [("b/con.png", FILE, b"")]),
        "a.tar: 'b/con.png' has a name",
    )


def test_the_command(data, tmp_path):
    zipped(tmp_path / "set.zip", {"blurry/1.png": b"1"})
    result = data("import", "set.zip", "--out", "set")
    assert result.stdout.startswith("set: 1 file\nuse it with --dataset READER:set;")
    assert (tmp_path / "set/blurry/1.png").read_bytes() == b"1"
    again = data("import", "set.zip", "--out", "set", code=2)
    assert "not empty" in again.stderr
