"""Restored charts: the scores of pictures whose scores are known."""

import json
import re
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path

import click
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.benchmark.commands.run import command as run_command
from defocus.errors import ImageError, InputError
from defocus.extras.charts.accuracy.known_patterns import disc_transfer
from defocus.extras.charts.chart_commands.measure import command
from defocus.extras.charts.reading.characters import characters_read
from defocus.extras.charts.reading.read import read_chart
from defocus.extras.charts.sheet.layout import HEIGHT, WIDTH, Layout, make_sheet
from defocus.extras.charts.sheet.parts import SlantedSquare
from defocus.extras.charts.sheet.raster import photographed
from defocus.extras.charts.systems.kept import (
    CHART,
    ChartScore,
    keep_chart,
    read_kept_chart,
)
from defocus.extras.charts.systems.of_study import measure_chart
from defocus.extras.charts.systems.photographs import (
    ChartCase,
    ChartPhotographs,
    TakenChart,
    simulated_cases,
)
from defocus.extras.charts.systems.restorers import (
    Restore,
    SystemRestorer,
    restorers,
    without_weights,
)
from defocus.extras.charts.systems.scores import restored_leaves
from defocus.extras.charts.systems.tables import (
    chart_parts,
    chart_table,
    printed_chart_parts,
)
from defocus.pictures.values import as_integer, linear_to_srgb, srgb_to_linear
from defocus.pictures.write import write_image
from defocus.reports.model import Tabs
from defocus.scene.aperture import disc_psf
from tests.extras.charts.read_here import needs_tesseract, needs_text

BLUR = 5.0


@pytest.fixture(scope="module")
def photographs():
    return ChartPhotographs()


def test_the_blurry_chart_has_the_mtf_of_its_disc(photographs):
    scores = photographs.scores("input", restorers([])["input"], BLUR)
    f = np.linspace(0.05, 0.3, 500)
    transfer = disc_transfer(BLUR, f) * np.sinc(f) ** 2
    assert scores.mtf50 == pytest.approx(
        np.interp(0.5, transfer[::-1], f[::-1]), rel=0.03
    )
    assert scores.gain == pytest.approx(1.0, abs=1e-9)
    assert scores.shift_px < 0.03
    assert scores.bend_px < 0.03
    assert scores.overshoot < 0.02
    assert scores.lost > 0.6


def test_the_gain_is_that_of_edges_measured_before_and_after(photographs):
    """Strong blur hides all edges of low contrast; sharpening those alone gains nothing."""
    sharp = linear_to_srgb(photographs.sharp).astype(np.float32)

    def with_sharp_squares(blurry: NDArray[np.float32]) -> NDArray[np.float32]:
        picture = blurry.copy()
        for one in photographs.sheet.parts:
            if isinstance(one, SlantedSquare) and one.bright < 1.0:
                x, y, half = (round(photographs.geometry.scale(one.x, one.y) * mm)
                              for mm in (one.x, one.y, 25.0))  # fmt: skip
                square = slice(y - half, y + half), slice(x - half, x + half)
                picture[square] = sharp[square]
        return picture

    scores = photographs.scores("a", with_sharp_squares, 22.0)
    before = photographs.scores("input", restorers([])["input"], 22.0)
    assert scores.gain == pytest.approx(1.0, abs=1e-9)
    assert scores.mtf50 == pytest.approx(before.mtf50, rel=1e-9)


def test_the_sharp_chart_gains_and_other_texture_is_invented(photographs):
    sharp = linear_to_srgb(photographs.sharp).astype(np.float32)
    scores = photographs.scores("oracle", lambda _: sharp, BLUR)
    assert scores.gain > 3
    assert max(scores.shift_px, scores.bend_px) < 1e-6
    assert scores.lost < 0.03
    assert scores.invented < 0.03
    moved = np.roll(sharp, 3, axis=(0, 1))
    noise = 0.1 * np.random.default_rng(1).standard_normal(sharp.shape)
    wrong = photographs.scores(
        "noise", lambda _: (moved + noise).astype(np.float32), BLUR
    )
    assert wrong.shift_px == pytest.approx(3.0, abs=0.3)
    assert wrong.invented > 0.3


@pytest.mark.full
def test_waves_that_a_restoration_puts_into_lines_are_measured(photographs):
    height, width = photographs.sharp.shape[:2]
    x, y = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    period, size = 24.0, 0.5

    def waves(blurry: NDArray[np.float32]) -> NDArray[np.float32]:
        columns, rows = (
            np.asarray(one + size * np.sin(2 * np.pi * other / period), np.float32)
            for one, other in ((x, y), (y, x))
        )
        return np.asarray(cv2.remap(blurry, columns, rows, cv2.INTER_CUBIC), np.float32)

    straight = photographs.scores("input", restorers([])["input"], 2.0)
    wavy = photographs.scores("waves", waves, 2.0)
    assert straight.lines_px is not None
    assert straight.lines_px < 0.03
    assert wavy.lines_px == pytest.approx(size / np.sqrt(2), abs=0.06)
    assert photographs.scores("input", restorers([])["input"], 16.0).lines_px is None
    row = chart_table([wavy]).splitlines()[-1]
    assert f"| {wavy.bend_px:.2f} | {wavy.lines_px:.2f} |" in row


@pytest.mark.debian
@needs_tesseract
def test_characters_are_read_where_they_are_sharp(photographs):
    sharp, blurry, nothing = (
        characters_read(light, photographs.sheet, photographs.geometry).share
        for light in (
            photographs.sharp.astype(np.float64),
            srgb_to_linear(photographs.blurred(8.0)).astype(np.float64),
            np.ones_like(photographs.sharp, np.float64),
        )
    )
    assert sharp is not None
    assert sharp > 0.8
    assert blurry is not None
    assert blurry < 0.2
    assert nothing == 0.0


@needs_text
def test_without_tesseract_no_characters_are_counted(
    photographs, tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    light = photographs.sharp.astype(np.float64)
    characters = characters_read(light, photographs.sheet, photographs.geometry)
    assert characters.share is None
    assert characters.line().startswith(
        "characters not read: the program tesseract is not installed"
    )
    row = chart_table([score("a", 4, 1.5, 0.1)]).splitlines()[-1]
    assert row.endswith("| 10% |  |")


def test_circles_of_confusion_out_of_reach_are_refused(refused):
    assert chart_table([]).count("\n") == 1
    for bad in ("x", "0.5", "40"):
        with refused(InputError):
            command.main(["--blur", bad], standalone_mode=False)


def score(system: str, blur_px: float, gain: float, invented: float) -> ChartScore:
    return ChartScore(system, blur_px, 0.1 * gain, gain, 0.02, 0.1, 0.1, 0.4, invented)


def test_where_edges_and_leaves_disagree_is_said():
    edges = [
        score("input", 8, 1, 0.33),
        score("a", 8, 1.8, 0.77),
        score("b", 8, 1.4, 0.34),
    ]
    (tabs,) = chart_parts([*edges, score("a", 4, 1.5, 0.1)], str.upper)
    assert isinstance(tabs, Tabs)
    assert [name for name, _ in tabs.tabs] == ["4 px", "8 px"]
    said = [vars(parts[0])["text"] for _, parts in tabs.tabs]
    assert said[0] == "A sharpens edges, MTF50 × 1.50; 10% of its texture is invented."
    (agreed,) = chart_parts(
        [score("a", 4, 1.8, 0.1), score("b", 4, 1.4, 0.3)], str.upper
    )
    assert vars(vars(agreed)["tabs"][0][1][0])["text"].endswith(
        "edges and leaves agree."
    )
    assert re.search(
        r"A sharpens edges most.* 77% .*33% in the blurry.*B invents least", said[1]
    )
    table = tabs.tabs[1][1][1]
    assert [row[0] for row in vars(table)["rows"]] == ["A", "B", "INPUT"]
    assert vars(table)["references"] == (2,)
    assert chart_parts([], str) == printed_chart_parts([], str) == []
    assert len(printed_chart_parts(edges, str)) == 2


def test_what_is_within_the_error_of_measurement_is_a_tie():
    """Gains of 1.00 to 1.02 and 1 % of invented texture, as on a sharp photograph."""
    rows = [
        score("input", 1, 1, 0.008),
        score("a", 1, 1.02, 0.012),
        score("b", 1, 1.0, 0.008),
    ]
    (tabs,) = chart_parts(rows, str.upper)
    assert vars(vars(tabs)["tabs"][0][1][0])["text"] == (
        "No system sharpens edges, MTF50 × 1.02 at most; 1% of A's texture is invented "
        "(1% in the blurry chart): edges do not tell the systems apart."
    )
    close = [
        score("a", 4, 1.81, 0.1),
        score("b", 4, 1.8, 0.3),
        score("c", 4, 1.2, 0.09),
    ]
    said = vars(printed_chart_parts(close, str.upper)[0])["text"]
    assert said.startswith("A, B sharpen edges most and alike, MTF50 × 1.81")
    assert said.endswith("edges and leaves agree.")


def test_texture_and_text_that_another_system_treats_better_are_named():
    sharpest = replace(score("a", 4, 1.8, 0.3), lost=-0.09, characters=0.3)
    kind = replace(score("b", 4, 1.4, 0.3), lost=-0.004, characters=0.6)
    said = vars(printed_chart_parts([sharpest, kind], str.upper)[0])["text"]
    assert said.endswith(
        "B keeps texture nearest to what it was, 100%: edges and leaves disagree. "
        "B has most characters read, 60%."
    )
    assert "| 0% | 30% | 60% |" in chart_table([kind])


def test_without_a_study_the_hint_is_to_start_one(tmp_path, refused):
    with refused(InputError):
        command.main(["--out", str(tmp_path / "nowhere")], standalone_mode=False)
    assert not (tmp_path / "nowhere").exists()


def test_a_row_tells_whose_weights_it_has(tmp_path):
    """One system may stand twice: with the package's weights, and as the study's narrow copy."""
    shipped, copy = (replace(score("a", 4, gain, 0.1), weights=weights)
                     for gain, weights in ((1.8, "own"), (1.1, "narrow")))  # fmt: skip
    keep_chart(tmp_path, [copy])
    keep_chart(tmp_path, [shipped])
    said, table = printed_chart_parts(read_kept_chart(tmp_path), str.upper)
    assert [row[0] for row in vars(table)["rows"]] == ["A (own weights)", "A (narrow)"]
    assert "A (own weights) sharpens edges most" in vars(said)["text"]
    assert [restorers([name])[name].weights for name in ("defocus-s", "wiener")] == [
        "own",
        "",
    ]


def test_the_printed_table_tells_narrow_copies_and_what_needs_weights(capfd, refused):
    rows = [
        replace(score("defocus-m", 4, 1.1, 0.1), weights=one)
        for one in ("narrow", "own")
    ]
    *_, narrow, shipped, missing = chart_table(rows, ["nafnet"]).splitlines()
    assert "| defocus-m (narrow) |" in narrow
    assert "| defocus-m (own weights) |" in shipped
    assert missing.startswith("| | nafnet (needs weights) |")
    assert missing.count("|") == narrow.count("|")
    assert without_weights(["wiener", "nafnet", "defocus-m"]) == ["nafnet"]
    asked = ["--systems", "wiener", "--systems", "nafnet"]
    command.main([*asked, "--blur", "4"], standalone_mode=False)
    printed = capfd.readouterr()
    assert "nafnet: needs weights, and the package has none; left out" in printed.err
    assert "nafnet (needs weights)" in printed.out
    with refused(InputError):
        command.main(["--systems", "nafnet", "--blur", "4"], standalone_mode=False)


def test_a_single_system_is_not_the_best_of_all():
    tabs = printed_chart_parts(
        [score("input", 8, 1, 0.33), score("a", 8, 1.8, 0.2)], str.upper
    )
    said = "A sharpens edges, MTF50 × 1.80; 20% of its texture is invented (33% in the blurry"
    assert vars(tabs[0])["text"] == f"{said} chart)."


def test_a_pictures_name_stands_before_its_numbers():
    rows = [replace(score("a", blur, 1.5, 0.1), picture=name)
            for name, blur in (("b.png", 4), ("a.png", 8), ("b.png", 2))]  # fmt: skip
    lines = chart_table(rows).splitlines()[2:]
    assert [line.split(" | ")[:2] for line in lines] == [
        ["| a.png", "8"], ["| b.png", "2"], ["| b.png", "4"],
    ]  # fmt: skip


def test_kept_scores_are_replaced_one_by_one(tmp_path, refused):
    keep_chart(tmp_path, [score("a", 4, 1.5, 0.1), score("b", 4, 1.1, 0.1)])
    keep_chart(tmp_path, [score("a", 4, 1.6, 0.1), score("a", 8, 1.2, 0.1)])
    assert [(one.system, one.blur_px, one.gain) for one in read_kept_chart(tmp_path)] == [
        ("a", 4, 1.6), ("b", 4, 1.1), ("a", 8, 1.2),
    ]  # fmt: skip
    (tmp_path / CHART).write_text("[{}]")
    with refused(InputError):
        read_kept_chart(tmp_path)


PLACES = np.array([(60, 50), (845, 40), (860, 590), (50, 580)], np.float32)


@cache
def taken(layout: Layout, diameter: float) -> NDArray[np.float64]:
    """Light of a photograph in perspective, with a little noise."""
    corners = np.array([(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)], np.float32)
    place = np.asarray(cv2.getPerspectiveTransform(corners, PLACES), np.float64)
    light = photographed(make_sheet(layout), place, 900, 640)
    noise = 0.003 * np.random.default_rng(5).standard_normal(light.shape)
    return np.clip(cv2.filter2D(light, -1, disc_psf(diameter)) + noise, 0.0, 1.0)


def test_a_photograph_is_restored_and_compared_with_itself_and_the_print(
    tmp_path, capfd
):
    wall = tmp_path / "wall.tif"
    light = taken("wall", 6.0)
    write_image(wall, as_integer(linear_to_srgb(light), 16))
    assert (
        command.main(
            [str(wall), "--systems", "wiener", "--json"], standalone_mode=False
        )
        is None
    )
    before, after = json.loads(capfd.readouterr().out)
    assert [one["picture"] for one in (before, after)] == ["wall.tif"] * 2
    assert [one["system"] for one in (before, after)] == ["input", "wiener"]
    reading = read_chart(light)
    assert reading is not None
    textures = [one.texture for one in reading.leaves if one.texture]
    assert before["mtf50"] == pytest.approx(np.median(reading.mtf50s()), rel=0.01)
    assert before["blur_px"] == pytest.approx(6.0, rel=0.1)
    assert before["gain"] == pytest.approx(1.0)
    assert before["shift_px"] == before["bend_px"] == 0.0
    assert before["lost"] == pytest.approx(
        np.mean([one.lost for one in textures]), abs=0.01
    )
    assert after["gain"] > 1.2
    assert after["lost"] < before["lost"] - 0.02
    assert 0 < after["shift_px"] < 0.1


@pytest.mark.full
def test_photographs_have_a_row_for_each_system_and_field(tmp_path, capfd):
    wall, board = tmp_path / "wall.tif", tmp_path / "board.tif"
    write_image(wall, as_integer(linear_to_srgb(taken("wall", 6.0)), 16))
    write_image(board, as_integer(linear_to_srgb(taken("depths", 4.0)), 16))
    asked = [str(wall), str(board), "--systems", "wiener", "--json"]
    assert command.main(asked, standalone_mode=False) is None
    rows = json.loads(capfd.readouterr().out)
    assert [(one["picture"], one["system"]) for one in rows] == [
        (name, system)
        for system in ("input", "wiener")
        for name in ("wall.tif", *["board.tif"] * 5)
    ]
    for one in rows[1:6]:
        assert one["blur_px"] == pytest.approx(4.0, rel=0.1)
        assert one["characters"] is None


def test_a_board_has_a_field_for_each_column_of_the_chart(tmp_path):
    path = tmp_path / "board.tif"
    write_image(path, as_integer(linear_to_srgb(taken("depths", 4.0)), 16))
    for view, middle in zip(
        TakenChart(path).views, (67.6, 138.8, 210, 281.2, 352.4), strict=True
    ):
        places = [edge.x - middle for edge in view.edges if edge.x in view.field]
        assert len(places) == 8
        assert np.abs(places).max() < 20


@pytest.mark.full
def test_texture_of_an_over_exposed_photograph_has_a_reason(tmp_path, capfd):
    path, reason = tmp_path / "wall.tif", "the paper is clipped; expose less"
    write_image(
        path, as_integer(linear_to_srgb(np.clip(1.5 * taken("wall", 6.0), 0, 1)), 16)
    )
    command.main([str(path), "--systems", "wiener", "--json"], standalone_mode=False)
    rows = json.loads(capfd.readouterr().out)
    assert [(one["lost"], one["invented"], one["reason"]) for one in rows] == [
        (None, None, reason)
    ] * 2
    assert [one["shift_px"] is None or one["shift_px"] < 0.02 for one in rows] == [
        True
    ] * 2
    scores = [ChartScore(**one) for one in rows]
    assert chart_table(scores).splitlines()[-2:] == [
        "",
        f"wall.tif: leaves not measured: {reason}",
    ]
    said, _ = printed_chart_parts(scores, str)
    assert vars(said)["text"].endswith(f"The leaves cannot be measured here: {reason}.")


def test_a_restored_picture_may_reach_white(photographs):
    brighter = linear_to_srgb(np.clip(1.3 * photographs.sharp, 0.0, 1.0)).astype(
        np.float32
    )
    levels = (1.0, 1.3 * 0.03)
    light = srgb_to_linear(brighter).astype(np.float64)
    leaves = restored_leaves(light, photographs.sheet, photographs.geometry, levels, ())
    assert all(one.texture is not None for one in leaves)


@pytest.mark.full
def test_a_linear_photograph_is_restored_as_one_that_is_encoded(tmp_path, capfd):
    light = taken("wall", 6.0)
    scores = []
    for name, values, options in (
        ("encoded.tif", linear_to_srgb(light), []),
        ("linear.tif", light, ["--linear"]),
    ):
        write_image(tmp_path / name, as_integer(values, 16))
        asked = [str(tmp_path / name), "--systems", "wiener", "--json", *options]
        command.main(asked, standalone_mode=False)
        scores.append(json.loads(capfd.readouterr().out)[1])
    assert scores[0]["gain"] == pytest.approx(scores[1]["gain"], rel=0.01)
    assert scores[0]["invented"] == pytest.approx(scores[1]["invented"], abs=0.01)


def test_pictures_that_cannot_be_measured_are_refused(tmp_path, refused):
    plain = tmp_path / "plain.png"
    write_image(plain, np.full((90, 120, 3), 99, np.uint8))
    with refused(ImageError):
        command.main([str(plain)], standalone_mode=False)
    (tmp_path / "again").mkdir()
    shutil.copy(plain, tmp_path / "again")
    with refused(InputError):
        command.main(
            [str(plain), str(tmp_path / "again/plain.png")], standalone_mode=False
        )
    with refused(click.UsageError):
        command.main([str(plain), "--blur", "4"], standalone_mode=False)


def test_photographs_have_tables_of_their_own():
    input_, system = (
        replace(score(name, 6.3, gain, 0.2), picture="wall.tif")
        for name, gain in (("input", 1), ("a", 1.5))
    )
    simulated = score("a", 4, 1.5, 0.1)
    first, second = chart_parts([system, input_, simulated], str.upper)
    assert isinstance(first, Tabs)
    assert isinstance(second, Tabs)
    assert [name for name, _ in first.tabs] == ["4 px"]
    assert [name for name, _ in second.tabs] == ["wall.tif, 6.3 px"]
    assert "wall.tif" in vars(second.tabs[0][1][1])["caption"]
    assert len(printed_chart_parts([system, input_, simulated], str)) == 4
    without = replace(system, lost=None, invented=None, shift_px=None)
    said, table = printed_chart_parts([input_, without], str.upper)
    assert "leaves cannot be measured" in vars(said)["text"]
    assert vars(table)["rows"][0][4] is None
    assert (
        chart_table([input_, without])
        .splitlines()[3]
        .startswith("| wall.tif | 6.3 | a |")
    )
    named = replace(input_, picture="a|b.tif")
    assert chart_table([named]).splitlines()[2].startswith(r"| a\|b.tif | 6.3 |")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_dataset):
    """A study of a classical system, with the chart at one circle of confusion."""
    folder = tmp_path_factory.mktemp("finished")
    for kind in ("blurry", "sharp"):
        (folder / "pairs" / "test" / kind).mkdir(parents=True)
        picture = folder / "pairs" / "test" / kind / "t1.png"
        shutil.copy(tiny_dataset / "t1" / f"{kind}.png", picture)
    asked = [
        "--only",
        "wiener",
        "--only",
        "input",
        "--dataset",
        f"pairs:{folder / 'pairs'}",
    ]
    out = ["--out", str(folder / "study")]
    assert run_command.main([*asked, *out], standalone_mode=False) == 0
    command.main(["--blur", "4", *out], standalone_mode=False)
    return folder / "study"


@pytest.fixture
def study(finished, tmp_path):
    """A copy of it, for changing it."""
    return Path(shutil.copytree(finished, tmp_path / "study"))


def test_finished_systems_survive_an_interruption(study, capfd):
    asked: list[str] = []

    def system(name: str, *, stop: bool = False) -> SystemRestorer:
        def restore(picture: NDArray[np.float32]) -> NDArray[np.float32]:
            asked.append(name)
            if stop:
                raise KeyboardInterrupt
            return picture

        return SystemRestorer(restore)

    def scores(name: str, restore: Restore) -> list[ChartScore]:
        restore(np.zeros((8, 8, 3), np.float32))
        return [score(name, 8.0, 1.0, 0.1)]

    before = read_kept_chart(study)
    cases = [ChartCase("8 px", "simulated", scores)]
    with pytest.raises(KeyboardInterrupt):
        measure_chart({"a": system("a"), "b": system("b", stop=True)}, cases, study)
    assert read_kept_chart(study) == before
    assert "chart: a MTF50 × 1.00 at 8 px" in capfd.readouterr().err
    systems = measure_chart({"a": system("a"), "b": system("b")}, cases, study)
    assert asked == ["a", "b", "b"], "a was done again"
    assert [one.system for one in systems] == ["a", "b"]
    assert read_kept_chart(study) == sorted(
        [*before, *systems], key=lambda one: (one.blur_px, one.system)
    )
    measure_chart({"a": system("a")}, cases, study)
    assert asked[-1] == "a", "the whole was finished, so it is measured anew"


@pytest.mark.full
def test_systems_are_measured_alike_in_processes():
    names, cases = ["wiener", "defocus-s"], simulated_cases([4.0])
    here = measure_chart(restorers(names), cases)
    assert [one.system for one in here] == ["input", *names]
    assert measure_chart(restorers(names), cases, where=2) == here


def test_a_study_with_the_chart_shows_it(study, capfd):
    out = study
    assert [one.system for one in read_kept_chart(out)] == ["input", "wiener"]
    report = (out / "report.html").read_text()
    section = report.partition(">Test chart</h2>")[2].partition("</section>")[0]
    assert "Wiener sharpens edges, MTF50" in section
    before = read_kept_chart(out)
    capfd.readouterr()
    more = ["--systems", "wiener", "--blur", "8", "--out", str(out)]
    assert command.main(more, standalone_mode=False) is None
    rows = [line.split(" | ") for line in capfd.readouterr().out.splitlines()[2:]]
    assert [row[1] for row in rows] == ["input", "wiener"]
    assert float(rows[1][3]) > 1.2
    assert read_kept_chart(out)[: len(before)] == before
    assert "8 px" in (out / "report.html").read_text()
