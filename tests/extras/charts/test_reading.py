"""Photographs of the chart, made with known geometry and blur, are read back."""

import json
import re

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.capture.cameras.sim import SimulatedCamera
from defocus.capture.links.back_ends import open_camera
from defocus.extras.charts.accuracy.known_patterns import disc_transfer
from defocus.extras.charts.accuracy.known_places import place_errors, sharp_chart
from defocus.extras.charts.chart_commands.read import command
from defocus.extras.charts.reading.blobs import dark_blobs
from defocus.extras.charts.reading.characters import characters_read
from defocus.extras.charts.reading.edges import read_edges
from defocus.extras.charts.reading.frame import find_frame
from defocus.extras.charts.reading.geometry import ChartGeometry, fit_geometry
from defocus.extras.charts.reading.patterns import read_leaves, read_stars
from defocus.extras.charts.reading.read import read_chart
from defocus.extras.charts.reading.stored_light import StoredLight
from defocus.extras.charts.reading.whole_sheet import fit_whole_sheet
from defocus.extras.charts.sheet.coverage import covered
from defocus.extras.charts.sheet.layout import HEIGHT, LAYOUTS, WIDTH, make_sheet
from defocus.extras.charts.sheet.raster import photographed
from defocus.pictures.read import read_image
from defocus.pictures.write import write_image
from defocus.scene.aperture import disc_psf
from defocus.scene.geometry import moved_points
from defocus.scene.pictures import texture
from tests.extras.charts.read_here import needs_tesseract

Floats = NDArray[np.float64]

SIZE = (1000, 667)
SHEET = np.array([(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)], np.float32)
PLACES = np.array([(60, 70), (930, 40), (950, 640), (50, 600)], np.float32)
TRUTH = np.asarray(cv2.getPerspectiveTransform(SHEET, PLACES), np.float64)


def blurred(light: Floats, diameter: float) -> Floats:
    noise = 0.005 * np.random.default_rng(1).standard_normal(light.shape)
    return np.asarray(cv2.filter2D(light, -1, disc_psf(diameter)) + noise)


def true_mtf50(diameter: float) -> float:
    """Of a disc, in cycles/px: the pixels of photograph and kernel are two squares beside it."""
    f = np.linspace(0.01, 0.5, 5000)
    return float(
        f[np.flatnonzero(disc_transfer(diameter, f) * np.sinc(f) ** 2 < 0.5)[0]]
    )


@pytest.fixture(scope="module")
def photograph():
    """The chart in perspective, without blur."""
    return photographed(make_sheet(), TRUTH, *SIZE)


@pytest.fixture(scope="module")
def board():
    """The chart for a board in perspective, without blur."""
    return photographed(make_sheet("depths"), TRUTH, *SIZE)


def half_turn(light: Floats) -> tuple[Floats, Floats]:
    turn = np.array(
        [[-1.0, 0.0, SIZE[0] - 1], [0.0, -1.0, SIZE[1] - 1], [0.0, 0.0, 1.0]]
    )
    return light[::-1, ::-1], turn @ TRUTH


def without_two_sides(light: Floats) -> tuple[Floats, Floats]:
    """The left and the upper row of dots are cut off in part."""
    shift = np.array([[1.0, 0.0, -85.0], [0.0, 1.0, -75.0], [0.0, 0.0, 1.0]])
    return light[75:, 85:], shift @ TRUTH


def without_the_foot(light: Floats) -> tuple[Floats, Floats]:
    """The lower row of dots is cut off, and the ends of two more."""
    return light[:530], TRUTH


def whole(light: Floats) -> tuple[Floats, Floats]:
    return light, TRUTH


@pytest.mark.parametrize(
    ("seen", "diameter", "most_px"),
    [
        (whole, 3.0, 0.03),
        (whole, 18.0, 0.03),
        (half_turn, 30.0, 0.03),
        (half_turn, 36.0, 0.03),
        (half_turn, 6.0, 0.03),
        (without_two_sides, 6.0, 0.05),
        (without_two_sides, 30.0, 0.05),
        (without_the_foot, 3.0, 0.05),
        (without_the_foot, 30.0, 0.05),
    ],
)
def test_the_chart_is_found_and_its_geometry_is_the_true_one(
    photograph, seen, diameter, most_px
):
    light, truth = seen(photograph[:, :, 1])
    grey = blurred(np.ascontiguousarray(light), diameter)
    frame = find_frame(grey, dark_blobs(grey))
    assert frame is not None
    assert frame.sheet.layout == "wall"
    dots = fit_geometry(grey, frame.sheet.dots, frame.homography)
    geometry = fit_whole_sheet(grey, frame.sheet, dots)
    points = np.random.default_rng(0).uniform((60, 60), (390, 267), (100, 2))
    expected = moved_points(truth, points)
    assert np.abs(geometry.to_picture(points) - expected).max() < most_px
    np.testing.assert_allclose(
        geometry.to_sheet(geometry.to_picture(points)), points, atol=1e-6
    )


def test_the_chart_for_a_board_is_told_from_the_other_one(board):
    grey = blurred(board[:, :, 1], 6.0)
    frame = find_frame(grey, dark_blobs(grey))
    assert frame is not None
    assert frame.sheet.layout == "depths"


@pytest.mark.full
def test_each_column_of_a_board_has_its_own_blur():
    """Five depths as on a tilted board: each column is blurred with a disc of its own."""
    px_per_mm, diameters = 3.4, (3.0, 5.0, 8.0, 12.0, 17.0)
    sheet = make_sheet("depths")
    size = round(WIDTH * px_per_mm), round(HEIGHT * px_per_mm)
    sharp = photographed(sheet, np.diag([px_per_mm, px_per_mm, 1.0]), *size)
    parts = np.split(
        np.arange(size[0]), [round(k * px_per_mm) for k in (103.2, 174.4, 245.6, 316.8)]
    )
    light = np.concatenate(
        [
            blurred(sharp, one)[:, part]
            for one, part in zip(diameters, parts, strict=True)
        ],
        1,
    )
    reading = read_chart(light)
    assert reading is not None
    rows = reading.by_column()
    assert [row[0] for row in rows] == pytest.approx([67.6, 138.8, 210.0, 281.2, 352.4])
    assert [row[1] for row in rows] == [8] * 5
    assert [row[2] for row in rows] == pytest.approx(
        [true_mtf50(one) for one in diameters], rel=0.03
    )
    columns = reading.to_json()["columns"]
    assert [(one["x_mm"], one["edges"]) for one in columns] == [row[:2] for row in rows]


def test_distortion_is_part_of_the_geometry(photograph):
    """Pixels are moved by r (1 + k r²); the inverse gives where each comes from."""
    width, height = SIZE
    k, half = 0.02, np.hypot(*SIZE) / 2
    x, y = np.meshgrid(
        np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2
    )
    square = (x**2 + y**2) / half**2
    undo = 1 / (1 + k * square / (1 + k * square) ** 2)
    source = np.stack([x * undo + (width - 1) / 2, y * undo + (height - 1) / 2], -1)
    bent = cv2.remap(
        photograph[:, :, 1].astype(np.float32),
        source.astype(np.float32),
        None,
        cv2.INTER_CUBIC,
    )
    grey = blurred(bent.astype(np.float64), 3.0)
    frame = find_frame(grey, dark_blobs(grey))
    assert frame is not None
    geometry = fit_geometry(grey, frame.sheet.dots, frame.homography)
    assert geometry.radial == pytest.approx(k, abs=0.002)
    assert geometry.rms_px < 0.1


def test_every_part_of_a_blurred_chart_is_measured(photograph):
    diameter = 6.0
    reading = read_chart(blurred(photograph, diameter))
    assert reading is not None
    mtf50s = reading.mtf50s()
    assert len(mtf50s) == len(reading.edges) == 56
    assert np.median(mtf50s) == pytest.approx(true_mtf50(diameter), rel=0.02)
    assert np.percentile(np.abs(mtf50s / np.median(mtf50s) - 1), 95) < 0.04
    assert len(reading.stars) == len(reading.leaves) == 2
    for star in reading.stars:
        assert star.turns_at == pytest.approx(1.2197 / diameter, rel=0.05)
    for leaves in reading.leaves:
        at = float(disc_transfer(diameter, np.array([0.08]))[0])
        assert leaves.texture.kept.at(0.08) == pytest.approx(at, abs=0.05)
    assert [row[1] for row in reading.by_column()] == [16, 8, 4, 4, 8, 16]


@pytest.mark.parametrize(
    ("diameter", "why"),
    [
        (8.0, ""),
        (12.0, "the first reversal lies below 0.12"),
        (18.0, "a reversal at 0.176 cycles/px is not the first"),
        (25.0, "the first reversal lies below 0.12"),
        (30.0, "blur leaves the star no contrast"),
    ],
)
def test_a_stars_reversal_is_read_where_it_is_the_first(photograph, diameter, why):
    """The star ends at 0.12 cycles/px; stronger blur has its first zero below that."""
    light = blurred(photograph, diameter)
    reading = read_chart(light)
    assert reading is not None
    black = 0.05
    alone = read_stars(light, reading.sheet, reading.geometry, black, [])
    for star, without_edges in zip(reading.stars, alone, strict=True):
        assert star.reason == ""
        assert (star.turns_at is None) is (why != "")
        if star.turns_at is not None:
            assert star.turns_at == pytest.approx(1.2197 / diameter, rel=0.05)
        assert without_edges.turns_at in {None, star.turns_at}
        assert why in star.turn_reason
        assert (star.turn_reason == "") is (why == "")
    star_facts = reading.to_json()["stars"][1]
    assert (star_facts["turns_at"], star_facts["turn_reason"]) == (
        star.turns_at,
        star.turn_reason,
    )
    words = [line for line in reading.lines() if "star at" in line]
    assert all(
        ("first turn of the phase unknown: " in line) is (why != "") for line in words
    )


@pytest.mark.parametrize("turn_deg", [33.0, 45.0])
def test_a_chart_at_an_odd_angle_is_read(turn_deg):
    """Boxes of pixels in a turned square are smaller than it, and a star is round."""
    turn, _ = cv2.Rodrigues(np.array([0.0, 0.0, np.radians(turn_deg)]))
    centred, placed = np.eye(3), np.eye(3)
    centred[:2, 2], placed[:2, 2] = (-WIDTH / 2, -HEIGHT / 2), (450, 450)
    homography = placed @ turn @ np.diag([1.7, 1.7, 1.0]) @ centred
    diameter = 6.0
    reading = read_chart(
        blurred(photographed(make_sheet(), homography, 900, 900), diameter)
    )
    assert reading is not None
    for star in reading.stars:
        assert star.turns_at == pytest.approx(1.2197 / diameter, rel=0.05)
    for leaves in reading.leaves:
        assert leaves.texture is not None, leaves.reason
        at = float(disc_transfer(diameter, np.array([0.08]))[0])
        assert leaves.texture.kept.at(0.08) == pytest.approx(at, abs=0.05)


@pytest.mark.parametrize(
    ("diameter", "high", "low"), [(16.0, 28, 8), (22.0, 20, 0), (30.0, 10, 0)]
)
def test_edges_give_the_right_number_or_none(photograph, diameter, high, low):
    """Blur mixes an edge with the other sides of its square and with what lies beside it."""
    geometry = ChartGeometry(TRUTH, 0.0, *SIZE)
    truth = true_mtf50(diameter)
    for seed in range(2):
        noise = 0.005 * np.random.default_rng(seed).standard_normal(photograph.shape)
        light = cv2.filter2D(photograph, -1, disc_psf(diameter)) + noise
        edges = list(read_edges(light, make_sheet(), geometry))
        given = [edge for edge in edges if edge.response and edge.response.mtf50]
        assert sum(not edge.low_contrast for edge in given) >= high
        assert sum(edge.low_contrast for edge in given) >= low
        assert not low <= 0 < sum(edge.low_contrast for edge in given)
        for edge in edges:
            if edge.response is None:
                assert re.match(
                    "blur mixes the edge|noise or blur|too few pixels", edge.reason
                )
                continue
            assert edge.response.mtf50 is not None
            assert edge.response.mtf50_error is not None
            off = abs(edge.response.mtf50 - truth)
            assert off < max(0.05 * truth, 3 * edge.response.mtf50_error)


def test_parts_that_are_too_small_say_so(photograph):
    small = cv2.resize(photograph, (280, 187), interpolation=cv2.INTER_AREA)
    homography = np.diag([0.28, 187 / 667, 1.0]) @ TRUTH
    leaves = list(
        read_leaves(small, make_sheet(), ChartGeometry(homography, 0.0, 280, 187), 1, 0)
    )
    assert [one.texture for one in leaves] == [None, None]
    assert re.fullmatch(
        r"\d+ px wide, and 32 are needed; come nearer", leaves[0].reason
    )


def test_a_chart_whose_paper_is_clipped_has_reasons_for_numbers(photograph):
    for gain in (np.full(3, 2.0), np.array([1.3, 1.0, 1.0])):
        reading = read_chart(np.clip(gain * blurred(photograph, 3.0), 0.0, 1.0))
        assert reading is not None
        for one in (*reading.stars, *reading.leaves):
            assert one.reason == "the paper is clipped; expose less"
        assert (
            sum(
                "not measured: the paper is clipped" in line for line in reading.lines()
            )
            == 4
        )
        document = reading.to_json()
        assert {one["lost"] for one in document["leaves"]} == {None}
        assert {one["mtf50"] for one in document["stars"]} == {None}


def test_what_was_not_measured_is_in_text_and_json(photograph):
    reading = read_chart(blurred(photograph, 3.0)[:530])
    assert reading is not None
    assert (
        sum(
            "star at" in line and "outside the picture" in line
            for line in reading.lines()
        )
        == 1
    )
    document = reading.to_json()
    assert [one["reason"] for one in document["stars"]] == ["", "outside the picture"]
    assert all(
        one["reason"] == "" and one["lost"] is not None for one in document["leaves"]
    )


def test_pictures_without_a_chart_are_unknown():
    for name in ("coins", "astronaut"):
        assert read_chart(texture(name, 600, 400)) is None
    assert read_chart(np.full((200, 300, 3), 0.5)) is None


@pytest.mark.parametrize("aperture", ["f/4", "f/2.8"])
def test_the_chart_of_the_simulated_camera_is_not_clipped(tmp_path, aperture):
    camera = open_camera("sim:?scene=chart&width=720&height=480")
    assert isinstance(camera, SimulatedCamera)
    camera.stage("wall", 1)
    camera.set("aperture", aperture)
    (part,) = camera.shoot(tmp_path / "chart")
    picture = read_image(part.rename(tmp_path / "chart.tif"))
    assert (picture == 65535).mean() < 0.001
    reading = read_chart(StoredLight(picture))
    assert reading is not None
    assert not any("clipped" in one.reason for one in (*reading.edges, *reading.leaves))


def test_a_photograph_of_the_simulated_camera_is_read_by_the_command(tmp_path, capfd):
    camera = open_camera("sim:?scene=chart&width=720&height=480&seed=2")
    assert isinstance(camera, SimulatedCamera)
    camera.stage("wall", 1)
    for stem, aperture, shutter in (
        ("blurry", "f/2.8", "1/250"),
        ("sharp", "f/22", "1/4"),
    ):
        camera.set("aperture", aperture)
        camera.set("shutter", shutter)
        (part,) = camera.shoot(tmp_path / stem)
        part.rename(part.with_suffix(""))
    camera.write_truth(tmp_path)
    diameter = float(np.abs(np.load(tmp_path / "defocus_map.npy")).mean())
    jpeg, plain = tmp_path / "blurry.jpg", tmp_path / "plain.jpg"
    write_image(jpeg, (read_image(tmp_path / "blurry.tif") >> 8).astype(np.uint8))
    write_image(plain, np.full((60, 90, 3), 99, np.uint8))
    names = tmp_path / "blurry.tif", tmp_path / "sharp.tif", jpeg, plain
    assert command.main([*map(str, names), "--json"], standalone_mode=False) == 1
    soft, crisp, compressed, none = json.loads(capfd.readouterr().out)
    assert none["status"] == "unknown"
    assert soft["layout"] == crisp["layout"] == "wall"
    medians = [
        float(np.median([edge["mtf50"] for edge in one["edges"] if edge.get("mtf50")]))
        for one in (soft, crisp, compressed)
    ]
    assert [len(soft[name]) for name in ("edges", "lines")] == [56, 22]
    assert crisp["straightness"]["frame"]["rms_px"] < 0.1
    assert crisp["straightness"]["line"]["measured"] == 4
    assert (crisp["characters"] is None) == bool(crisp["characters_reason"])
    assert diameter > 2.5
    assert medians[0] == pytest.approx(true_mtf50(diameter), rel=0.02)
    assert medians[1] > 2 * medians[0]
    assert medians[2] == pytest.approx(medians[0], rel=0.03)


@pytest.mark.debian
@needs_tesseract
def test_characters_of_a_whole_chart_are_counted_and_those_cut_off_are_not(photograph):
    reading = read_chart(photograph)
    assert reading is not None
    whole = characters_read(photograph, reading.sheet, reading.geometry)
    assert whole.share is not None
    assert whole.share > 0.5
    half = characters_read(photograph[:, :500], reading.sheet, reading.geometry)
    assert half.printed == whole.printed // 2
    none = characters_read(photograph[:, :100], reading.sheet, reading.geometry)
    assert (none.share, none.reason) == (None, "the text is outside the picture")
    board = characters_read(photograph, make_sheet("depths"), reading.geometry)
    assert board.line() == "characters not read: this chart has no text"


@pytest.mark.parametrize(("kind", "most_px"), [("disc", 0.03), ("one-sided", 0.06)])
def test_the_place_of_a_strongly_blurred_chart_is_that_of_the_kernels_light(
    kind, most_px
):
    sharp, homography = sharp_chart(900)
    errors = place_errors(sharp, homography, kind, 30.0, seed=7)
    assert errors.whole < most_px < 0.5 * errors.dots


def test_a_pixel_is_covered_by_the_share_that_lies_inside():
    """A square with a hole that ends within a pixel, and a triangle that begins outside."""
    square = np.array([(1.1, 0.0), (3.0, 0.0), (3.0, 2.0), (1.1, 2.0)])
    hole = np.array([(2.0, 0.5), (2.0, 1.0), (2.5, 1.0), (2.5, 0.5)])
    triangle = np.array([(0.0, 0.0), (3.0, 0.0), (0.0, 2.0)])
    np.testing.assert_allclose(
        covered([square, hole], (2, 4)), [[0, 0.9, 0.75, 0], [0, 0.9, 1, 0]], atol=1e-12
    )
    whole = covered([triangle - (1.0, 0.0)], (2, 2))
    np.testing.assert_allclose(whole, [[11 / 12, 1 / 3], [1 / 12, 0]], atol=1e-12)


@pytest.mark.parametrize("diameter", [3.0, 18.0])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_mirrored_chart_is_unknown(photograph, board, layout, diameter):
    """Its frame is the same, and texture and edges would be compared with the wrong ones."""
    light = {"wall": photograph, "depths": board}[layout][:, :, 1]
    uneven = np.linspace(0.6, 1.0, SIZE[0])
    for turned in (light, light[::-1, ::-1]):
        grey = uneven * blurred(np.ascontiguousarray(turned), diameter)
        assert find_frame(grey, dark_blobs(grey)) is not None
        mirrored = np.ascontiguousarray(grey[:, ::-1])
        assert find_frame(mirrored, dark_blobs(mirrored)) is None


def test_the_text_says_why_edges_were_not_measured(photograph):
    reading = read_chart(np.clip(1.6 * photograph, 0.0, 1.0))
    assert reading is not None
    count, _, reason = reading.lines()[2].strip().partition(" not: ")
    assert int(count) > 0
    assert reason == "more than 0.5 % of the region is clipped; expose less"
