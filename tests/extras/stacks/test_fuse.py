"""Fused focus stacks: each place from the frame that is sharp there, as a dataset of pairs."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import tifffile
from click.testing import CliRunner
from numpy.typing import NDArray

from defocus.datasets import pair_files
from defocus.datasets.api import open_dataset
from defocus.datasets.release.provenance import kinds, sharp_text, steps_text
from defocus.errors import DatasetError
from defocus.extras.stacks.commands.data_fuse import command
from defocus.extras.stacks.fusion import fused
from defocus.extras.stacks.placing import correlated, frame_views, place_frames, warped
from defocus.extras.stacks.run import fuse_stacks
from defocus.pictures.read import read_image
from defocus.pictures.values import Image, as_float
from defocus.pictures.write import write_image
from defocus.scene.aperture import disc_psf

HEIGHT, WIDTH = 240, 320


def scene() -> Image:
    picture = cv2.resize(
        skimage.data.coffee(), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA
    )
    return np.ascontiguousarray(picture)


def defocused(picture: Image, diameter: float) -> NDArray[np.float64]:
    return np.asarray(cv2.filter2D(picture.astype(np.float64), -1, disc_psf(diameter)))


def frames_of(picture: Image) -> list[Image]:
    """Three frames, each in focus in another third of the picture from left to right."""
    sharp, blurred = picture.astype(np.float64), defocused(picture, 6.0)
    thirds = []
    for third in range(3):
        mask = np.zeros((HEIGHT, WIDTH))
        mask[:, third * WIDTH // 3 : (third + 1) * WIDTH // 3] = 1.0
        share = cv2.GaussianBlur(mask, (0, 0), 3.0)[:, :, None]
        thirds.append(np.rint(share * sharp + (1 - share) * blurred).astype(np.uint8))
    return thirds


def psnr(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    return float(-10 * np.log10(np.mean((one - other) ** 2)))


def write_stack(folder: Path) -> Path:
    """The frames with focus breathing and shifts, and the picture that they were made of."""
    folder.mkdir(parents=True)
    write_image(folder / "expected.png", scene())
    for number, frame in enumerate(frames_of(scene())):
        zoom, shift = 1 + 0.004 * (number - 1), 1.5 * (number - 1)
        centre = ((WIDTH - 1) / 2, (HEIGHT - 1) / 2)
        matrix = cv2.getRotationMatrix2D(centre, 0.0, zoom)
        matrix[:, 2] += (shift, -shift)
        moved = cv2.warpAffine(
            frame,
            matrix,
            (WIDTH, HEIGHT),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        write_image(folder / f"f{number}.png", np.asarray(moved))
    return folder


def test_each_place_comes_from_the_frame_that_is_sharp_there():
    frames = [np.asarray(as_float(frame), np.float32) for frame in frames_of(scene())]
    fusion = fused(
        lambda: ((frame, np.ones((HEIGHT, WIDTH), bool)) for frame in frames)
    )
    truth = as_float(scene())
    single = max(psnr(frame, truth) for frame in frames)
    assert psnr(fusion.picture, truth) > single + 6
    middle = fusion.index[:, 110:210]
    sure = fusion.confidence[:, 110:210] > 0.5
    assert (middle[sure] == 1).mean() > 0.95
    assert set(np.unique(fusion.index)) == {0, 1, 2}


def test_where_nothing_tells_the_frames_apart_the_confidence_is_nought():
    wall = np.full((64, 64, 3), 0.4, np.float32)
    frames = (wall, wall.copy())
    fusion = fused(lambda: ((frame, np.ones((64, 64), bool)) for frame in frames))
    assert fusion.confidence.max() == 0.0
    np.testing.assert_allclose(fusion.picture, wall, atol=1e-5)


@pytest.mark.parametrize("count", [2, 12])
@pytest.mark.parametrize("deviation", [0.001, 0.01, 0.03])
def test_noise_on_a_plain_wall_gives_no_confidence(count, deviation):
    """Beside a picture on it, which one frame shows sharp: there the confidence is high."""
    random = np.random.default_rng(count)
    sharp = np.full((HEIGHT, WIDTH, 3), 0.4, np.float32)
    sharp[:, : WIDTH // 2] = as_float(scene())[:, : WIDTH // 2]
    blurred = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 4.0), np.float32)
    frames = [
        np.clip(one + random.normal(0, deviation, one.shape), 0, 1).astype(np.float32)
        for one in (sharp, *[blurred] * (count - 1))
    ]
    seen = np.ones((HEIGHT, WIDTH), bool)
    fusion = fused(lambda: iter([(frame, seen) for frame in frames]))
    wall = fusion.confidence[:, WIDTH // 2 + 60 :]
    assert np.quantile(wall, 0.99) < 0.05
    assert wall.max() < 0.5
    picture = fusion.confidence[:, : WIDTH // 2 - 20]
    assert np.median(picture) > (0.8 if deviation < 0.02 else 0.5)


def test_what_a_frame_does_not_show_is_not_taken_from_it():
    sharp = np.asarray(as_float(scene()), np.float32)
    other = np.ones_like(sharp)
    other[::2] = 0.0  # the strongest detail that there is, but not of the scene
    seen = np.ones((HEIGHT, WIDTH), bool)
    fusion = fused(lambda: iter([(sharp, seen), (other, ~seen)]))
    assert (fusion.index == 0).all()
    np.testing.assert_allclose(fusion.picture, sharp, atol=1e-3)


@pytest.fixture(scope="module")
def stacks(tmp_path_factory):
    root = tmp_path_factory.mktemp("fused")
    write_stack(root / "stacks" / "cup")
    arguments = [str(root / "stacks"), "--out", str(root / "out")]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return root, result.output


def test_every_frame_is_a_pair_with_the_fused_picture(stacks):
    root, result = stacks
    assert "all-in-focus.png: 3 frames" in result
    assert f"manifest:{root / 'out'}" in result
    dataset = open_dataset(f"manifest:{root / 'out'}")
    assert [pair.id for pair in dataset.pairs] == ["cup-f0", "cup-f1", "cup-f2"]
    assert {pair.scene for pair in dataset.pairs} == {"cup"}
    for pair in dataset.pairs:
        assert (
            pair.blurry.read_bytes()
            == (root / "stacks/cup" / pair.blurry.name).read_bytes()
        )
        assert pair.sharp == root / "out/stacks/cup/all-in-focus.png"
    assert kinds(dataset.pairs) == {"fused": 3}
    assert "not as captured" in sharp_text(dataset.pairs)
    assert "fuse (defocus" in steps_text(dataset.steps)
    folder = root / "out/stacks/cup"
    confidence = tifffile.imread(folder / "confidence.tif")
    assert confidence.shape == (HEIGHT, WIDTH)
    assert confidence.dtype == np.float32
    assert read_image(folder / "all-in-focus.png").dtype == np.uint8
    record = json.loads((folder / "fusion.json").read_text())
    assert record["reference"] == "f1.png"
    moved = np.array(record["frames"][2]["matrix"])  # from the middle frame to the last
    assert moved[0, 0] == pytest.approx(1.004, abs=0.001)
    assert record["compared"]["with"] == "expected.png"
    assert record["compared"]["psnr_db"] > record["compared"]["best_frame_db"] + 3


def test_again_makes_nothing_new_and_other_settings_are_refused(stacks, refused):
    root, result = stacks
    picture = root / "out/stacks/cup/all-in-focus.png"
    before = picture.stat().st_mtime_ns
    stack = open_dataset(f"stack:{root / 'stacks'}")
    (again,), _ = fuse_stacks(stack, root / "out")
    assert again.picture == picture
    assert f"{again.psnr_db:.2f} dB against expected.png" in result
    assert picture.stat().st_mtime_ns == before
    with refused(DatasetError):
        fuse_stacks(stack, root / "out", 1)
    with refused(DatasetError):
        fuse_stacks(stack, root / "x", 9)


def test_stacks_that_get_one_name_are_refused(tmp_path, refused):
    """The second would be taken for the first one, which is done."""
    for name, frames in (("a/b", "fg"), ("a-b", "hi")):
        for frame in frames:
            (tmp_path / "in" / name).mkdir(parents=True, exist_ok=True)
            write_image(tmp_path / "in" / name / f"{frame}.png", scene())
    with refused(DatasetError):
        fuse_stacks(open_dataset(f"stack:{tmp_path / 'in'}"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_frame_that_cannot_be_placed_is_left_out(tmp_path):
    stack = write_stack(tmp_path / "stack")
    other = cv2.resize(
        skimage.data.rocket(), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA
    )
    write_image(stack / "f3.png", np.asarray(other))
    (fusion,), _ = fuse_stacks(open_dataset(f"stack:{stack}"), tmp_path / "out", 2)
    assert (fusion.frames, fusion.left_out) == (3, 1)
    dataset = open_dataset(f"manifest:{tmp_path / 'out'}")
    assert [pair.id for pair in dataset.pairs] == ["stack-f0", "stack-f1", "stack-f2"]
    record = json.loads((fusion.picture.parent / "fusion.json").read_text())
    assert list(record["left_out"]) == ["f3.png"]


def test_a_frame_of_another_scene_is_named(tmp_path):
    (tmp_path / "stack").mkdir()
    for number, picture in enumerate((skimage.data.astronaut(), skimage.data.rocket())):
        small = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        write_image(tmp_path / "stack" / f"f{number}.png", np.asarray(small))
    arguments = [str(tmp_path / "stack"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(command, arguments)
    assert isinstance(result.exception, DatasetError)
    assert "f1.png: cannot be placed" in str(result.exception)
    assert not list((tmp_path / "out" / "stacks").glob("[!.]*"))


def small_thing(shift: float, diameter: float) -> NDArray[np.float32]:
    """A textured thing that takes a tenth of a plain wall, enlarged and defocused."""
    wall = np.full((HEIGHT, WIDTH), 0.8, np.float32)
    grey = cv2.cvtColor(skimage.data.coffee(), cv2.COLOR_RGB2GRAY) / 255
    wall[80:160, 110:210] = cv2.resize(grey, (100, 80), interpolation=cv2.INTER_AREA)
    matrix = np.array([[1.01, 0.0, shift], [0.0, 1.01, -shift], [0.0, 0.0, 1.0]])
    moved = warped(wall, np.linalg.inv(matrix), wall.shape)
    return np.asarray(cv2.filter2D(moved, -1, disc_psf(diameter)), np.float32)


def test_a_small_thing_before_a_wall_is_placed_by_correlation():
    reference = small_thing(0.0, 1.0)
    place = correlated(reference, small_thing(2.5, 3.0))
    assert place is not None
    corners = np.array([[110, 210, 160], [80, 160, 120], [1, 1, 1]], np.float64)
    there = place @ corners
    np.testing.assert_allclose(
        there[:2] - corners[:2], [[2.5] * 3, [-2.5] * 3], atol=0.1
    )
    assert correlated(reference, np.ascontiguousarray(reference[::-1, ::-1])) is None
    assert (
        correlated(np.zeros((64, 64), np.float32), np.zeros((64, 64), np.float32))
        is None
    )


@pytest.mark.full
@pytest.mark.realdata
def test_every_frame_of_the_ring_is_placed(real_data):
    frames = sorted((real_data / "focus-stacks/ring").glob("step*.jpg"))
    placed, left_out = place_frames(frame_views(frames[2:5])[0], 1)
    assert (len(placed), left_out) == (3, {})


def test_a_frame_that_the_disk_did_not_give_once_is_a_pair_the_next_time(
    tmp_path, monkeypatch, capfd
):
    write_stack(tmp_path / "in")
    hashed = pair_files._sha256

    def faulty(path: Path) -> str:
        if path.name == "f1.png":
            raise DatasetError(f"{path}: cannot be read (Input/output error)")
        return hashed(path)

    words = [str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    with monkeypatch.context() as patched:
        patched.setattr(pair_files, "_sha256", faulty)
        result = CliRunner().invoke(command, words, standalone_mode=False)
    assert result.return_value == 1
    assert "f1.png: cannot be read" in result.stderr
    again = CliRunner().invoke(command, words, standalone_mode=False)
    assert again.return_value == 0, again.output
    assert len(open_dataset(f"manifest:{tmp_path / 'out'}").pairs) == 3


def test_a_frame_or_a_stack_that_cannot_be_read_is_left_out_and_tried_again(
    tmp_path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    root = Path("in")
    for name in ("cup", "cut", "twice"):
        write_stack(root / name)
    whole = (root / "cup/f1.png").read_bytes()
    for path in ("cup/f1.png", "cut/f0.png", "cut/f1.png"):
        (root / path).write_bytes(whole[:-900])
    (root / "twice/f1.jpg").write_bytes(whole)
    words = [str(root), "--out", "out", "--json"]
    for _ in range(2):
        result = CliRunner().invoke(command, words, standalone_mode=False)
        assert result.return_value == 1, result.output
        stdout = json.loads(capfd.readouterr().out)
        assert [one["id"] for one in stdout["left_out"]] == [
            "twice",
            "cut",
            "cup/f1.png",
        ]
        for one in stdout["left_out"]:
            assert (
                f"stack or frame {one['id']} is left out: {one['reason']}"
                in result.stderr
            )
        assert [one["frames"] for one in stdout["stacks"]] == [2]
    for name in ("cup", "cut"):
        for frame in ("f0", "f1"):
            (root / name / f"{frame}.png").write_bytes(whole)
    (root / "twice/f1.jpg").unlink()
    again = CliRunner().invoke(command, words, standalone_mode=False)
    assert again.return_value == 0, again.output
    assert [one["frames"] for one in json.loads(capfd.readouterr().out)["stacks"]] == [
        3,
        3,
        3,
    ]
