"""Two cameras: the way from the first one's pixels to the second one's."""

import cv2
import numpy as np
import pytest

from defocus.align.compensation.compensate import compensate
from defocus.align.flow.by_name import flow_estimator
from defocus.align.measure import measure
from defocus.align.rig import LensCalibration, Rig, read_rig, write_rig
from defocus.align.rig_estimate import colour_matrix, estimate_rig
from defocus.align.sampling.resample import (
    Placement,
    ReleaseGrid,
    Resampling,
    coloured,
    inside_frame,
    resampled,
    whole,
)
from defocus.errors import AlignmentError, SettingsError
from defocus.pictures.values import (
    Image,
    as_float,
    as_integer,
    linear_to_srgb,
    srgb_to_linear,
)
from defocus.pictures.write import write_image
from defocus.scene.geometry import IDENTITY
from tests.align.analytic import stored, waves
from tests.align.synthetic import rendered_pair

WIDTH, HEIGHT = 320, 240
FIRST = LensCalibration(
    matrix=((350.0, 0.0, 158.0), (0.0, 352.0, 121.0), (0.0, 0.0, 1.0)),
    distortion=(-0.12, 0.03, 1e-3, -5e-4, 0.0),
)
SECOND = LensCalibration(
    matrix=((348.0, 0.0, 161.0), (0.0, 349.0, 118.0), (0.0, 0.0, 1.0)),
    distortion=(0.06, -0.02, -8e-4, 4e-4, 1e-3),
)
COLOUR = ((0.82, 0.06, -0.02), (0.03, 0.90, 0.02), (-0.01, 0.08, 0.75))
TRUTH = Rig(
    blurry_size=(WIDTH, HEIGHT),
    sharp_size=(WIDTH, HEIGHT),
    mirrored=True,
    homography=((1.012, 0.006, -3.4), (-0.004, 1.008, 2.2), (6e-6, -4e-6, 1.0)),
    colour_matrix=COLOUR,
    blurry_camera=FIRST,
    sharp_camera=SECOND,
)


def places(rig: Rig) -> np.ndarray:
    x, y = np.meshgrid(np.linspace(20, WIDTH - 20, 9), np.linspace(20, HEIGHT - 20, 7))
    return np.stack(rig.places(x, y))


def second_camera(scene: Image, rig: Rig) -> Image:
    """What the second camera stores of what the first shows: read at the inverse of the rig.

    The inverse is found for each pixel by fixed-point iteration."""
    x, y = np.meshgrid(np.arange(WIDTH, dtype=float), np.arange(HEIGHT, dtype=float))
    u, v = (WIDTH - 1 - x if rig.mirrored else x), y.copy()
    for _ in range(12):
        px, py = rig.places(u, v)
        u += (x - px) * (-1 if rig.mirrored else 1)
        v += y - py
    light = srgb_to_linear(as_float(scene))
    seen = cv2.remap(
        light, u.astype(np.float32), v.astype(np.float32), cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    back = np.linalg.inv(np.array(rig.colour_matrix))
    return as_integer(linear_to_srgb(np.clip(seen @ back.T, 0, 1)), 16)


def in_many_colours(scene: Image) -> Image:
    x, y = np.meshgrid(np.arange(WIDTH, dtype=float), np.arange(HEIGHT, dtype=float))
    light = srgb_to_linear(as_float(scene)) * 1.5 * waves(7, shortest_px=90)(x, y)
    return as_integer(linear_to_srgb(light), 16)


def test_the_lens_model_is_opencvs():
    x, y = np.meshgrid(np.linspace(0, WIDTH, 7), np.linspace(0, HEIGHT, 5))
    matrix = np.array(SECOND.matrix)
    rays = np.stack(
        [(x - matrix[0, 2]) / matrix[0, 0], (y - matrix[1, 2]) / matrix[1, 1]], -1
    )
    points = np.concatenate([rays, np.ones((*x.shape, 1))], -1).reshape(-1, 3)
    zero = np.zeros(3)
    theirs, _ = cv2.projectPoints(
        points, zero, zero, matrix, np.array(SECOND.distortion)
    )
    positions = np.stack(SECOND.distorted(x, y), -1).reshape(-1, 2)
    assert np.abs(positions - theirs[:, 0]).max() < 1e-9
    back = np.stack(SECOND.undistorted(*SECOND.distorted(x, y)))
    assert np.abs(back - np.stack([x, y])).max() < 1e-4


def test_a_mirror_exchanges_left_and_right_and_no_horizon_is_crossed():
    rig = Rig(blurry_size=(WIDTH, HEIGHT), sharp_size=(WIDTH, HEIGHT), mirrored=True)
    picture = stored(waves(1), WIDTH, HEIGHT)
    how = Resampling(
        Placement(np.eye(3), rig=rig), ReleaseGrid(whole((HEIGHT, WIDTH))), "bicubic"
    )
    assert np.array_equal(resampled(picture, how), picture[:, ::-1])
    assert inside_frame(how.placement, how.grid, picture.shape).all()
    rig = TRUTH.model_copy(
        update={"homography": ((1.0, 0, 0), (0, 1.0, 0), (1 / 100, 0, -1.0))}
    )
    x, y = rig.places(np.array([[100.0, 250.0]]), np.array([[0.0, 10.0]]))
    assert np.isfinite(x).all()
    assert np.isfinite(y).all()


def test_a_rig_is_estimated_and_its_file_says_the_same(tmp_path):
    scene = in_many_colours(
        rendered_pair(11, 0.0, IDENTITY, (WIDTH, HEIGHT), bits=16).blurry
    )
    other = second_camera(scene, TRUTH)
    rig = estimate_rig(
        scene, other, mirrored=True, blurry_camera=FIRST, sharp_camera=SECOND
    )
    assert np.linalg.norm(places(rig) - places(TRUTH), axis=0).max() < 0.3
    assert np.abs(np.array(rig.colour_matrix) - COLOUR).max() < 0.02
    write_rig(tmp_path / "rig.toml", rig)
    assert read_rig(tmp_path / "rig.toml") == rig


def test_the_rig_command(run, tmp_path):
    scene = in_many_colours(
        rendered_pair(11, 0.0, IDENTITY, (WIDTH, HEIGHT), bits=16).blurry
    )
    mirror = Rig(blurry_size=(WIDTH, HEIGHT), sharp_size=(WIDTH, HEIGHT), mirrored=True)
    truth = mirror.model_copy(update={"sharp_camera": SECOND})
    write_image(tmp_path / "b.png", scene)
    write_image(tmp_path / "s.png", second_camera(scene, truth))
    rows = "\n".join(f"{key} = {value}" for key, value in (
        ("matrix", [list(row) for row in SECOND.matrix]), ("distortion", list(SECOND.distortion)),
    ))  # fmt: skip
    (tmp_path / "lenses.toml").write_text(f"[sharp_camera]\n{rows}\n")
    run(
        "defocus-data", "rig", "b.png", "s.png", "--mirrored", "--lenses", "lenses.toml",
        "--out", "rig.toml", code=0,
    )  # fmt: skip
    rig = read_rig(tmp_path / "rig.toml")
    assert rig.mirrored
    assert np.linalg.norm(places(rig) - places(truth), axis=0).max() < 0.3
    run("defocus-data", "rig", "b.png", "gone.png", "--out", "other.toml", code=2)
    assert not (tmp_path / "other.toml").exists()


def test_a_pair_of_two_cameras_is_aligned_through_the_rig():
    pair = rendered_pair(12, 5.0, IDENTITY, (WIDTH, HEIGHT), bits=16)
    other = second_camera(pair.sharp, TRUTH)
    measurement = measure(pair.blurry, other, flow_estimator("dis"), rig=TRUTH)
    model = measurement.misalignment.similarity
    assert model is not None, measurement.misalignment.reason
    assert max(map(abs, model.shift_px)) < 0.15, "the rig has done it all"
    assert measurement.misalignment.gain_ev == pytest.approx(0.0, abs=0.03)
    aligned = compensate(pair.blurry, other, measurement)
    assert aligned.sharp.shape == pair.blurry.shape
    error = np.abs(as_float(aligned.sharp) - as_float(pair.sharp))[aligned.valid_mask]
    assert np.median(error) < 0.015
    assert aligned.valid_mask.mean() > 0.7


def test_a_colour_matrix_of_a_grey_scene_is_refused(refused):
    rng = np.random.default_rng(0)
    grey = cv2.GaussianBlur(rng.uniform(0.1, 0.8, (120, 160)), (0, 0), 4)
    light = np.repeat(grey[:, :, None], 3, axis=2).astype(np.float32)
    with refused(AlignmentError):
        colour_matrix(light, light, np.ones(grey.shape, bool))


def test_a_colour_matrix_is_robust():
    light = waves(3, shortest_px=60)
    x, y = np.meshgrid(np.arange(200.0), np.arange(150.0))
    second = light(x, y).astype(np.float32)
    first = coloured(second, TRUTH)
    first[:40, :60] = 0.5  # something that one camera alone saw
    matrix = colour_matrix(first, second, np.ones(x.shape, bool))
    assert np.abs(matrix - COLOUR).max() < 0.005


def test_what_is_no_reference_pair_is_refused(refused):
    flat = np.full((HEIGHT, WIDTH, 3), 30000, np.uint16)
    with refused(AlignmentError):
        estimate_rig(flat, flat, mirrored=False)
    with refused(AlignmentError):
        estimate_rig(flat[:1], flat, mirrored=False)


def test_pictures_of_other_sizes_than_the_rigs_are_refused(refused):
    picture = stored(waves(1), WIDTH, HEIGHT)
    with refused(AlignmentError):
        measure(picture, picture[:-2], flow_estimator("dis"), rig=TRUTH)


SIZES = "blurry_size = [9, 9]\nsharp_size = [9, 9]\n"
WRONG = (
    f"{SIZES}mirroredd = true",
    "blurry_size = [10, 10]\nsharp_size = [10, 1]",
    f"{SIZES}homography = [[1, 0], [0, 1]]",
    f"{SIZES}homography = [[9, 0, 0], [0, 9, 0], [0, 0, 1]]",
)


def test_a_wrong_rig_file_is_one_line(tmp_path, refused):
    for text in WRONG:
        (tmp_path / "rig.toml").write_text(text)
        with refused(SettingsError):
            read_rig(tmp_path / "rig.toml")
