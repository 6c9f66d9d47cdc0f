"""Restored charts: the scores of pictures whose scores are known."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from defocus.benchmark.charts.kept import CHART, ChartScore, keep_chart, read_kept_chart
from defocus.benchmark.charts.restorers import restorers
from defocus.benchmark.charts.scores import ChartPhotographs, chart_table
from defocus.benchmark.charts.tables import chart_parts, printed_chart_parts
from defocus.benchmark.commands.chart import command
from defocus.benchmark.commands.run import command as run_command
from defocus.charts.accuracy.known_patterns import disc_transfer
from defocus.charts.reading.characters import characters_read
from defocus.errors import InputError
from defocus.images import linear_to_srgb, srgb_to_linear
from defocus.reports.model import Tabs
from defocus.tesseract import tesseract_version

BLUR = 5.0


@pytest.fixture(scope="module")
def photographs() -> ChartPhotographs:
    return ChartPhotographs()


def test_the_blurry_chart_has_the_mtf_of_its_disc(photographs: ChartPhotographs) -> None:
    found = photographs.scores("input", restorers([])["input"], BLUR)
    f = np.linspace(0.05, 0.3, 500)
    transfer = disc_transfer(BLUR, f) * np.sinc(f) ** 2
    assert found.mtf50 == pytest.approx(np.interp(0.5, transfer[::-1], f[::-1]), rel=0.03)
    assert found.gain == 1.0
    assert found.shift_px < 0.03
    assert found.bend_px < 0.03
    assert found.overshoot < 0.02
    assert found.lost > 0.6


def test_the_sharp_chart_gains_and_other_texture_is_invented(photographs: ChartPhotographs) -> None:
    sharp = linear_to_srgb(photographs.sharp).astype(np.float32)
    found = photographs.scores("oracle", lambda _: sharp, BLUR)
    assert found.gain > 3
    assert max(found.shift_px, found.bend_px) < 1e-6
    assert found.lost < 0.03
    assert found.invented < 0.03
    moved = np.roll(sharp, 3, axis=(0, 1))
    noise = 0.1 * np.random.default_rng(1).standard_normal(sharp.shape)
    wrong = photographs.scores("noise", lambda _: (moved + noise).astype(np.float32), BLUR)
    assert wrong.shift_px == pytest.approx(3.0, abs=0.3)
    assert wrong.invented > 0.3


@pytest.mark.debian
@pytest.mark.skipif(not tesseract_version(), reason="needs Debian's tesseract-ocr")
def test_characters_are_read_where_they_are_sharp(photographs: ChartPhotographs) -> None:
    sharp, blurry, nothing = (
        characters_read(light, photographs.sheet, photographs.geometry)
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


def test_without_tesseract_no_characters_are_counted(
    photographs: ChartPhotographs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    light = photographs.sharp.astype(np.float64)
    assert characters_read(light, photographs.sheet, photographs.geometry) is None
    row = chart_table([score("a", 4, 1.5, 0.1)]).splitlines()[-1]
    assert row.endswith("| 10% |  |")


def test_circles_of_confusion_out_of_reach_are_refused() -> None:
    assert chart_table([]).count("\n") == 1
    for bad in ("x", "0.5", "40"):
        with pytest.raises(InputError, match="--blur"):
            command.main(["--blur", bad], standalone_mode=False)


def score(system: str, blur_px: float, gain: float, invented: float) -> ChartScore:
    return ChartScore(system, blur_px, 0.1 * gain, gain, 0.02, 0.1, 0.1, 0.4, invented)


def test_where_edges_and_leaves_disagree_is_said() -> None:
    edges = [score("input", 8, 1, 0.33), score("a", 8, 1.8, 0.77), score("b", 8, 1.4, 0.34)]
    (tabs,) = chart_parts([*edges, score("a", 4, 1.5, 0.1)], str.upper)
    assert isinstance(tabs, Tabs)
    assert [name for name, _ in tabs.tabs] == ["4 px", "8 px"]
    said = [vars(parts[0])["text"] for _, parts in tabs.tabs]
    assert said[0].endswith("edges and leaves agree.")
    assert re.search(r"A sharpens edges most.* 77% .*33% in the blurry.*B invents least", said[1])
    table = tabs.tabs[1][1][1]
    assert [row[0] for row in vars(table)["rows"]] == ["A", "B", "INPUT"]
    assert vars(table)["references"] == (2,)
    assert chart_parts([], str) == printed_chart_parts([], str) == []
    assert len(printed_chart_parts(edges, str)) == 2


def test_kept_scores_are_replaced_one_by_one(tmp_path: Path) -> None:
    keep_chart(tmp_path, [score("a", 4, 1.5, 0.1), score("b", 4, 1.1, 0.1)])
    keep_chart(tmp_path, [score("a", 4, 1.6, 0.1), score("a", 8, 1.2, 0.1)])
    assert [(one.system, one.blur_px, one.gain) for one in read_kept_chart(tmp_path)] == [
        ("a", 4, 1.6), ("b", 4, 1.1), ("a", 8, 1.2),
    ]  # fmt: skip
    (tmp_path / CHART).write_text("[{}]")
    with pytest.raises(InputError, match=r"chart\.json: damaged"):
        read_kept_chart(tmp_path)


def test_a_study_with_the_chart_shows_it(
    tmp_path: Path,
    tiny_dataset: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("defocus.benchmark.charts.of_study.BLURS_PX", (4.0,))
    for kind in ("blurry", "sharp"):
        folder = tmp_path / "pairs" / "test" / kind
        folder.mkdir(parents=True)
        shutil.copy(tiny_dataset / "t1" / f"{kind}.png", folder / "t1.png")
    out = tmp_path / "study"
    asked = ["--only", "wiener", "--only", "input", "--dataset", f"pairs:{tmp_path / 'pairs'}"]
    assert run_command.main([*asked, "--chart", "--out", str(out)], standalone_mode=False) == 0
    assert [one.system for one in read_kept_chart(out)] == ["input", "wiener"]
    report = (out / "report.html").read_text()
    section = report.partition(">Test chart</h2>")[2].partition("</section>")[0]
    assert "sharpens edges most" in section
    before = read_kept_chart(out)
    capfd.readouterr()
    more = ["--systems", "wiener", "--blur", "8", "--out", str(out)]
    assert command.main(more, standalone_mode=False) is None
    rows = [line.split(" | ") for line in capfd.readouterr().out.splitlines()[2:]]
    assert [row[1] for row in rows] == ["input", "wiener"]
    assert float(rows[1][3]) > 1.2
    assert read_kept_chart(out)[: len(before)] == before
    assert "8 px" in (out / "report.html").read_text()
