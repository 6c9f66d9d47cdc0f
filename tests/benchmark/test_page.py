"""The report's page: filled from the store and the files of the runs."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from defocus.benchmark.documents import publish as module
from defocus.benchmark.documents import summary
from defocus.benchmark.documents.figures.picture_pages import (
    KeptPictures,
    most_different,
)
from defocus.benchmark.documents.figures.picture_scores import PictureScores
from defocus.benchmark.documents.figures.plots import pareto_front
from defocus.benchmark.documents.publish import Publisher, publish
from defocus.benchmark.documents.summary import WORSE
from defocus.benchmark.documents.write import paper_text
from defocus.benchmark.leaderboard.classes import ROUNDED
from defocus.benchmark.results.run_folder import run_folder
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import Cost, open_results
from defocus.errors import InputError
from defocus.pictures.read import read_image
from defocus.pictures.write import write_image
from defocus.reports.display import cell_text
from defocus.reports.model import (
    Curves,
    Facts,
    Folded,
    Gallery,
    Link,
    Measured,
    Page,
    Paragraph,
    Scatter,
    Slider,
    Table,
    Tabs,
)
from tests.benchmark.example_study import ENTRY, entry, make_study, page_of, parts


def fill(out: Path, budget: str = "demo") -> None:
    """A study of two systems and one test picture."""
    input_entry = replace(
        ENTRY, run="input-1", system="input", grouping="i", weights="none"
    )
    with open_results(out / "results.sqlite") as results:
        for each in (ENTRY, input_entry):
            scores = [Score("default", "gt", "psnr", "cat", "cat", 20.0)]
            results.record(replace(each, budget=budget), scores, [Cost("seconds", 1.0)])
            folder = out / "runs" / each.run / "images"
            folder.mkdir(parents=True)
            for number, state in enumerate(("blurry", "restored", "sharp")):
                picture = np.full((8, 12, 3), number, np.uint8)
                write_image(folder / f"cat.{state}.png", picture)
            document = {"run": each.run, "schedule": {"steps": 4}, "device": "cpu"}
            (folder.parent / "run.json").write_text(json.dumps(document))
    lines = [f"{step},0,{step},0.1,{1 / step}" for step in range(1, 501)]
    text = "\n".join(["step,epoch,seconds,learning_rate,loss", *lines])
    (out / "runs" / "net-1" / "train.csv").write_text(text)


Scored = tuple[str, dict[str, float], dict[str, Any]]
"""A system, its PSNR by picture, and what its run has beside those of ENTRY."""


def write_rows(out: Path, *rows: Scored) -> None:
    with open_results(out / "results.sqlite") as results:
        for system, values, facts in rows:
            each = replace(ENTRY, run=system, system=system, grouping=system)
            scores = [
                Score("default", "gt", "psnr", n, n, value)
                for n, value in values.items()
            ]
            results.record(replace(each, **facts), scores, [Cost("seconds", 1.0)])


def headings(page: Page) -> list[str]:
    return [heading for heading, _ in page.sections]


def test_the_page_shows_tables_pictures_curves_and_provenance(tmp_path):
    fill(tmp_path)
    page = page_of(tmp_path)
    assert page.notice == "demo budget, not a comparison"
    assert headings(page) == [
        "Leaderboard",
        "Summary",
        "Pictures",
        "Behind the rows",
        "Methods",
    ]
    (slider,) = parts(page, Slider)
    assert [label for label, _ in slider.states] == ["blurry", "net", "sharp"]
    assert [int(picture[0, 0, 0]) for _, picture in slider.states] == [0, 1, 2]
    (curves,) = parts(page, Curves)
    assert curves.log_y
    assert len(curves.curves[0].x) <= 200
    assert curves.curves[0].x[-1] == 500
    assert curves.curves[0].y[0] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3), (
        "the mean is kept"
    )
    facts = [fact for part in parts(page, Facts) for fact in part.facts]
    assert ("schedule.steps", "4") in facts
    (tmp_path / "paper").mkdir()
    fill(tmp_path / "paper", "paper")
    assert page_of(tmp_path / "paper").notice == ""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.json", '{"a":'),
        ("run.json", "\x00\xff"),
        ("train.csv", "step,loss\n1\n2,0.5\n"),
    ],
)
def test_a_damaged_file_of_a_run_is_named(tmp_path, name, content):
    fill(tmp_path)
    file = tmp_path / "runs" / "net-1" / name
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match=rf"runs/net-1/{name}: damaged"):
        page_of(tmp_path)


def test_pairs_left_out_as_they_are_in_training_are_named_in_page_print_and_table(
    tmp_path,
):
    out = make_study(tmp_path, 2, 24)
    reason = "its sharp file is in training pair train-a too"
    facts = {"dataset": "dpdd:made", "data_hash": "0" * 64}
    facts["seen_left_out"] = [{"id": "test-d", "reason": reason}]  # type: ignore[assignment]
    (out / "study.json").write_text(json.dumps({"datasets": [facts], "runs": {}}))
    said = "1 test pair of dpdd:made left out, being in training or validation too: test-d, as "
    said += reason
    for printed in (False, True):
        assert any(said in note for note in page_of(out, printed=printed).notes)
    for as_csv in (False, True):
        assert said in paper_text(out, "methods", as_csv=as_csv)
    near = [
        {"test": f"test-{n}", "other": "train-a", "split": "train", "what": "part"}
        for n in "ef"
    ]
    (out / "study.json").write_text(
        json.dumps({"datasets": [facts | {"near_copies": near}]})
    )
    said = "2 test pictures of dpdd:made resemble pictures of training: test-e and train-a (part)"
    for printed in (False, True):
        assert any(said in note for note in page_of(out, printed=printed).notes)
    assert said in paper_text(out, "methods", as_csv=False)
    (out / "study.json").write_text(
        json.dumps({"datasets": [facts | {"data_hash": "1" * 64}]})
    )
    assert not any("left out" in note for note in page_of(out).notes)


def test_a_picture_that_is_cut_short_is_missing_with_its_reason(tmp_path):
    make_study(tmp_path, 3, 4, pictures=2)
    file = tmp_path / "runs" / "unet-paper" / "images" / "image-001.restored.png"
    file.write_bytes(file.read_bytes()[:60])
    page = page_of(tmp_path)
    (said,) = [part.text for part in parts(page, Paragraph) if "not shown" in part.text]
    assert said.startswith(
        "U-Net is not shown: runs/unet-paper/images/image-001.restored.png: "
    )
    assert str(tmp_path) not in said
    shown = {
        part.caption[:9]: [label for label, _ in part.states]
        for part in parts(page, Slider)
    }
    assert shown["image-000"][::4] == shown["image-001"][::3] == ["blurry", "sharp"]
    assert set(shown["image-000"][1:4]) == {"U-Net + JDRL", "Restormer", "U-Net"}
    assert set(shown["image-001"][1:3]) == {"U-Net + JDRL", "Restormer"}


def test_an_infinite_score_is_shown_as_such(tmp_path):
    make_study(tmp_path, 2, 2, protocols=("gt",), pictures=1)
    with open_results(tmp_path / "results.sqlite") as results:
        perfect = [
            Score("defocus-v1", "gt", "psnr", "image-000", "scene-000", math.inf)
        ]
        results.record(entry(1), perfect, [])
    page = page_of(tmp_path)
    (table,) = [
        part for part in parts(page, Table) if part.caption == "Scores of image-000"
    ]
    psnr = {row[0]: cell_text(row[1], table.columns[1]) for row in table.rows}
    assert psnr["U-Net"] == "∞"
    (folded,) = [part for part in parts(page, Folded) if part.title == "image-000"]
    assert folded.line == "scene-000; standard deviation over systems ∞ dB"
    assert "∞ dB" in [tile.line for part in parts(page, Gallery) for tile in part.tiles]


def test_reports_are_rendered_when_their_content_changes_and_only_then(
    tmp_path, monkeypatch
):
    fill(tmp_path)
    rendered: list[int] = []

    def render(out: Path, results: object, rows: object, target: Path) -> None:
        rendered.append(1)
        assert target == out / "report"
        for name in ("report.html", "report.pdf"):
            (out / name).write_text(f"{len(rendered)}")

    monkeypatch.setattr(module, "render_reports", render)
    with open_results(tmp_path / "results.sqlite") as results:
        assert publish(tmp_path, results, reports=False)
        assert (tmp_path / "leaderboard.csv").exists()
        assert not rendered
        changes: list[Callable[[], object]] = [
            lambda: None,
            lambda: (tmp_path / "report.pdf").write_text("scribble"),
            (tmp_path / "report.html").unlink,
            lambda: (tmp_path / "runs/net-1/run.json").write_text('{"device": "cuda"}'),
            lambda: results.record(replace(ENTRY, status="failed: x")),
        ]
        for count, change in enumerate(changes, start=1):
            change()
            for _ in range(2):
                publish(tmp_path, results)
                assert len(rendered) == count


def test_in_the_course_of_a_study_reports_take_a_small_part_of_the_time(
    tmp_path, monkeypatch
):
    fill(tmp_path)
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    reported: list[bool] = []

    def publish_in_two_seconds(out: Path, results: object, *, reports: bool) -> None:
        reported.append(reports)
        clock[0] += 2.0 if reports else 0.0

    monkeypatch.setattr(module, "publish", publish_in_two_seconds)
    with open_results(tmp_path / "results.sqlite") as results:
        bring_up_to_date = Publisher(tmp_path, results)
        bring_up_to_date()  # a study that ends at once makes them at its end alone
        for _ in range(8):  # runs of ten seconds
            clock[0] += 10.0
            bring_up_to_date()
    assert reported == [False, True, False, False, False, True, False, False, False]


NONE = {"weights": "none"}


SUMMARIES: dict[str, tuple[list[Scored], str, list[str]]] = {
    "the best trained, where no lead over it can be told": (
        [
            ("input", {"cat": 20.0, "dog": 22.0}, NONE),
            ("own", {"cat": 22.0}, {"weights": "own"}),
            ("net", {"dog": 23.0}, {}),
        ],
        "own gains most of 2 systems",
        ["Best trained here: net, +"],
    ),
    "a network from scratch beside narrow copies": (
        [
            ("input", {"cat": 20.0}, NONE),
            ("one", {"cat": 21.0}, {"weights": "narrow"}),
            ("two", {"cat": 20.5}, {"weights": "narrow"}),
            ("mine", {"cat": 22.0}, {"weights": "from scratch, 30 steps"}),
        ],
        "one gains most of 2 systems, +1.00 dB",
        ["mine, from scratch, 30 steps, is not compared with them: +2.00 dB."],
    ),
}


@pytest.mark.parametrize("case", SUMMARIES)
def test_the_result_compares_what_can_be_compared_and_names_the_rest(tmp_path, case):
    rows, begin, words = SUMMARIES[case]
    write_rows(tmp_path, *rows)
    page = page_of(tmp_path)
    assert page.summary.startswith(begin)
    said = " ".join(part.text for part in parts(page, Paragraph))
    for word in words:
        assert word in said
    assert ("The next" in said) == ("the best trained" not in case)
    assert all(
        weights in str(page)
        for *_, facts in rows
        if "," in (weights := str(facts.get("weights", "")))
    )


def test_the_page_begins_with_the_result(tmp_path):
    fill(tmp_path)
    one = "net gains +0.00 dB over the blurry input on 1 picture of made."
    assert page_of(tmp_path).summary == one
    page = page_of(make_study(tmp_path / "several", 6, 24, budget="demo"))
    gains = cells(boards(page)["input-aligned"], "Gain")
    joint = gains["U-Net + JDRL"].value - gains["U-Net"].value
    said = (
        f"over the plain loss: +{joint:.2f} dB on dpdd:made (1 network, input-aligned)."
    )
    assert page.summary.count(".") == 2, (
        "one sentence, with one number that has a point"
    )
    assert any(part.text.endswith(said) for part in parts(page, Paragraph))
    best = gains["Restormer"].value if "Restormer" in page.summary else None
    gain, *_, time = page.figures
    assert re.fullmatch(r"\S+ s", time.number)
    assert re.fullmatch(r"\S+ s a megapixel, \S+ M parameters", time.line)
    assert best is None or gain.number == f"+{best:.2f} dB"
    assert gain.line.startswith("95 % interval ")
    assert WORSE not in [figure.line for figure in page.figures]


@pytest.mark.parametrize(
    ("rivals", "begin"),
    [
        ({"one": 19.25}, "one is 0.75 dB below the blurry input on 1 picture"),
        (
            {"one": 19.25, "two": 18.5},
            "one comes closest of 2 systems, 0.75 dB below the blurry",
        ),
    ],
)
def test_where_nobody_gains_the_result_says_so(tmp_path, rivals, begin):
    made = [
        (name, {"cat": score}, {"weights": "narrow"}) for name, score in rivals.items()
    ]
    write_rows(tmp_path, ("input", {"cat": 20.0}, NONE), *made)
    assert page_of(tmp_path).summary.startswith(begin)


def test_a_loss_in_a_part_of_the_picture_is_called_one(tmp_path, monkeypatch):
    monkeypatch.setattr(summary, "part_gain", lambda *_: -0.5)
    page = page_of(make_study(tmp_path, 6, 24))
    losses = [figure for figure in page.figures if figure.number == "−0.50 dB"]
    assert [figure.name for figure in losses] == ["gain in focus", "gain where blurred"]
    assert {figure.line for figure in losses} == {WORSE}


def test_gains_in_focus_and_where_blurred_have_columns_and_figures(tmp_path):
    values = {
        "input": (20.0, 40.0, 15.0),
        "net": (23.0, 37.5, 18.25),
        "other": (21.0, 40.5, 15.5),
    }
    with open_results(tmp_path / "results.sqlite") as results:
        for system, numbers in values.items():
            facts = {"weights": "none"} if system == "input" else {}
            scored = zip(
                ("psnr", "psnr_in_focus", "psnr_blurred"), numbers, strict=True
            )
            scores = [
                Score("default", "gt", metric, name, name, value)
                for metric, value in scored
                for name in ("cat", "dog", "eel")
            ]
            named = replace(ENTRY, run=system, system=system, grouping=system, **facts)
            results.record(named, scores, [Cost("seconds", 1.0)])
    page = page_of(tmp_path)
    board, *_ = parts(page, Table)
    assert cells(board, "In focus") == {"Input": 0.0, "net": -2.5, "other": 0.5}
    assert cells(board, "Blurred") == {"Input": 0.0, "net": 3.25, "other": 0.5}
    shown = {figure.name: figure.number for figure in page.figures}
    assert shown["gain in focus"] == "−2.50 dB"
    assert shown["gain where blurred"] == "+3.25 dB"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    protocols = ("gt", "deformed-gt")
    return make_study(
        tmp_path_factory.mktemp("study"), 4, 24, protocols=protocols, pictures=2
    )


@pytest.fixture(scope="module")
def page(study):
    return page_of(study)


def boards(page: Page) -> dict[str, Table]:
    """The leaderboard tables by protocol."""
    by_name = {}
    for group in parts(page, Tabs):
        if group.label == "Compared with":
            for name, shown in group.tabs:
                (table,) = shown
                assert isinstance(table, Table)
                by_name[name] = table
    return by_name


def cells(table: Table, name: str) -> dict[str, Any]:
    """A column's cells by system."""
    (index,) = [n for n, column in enumerate(table.columns) if column.name == name]
    return {row[0].text: row[index] for row in table.rows if isinstance(row[0], Link)}


@pytest.mark.parametrize("budget", ["demo", "quick"])
def test_a_short_budget_has_no_marks_no_front_and_no_published_number(tmp_path, budget):
    page = page_of(make_study(tmp_path, 3, 4, budget=budget))
    for table in boards(page).values():
        cells = [
            cell for row in table.rows for cell in row if isinstance(cell, Measured)
        ]
        assert cells
        assert not any(cell.place or cell.beside for cell in cells)
        assert "Rank" not in [column.name for column in table.columns]
    assert not any(
        point.marked for figure in parts(page, Scatter) for point in figure.points
    )


def test_rows_have_lasting_places_and_lead_to_what_lies_behind(study):
    first, again = page_of(study), page_of(study)
    anchors = [name for table in boards(first).values() for name in table.anchors]
    assert len(anchors) == len(set(anchors)) == 10
    assert anchors == [
        name for table in boards(again).values() for name in table.anchors
    ]
    places = {f"#{folded.anchor}" for folded in parts(first, Folded)}
    cells = [
        cell for table in parts(first, Table) for row in table.rows for cell in row
    ]
    targets = {cell.target for cell in cells if isinstance(cell, Link)}
    assert len(targets) == 5 + 24
    assert targets <= places


def test_pictures_come_with_the_typical_first_then_by_how_much_systems_differ(page):
    folded = [
        part for part in parts(page, Folded) if part.anchor.startswith("picture-")
    ]
    assert len(folded) == 24
    spreads = [float(part.line.split("over systems ")[1].split()[0]) for part in folded]
    shown = [part for part in folded if any(isinstance(p, Gallery) for p in part.parts)]
    assert folded[:2] == shown
    assert spreads[2:] == sorted(spreads[2:], reverse=True)
    crops, maps = (part for part in shown[0].parts if isinstance(part, Gallery))
    assert [tile.label for tile in crops.tiles] == [
        "blurry",
        *(t.label for t in maps.tiles),
        "sharp",
    ]


def test_the_typical_picture_has_the_median_gain_of_the_best_system(tmp_path):
    page = page_of(make_study(tmp_path, 2, 24, protocols=("gt",), pictures=5))
    (group,) = [tabs for tabs in parts(page, Tabs) if tabs.label == "Picture"]
    assert [name for name, _ in group.tabs] == ["Typical", "Best", "Worst"]
    sliders = [part for _, (part,) in group.tabs]
    pictures = {}
    for (word, _), slider in zip(group.tabs, sliders, strict=True):
        assert slider.states[1][0] in slider.caption, "the best system comes first"
        pictures[word] = float(slider.caption.split(" dB")[0].split()[-1])
    assert pictures["Worst"] < pictures["Typical"] < pictures["Best"]
    (median,) = [
        s.caption for s in sliders if isinstance(s, Slider) and "median" in s.caption
    ]
    assert "the median gain of 5 kept pictures" in median
    captions = [slider.caption[:9] for slider in parts(page, Slider)]
    assert len(captions) == len(set(captions)) == 5, "no picture has two sliders"


def test_references_neither_count_as_differing_nor_hide_the_pictures(tmp_path):
    out = make_study(tmp_path, 1, 4, pictures=1)
    with open_results(out / "results.sqlite") as results:
        ceiling = replace(entry(0), run="ceiling", grouping="c", system="ceiling")
        scores = [
            Score("defocus-v1", "input-aligned", "psnr", "image-000", "scene-000", 45.0)
        ]
        results.record(ceiling, scores)
    page = page_of(out)
    (shown, *_) = [
        part for part in parts(page, Folded) if part.anchor.startswith("picture-")
    ]
    assert "over systems 0.00 dB" in shown.line
    (slider,) = parts(page, Slider)
    assert [label for label, _ in slider.states] == ["blurry", "U-Net", "sharp"]
    table = boards(page)["input-aligned"]
    assert set(cells(table, "Kind").values()) == {"reference", "network"}
    assert [table.rows[n][0].text for n in table.references] == ["Input"]
    assert "a perfect restoration would have 45.00 dB" in table.caption


def test_what_has_a_truth_is_compared_with_it_and_not_with_a_moved_sharp_picture(
    tmp_path,
):
    """One system gives the truth, the other the captured sharp picture, which moved."""
    out = make_study(tmp_path, 2, 4, protocols=("input-aligned", "truth"), pictures=1)
    for number in range(3):
        name = out / "runs" / entry(number).run / "images" / "image-000"
        sharp = read_image(Path(f"{name}.sharp.png"))
        write_image(Path(f"{name}.truth.png"), np.roll(sharp, 8, axis=1))
        moved = 0 if number == 2 else 8
        write_image(Path(f"{name}.restored.png"), np.roll(sharp, moved, axis=1))
    page = page_of(out)
    (maps,) = [one for one in parts(page, Gallery) if "error maps" in one.caption]
    assert maps.caption == "image-000: error maps against the truth"
    assert "difference to the truth" in maps.note
    means = [float(tile.line.split()[1]) for tile in maps.tiles]
    assert min(means) == 0 < max(means)
    (exact,) = [
        tile.label for tile, mean in zip(maps.tiles, means, strict=True) if mean == 0
    ]
    assert exact == "U-Net", "its output is the truth"
    (crops,) = [
        one for one in parts(page, Gallery) if "systems differ most" in one.caption
    ]
    assert crops.tiles[-1].label == "truth"
    (slider,) = parts(page, Slider)
    assert [label for label, _ in slider.states][::3] == ["blurry", "truth"]
    said = [
        one.text
        for one in parts(page, Paragraph)
        if "restored 4 test pictures" in one.text
    ]
    assert ["under protocol truth" in one for one in said] == [True]


def test_thumbnails_are_in_the_order_in_which_systems_differ_and_lead_to_their_pages(
    tmp_path,
):
    out = make_study(tmp_path, 3, 4, pictures=3)
    page = page_of(out)
    (grid,) = [one for one in parts(page, Gallery) if "systems differ most" in one.note]
    assert grid.smooth
    lines = [float(tile.line.split()[-2]) for tile in grid.tiles]
    assert len(lines) == 3
    assert lines == sorted(lines, reverse=True)
    anchors = {f"#{part.anchor}": part.title for part in parts(page, Folded)}
    assert [anchors[tile.target] for tile in grid.tiles] == [
        tile.label for tile in grid.tiles
    ]


def test_notes_about_a_column_are_at_its_head_and_once_in_the_list(tmp_path):
    page = page_of(make_study(tmp_path, 3, 24))
    table = boards(page)["input-aligned"]
    at = {
        column.name: [page.notes[n - 1] for n in column.notes]
        for column in table.columns
    }
    assert [text.partition(":")[0] for text in at["Alike"]] == ["Alike"]
    assert at["MACs"] == at["Time"]
    assert at["MACs"][0].startswith("MACs: convolutions")
    assert at["SSIM"] == []
    assert at["Rank"][0].startswith("Rows of a class are in the order of")
    assert at["Gain"] == [ROUNDED]
    assert at["PSNR"][0].startswith("Profile defocus-v1, scored by")
    of_columns = {number for column in table.columns for number in column.notes}
    assert of_columns <= set(table.notes)
    assert set(table.own_notes) == set(table.notes) - of_columns


def test_what_a_mark_means_is_a_note_at_the_mark(tmp_path):
    out = make_study(tmp_path, 2, 24)
    with open_results(out / "results.sqlite") as results:
        (row,) = [one for one in results.entries() if one.system == "unet"]
        scaled = replace(row, run="scaled", grouping="scaled", system="unet@scales")
        values = [
            Score(
                "defocus-v1", "gt", "psnr", f"image-{n:03d}", f"scene-{n:03d}", 20.0 + n
            )
            for n in range(24)
        ]
        results.record(scaled, values)
    table = boards(page_of(out))["gt"]
    page = page_of(out)
    notes = {
        head.text: [page.notes[n - 1] for n in head.notes] for head, *_ in table.rows
    }
    assert [one.partition(":")[0] for said in notes.values() for one in said] == [
        "@scales"
    ]
    assert not {n for head, *_ in table.rows for n in head.notes} & set(table.own_notes)


def test_quality_against_cost_begins_with_three_systems(tmp_path):
    two, three = (
        make_study(tmp_path / str(n), n, 4, protocols=("gt",)) for n in (2, 3)
    )
    assert parts(page_of(two), Scatter) == []
    assert {len(one.points) for one in parts(page_of(three), Scatter)} == {3}


def test_the_crop_is_where_restorations_differ_and_the_front_is_unbeaten():
    sharp = np.full((200, 300, 3), 100, np.uint8)
    first, second = sharp.copy(), sharp.copy()
    first[120:140, 210:230] = 160  # the two differ here alone
    first[10:30, 10:30] = second[10:30, 10:30] = 0  # both are equally wrong here
    top, left, side = most_different([first, second], sharp)
    assert top <= 120 < 140 <= top + side
    assert left <= 210 < 230 <= left + side
    top, left, side = most_different([second], sharp)
    assert (top, left) < (30, 30)
    assert pareto_front({"a": (1, 20), "b": (1, 21), "c": (2, 21), "d": (3, 30)}) == {
        "b",
        "d",
    }


def test_names_of_a_strange_store_lead_nowhere_else(tmp_path, refused):
    with refused(InputError):
        run_folder(tmp_path, "../../elsewhere")
    with refused(InputError):
        run_folder(tmp_path, "..")
    write_image(tmp_path / "secret.restored.png", np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "out/runs/net-1/images").mkdir(parents=True)
    kept = KeptPictures(tmp_path / "out")
    nothing = cast(Any, None)
    scores = PictureScores(nothing, nothing, ((ENTRY,),), ("net",), frozenset(), {}, {})
    assert not kept.has(scores, "../../../../secret")
