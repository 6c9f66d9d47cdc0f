"""Cards as people mix them: what is paired, what is left out, and what is said."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL.TiffImagePlugin import IFDRational

from defocus.capture.arriving.import_request import ImportRequest
from defocus.capture.arriving.importer import PictureFolder
from defocus.capture.arriving.importing import import_pictures
from defocus.capture.planning.scene_list import ListedScene
from defocus.capture.sessions.session import read_session, read_state
from defocus.datasets.measuring.session import sessions_of
from defocus.datasets.readers.session import session_pairs
from defocus.errors import InputError
from tests.capture.card import card_jpeg, scene_picture
from tests.capture.raw_sessions import bayer_dng
from tests.pictures.corpus import deep, grey, linear_dng

NARROW, WIDE = 22.0, 4.0
Shot = tuple[str, bytes]


def shot(
    name: str,
    role: str,
    second: int,
    scene: int = 1,
    *,
    aperture: bool = True,
    **more: Any,
) -> Shot:
    """A picture of a card: ``s``harp or ``b``lurry."""
    f_number = {"s": NARROW, "b": WIDE}[role] if aperture else None
    seed = sum(map(ord, name)) + second
    picture = card_jpeg(
        f_number, second, scene=scene, seed=seed, wide=role == "b", **more
    )
    return f"{name}.JPG", picture


def copy(name: str, of: Shot) -> Shot:
    return name, of[1]


@dataclass(frozen=True)
class Mix:
    """A card, and what is right: names of the files of each pair in the order of their shots."""

    files: Sequence[Shot]
    pairs: Sequence[str]
    says: Sequence[str] = ()
    scenes: int = 1
    options: dict[str, object] = field(default_factory=dict)


SHARP, BLURRY = shot("IMG_0001", "s", 0), shot("IMG_0002", "b", 5)

MIXES = {
    "two bodies of one model": Mix(
        [
            shot("IMG_0001", "s", 0, 1, serial="11"), shot("IMG_0002", "b", 2, 1, serial="11"),
            shot("DSC_0051", "s", 1, 2, serial="22"), shot("DSC_0052", "b", 3, 2, serial="22"),
        ],
        ["IMG_0001 IMG_0002", "DSC_0051 DSC_0052"],
        ["2 cameras, each paired by itself", "Maker Body 1, serial number 22 (2 pictures)"],
        scenes=2,
    ),
    "two bodies whose files do not tell them apart": Mix(
        [
            shot("A/IMG_0001", "s", 0, 1), shot("A/IMG_0002", "b", 4, 1),
            shot("B/IMG_0001", "s", 1, 2), shot("B/IMG_0002", "b", 3, 2),
        ],
        ["A/IMG_0001 A/IMG_0002", "B/IMG_0001 B/IMG_0002"],
        ["Maker Body 1, folder A (2 pictures)"],
        scenes=2,
    ),
    "a test of the exposure before the pair": Mix(
        [
            shot("IMG_0001", "b", 0, seconds=0.002), shot("IMG_0002", "s", 4),
            shot("IMG_0003", "b", 8),
        ],
        ["IMG_0002 IMG_0003"],
        ["IMG_0001.JPG: another exposure than IMG_0002.JPG, which IMG_0003.JPG fits: a test?"],
    ),
    "two bodies that count differently": Mix(
        [
            shot("A/IMG_0001", "s", 0), shot("B/IMG_7001", "b", 2), shot("A/IMG_0002", "b", 4),
            shot("B/IMG_7002", "s", 6), shot("A/IMG_0003", "s", 50), shot("A/IMG_0004", "b", 54),
        ],
        ["A/IMG_0001 A/IMG_0002", "A/IMG_0003 A/IMG_0004", "B/IMG_7001 B/IMG_7002"],
        ["files such as IMG_0001.JPG and IMG_7001.JPG were numbered by two counts at one time"],
    ),
    "two kinds of names of one body": Mix(
        [shot("IMG_0011", "s", 0), shot("_MG_0012", "b", 4), shot("IMG_0013", "s", 8)],
        ["IMG_0011 _MG_0012 IMG_0013"],
        ["1 pair imported, 0 files left out"],
    ),
    "members sorted into two folders by a person": Mix(
        [
            shot("sharp/IMG_0001", "s", 0, 1), shot("blurry/IMG_0001", "b", 4, 1),
            shot("sharp/IMG_0002", "s", 60, 2), shot("blurry/IMG_0002", "b", 64, 2),
        ],
        ["sharp/IMG_0001 blurry/IMG_0001", "sharp/IMG_0002 blurry/IMG_0002"],
        scenes=2,
    ),
    "the clock set back": Mix(
        [
            shot("IMG_0001", "s", 100, 1), shot("IMG_0002", "b", 104, 1),
            shot("IMG_0003", "s", 200, 2), shot("IMG_0004", "b", 204, 2),
            shot("IMG_0005", "s", 102, 3), shot("IMG_0006", "b", 106, 3),
            shot("IMG_0007", "s", 202, 4), shot("IMG_0008", "b", 206, 4),
        ],
        ["IMG_0001 IMG_0002", "IMG_0003 IMG_0004", "IMG_0005 IMG_0006", "IMG_0007 IMG_0008"],
        ["the clock was set back between IMG_0004.JPG and IMG_0005.JPG: ordered by file number"],
        scenes=4,
    ),
    "the clock set back within a pair": Mix(
        [shot("IMG_0001", "s", 100), shot("IMG_0002", "b", 20), shot("IMG_0003", "s", 24)],
        ["IMG_0002 IMG_0003"],
        ["set back between IMG_0001.JPG and IMG_0002.JPG", "left out: IMG_0001.JPG"],
    ),
    "copies": Mix(
        [
            SHARP, BLURRY, copy("backup/IMG_0001.JPG", SHARP), copy("IMG_0002 (1).JPG", BLURRY),
            copy("COPY_OF_IMG_0001.JPG", SHARP),
        ],
        ["IMG_0001 IMG_0002"],
        [
            "left out: backup/IMG_0001.JPG: the same file as IMG_0001.JPG",
            "left out: IMG_0002 (1).JPG: the same file as IMG_0002.JPG",
            "left out: COPY_OF_IMG_0001.JPG: the same file as IMG_0001.JPG",
            "1 pair imported, 3 files left out",
        ],
    ),
    "edited copies": Mix(
        [
            SHARP, BLURRY, shot("IMG_0001-Edit", "s", 0), shot("export/IMG_0002", "b", 5),
        ],
        ["IMG_0001 IMG_0002"],
        [
            "left out: IMG_0001-Edit.JPG: an edited copy of IMG_0001.JPG",
            "left out: export/IMG_0002.JPG: an edited copy of IMG_0002.JPG",
        ],
    ),
    "a burst with a further frame": Mix(
        [
            shot("IMG_0001", "s", 0, 1), shot("IMG_0002", "b", 3, 1), shot("IMG_0003", "b", 4, 1),
            shot("IMG_0004", "s", 9, 2), shot("IMG_0005", "b", 12, 2),
        ],
        ["IMG_0001 IMG_0002", "IMG_0004 IMG_0005"],
        ["left out: IMG_0003.JPG: no neighbour shows the same: IMG_0004.JPG shows something else"],
        scenes=2,
    ),
    "numbers that begin again": Mix(
        [
            shot("100MAKER/IMG_9998", "s", 0, 1), shot("100MAKER/IMG_9999", "b", 4, 1),
            shot("101MAKER/IMG_0001", "s", 90, 2), shot("101MAKER/IMG_0002", "b", 94, 2),
            shot("OTHER/IMG_9999", "s", 200, 3), shot("OTHER/IMG_0001", "b", 204, 3),
        ],
        [
            "100MAKER/IMG_9998 100MAKER/IMG_9999", "101MAKER/IMG_0001 101MAKER/IMG_0002",
            "OTHER/IMG_9999 OTHER/IMG_0001",
        ],
        ["3 pairs imported, 0 files left out"],
        scenes=3,
    ),
    "a lens without contacts": Mix(
        [
            shot("IMG_0001", "s", 0, 1, aperture=False),
            shot("IMG_0002", "b", 4, 1, aperture=False),
            shot("IMG_0003", "b", 50, 2, aperture=False),
            shot("IMG_0004", "s", 54, 2, aperture=False),
        ],
        ["IMG_0001 IMG_0002", "IMG_0003 IMG_0004"],
        scenes=2,
        options={"blurry": "f/2.8", "sharp": "f/16"},
    ),
    "a lens without contacts, in an order that is known": Mix(
        [
            shot("IMG_0001", "s", 0, 1, aperture=False, seconds=0.0127 / 32),
            shot("IMG_0002", "b", 4, 1, aperture=False, seconds=0.008),
        ],
        ["IMG_0001 IMG_0002"],
        options={"blurry": "f/2.8", "sharp": "f/3.5", "order": "sharp-first"},
    ),
    "films and telephones": Mix(
        [SHARP, BLURRY, ("MVI_0003.MOV", b"film"), ("IMG_0004.X3F", b"picture"), ("A.XMP", b"x")],
        ["IMG_0001 IMG_0002"],
        [
            "left out: MVI_0003.MOV: a video",
            "left out: IMG_0004.X3F: pictures of this kind are not read",
            "left out: A.XMP: a sidecar without a picture of its own",
            "1 pair imported, 3 files left out",
        ],
    ),
    "a telephone beside the camera": Mix(
        [SHARP, BLURRY, ("IMG_0003.JPG", card_jpeg(1.8, 9, scene=1, seed=3, body="Phone"))],
        ["IMG_0001 IMG_0002"],
        ["left out: IMG_0003.JPG: Maker Phone: the pictures do not have two apertures, but f/1.8"],
    ),
}  # fmt: skip


def filled(folder: Path, files: Sequence[Shot]) -> Path:
    for name, content in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def imported(
    folder: Path, files: Sequence[Shot], code: int = 0, **options: Any
) -> Path:
    """The session of a card with these files."""
    request = ImportRequest(folder=filled(folder / "card", files), **options)
    assert import_pictures(folder / "s", request) == code
    return folder / "s"


def imported_names(session: Path) -> list[str]:
    """Files of each pair, in the order of their shots."""
    state = read_state(session)[0]
    return [
        " ".join(Path(name).stem for name in state.shoots[pair.shoot].imported or ())
        for pair in sorted(state.planned.values(), key=lambda pair: pair.number)
    ]


@pytest.mark.parametrize("name", MIXES)
def test_what_is_made_of_a_mixed_card(tmp_path, capsys, name):
    mix = MIXES[name]
    session = imported(tmp_path, mix.files, **mix.options)
    said = capsys.readouterr().err
    bare = [
        " ".join(part.rpartition("/")[2] for part in pair.split()) for pair in mix.pairs
    ]
    assert imported_names(session) == bare, said
    for words in mix.says:
        assert words in said
    pairs = read_session(session).pairs
    assert len({pair.scene for pair in pairs}) == mix.scenes
    assert [pair.verdict for pair in pairs] == ["accept"] * len(mix.pairs), said
    imported(tmp_path, [], **mix.options)
    assert len(read_session(session).pairs) == len(mix.pairs), "nothing is new"


def write_raw_and_jpeg(raw: Path, jpeg: Path) -> None:
    """IMG_0001 at f/22 and IMG_0002 at f/4, as RAW files and as JPEGs."""
    grey = np.asarray(scene_picture(5).convert("L").resize((96, 64)), np.float32) / 255
    exif = PillowImage.Exif()
    exif[0x010F], exif[0x0110] = "Testmaker", "Camera 1"
    for folder in (raw, jpeg):
        folder.mkdir(parents=True, exist_ok=True)
    for name, f_number in (("IMG_0001", 22.0), ("IMG_0002", 4.0)):
        bayer_dng(raw / f"{name}.DNG", 0.1 + grey / 2, f_number=f_number)
        tags = {33437: IFDRational(f_number), 33434: IFDRational(1, 125), 34855: 100}
        exif[0x8769] = {**tags, 36867: "2026:05:04 03:02:01"}
        picture = PillowImage.fromarray((255 * grey).astype(np.uint8)).convert("RGB")
        picture.save(jpeg / f"{name}.JPG", exif=exif)


def test_raw_and_jpeg_on_two_cards_are_one_shot(tmp_path):
    write_raw_and_jpeg(tmp_path / "card" / "RAW", tmp_path / "card" / "JPEG")
    folder = PictureFolder(tmp_path / "card")
    shots = folder.shots(folder.looks(), set())
    assert [[path.name for path in one.files] for one in shots] == [
        ["IMG_0001.DNG", "IMG_0001.JPG"],
        ["IMG_0002.DNG", "IMG_0002.JPG"],
    ]
    assert not folder.left_out


@pytest.mark.parametrize(
    ("lost", "raw_files", "said"),
    [
        ("IMG_0001.DNG", 0, "left out: IMG_0002.DNG: the other member has no RAW file"),
        ("IMG_0002.DNG", 0, "left out: IMG_0001.DNG: the other member has no RAW file"),
        ("IMG_0001.JPG", 2, "1 pair imported, 0 files left out"),
        (
            "IMG_0001.DNG IMG_0002.JPG",
            1,
            "rejected: one member is a RAW file and the other is not",
        ),
    ],
)
def test_a_raw_file_that_one_member_alone_has_is_left_out(
    tmp_path, capsys, lost, raw_files, said
):
    card, session = tmp_path / "card", tmp_path / "session"
    write_raw_and_jpeg(card, card)
    for name in lost.split():
        (card / name).unlink()
    import_pictures(session, ImportRequest(folder=card))
    assert said in capsys.readouterr().err
    assert len(list((session / "pairs").rglob("*.dng"))) == raw_files


@pytest.mark.parametrize("library_writes", [True, False])
def test_a_card_with_heic_is_imported(tmp_path, capsys, library_writes):
    """Its EXIF lies where the library that reads its pixels finds it; a stub has none."""
    heif = pytest.importorskip("pillow_heif", reason="needs the extra heif")
    files = [shot("IMG_0001", "s", 0), shot("IMG_0002", "b", 3)]
    card = filled(tmp_path / "card", files)
    for number, (name, _) in enumerate(files, start=3):
        path = card / f"IMG_000{number}.HEIC"
        if not library_writes:
            path.write_bytes(b"\0\0\0\x18ftypheic" + b"x" * 500)
            continue
        with PillowImage.open(card / name) as picture:
            exif = picture.info["exif"].replace(b":00:0", b":09:0")
            heif.from_pillow(picture).save(path, exif=exif)
    code = import_pictures(tmp_path / "session", ImportRequest(folder=card))
    pairs = ["IMG_0001 IMG_0002", *(["IMG_0003 IMG_0004"] if library_writes else [])]
    assert code == int(not library_writes)
    assert imported_names(tmp_path / "session") == pairs
    assert ("the HEIC cannot be decoded" in capsys.readouterr().err) == (
        not library_writes
    )


def test_a_card_without_a_pair_says_what_helps(tmp_path, capsys):
    """All sharp shots first, then all blurry ones."""
    files = [shot(f"IMG_000{n}", "s", 20 * n, n) for n in (1, 2)]
    files += [shot(f"IMG_000{n + 2}", "b", 20 * n + 60, n) for n in (1, 2)]
    for _ in range(2):
        imported(tmp_path, files, code=1)
        assert "must follow one another" in capsys.readouterr().err


def test_a_mirrored_member_is_named(tmp_path):
    session = imported(tmp_path, [SHARP, shot("IMG_0002", "b", 5, mirrored=True)])
    (pair,) = read_state(session)[0].complete.values()
    assert pair.verdict != "accept"
    assert "mirrored left to right" in pair.reason


def test_the_lens_is_kept_and_only_a_known_focus_is_believed(tmp_path):
    lens = "Maker 50 mm f/1.8"
    files = [shot("IMG_0001", "s", 0, lens=lens), shot("IMG_0002", "b", 4, lens=lens)]
    (pair,) = session_pairs(read_session(imported(tmp_path, files)))
    assert pair.metadata["camera"]["lens"] == lens  # type: ignore[index]
    (session,) = sessions_of([pair]).values()
    assert not session.same_focus, "somebody may have focused between the two shots"
    assert not session.one_change


def sixty(scenes: int) -> list[Shot]:
    """A pair a minute, each of another scene."""
    return [
        shot(f"IMG_{2 * n + i:04d}", role, 60 * n + 5 * i, scene=n)
        for n in range(1, scenes + 1)
        for i, role in enumerate("sb")
    ]


@pytest.mark.full
def test_a_quick_card_has_a_scene_for_each_picture(tmp_path, capsys):
    listed = tuple(ListedScene(f"Küche {n}", f"note {n}") for n in range(1, 9))
    state = read_state(imported(tmp_path, sixty(6), scene_list=listed))[0]
    scenes = [pair.typed_scene for pair in state.planned.values()]
    assert scenes == [f"Küche {n}" for n in range(1, 7)]
    assert state.notes["kuche-2"] == "note 2"
    assert "2 scenes of the list not seen, such as 'Küche 7'" in capsys.readouterr().err

    more = [shot("IMG_0500", "b", 3000, scene=2), shot("IMG_0501", "s", 3005, scene=2)]
    again = read_session(imported(tmp_path, more, scene_list=listed)).pairs[-1]
    assert again.scene == "kuche-2", "what looks like a scene of the session is of it"


def test_a_list_that_is_too_short_is_refused_before_a_pair_is_written(
    tmp_path, refused
):
    listed = (ListedScene("desk"), ListedScene("wall"))
    with refused(InputError):
        imported(tmp_path, sixty(3), scene_list=listed)
    assert not list((tmp_path / "s").glob("pairs/*"))


def test_a_pause_makes_scenes_where_a_person_wants_it(tmp_path):
    session = imported(tmp_path, sixty(4), scene_gap_seconds=100.0)
    assert {pair.scene for pair in read_session(session).pairs} == {"scene-001"}


def test_a_monochrome_dng_does_not_end_an_import(tmp_path, capsys):
    """It is imported where it has a partner, and named where it has none."""
    files = [*CARD_OF_TWO_PAIRS, ("L1000001.DNG", linear_dng(deep(grey())))]
    session = imported(tmp_path, files)
    assert imported_names(session) == ["IMG_0001 IMG_0002", "IMG_0003 IMG_0004"]
    assert "L1000001.DNG" in capsys.readouterr().err


CARD_OF_TWO_PAIRS = [
    shot("IMG_0001", "s", 0, 1),
    shot("IMG_0002", "b", 2, 1),
    shot("IMG_0003", "s", 40, 2),
    shot("IMG_0004", "b", 42, 2),
]
