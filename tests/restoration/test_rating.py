"""Ratings in sidecars: the number changes, whatever else there is stays."""

import pytest

from defocus.errors import FileError
from defocus.restoration.files.rating import rating_beside, sidecars_of, write_rating

DARKTABLE = """<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:darktable="http://darktable.sf.net/"
   xmp:Rating="1"
   darktable:history_end="1">
   <darktable:history>
    <rdf:Seq>
     <rdf:li darktable:num="0" darktable:params="a &lt; b &quot;c&quot;"/>
    </rdf:Seq>
   </darktable:history>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""
ATTRIBUTE = 'xmp:Rating="1"'


@pytest.fixture
def sidecar(tmp_path):
    """Write a sidecar and give its path."""

    def written(content):
        path = tmp_path / "a.jpg.xmp"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


def test_a_sidecar_that_does_not_exist_is_made(tmp_path, snapshot):
    path = tmp_path / "a.jpg.xmp"
    assert write_rating(path, 4) == 4
    assert path.read_text() == snapshot
    assert write_rating(path, 4) == 4
    assert [one.name for one in tmp_path.iterdir()] == ["a.jpg.xmp"]


def test_of_an_existing_sidecar_nothing_but_the_rating_changes(sidecar):
    path = sidecar(DARKTABLE)
    assert write_rating(path, 5) == 5
    assert path.read_text() == DARKTABLE.replace(ATTRIBUTE, 'xmp:Rating="5"')


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_marks_stay(sidecar, mark, line_end):
    text = DARKTABLE.replace("\n", line_end)
    path = sidecar(mark + text.encode())
    assert write_rating(path, 2) == 2
    assert (
        path.read_bytes() == mark + text.replace(ATTRIBUTE, 'xmp:Rating="2"').encode()
    )


def test_a_rating_can_be_an_element(sidecar):
    text = DARKTABLE.replace(ATTRIBUTE, "").replace(
        "<darktable:history>", "<xmp:Rating>0</xmp:Rating><darktable:history>"
    )
    path = sidecar(text)
    assert write_rating(path, 3) == 3
    assert path.read_text() == text.replace(">0</xmp:Rating>", ">3</xmp:Rating>")


def test_a_schema_has_any_prefix(sidecar):
    text = DARKTABLE.replace("xmlns:xmp=", "xmlns:xap=").replace(
        "xmp:Rating", "xap:Rating"
    )
    path = sidecar(text)
    assert write_rating(path, 3) == 3
    assert path.read_text() == text.replace('Rating="1"', 'Rating="3"')


@pytest.mark.parametrize("end", [">", "/>"])
def test_a_rating_is_added_where_there_is_none(sidecar, end):
    begin = DARKTABLE[: DARKTABLE.index(">\n   <darktable:history>")].replace(
        ATTRIBUTE, ""
    )
    rest = "</rdf:Description></rdf:RDF></x:xmpmeta>"
    rest = rest if end == ">" else rest.removeprefix("</rdf:Description>")
    path = sidecar(f"{begin}{end}{rest}")
    assert write_rating(path, 3) == 3
    assert path.read_text() == f'{begin} xmp:Rating="3"{end}{rest}'


def test_the_schema_is_declared_where_it_is_not(sidecar):
    text = "\n".join(
        line for line in DARKTABLE.splitlines() if "xmp:" not in line.lstrip("<")
    )
    text = text.replace('    xmlns:xmp="http://ns.adobe.com/xap/1.0/"\n', "")
    path = sidecar(text)
    assert write_rating(path, 3) == 3
    added = ' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="3"'
    assert path.read_text() == text.replace(
        'history_end="1"', f'history_end="1"{added}'
    )


@pytest.mark.parametrize("rating", [-1, 2, 5])
def test_a_rating_that_a_person_gave_stays(sidecar, rating):
    text = DARKTABLE.replace(ATTRIBUTE, f'xmp:Rating="{rating}"')
    path = sidecar(text)
    assert write_rating(path, 3) == rating
    assert path.read_text() == text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"rating: 3",
        DARKTABLE[:300],
        DARKTABLE.replace(ATTRIBUTE, 'xmp:Rating="many"'),
        DARKTABLE.replace('"UTF-8"', '"latin-1"'),
        DARKTABLE.replace('encoding="UTF-8"', "").encode("utf-16"),
        DARKTABLE.replace("?>", '?><!DOCTYPE x [<!ENTITY a "b">]>', 1),
        DARKTABLE.replace("http://ns.adobe.com/xap/1.0/", "urn:other"),
        DARKTABLE.replace(
            "<darktable:history>", "<xmp:Rating>1</xmp:Rating><darktable:history>"
        ),
        DARKTABLE.replace(ATTRIBUTE, "").replace(
            "<darktable:history>", "<xmp:Rating/><darktable:history>"
        ),
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"/>',
    ],
    ids=[
        "empty",
        "no XML",
        "cut off",
        "no number",
        "latin-1",
        "UTF-16",
        "document type",
        "prefix",
        "two ratings",
        "empty element",
        "no description",
    ],
)
def test_another_file_is_refused_and_stays(sidecar, refused, content):
    path = sidecar(content)
    before = path.read_bytes()
    with refused(FileError):
        write_rating(path, 3)
    assert path.read_bytes() == before


def test_a_link_stays_one(tmp_path, sidecar):
    path = sidecar(DARKTABLE)
    link = tmp_path / "b.jpg.xmp"
    link.symlink_to(path)
    assert write_rating(link, 4) == 4
    assert link.is_symlink()
    assert 'xmp:Rating="4"' in path.read_text()


def test_a_link_to_nothing_is_not_replaced(tmp_path):
    link = tmp_path / "a.jpg.xmp"
    link.symlink_to(tmp_path / "gone.xmp")
    with pytest.raises(FileNotFoundError):
        write_rating(link, 4)
    assert link.is_symlink()


def test_programs_find_the_sidecar_by_its_name(tmp_path):
    def names(image: str) -> list[str]:
        return [one.name for one in sidecars_of(tmp_path / image)]

    assert names("a.JPG") == ["a.JPG.xmp"]
    assert names("a.NEF") == ["a.xmp"]
    (tmp_path / "a.NEF.xmp").touch()
    assert names("a.NEF") == ["a.NEF.xmp"]
    (tmp_path / "a.xmp").touch()
    assert names("a.NEF") == ["a.NEF.xmp", "a.xmp"]
    assert names("a.JPG") == ["a.xmp"]  # no RAW file has its name
    (tmp_path / "a.NEF").touch()
    assert names("a.JPG") == ["a.JPG.xmp"]


@pytest.mark.parametrize(
    ("profile", "own"),
    [("InTrash=true", -1), ("Rank=4", 4), ("Rank=0", None), ("", None)],
)
@pytest.mark.parametrize("name", ["a.jpg.pp3", "a.pp3"])
def test_a_rating_in_rawtherapee_is_a_person_s(tmp_path, name, profile, own):
    (tmp_path / name).write_text(f"[General]\n{profile}\n")
    assert rating_beside(tmp_path / "a.jpg") == own
