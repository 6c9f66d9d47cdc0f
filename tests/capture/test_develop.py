"""Development: both members alike, to the last digit, whatever else is in the picture."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rawpy
from PIL import Image as PillowImage
from PIL.TiffImagePlugin import IFDRational

from defocus.capture.develop import PairTask, develop_pair, develop_session
from defocus.capture.develop_settings import DevelopSettings
from defocus.capture.sessions.lines import StoredFile
from defocus.capture.sessions.session import read_state
from defocus.datasets.api import open_dataset
from defocus.errors import DatasetError, ImageError
from defocus.pictures.metadata import read_exif, writable
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float, linear_to_srgb, srgb_to_linear
from defocus.pictures.write import write_image
from defocus.storage.files import sha256_file
from tests.capture.raw_sessions import bayer_dng, record, write_session

KINDS = ("blurry", "sharp")
LINEAR = DevelopSettings(linear=True)


def scene(size: int = 64) -> np.ndarray:
    """Smooth light between 0.1 and 0.4."""
    across = np.linspace(0.1, 0.4, size)
    return np.outer(np.ones(size), across)


def raw_pair(
    folder: Path, blurry: np.ndarray, sharp: np.ndarray, **blurry_file: object
) -> dict:
    folder.mkdir(exist_ok=True)
    return {
        "blurry": bayer_dng(folder / "blurry.dng", blurry, **blurry_file),
        "sharp": bayer_dng(folder / "sharp.dng", sharp, f_number=22.0),
    }


class Developed:
    """One session of pairs by name, developed in three ways."""

    def __init__(self, folder: Path) -> None:
        spotted = scene()
        spotted[:4, :4] = 0.9  # over 75 % of white: LibRaw's default would scale by it
        pairs = {
            "plain": raw_pair(folder / "plain", scene(), scene()),
            "spotted": raw_pair(folder / "spotted", scene(), spotted),
            "halved": raw_pair(folder / "halved", scene() / 2, scene()),
            "warm": raw_pair(
                folder / "warm", scene(), scene(), neutral=(0.47, 1.0, 0.64)
            ),
        }
        self.folder = folder
        self.ids = dict(
            zip(pairs, write_session(folder / "s", [*pairs.values()]), strict=True)
        )
        for name, settings in (
            ("linear", LINEAR), ("srgb", DevelopSettings()), ("eight", DevelopSettings(bits=8)),
        ):  # fmt: skip
            assert develop_session(folder / "s", folder / name, settings).failed == ()

    def path(self, way: str, role: str, pair: str) -> Path:
        return self.folder / way / role / f"{self.ids[pair]}.png"

    def members(self, pair: str) -> list[np.ndarray]:
        return [read_image(self.path("linear", kind, pair)) for kind in KINDS]


@pytest.fixture(scope="module")
def developed(tmp_path_factory):
    return Developed(tmp_path_factory.mktemp("developed"))


def values_of(path: Path) -> np.ndarray:
    """A developed picture in [0, 1], without its rim."""
    return as_float(read_image(path), np.float64)[8:-8, 8:-8]


@pytest.mark.full
def test_a_bright_spot_in_one_member_changes_nothing_else(developed):
    blurry, sharp = developed.members("spotted")
    np.testing.assert_array_equal(blurry[12:], sharp[12:])


@pytest.mark.full
def test_linear_values_are_proportional_to_light(developed):
    blurry, sharp = (
        values_of(developed.path("linear", kind, "halved")) for kind in KINDS
    )
    np.testing.assert_allclose(sharp / blurry, 2.0, rtol=2e-3)
    # grey is grey with the right white balance, and light 0.25 in the middle is 0.25 of white
    np.testing.assert_allclose(sharp[..., 0], sharp[..., 1], rtol=3e-3)
    np.testing.assert_allclose(
        sharp[..., 1].mean(), scene()[8:-8, 8:-8].mean(), rtol=5e-3
    )


@pytest.mark.full
def test_both_members_get_the_white_balance_of_the_sharp_one(developed):
    np.testing.assert_array_equal(*developed.members("warm"))
    balance = record(developed.folder / "linear", developed.ids["warm"])[
        "white_balance"
    ]
    assert balance[:3] == pytest.approx([2.0, 1.0, 1 / 0.6], rel=1e-3)


@pytest.mark.full
def test_srgb_is_the_curve_of_the_linear_master_and_8_bits_its_rounding(developed):
    pictures = {
        way: values_of(developed.path(way, "sharp", "plain"))
        for way in ("linear", "srgb", "eight")
    }
    np.testing.assert_allclose(
        pictures["srgb"], linear_to_srgb(pictures["linear"]), atol=2e-4
    )
    np.testing.assert_allclose(
        pictures["eight"], pictures["srgb"], atol=0.5 / 255 + 1e-9
    )
    assert read_image(developed.path("eight", "sharp", "plain")).dtype == np.uint8


@pytest.mark.full
@pytest.mark.parametrize("way", ["linear", "srgb"])
def test_files_say_what_the_camera_said_and_what_their_values_mean(developed, way):
    path = developed.path(way, "sharp", "plain")
    tags = read_exif(path)
    assert (tags.f_number, tags.seconds, tags.iso) == (22.0, 1 / 125, 100)
    assert (tags.model, tags.taken) == ("Testmaker Camera 1", "2026:05:04 03:02:01")
    with PillowImage.open(path) as opened:
        opened.load()
        exif = opened.getexif()
        assert exif.get_ifd(34665)[42036] == "Lens 50 mm"
        # the pixel grid is the sensor's, so nobody may turn it
        assert exif.get(274, 1) == 1
        assert opened.info.get("gamma") == (1.0 if way == "linear" else None)
        assert opened.info.get("srgb") == (None if way == "linear" else 0)


@pytest.mark.full
@pytest.mark.parametrize(("wanted", "blurry_ev"), [("nominal", 1.0), ("measured", 0.9)])
def test_all_shots_get_the_exposure_of_the_sharp_one(tmp_path, wanted, blurry_ev):
    files = raw_pair(tmp_path / "raw", scene() / 2, scene())
    files["anchor"] = bayer_dng(tmp_path / "raw" / "anchor.dng", scene() / 4)
    seconds = {"blurry": 0.5, "anchor": 0.25}
    (pair,) = write_session(tmp_path / "s", [files], seconds=seconds, measured_ev=-0.9)
    settings = DevelopSettings(linear=True, match_exposure=wanted)
    assert develop_session(tmp_path / "s", tmp_path / "out", settings).failed == ()
    blurry, anchor, sharp = (
        values_of(tmp_path / f"out/{kind}/{pair}.png")
        for kind in ("blurry", "anchor", "sharp")
    )
    np.testing.assert_allclose(blurry / sharp, 2.0 ** (blurry_ev - 1.0), rtol=2e-3)
    np.testing.assert_allclose(anchor / sharp, 1.0, rtol=3e-3)
    gains = {"blurry": blurry_ev, "sharp": 0.0, "anchor": 2.0}
    assert record(tmp_path / "out", pair)["gain_ev"] == pytest.approx(gains)


@pytest.mark.full
def test_every_kind_of_shot_is_developed_and_nothing_of_a_rejected_pair(tmp_path):
    files = raw_pair(tmp_path / "raw", scene(), scene())
    files["anchor"] = bayer_dng(tmp_path / "raw" / "anchor.dng", scene())
    kept, _ = write_session(tmp_path / "s", [files, files], {1: "reject"})
    development = develop_session(
        tmp_path / "s", tmp_path / "out", DevelopSettings(where=2)
    )
    assert development.developed == (kept,)
    names = {
        path.relative_to(tmp_path / "out").as_posix()
        for path in tmp_path.glob("out/*/*.png")
    }
    assert names == {f"{kind}/{kept}.png" for kind in ("anchor", "blurry", "sharp")}
    assert [pair.id for pair in open_dataset(f"pairs:{tmp_path / 'out'}").pairs] == [
        kept
    ]


@pytest.mark.full
def test_pictures_that_are_no_raw_files_keep_their_pixels(tmp_path):
    """Gain is applied to light and not to values."""
    picture = np.random.default_rng(1).integers(0, 40000, (20, 30, 3), np.uint16)
    write_image(tmp_path / "p.tif", picture)
    files = dict.fromkeys(KINDS, tmp_path / "p.tif")
    (pair,) = write_session(tmp_path / "s", [files], seconds={"blurry": 0.5})
    develop_session(
        tmp_path / "s", tmp_path / "out", DevelopSettings(match_exposure="nominal")
    )
    blurry, sharp = (read_image(tmp_path / f"out/{kind}/{pair}.png") for kind in KINDS)
    np.testing.assert_array_equal(sharp, picture)
    light, given = (
        srgb_to_linear(as_float(one, np.float64)) for one in (blurry, picture)
    )
    np.testing.assert_allclose(light, 2 * given, rtol=1e-3, atol=1e-5)


@pytest.mark.full
@pytest.mark.parametrize(
    ("sharp", "said"),
    [
        ("sharp.dng", "use --match-exposure nominal"),
        ("sharp.jpg", "sharp not RAW but the rest is"),
    ],
)
def test_pairs_that_cannot_be_developed_alike_are_named(tmp_path, capsys, sharp, said):
    """Light that was not measured, and RAW beside JPEG."""
    files = raw_pair(tmp_path, scene(), scene())
    write_image(tmp_path / "sharp.jpg", np.zeros((64, 64, 3), np.uint8))
    files["sharp"] = tmp_path / sharp
    (pair,) = write_session(tmp_path / "s", [files], measured_ev=None)
    settings = DevelopSettings(match_exposure="measured")
    assert develop_session(tmp_path / "s", tmp_path / "out", settings).failed == (pair,)
    assert said in capsys.readouterr().err


def test_the_command_goes_on_where_it_stopped(tmp_path, run):
    files = raw_pair(tmp_path / "raw", scene(), scene())
    write_session(tmp_path / "s", [files, files])
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.develop-abcdefgh.part.json").write_bytes(b"of a killed one")
    first = run("defocus-capture", "develop", "s", "--out", "out", "--on", "2")
    assert (first.returncode, first.stdout) == (0, "")
    assert "2 pairs developed, 0 were done before, 0 failed" in first.stderr
    whole = {path: path.read_bytes() for path in tmp_path.glob("out/*/*.png")}
    (tmp_path / "out/sharp/0002_desk.png").write_bytes(b"torn")
    (tmp_path / "out/sharp/.0002_desk-abcdefgh.part.png").write_bytes(
        b"left by a killed one"
    )
    times = {
        path: path.stat().st_mtime_ns for path in tmp_path.glob("out/*/0001_desk.png")
    }
    again = run("defocus-capture", "develop", "s", "--out", "out")
    assert "1 pair developed, 1 were done before, 0 failed" in again.stderr
    assert times == {path: path.stat().st_mtime_ns for path in times}
    assert whole == {path: path.read_bytes() for path in tmp_path.glob("out/*/*.png")}
    assert not list(tmp_path.glob("out/**/.*"))
    for arguments, words in (
        (["--out", "out", "--linear"], "other settings"),
        (["--out", "raw"], "holds other files"),
        (["--out", "new", "--linear", "--bits", "8"], "show steps"),
        (["--out", "new", "--register", "report"], "check s'"),
        (["--out", "new", "--register", "warp"], "defocus-data compensate pairs:new"),
    ):
        refused = run("defocus-capture", "develop", "s", *arguments, code=2)
        assert words in refused.stderr
    assert not (tmp_path / "new").exists()


def test_a_changed_original_is_named_and_the_others_go_on(tmp_path, run):
    files = raw_pair(tmp_path / "raw", scene(), scene())
    write_session(tmp_path / "s", [files, files, files])
    changed = tmp_path / "s/pairs/0002_desk/sharp.dng"
    changed.chmod(0o644)
    changed.write_bytes(changed.read_bytes()[:-1] + b"\1")
    result = run("defocus-capture", "develop", "s", "--out", "out", "--on", "3", code=1)
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert "0002_desk" in lines[0]
    assert "sharp.dng has changed since it was taken" in lines[0]
    assert len(list(tmp_path.glob("out/records/*.json"))) == 2


def task(tmp_path: Path, files: dict, settings: DevelopSettings) -> PairTask:
    (pair,) = write_session(tmp_path / "s", [files])
    state, _ = read_state(tmp_path / "s")
    return PairTask(tmp_path / "s", tmp_path / "out", state.complete[pair], settings)


@pytest.mark.parametrize("repeated", [False, True])
def test_a_second_frame_like_the_first_is_an_error(
    tmp_path, monkeypatch, repeated, refused
):
    """LibRaw says that there is none; older versions gave the first frame once more."""
    whole = rawpy.imread
    if repeated:
        monkeypatch.setattr(rawpy, "imread", lambda path, shot_select=0: whole(path))
    files = raw_pair(tmp_path / "raw", scene(), scene())
    with refused(ImageError):
        develop_pair(task(tmp_path, files, DevelopSettings(dual_pixel=True)))
    assert not list(tmp_path.glob("out/records/*"))


def test_a_second_frame_is_developed_with_the_same_parameters(tmp_path, monkeypatch):
    """LibRaw finds no second frame in files made here: another file stands in for it."""
    files = raw_pair(tmp_path / "raw", scene(), scene())
    second = bayer_dng(
        tmp_path / "raw" / "second.dng", scene() / 2, neutral=(0.47, 1.0, 0.64)
    )
    whole = rawpy.imread

    def imread(path: str, shot_select: int = 0) -> rawpy.RawPy:
        return whole(str(second) if shot_select else path)

    monkeypatch.setattr(rawpy, "imread", imread)
    work = task(tmp_path, files, DevelopSettings(linear=True, dual_pixel=True))
    develop_pair(work)
    view, sharp = (
        as_float(read_image(work.picture(kind)), np.float64)[8:-8, 8:-8]
        for kind in ("sharp_second_view", "sharp")
    )
    np.testing.assert_allclose(sharp / view, 2.0, rtol=2e-3)


def test_a_pair_that_names_a_file_outside_is_refused(tmp_path, refused):
    files = raw_pair(tmp_path / "raw", scene(), scene())
    work = task(tmp_path, files, DevelopSettings())
    path = tmp_path / "s/pairs/0001_desk/pair.json"
    path.chmod(0o644)
    document = json.loads(path.read_text())
    document["roles"]["anchor"] = {"file": "../../../raw/sharp.dng"}
    path.write_text(json.dumps(document))
    as_recorded = StoredFile("pair.json", sha256_file(path), path.stat().st_size)
    pair = replace(work.pair, files=(*work.pair.files, as_recorded))
    with refused(DatasetError):
        develop_pair(replace(work, pair=pair))


GPS_DIRECTORY = 34853


def test_values_of_other_types_than_their_tags_are_left_out():
    half = IFDRational(1, 2)
    assert writable({271: "maker", 272: half, 306: "2026:11:22 09:00:00"}) == {
        271: "maker",
        306: "2026:11:22 09:00:00",
    }
    assert writable({1: "N", 6: "high"}, GPS_DIRECTORY) == {1: "N"}
