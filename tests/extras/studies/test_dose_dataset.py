"""Requests of doses: displacements of a known size, true flow, splits, errors."""

import errno
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from defocus.datasets.readers.manifest import read
from defocus.datasets.stream.photographs import read_photographs
from defocus.errors import DatasetError, SettingsError
from defocus.extras.studies.dose_dataset import run
from defocus.extras.studies.dose_dataset.motion import Motion, draw_motion, moved_scene
from defocus.extras.studies.dose_dataset.request import (
    DoseRequest,
    Kind,
    load_dose_request,
)
from defocus.extras.studies.dose_dataset.run import (
    DOSE,
    PHOTOGRAPH,
    render_dosed_dataset,
)
from defocus.extras.studies.dose_dataset.scene import render_doses
from defocus.extras.studies.study_commands.render_doses import command
from defocus.pictures.read import read_image
from defocus.pictures.values import as_float, srgb_to_linear
from defocus.pictures.write import write_image
from defocus.scene.kernel_bank import KernelBank, all_in_focus
from defocus.scene.occluders import Occluder, Sources, StreamScene
from tests.datasets.stream.conftest import write_photographs

REQUEST = """
size = 64
pairs = {train = 1, test = 2}
doses_px = [0, 2]
kinds = ["zoom", "parallax"]
blur_px = [2, 4]
lenses = 1
gain_ev = 0.1
"""
KINDS: tuple[Kind, ...] = ("shift", "zoom", "rotation", "parallax", "mixture")
REQUESTS = Path(__file__).parents[3] / "docs" / "requests"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("deep", [True, False], ids=["deep", "flat"])
def test_a_dose_is_the_95th_percentile_of_the_displacements(kind, *, deep):
    slope = (
        np.linspace(-4, 6, 90, dtype=np.float32) if deep else np.zeros(90, np.float32)
    )
    diameters = np.tile(slope, (70, 1))
    motion = draw_motion(np.random.default_rng(3), kind, diameters).times(2.5)
    flow = motion.flow(diameters, (44.5, 34.5))
    assert np.percentile(np.hypot(*flow), 95) == pytest.approx(2.5, rel=1e-3)
    moves = {"shift": 0.0, "zoom": 0.5, "rotation": 0.5}
    if kind in moves:  # the same everywhere, or nothing at the centre
        least = np.hypot(*flow).min()
        assert (least == pytest.approx(2.5, rel=1e-3)) == (kind == "shift")


def test_edges_cover_and_uncover_what_lies_behind():
    """An occluder moves by its own depth; the background stays, also where it comes out."""
    colour = np.zeros((40, 40, 3), np.float32)
    colour[:] = np.arange(40, dtype=np.float32)[None, :, None] / 40
    occluder = Occluder(
        np.ones((10, 10, 3), np.float32), np.ones((10, 10), np.float32), 15, 10, 5
    )
    scene = StreamScene(colour, np.zeros((40, 40), np.float32), (occluder,))
    still = np.zeros((2, 2)), np.zeros(2)
    motion = Motion(*still, parallax=np.array((3.0, 0.0)), pivot=0.0, spread=5.0)
    moved = all_in_focus(moved_scene(scene, motion, (19.5, 19.5)), 0)
    expected = colour.copy()
    expected[15:25, 13:23] = 1
    np.testing.assert_allclose(moved, expected, atol=1e-5)


def test_a_scene_tells_the_photograph_behind_it(tmp_path):
    """A texture has none; a test scene has a photograph that is held out."""
    photographs = write_photographs(tmp_path / "photographs")
    request = tmp_path / "dose.toml"
    request.write_text(REQUEST.replace("test = 2", "test = 8"))
    pairs = render_dosed_dataset(request, tmp_path / "out", tmp_path / "photographs")
    held_out = {one.pixels_hash for one in read_photographs(photographs.of("held-out"))}
    behind = {pair.metadata[PHOTOGRAPH] for pair in pairs if pair.split == "test"}
    assert len(behind & held_out) > 1
    assert behind <= held_out | {None}
    kept = {pair.id: pair.metadata[PHOTOGRAPH] for pair in read(tmp_path / "out").pairs}
    assert kept == {pair.id: pair.metadata[PHOTOGRAPH] for pair in pairs}
    by_scene = {(pair.scene, pair.metadata[PHOTOGRAPH]) for pair in pairs}
    assert len(by_scene) == len({pair.scene for pair in pairs})


def test_the_true_flow_brings_the_sharp_picture_onto_the_truth(tmp_path, refused):
    request = tmp_path / "dose.toml"
    request.write_text(REQUEST)
    assert (
        CliRunner()
        .invoke(command, [str(request), "--out", str(tmp_path / "out")])
        .exit_code
        == 0
    )
    dataset = read(tmp_path / "out")
    assert [(pair.id, pair.split, pair.metadata[DOSE]) for pair in dataset.pairs] == [
        ("test-0000-0px", "test", 0),
        ("test-0000-2px", "test", 2),
        ("test-0001-0px", "test", 0),
        ("test-0001-2px", "test", 2),
        ("train-0000-0px", "train", 0),
        ("train-0000-2px", "train", 2),
    ]
    zoomed = next(pair for pair in dataset.pairs if pair.id == "test-0000-2px")
    assert zoomed.sharp
    assert zoomed.truth
    assert zoomed.flow
    assert zoomed.metadata["kind"] == "zoom"
    flow = np.load(zoomed.flow)
    y, x = np.mgrid[:64, :64].astype(np.float32)
    sharp, truth = (as_float(read_image(one)) for one in (zoomed.sharp, zoomed.truth))
    gain_ev = zoomed.metadata["gain_ev"]
    assert isinstance(gain_ev, float)
    darker = 2.0 ** (gain_ev / 2.2)  # of stored values, nearly
    warped = (
        cv2.remap(np.asarray(sharp), x + flow[0], y + flow[1], cv2.INTER_LANCZOS4)
        * darker
    )
    inner = np.s_[6:-6, 6:-6]
    assert (
        np.abs(warped - truth)[inner].mean()
        < 0.3 * np.abs(sharp * darker - truth)[inner].mean()
    )
    before = (tmp_path / "out" / "manifest.json").read_bytes()
    # goes on where it was: nothing is left
    render_dosed_dataset(request, tmp_path / "out")
    assert (tmp_path / "out" / "manifest.json").read_bytes() == before
    request.write_text(REQUEST.replace("lenses = 1", "lenses = 2"))
    with refused(DatasetError):
        render_dosed_dataset(request, tmp_path / "out")


def motion_of(kind: Kind) -> Motion:
    """The motion of a kind before a scene that goes from -4 to 6 px of blur, 70 x 90 px."""
    slope = np.tile(np.linspace(-4, 6, 90, dtype=np.float32), (70, 1))
    return draw_motion(np.random.default_rng(3), kind, slope)


@pytest.mark.parametrize("kind", ["zoom", "rotation"])
def test_a_zoom_moves_along_the_radius_and_a_rotation_across_it(kind):
    motion = motion_of(kind)
    flow = motion.flow(np.zeros((70, 90), np.float32), (44.5, 34.5))
    y, x = np.mgrid[:70, :90] - np.array([34.5, 44.5])[:, None, None]
    radius = np.hypot(x, y)
    along = np.abs(x * flow[0] + y * flow[1]) / radius
    across = np.abs(x * flow[1] - y * flow[0]) / radius
    moved, still = (along, across) if kind == "zoom" else (across, along)
    assert float(still.max()) < 1e-4
    assert float((moved / radius).min()) == pytest.approx(
        float((moved / radius).max()), rel=1e-3
    )


def test_a_mixture_has_some_of_every_kind():
    """It is mostly focus breathing, then parallax."""
    mixture = motion_of("mixture")
    corner = np.hypot(44.5, 34.5)
    largest = {
        "zoom": abs(float(mixture.linear[0, 0])) * corner,
        "parallax": float(np.hypot(*mixture.parallax)),
        "shift": float(np.hypot(*mixture.shift)),
        "rotation": abs(float(mixture.linear[1, 0])) * corner,
    }
    assert sorted(largest, key=largest.__getitem__, reverse=True) == list(largest)
    assert min(largest.values()) > 0.2 * max(largest.values())


@pytest.fixture(scope="module", params=range(len(KINDS)), ids=KINDS)
def taken(request):
    """A scene of each kind, of up to 1 EV and without noise."""
    text = REQUEST.replace("gain_ev = 0.1", "gain_ev = 1.0\nshot = 0.0\nread = 0.0")
    asked = DoseRequest.model_validate(
        tomllib.loads(text) | {"kinds": KINDS, "size": 96}
    )
    return render_doses(asked, Sources((), "train"), KernelBank("train"), request.param)


def test_the_sharp_picture_has_the_exposure_that_is_told(taken):
    """The gain is that of the blurry picture over the sharp one, in linear light."""
    sharp, truth = taken.sharp[0], taken.truth
    # not clipped
    seen = (np.minimum(sharp, truth) > 0.05) & (np.maximum(sharp, truth) < 0.99)
    assert abs(taken.gain_ev) > 0.2
    assert seen.mean() > 0.1
    ratio = srgb_to_linear(truth)[seen] / srgb_to_linear(sharp)[seen]
    np.testing.assert_allclose(ratio, 2.0**taken.gain_ev, rtol=1e-4)


def test_the_pictures_move_as_the_flow_of_their_kind_says(taken):
    flow = taken.flows[2]
    y, x = np.mgrid[:96, :96].astype(np.float32)
    as_bright = np.asarray(
        srgb_to_linear(taken.sharp[2]) * np.float32(2.0**taken.gain_ev)
    )
    truth = srgb_to_linear(taken.truth)
    warped = cv2.remap(as_bright, x + flow[0], y + flow[1], cv2.INTER_LANCZOS4)
    seen = np.zeros((96, 96, 1), bool)
    seen[6:-6, 6:-6] = True
    unclipped = seen & (np.maximum(taken.sharp[2], taken.truth) < 0.9)
    missed, displaced = (
        np.abs(one - truth)[unclipped].mean() for one in (warped, as_bright)
    )
    assert missed < 0.3 * displaced


@pytest.mark.parametrize(
    "line",
    [
        "doses_px = [2, 2]",
        "blur_px = [4, 2]",
        "photographs = 'none'",
        "kinds = ['slide']",
    ],
)
def test_wrong_requests_are_refused(tmp_path, line, refused):
    key = line.partition(" ")[0]
    kept = [one for one in REQUEST.splitlines() if not one.startswith(key)]
    path = tmp_path / "dose.toml"
    path.write_text("\n".join([*kept, line]))
    with refused(SettingsError):
        load_dose_request(path)


@pytest.mark.parametrize("photographs", [True, False])
def test_a_missing_or_misspelt_request_is_told_first(tmp_path, refused, *, photographs):
    misspelt = tmp_path / "misspelt.toml"
    misspelt.write_text(REQUEST.replace("doses_px", "dose_px"))
    given = ["--photographs", str(tmp_path)] if photographs else []
    for request in (tmp_path / "missing.toml", misspelt):
        with refused(SettingsError):
            command.main(
                [str(request), "--out", str(tmp_path / "out"), *given],
                standalone_mode=False,
            )
    assert not (tmp_path / "out").exists()


def test_scenes_without_photographs_are_told(tmp_path, monkeypatch, capsys, refused):
    request = tmp_path / "dose.toml"
    request.write_text(REQUEST.replace("train = 1, test = 2", "train = 0, test = 1"))
    empty, small = tmp_path / "empty", tmp_path / "small"
    for folder in (empty, small):
        folder.mkdir()
    write_image(small / "a.png", np.zeros((8, 8, 3), np.uint8))
    for folder in (empty, small):
        with refused(DatasetError):
            render_dosed_dataset(request, tmp_path / "out", folder)

    def closed(folder: Path) -> Iterator[Path]:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "iterdir", closed)
        with refused(DatasetError):
            render_dosed_dataset(request, tmp_path / "out", empty)
    assert not (tmp_path / "out").exists(), "nothing is half-written"
    capsys.readouterr()
    render_dosed_dataset(request, tmp_path / "out")
    said = capsys.readouterr().err
    assert (
        "no photographs: scenes have textures alone; --photographs DIR gives them"
        in said
    )


def test_an_interrupted_rendering_is_no_dataset_yet(tmp_path, monkeypatch, refused):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "render_doses", interrupted)
    (tmp_path / "dose.toml").write_text(REQUEST)
    with pytest.raises(KeyboardInterrupt):
        render_dosed_dataset(tmp_path / "dose.toml", tmp_path / "out")
    with refused(DatasetError):
        read(tmp_path / "out")


def test_the_committed_requests_have_the_doses_of_the_study():
    full, short = (
        load_dose_request(REQUESTS / f"{one}.toml") for one in ("dose", "dose-short")
    )
    assert full.doses_px == (0, 0.5, 1, 2, 4, 8)
    assert full.kinds == short.kinds == KINDS
    assert (full.pairs.test, full.size) == (40, 384)
    assert json.loads(short.model_dump_json())["pairs"]["test"] >= 10


def test_two_processes_render_what_one_renders(tmp_path, both):
    request = tmp_path / "dose.toml"
    request.write_text(REQUEST)
    both(lambda out, jobs: render_dosed_dataset(request, out, where=jobs))
