"""Restoring a person's pictures: sizes, depths, metadata, tiles, memory, what was done before."""

import io
import json
import os
import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from torch import nn
from torch.nn import functional

import defocus
from defocus.baselines.card import Baseline, Card
from defocus.baselines.registry import baseline
from defocus.blur.learned_map import estimate_blur_map
from defocus.errors import InputError, NotApplicableError
from defocus.pictures.metadata import read_metadata
from defocus.pictures.read import read_image
from defocus.pictures.tags import exif_blocks, thumbnail_of
from defocus.pictures.values import linear_to_srgb, srgb_to_linear
from defocus.pictures.write import write_picture
from defocus.restoration import restorer
from defocus.restoration.journal import Restored
from defocus.restoration.restoration import restore_colours
from defocus.restoration.restorer import (
    GRID,
    TileArea,
    as_tensor,
    largest_tile_px,
    restore_tiled,
    tiles_of,
)
from defocus.restoration.run import restore_pictures
from defocus.restoration.settings import RestoreSettings
from defocus.scene.aperture import disc_psf
from defocus.training.memory import available_bytes
from tests.capture.raw_sessions import bayer_dng

CPU = torch.device("cpu")


class Local(nn.Module):
    """Looks 3 px around, on a grid of 4 px that begins at the picture's corner."""

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        height, width = blurry.shape[-2:]
        padded = functional.pad(
            blurry, (0, -width % 4, 0, -height % 4), mode="replicate"
        )
        coarse = functional.interpolate(
            functional.avg_pool2d(padded, 4), scale_factor=4
        )
        return 0.5 * (coarse[..., :height, :width] + blurry)


class Whole(nn.Module):
    """Looks at the mean of all it is given."""

    def forward(self, blurry: torch.Tensor) -> torch.Tensor:
        return blurry - 0.1 * blurry.mean(dim=(2, 3), keepdim=True)


def system(build: Callable[[], nn.Module], **facts: Any) -> Baseline:
    kind = facts.pop("input", "single")
    return Baseline(
        Card("x", "X", "classical", kind, "paper", "", "", "", **facts), build
    )


def made_in(
    out: Path, *sources: Path, network: Any = Local, **given: Any
) -> list[Restored]:
    own = network if isinstance(network, Baseline) else system(network)
    return restore_pictures(sources, own, None, CPU, RestoreSettings(out=out, **given))


@pytest.fixture
def source(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), picture(20, 30))
    return tmp_path / "a.png"


def picture(height: int, width: int, dtype: type = np.uint16) -> np.ndarray[Any, Any]:
    draw = np.random.default_rng(height).random((height, width, 3))
    smooth = cv2.GaussianBlur(draw, (0, 0), 2.0)
    return np.asarray(smooth / smooth.max() * np.iinfo(dtype).max).astype(dtype)


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(1, 5000),
    tile=st.integers(5, 20),
    overlap=st.sampled_from([128, 256]),
)
def test_tiles_cover_evenly_on_the_grid(length, tile, overlap):
    tile_px = GRID * tile
    spans = [(t.left, t.right) for t in tiles_of(1, length, tile_px, overlap)]
    assert spans[0][0] == 0
    assert spans[-1][1] == length
    assert all(begin % GRID == 0 and end - begin <= tile_px for begin, end in spans)
    for (_, before), (begin, _) in pairwise(spans):
        assert before - begin >= overlap
    steps = [second[0] - first[0] for first, second in pairwise(spans)]
    assert not steps or max(steps) - min(steps) <= GRID


def test_tiles_change_nothing_where_a_network_looks_no_farther_than_they_overlap():
    blurry = np.random.default_rng(0).random((401, 530, 3), np.float32)
    tiled = restore_tiled(Local(), blurry, 256, 128)
    whole = Local()(as_tensor(blurry))[0].permute(1, 2, 0)
    np.testing.assert_allclose(tiled, whole.numpy(), rtol=0, atol=1e-6)


def test_one_batch_of_tiles_gives_what_single_tiles_give():
    network = defocus.load("defocus-s", weights="own").eval()
    own = restorer.make_restorer(network, 256, CPU)
    blurry = cv2.GaussianBlur(
        np.random.default_rng(0).random((256, 640, 3), np.float32), (0, 0), 2
    )
    sizes = []

    def counted(part: torch.Tensor) -> torch.Tensor:
        sizes.append(len(part))
        return own.whole(part)

    single = restore_tiled(counted, blurry, 256, 128)
    assert sizes == [1] * 4
    batched = restore_tiled(counted, blurry, 256, 128, batch=3)
    assert sizes[4:] == [3, 1]
    np.testing.assert_allclose(batched, single, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(own.restored(blurry)[0], single)


def test_a_tile_that_is_not_needed_stays_and_never_meets_the_network():
    blurry = np.random.default_rng(0).random((256, 640, 3), np.float32)
    parts, steps = [], []

    def dark(part: torch.Tensor) -> torch.Tensor:
        parts.append(part)
        return torch.zeros_like(part)

    def follow(tile: int, tiles: int) -> None:
        steps.append((tile, tiles))

    def on_the_left(tile: TileArea) -> bool:
        return tile.left == 0

    tiled = restore_tiled(dark, blurry, 256, 128, follow, on_the_left)
    assert len(parts) == 1
    assert steps == [(0, 1), (1, 1)]
    assert tiled[:, :128].max() == 0
    np.testing.assert_allclose(tiled[:, 256:], blurry[:, 256:], rtol=0, atol=1e-6)


def test_tiling_is_measured_and_marked_where_it_changes_the_result(
    tmp_path, monkeypatch
):
    """Memory decides on tiles where nobody says how large they are."""
    source = tmp_path / "a.png"
    cv2.imwrite(str(source), picture(250, 520))
    for network, changes in ((Local, False), (Whole, True)):
        out = tmp_path / network.__name__
        (restoration,) = made_in(out, source, network=network, tile=256)
        assert (restoration.tiles, restoration.tile_px, restoration.bits) == (
            4,
            256,
            16,
        )
        assert restoration.to_json()["tiling_changes_result"] == changes
    for name, available, tiles in (("low", 0, 4), ("high", 10**12, 1)):
        monkeypatch.setattr(
            restorer, "available_bytes", lambda device, free=available: free
        )
        (restoration,) = made_in(tmp_path / name, source)
        assert restoration.tiles == tiles
    assert 2**20 < available_bytes(CPU) < 2**50
    assert largest_tile_px(100.0, 100.0 * 1000**2) == 960


class Rounds(nn.Conv2d):
    """Gives the picture as a convolution passes it on."""

    fit_for_bfloat16 = True

    def __init__(self) -> None:
        super().__init__(3, 3, 1, bias=False)
        with torch.no_grad():
            self.weight.copy_(torch.eye(3)[:, :, None, None])


@pytest.mark.parametrize(
    ("fit", "instructions"), [(True, True), (True, False), (False, True)]
)
def test_only_a_fit_network_on_a_fit_device_computes_in_bfloat16(
    monkeypatch, *, fit, instructions
):
    monkeypatch.setattr(restorer, "has_bfloat16", lambda _: instructions)
    monkeypatch.setattr(Rounds, "fit_for_bfloat16", fit)
    blurry = np.full((16, 16, 3), 0.7, np.float32)
    restoration, _ = restorer.make_restorer(Rounds().eval(), None, CPU).restored(blurry)
    assert np.array_equal(restoration, blurry) == (not (fit and instructions))


def test_the_own_network_gives_the_same_to_60_db_in_bfloat16(monkeypatch):
    network = defocus.load("defocus-m", weights="own").eval()
    draw = np.random.default_rng(0).random((160, 160, 3))
    smooth = cv2.GaussianBlur(draw, (0, 0), 2.0)
    blurry = np.asarray(np.clip((smooth - 0.5) * 4 + 0.5, 0, 1), np.float32)
    pictures = []
    for instructions in (True, False):
        monkeypatch.setattr(
            restorer, "has_bfloat16", lambda _, has_them=instructions: has_them
        )
        pictures.append(restorer.make_restorer(network, 0, CPU).restored(blurry)[0])
    difference = np.square(pictures[0] - pictures[1]).mean()
    assert 0 < difference < 1e-6, "and not in single precision both times"
    assert np.square(pictures[1] - blurry).mean() > 1e-4, "of a change that is large"


def test_one_core_gives_what_two_give():
    blurry = np.random.default_rng(0).random((300, 200, 3), np.float32)
    blur_map = estimate_blur_map(blurry)
    before = torch.get_num_threads()
    pictures = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        own = restorer.make_restorer(Local(), None, CPU)
        pictures.append(restore_colours(own, blurry, blur_map).restored)
    torch.set_num_threads(before)
    np.testing.assert_array_equal(*pictures)


@pytest.mark.parametrize(
    "name", ["a.png", "a.tif", "b.png", "b.jpg", "b.tif", "b.webp", "b.bmp"]
)
def test_every_format_keeps_its_depth_and_size(tmp_path, name):
    dtype = np.uint16 if name.startswith("a") else np.uint8
    source = tmp_path / name
    cv2.imwrite(str(source), picture(37, 50, dtype))
    (restoration,) = made_in(tmp_path / "out", source, network=baseline("input"))
    restored, given = read_image(Path(restoration.restored)), read_image(source)
    assert restored.dtype == given.dtype
    # these lose a little each time
    limit = 3 if name.endswith((".jpg", ".webp")) else 0
    assert np.abs(restored.astype(int) - given).mean() <= limit


def test_a_picture_narrower_than_networks_promise_is_restored(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), picture(20, 7))
    (restoration,) = made_in(tmp_path / "out", tmp_path / "a.png")
    assert (restoration.width, restoration.height, restoration.reason) == (7, 20, "")


def tagged(path: Path) -> None:
    """A picture with a camera's tags, a place, a colour profile and a thumbnail's directory."""
    from PIL import ImageCms

    exif = Pillow.Exif()
    exif[271], exif[274], exif[315], exif[282] = "Maker", 6, "Ärtist", 300.0
    exif.get_ifd(34665).update(
        {33437: 1.8, 36867: "2026:01:02 03:04:05", 37500: b"maker's own", 42036: "50mm"}
    )
    exif.get_ifd(34853).update(
        {1: "N", 2: (47.0, 22.0, 12.5), 3: "E", 4: (8.0, 32.0, 1.0)}
    )
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Pillow.fromarray(picture(24, 32, np.uint8)).save(
        path, exif=exif, icc_profile=profile
    )


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_metadata_of_every_format_are_carried_into_each(tmp_path, suffix, depth):
    source = tmp_path / "a.jpg"
    tagged(source)
    if suffix != ".jpg":
        source = tmp_path / f"a{suffix}"
        write_picture(
            source, picture(24, 32, np.uint8), read_metadata(tmp_path / "a.jpg")
        )
    given = read_metadata(source)
    blocks = {block.name: block.content for block in exif_blocks(given.exif)}
    assert blocks["Make"] == b"Maker\0"
    assert len(blocks["GPSLatitude"]) == 24
    assert blocks["MakerNote"] == b"maker's own"
    targets = (
        [".png", ".tif"] if depth is np.uint16 else [".png", ".tif", ".jpg", ".webp"]
    )
    for target in targets:
        path = tmp_path / f"out{target}"
        write_picture(path, picture(24, 32, depth), given)
        metadata = read_metadata(path)
        assert metadata.orientation == 6, target
        assert metadata.icc == given.icc, target
        kept = {block.name: block.content for block in exif_blocks(metadata.exif)}
        assert {name: kept.get(name) for name in blocks} == blocks, target
        error = np.abs(read_image(path).astype(float) - picture(24, 32, depth))
        assert error.mean() <= (30 if target in {".jpg", ".webp"} else 0), target


@pytest.mark.parametrize(
    "old", [b"", b" the old picture "], ids=["a thumbnail", "none any more"]
)
def test_a_thumbnail_shows_the_restored_picture(tmp_path, old):
    """One that is damaged goes, and that is said."""
    source, thumbnail = tmp_path / "a.jpg", b"\xff\xd8" + old + b"\xff\xd9"
    if not old:
        red = io.BytesIO()
        Pillow.new("RGB", (160, 120), "red").save(red, "JPEG")
        thumbnail = red.getvalue()
    # the maker; a second one follows
    first = struct.pack("<HHHI4sI", 1, 271, 2, 4, b"Own\0", 26)
    second = struct.pack("<HHHIIHHIII", 2, 513, 4, 1, 56, 514, 4, 1, len(thumbnail), 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + second + thumbnail
    Pillow.fromarray(picture(24, 32, np.uint8)).save(source, exif=exif)
    (restoration,) = made_in(tmp_path / "out", source, network=baseline("input"))
    content = Path(restoration.restored).read_bytes()
    assert b"Own" in content
    assert thumbnail not in content
    shown = thumbnail_of(read_metadata(Path(restoration.restored)).exif)
    assert restoration.remarks == (("left out: EXIF thumbnail",) if old else ())
    assert bool(shown) != bool(old)
    if shown:
        with Pillow.open(io.BytesIO(shown)) as opened:
            assert opened.size == (32, 24)


def test_what_is_done_is_not_repeated_and_what_differs_is(source):
    sources, out = [source, source.with_name("b.png")], source.parent / "out"
    cv2.imwrite(str(sources[1]), picture(21, 30))
    made_in(out, *sources)
    times = [(out / source.name).stat().st_mtime_ns for source in sources]
    cv2.imwrite(str(sources[1]), picture(25, 30))
    second = made_in(out, *sources)
    assert (out / "a.png").stat().st_mtime_ns == times[0]
    assert (out / "b.png").stat().st_mtime_ns != times[1]
    assert (second[0].seconds, second[1].height) == (0.0, 25)
    (out / "a.png").write_bytes(b"torn")
    made_in(out, *sources)
    assert read_image(out / "a.png").shape == (20, 30, 3)
    assert all(one.seconds > 0 for one in made_in(out, *sources, strength=0.5)), (
        "other settings"
    )


@pytest.mark.parametrize(
    "change", [{"tile": 256}, {"strength": 0.5}, {"leave_sharp": True}, {"no_guard": True},
               {"white": 4095}],
)  # fmt: skip
def test_the_journal_has_every_setting_that_changes_pictures(change):
    assert RestoreSettings(**change).record() != RestoreSettings().record()


@pytest.mark.parametrize("name", ["mask", "map"])
def test_a_dataset_has_no_mask_and_no_map(name):
    with pytest.raises(
        ValueError, match=f"--{name} is for one picture, not for a dataset"
    ):
        RestoreSettings(dataset="pairs:mine", **{name: Path("a.png")})


def test_an_entry_of_another_version_is_restored_again(source):
    """So is a picture that was written before an interruption, and its entry was not."""
    out = source.parent / "out"
    made_in(out, source)
    for change in (
        {"result": {"of_tomorrow": 1}},
        {"result": None},
        {"sha256": None},
        {},
    ):
        journal = json.loads((out / "restored.json").read_text())
        journal["a.png"] = {**journal["a.png"], **change} if change else {}
        (out / "restored.json").write_text(json.dumps(journal))
        (restoration,) = made_in(out, source)
        assert (restoration.reason, restoration.width) == ("", 30)


def test_without_a_system_the_packages_own_weights_restore(tmp_path, run):
    """Lettering that a lens blurs with a disc of 4 px comes nearer to the sharp picture."""
    sharp = np.full((96, 160, 3), 230, np.uint8)
    cv2.putText(
        sharp, "defocus", (8, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.1, (30, 30, 30), 2
    )
    light = srgb_to_linear(sharp / 255)
    light = cv2.filter2D(light, -1, disc_psf(4.0), borderType=cv2.BORDER_REFLECT_101)
    blurry = np.rint(255 * linear_to_srgb(np.clip(light, 0, 1))).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "text.png"), blurry)
    run("defocus-restore", tmp_path / "text.png", "--out", tmp_path / "out", code=0)
    restored = cv2.imread(str(tmp_path / "out" / "text.png"))
    assert cv2.PSNR(restored, sharp) > cv2.PSNR(blurry, sharp) + 0.5


def test_foreign_files_and_the_originals_are_never_overwritten(source):
    folder = source.parent
    with pytest.raises(InputError, match="lies in --out"):
        made_in(folder, source)
    for name in ("out", "other", "empty"):
        (folder / name).mkdir()
    (folder / "out" / "a.png").write_bytes(b"mine")
    with pytest.raises(InputError, match="a file of that name exists"):
        made_in(folder / "out", source)
    assert (folder / "out" / "a.png").read_bytes() == b"mine"
    os.link(source, folder / "other" / "a.png")
    first, second = made_in(folder / "x", source, folder / "other" / "a.png")
    assert (first.reason, second.restored) == ("", "")
    assert (
        f"other/a.png: would become the same file as {source}; rename it"
        in second.reason
    )
    empty, again = made_in(folder / "x", folder / "empty", source)
    assert "empty: no picture in this folder; known are" in empty.reason
    assert again.reason == ""


@pytest.mark.parametrize(
    ("network", "error"),
    [
        (system(Local, input="dual"), NotApplicableError),
        (system(Local, needs=("defocus_map",)), NotApplicableError),
        (baseline("unet"), InputError),
    ],
)
def test_systems_that_cannot_are_refused(source, network, error, refused):
    out = source.parent / "out"
    with refused(error):
        made_in(out, source, network=network)
    assert not out.exists()


def test_the_command_goes_on_past_an_unreadable_picture(tmp_path, run):
    cv2.imwrite(str(tmp_path / "a\n.png"), picture(40, 30))
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8 no picture")
    (tmp_path / "c.gif").write_bytes(b"GIF89a")
    names = (tmp_path / name for name in ("b.jpg", "none.png", "c.gif", "a\n.png"))
    result = run(
        "defocus-restore", *names, "--baseline", "wiener", "--json", "-q", code=2
    )
    rows = json.loads(result.stdout)
    assert [bool(row["reason"]) for row in rows] == [True, True, True, False]
    assert str(tmp_path / "b.jpg") in result.stderr
    assert "none.png is left out: no such picture" in result.stderr
    assert "c.gif is left out: unknown kind of picture; known are " in result.stderr
    assert (tmp_path / "restored" / "a\n.png").is_file()
    assert "Traceback" not in result.stderr


def test_a_raw_file_becomes_16_bit_with_its_tags(tmp_path):
    source = bayer_dng(tmp_path / "a.dng", np.full((64, 64), 0.25))
    (restoration,) = made_in(tmp_path / "out", source, network=baseline("input"))
    assert (restoration.bits, Path(restoration.restored).suffix) == (16, ".png")
    assert "Make" in {
        one.name for one in read_metadata(Path(restoration.restored)).blocks
    }
