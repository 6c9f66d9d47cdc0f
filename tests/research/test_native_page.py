"""The table of gains at native size: its pictures, its rows, what is kept, the page."""

import sys

import cv2
import numpy as np
import pytest

from defocus.datasets.stream import native
from defocus.datasets.stream.native import NativeRenderer, full_size
from defocus.errors import ImageError
from defocus.pictures.write import write_image
from research.native_size import cases, measured, stacks
from research.native_size.cases import BLURS, Case, cases_of, rendered
from research.native_size.measured import BINS_PX, Kept, cell_of
from research.native_size.systems import Row, classical_rows, network_rows
from research.native_size.tables import ramp_table, table
from research.pages import native as page
from tests.datasets.stream.conftest import write_photographs

MEGAPIXELS = 0.03
"""Of the small photographs of these tests."""
FIRST = [BLURS["4"]]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Small photographs count as full-size ones, and small parts are shown."""
    monkeypatch.setattr(native, "LEAST_PIXELS", 1)
    monkeypatch.setattr(cases, "CROP_PX", 32)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    return write_photographs(tmp_path_factory.mktemp("native") / "photographs")


@pytest.fixture
def renderer(photographs):
    return NativeRenderer(photographs, full_size(photographs))


def row(name, restore, content="1"):
    return Row(name, restore, content)


def unchanged(given):
    return given.blurry


def not_again(renderer, case):
    raise ImageError("rendered again")


def test_a_size_has_the_photographs_that_are_as_large_or_the_largest(renderer):
    files = renderer.files
    assert [one.number for one in cases_of(files, 0.03, FIRST, None)] == [0, 1]
    assert [one.number for one in cases_of(files, 0.03, FIRST, 1)] == [0]
    assert len(cases_of(files, 24, FIRST, None)) == 2
    assert len(cases_of(files, 0.03, list(BLURS.values()), 1)) == 11


def test_the_true_kernel_restores(renderer):
    picture = rendered(renderer, Case(0, MEGAPIXELS, BLURS["8"]))
    assert picture.given.kernel.shape[0] == 3
    assert (picture.given.blurry * 255 % 1 < 1e-3).mean() > 0.9
    for one in classical_rows():
        assert one.needs_kernel
        cell = cell_of(one.restore(picture.given), picture, 0.0)
        assert cell.gain_db > 1


def test_a_kernel_that_is_turned_round_restores_less(renderer):
    picture = rendered(renderer, Case(0, MEGAPIXELS, BLURS["8"]))
    wiener = classical_rows()[0]
    turned = cases.Given(
        picture.given.blurry, picture.given.kernel[:, ::-1, ::-1].copy(), 8.0
    )
    true, wrong = (
        cell_of(wiener.restore(given), picture, 0.0).gain_db
        for given in (picture.given, turned)
    )
    assert true > wrong


def test_a_cell_counts_where_the_blur_is(renderer):
    picture = rendered(renderer, Case(0, MEGAPIXELS, BLURS["0-96"]))
    assert picture.given.kernel is None
    half = (picture.given.blurry + picture.sharp) / 2
    cell = cell_of(half, picture, 0.0)
    assert cell.gain_db == pytest.approx(20 * np.log10(2), abs=1e-3)
    assert sum(cell.pixels) == picture.diameters.size
    assert len(cell.pixels) == len(BINS_PX)
    assert cell.before[3] / cell.after[3] == pytest.approx(4, rel=1e-3)
    sharp = cell_of(picture.sharp, picture, 0.0)
    assert sharp.after == (0.0,) * len(BINS_PX)


def test_what_fails_is_named_and_measured_again_and_the_rest_is_kept(
    renderer, tmp_path, capsys, monkeypatch
):
    def broken(given):
        raise ImageError("out of order")

    all_cases = cases_of(renderer.files, MEGAPIXELS, [BLURS["12"], BLURS["0-48"]], 1)
    rows = [*classical_rows()[:1], row("same", unchanged), row("broken", broken)]
    kept = Kept(tmp_path)
    cells = measured.measured(renderer, all_cases, rows, kept)
    said = capsys.readouterr().err
    assert "photograph 0, 0.03 MP, 12 px: broken is left out: out of order" in said
    assert {name for name, _ in cells} == {"wiener, true kernel", "same"}
    assert len(list(tmp_path.glob("*.json"))) == 3
    text = table(rows, all_cases, cells)
    wiener, same, failed = text.splitlines()[2:]
    assert wiener.endswith("| n/a |")
    assert same == "| same | +0.00 (+0.00) | +0.00 (+0.00) |"
    assert failed == "| broken | failed | failed |"
    assert len(ramp_table(rows, all_cases, cells).splitlines()) == 3
    monkeypatch.setattr(measured, "rendered", not_again)
    assert measured.measured(renderer, all_cases, rows[:2], kept) == cells
    other = [row("same", unchanged, content="2")]
    assert measured.measured(renderer, all_cases, other, kept) == {}


def test_intervals_begin_with_three_photographs():
    (blur,) = FIRST
    gains = {0: 1.0, 1: 2.0, 2: 3.0}
    all_cases = [Case(number, 3, blur) for number in gains]
    rows = [row("one", unchanged)]
    cells = {
        ("one", case): measured.Cell(gains[case.number], (), (), (), 0.0)
        for case in all_cases
    }
    assert (
        table(rows, all_cases[:2], cells).splitlines()[2] == "| one | +1.50 (+1.00) |"
    )
    lacking = {key: cell for key, cell in cells.items() if key[1].number}
    assert (
        table(rows, all_cases, lacking).splitlines()[2]
        == "| one | +2.50 (+2.00), 2 of 3 |"
    )
    whole = table(rows, all_cases, cells).splitlines()[2]
    assert whole == "| one | +2.00 ± 2.48 (+1.00) |"  # 4.30 / sqrt(3)


def test_a_stack_is_measured_once_at_both_sizes(tmp_path, monkeypatch):
    folder = tmp_path / "stacks" / "made"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    noise = random.standard_normal((256, 320, 3), np.float32)
    scene = 0.5 + 0.6 * cv2.GaussianBlur(noise, (0, 0), 2)
    write_image(folder / "expected.jpg", np.uint8(np.clip(scene, 0, 1) * 255))
    soft = cv2.GaussianBlur(scene, (0, 0), 3)
    write_image(folder / "frame.jpg", np.uint8(np.clip(soft, 0, 1) * 255))
    rows = [row("same", unchanged), *classical_rows()]
    text = stacks.stack_table(tmp_path / "stacks", rows, Kept(tmp_path))
    lines = text.splitlines()[2:]
    assert [line.split(" | ")[0] for line in lines] == [
        "| made, full size",
        "| made, half size",
    ]
    assert all(line.endswith("| 1 | +0.00 (+0.00) | +0.00 (+0.00) |") for line in lines)
    monkeypatch.setattr(stacks, "aligned_frames", None)
    assert stacks.stack_table(tmp_path / "stacks", rows, Kept(tmp_path)) == text


def test_the_page_has_the_tables_between_its_lines(photographs, tmp_path, monkeypatch):
    written = tmp_path / "weights.md"
    written.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    words = ["native", str(photographs.files[0][0].parent), "--systems", "defocus-s"]
    words += ["--sizes", str(MEGAPIXELS), "--photographs", "1", "--blurs", "12", "0-96"]
    words += ["--kept", str(tmp_path / "kept"), "--page", str(written)]
    monkeypatch.setattr(sys, "argv", words)
    page.main()
    first = written.read_text()
    assert first.startswith(f"before\n{page.BEGIN}\n\nGain in PSNR")
    assert first.endswith(f"{page.END}\nafter\n")
    assert "old" not in first
    assert "| defocus-s plain | +" in first
    assert "| defocus-s | +" in first
    shown = cv2.imread(str(tmp_path / page.PICTURE))
    assert shown.shape == (4 * 32, 2 * 32, 3)
    monkeypatch.setattr(measured, "rendered", not_again)
    page.main()
    assert written.read_text() == first
    other = "<!-- of 0.02 megapixels -->\n\n**smaller**"
    last = "<!-- of stacks -->\n\nof an earlier run"
    written.write_text(first.replace(page.END, f"{last}\n\n{other}\n\n{page.END}"))
    page.main()
    both = written.read_text()
    assert (
        both.index("**smaller**")
        < both.index("| defocus-s |")
        < both.index("earlier run")
    )
    assert both.count("| defocus-s | +") == 1
    assert page.PICTURE not in both  # crops are of the smallest size
    written.write_text("no such lines")
    monkeypatch.setattr(page, "find_photographs", None)  # nothing is read before
    with pytest.raises(SystemExit, match="where the tables belong"):
        page.main()


def test_a_system_has_a_row_alone_and_a_row_at_scales():
    rows = network_rows(["defocus-s"])
    assert [one.name for one in rows] == ["defocus-s plain", "defocus-s"]
    assert len({one.content for one in rows}) == 2
