"""The report of a study by dose begins with the study's own result."""

import copy
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from defocus.benchmark.documents.page import build_page
from defocus.benchmark.documents.publish import publish
from defocus.benchmark.documents.write import write_figures, write_report
from defocus.benchmark.leaderboard.content import read_content
from defocus.benchmark.leaderboard.lines import read_boards
from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.results.store import open_results
from defocus.errors import InputError
from defocus.extras.studies.dose.kept import DOSES, read_doses
from defocus.extras.studies.dose.outputs.layout import (
    CROP_PX,
    GAP_PX,
    HEAD_PX,
    SHOWN,
    cut_strip,
    error_picture,
    error_scale,
    joined,
    strip_name,
)
from defocus.extras.studies.dose.outputs.straight_lines import REACH_PX
from defocus.extras.studies.dose.outputs.ticks import with_ticks
from defocus.extras.studies.dose_report.charts import (
    dose_chart,
    part_charts,
    trust_chart,
)
from defocus.extras.studies.dose_report.parts import dose_parts
from defocus.extras.studies.dose_report.tables import part_tables
from defocus.pictures.write import write_image
from defocus.reports.html import render_html
from defocus.reports.model import (
    Curves,
    Facts,
    Folded,
    Gallery,
    Measured,
    Page,
    Paragraph,
    Table,
    Tabs,
    parts_inside,
)
from tests.benchmark.example_study import make_study
from tests.reports.test_plot import drawn, lines, marks

LABELS = [
    "blurry input",
    "1 plain loss",
    "JDRL",
    "registered pairs",
    "true pairs",
    "truth",
]
GAINS = {
    0.0: {
        "1 plain loss": 1.0,
        "JDRL": 0.75,
        "registered pairs": 1.06,
        "true pairs": 1.125,
    },
    8.0: {
        "1 plain loss": -4.0,
        "JDRL": 0.5,
        "registered pairs": 1.0,
        "true pairs": 1.125,
    },
}
TRAINED = {"1 plain loss", "JDRL", "registered pairs", "true pairs"}
"""The lines that are trained, as the option --line calls them."""


def estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.125, "high": value + 0.25}


def one_dose(dose: float) -> dict[str, Any]:
    gains = {"blurry input": 0.0, **GAINS[dose]}
    lines = [
        {
            "label": label,
            "system": "input" if label == "blurry input" else f"unet-{number}",
            "over_input": estimate(gain),
            "whole_over": estimate(gains["JDRL"] - gain),
            "over_plain": {"psnr": estimate(gain - gains["1 plain loss"])},
            "parts_over_input": {},
            "means": {
                "truth/psnr": 25.0 + gain,
                "edge_px": 0.5 + number,
                "line_px": 0.25,
            },
            "share": estimate(gain / 8) if label == "JDRL" else None,
            "moved_px": {**estimate(0.5 * number), "scenes": 38},
            "bent_px": None if label == "true pairs" else estimate(0.25 * number),
            "steps": 400 * min(number, 1),
            "seconds": 90.0 * number,
        }
        for number, (label, gain) in enumerate(gains.items())
    ]
    bends = [0.11, 0.22, 0.33, None, 0.55, 0.0]
    return {
        "dose_px": dose,
        "lines": lines,
        "tau": {"gt": estimate(-0.5 if dose else 1.0), "input-aligned": None},
        "scene_gains": {"line": "registered pairs"},
        "strip": {
            "labels": LABELS, "scene": f"test-3-{dose:g}px", "left": 31, "top": 7,
            "lines": {"scene": "test-5", "ends_px": [[9.0, 8.5], [70.0, 9.0]], "bends_px": bends}
            if dose else None,
        },
    }  # fmt: skip


def document() -> dict[str, Any]:
    return {
        "network": "defocus-s", "narrow": False, "dataset": "manifest:pairs",
        "scenes": 40, "training_pairs": 300, "seeds": 5,
        "plain": "1 plain loss", "whole": "JDRL", "rivals": ["registered pairs"],
        "truth": "true pairs", "doses": [one_dose(8.0), one_dose(0.0)],
    }  # fmt: skip


def crops(seed: int, count: int) -> list[NDArray[np.uint8]]:
    draws = np.random.default_rng(seed)
    return list(draws.integers(0, 255, (count, CROP_PX, CROP_PX, 3), np.uint8))


def strip(dose: float) -> NDArray[np.uint8]:
    """A strip as the study writes it; each of its pictures has noise of its own."""
    side = CROP_PX * SHOWN
    head, gap = (
        np.full((height, side, 3), 255, np.uint8) for height in (HEAD_PX, GAP_PX)
    )

    def large(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return crop.repeat(SHOWN, axis=0).repeat(SHOWN, axis=1)

    errors = [*crops(1, 5), np.full((CROP_PX, CROP_PX, 3), 255, np.uint8)]
    first = [
        np.concatenate([head, large(crop), gap, large(error)])
        for crop, error in zip(crops(0, 6), errors, strict=True)
    ]
    second = [np.concatenate([head, large(crop)]) for crop in crops(2, 6)]
    return joined([first, second] if dose else [first])


def keep(out: Path, kept: object) -> Path:
    (out / "dose.json").write_text(json.dumps(kept))
    for dose in GAINS:
        write_image(out / strip_name(dose), strip(dose))
    return out


@pytest.fixture
def study(tmp_path):
    return keep(
        make_study(tmp_path / "study", 3, 4, protocols=("gt", "truth")), document()
    )


def page_of(out: Path) -> Page:
    with open_results(out / "results.sqlite") as results:
        return build_page(out, results, leaderboard(results))


def test_a_strip_is_taken_apart_as_it_was_put_together(refused):
    strip_parts = cut_strip(strip(8.0), 6, lines=True)
    for parts, seed in ((strip_parts.crops, 0), (strip_parts.lines, 2)):
        assert np.array_equal(parts, crops(seed, 6))
    assert cut_strip(strip(0.0), 6, lines=False).lines == ()
    for wrong, columns in ((strip(8.0)[:-1], 6), (strip(8.0), 5), (strip(0.0), 6)):
        with refused(ValueError):
            cut_strip(wrong, columns, lines=True)


def test_the_report_begins_with_the_result_by_dose(study):
    page = page_of(study)
    assert page.title == "What JDRL is worth: Defocus-S"
    assert [heading for heading, _ in page.sections[:6]] == [
        "Gain by dose", "Claims", "Which scores can be trusted?", "Every line by dose",
        "Crops by dose", "Leaderboards",
    ]  # fmt: skip
    best, control, joint, registered, drawn = page.summary.split("\n")
    assert (
        "registered pairs at 0 px, +1.06 dB (0.94 to 1.31); registered pairs at 8 px"
        in best
    )
    assert control == "Trained on true pairs: +1.12 dB (1.00 to 1.38)."
    assert joint == (
        "JDRL over plain loss: −0.25 dB (−0.38 to 0.00) at 0 px, +4.50 dB (4.38 to 4.75) at 8 px."
    )
    assert registered == (
        "Registered pairs over JDRL: +0.31 dB (0.06 to 0.44) at 0 px, "
        "+0.50 dB (0.25 to 0.62) at 8 px."
    )
    assert drawn == "Means over 40 test scenes and 5 seeds, with 95 % intervals."
    folded = page.sections[5][1]
    assert all(isinstance(part, Folded) for part in folded)
    assert [part.title for part in folded if isinstance(part, Folded)] == [
        "Leaderboard", "Names of the lines",
    ]  # fmt: skip
    (names,) = parts_inside(folded[-1])
    assert isinstance(names, Facts)
    assert ("JDRL", "unet-2") in names.facts
    headings = [heading for heading, _ in page.sections]
    assert not any("JDRL and the plain loss" in heading for heading in headings), (
        "nothing twice"
    )


def test_the_lines_of_a_custom_schedule_are_compared_with_each_other(tmp_path):
    out = keep(
        make_study(tmp_path, 3, 4, budget="custom", protocols=("truth",)), document()
    )
    said = "ustom schedule: compare the lines with each other, never with published numbers"
    page = page_of(out)
    assert page.notice == f"c{said}"
    assert page.notes[0].startswith(
        f"Rows of a class are in the order of PSNR. C{said}."
    )
    assert not any("not a comparison" in note for note in page.notes)
    (out / "dose.json").unlink()
    assert page_of(out).notice.startswith("custom schedule: compare rows")
    assert "Rows of the custom schedule have no rank" in page_of(out).notes[0]


def test_one_seed_is_named_where_its_intervals_stand(study):
    keep(study, document() | {"seeds": 1, "scenes": 4})
    page = page_of(study)
    said = "and 1 seed, with 95 % intervals, which know nothing of the spread between trainings."
    assert page.summary.endswith(f"Means over 4 test scenes {said}")
    methods = [
        part.text
        for part in dict(page.sections)["Methods"]
        if isinstance(part, Paragraph)
    ]
    own, boards = methods
    assert "hierarchical bootstrap" in own
    assert own.endswith(said)
    assert "Intervals of the leaderboards are 95 %" in boards, (
        "and these need 10 scenes"
    )


@pytest.mark.parametrize("origins", [None, 12])
def test_the_intervals_say_what_a_resample_draws(study, origins):
    keep(study, document() | {"origins": origins})
    methods = [one.text for one in dict(page_of(study).sections)["Methods"]
               if isinstance(one, Paragraph)]  # fmt: skip
    drawn = (
        "test scenes"
        if origins is None
        else "from the photographs and textures behind the"
    )
    assert f"a resample draws {drawn}" in methods[0]
    assert ("(12 in all), then from the scenes of each" in methods[0]) is (
        origins == 12
    )


def test_the_title_asks_for_parts_only_where_parts_were_trained(study):
    kept = document() | {"network": "nafnet", "narrow": True}
    keep(study, kept)
    assert page_of(study).title == "What JDRL is worth: NAFNet, narrow copy"
    for one in kept["doses"]:
        one["lines"].append(
            {**copy.deepcopy(one["lines"][1]), "label": "2 without mask"}
        )
    keep(study, kept)
    assert (
        page_of(study).title == "What each part of JDRL is worth: NAFNet, narrow copy"
    )
    keep(study, document() | {"network": "of-nobody"})
    assert page_of(study).title == "What JDRL is worth: of-nobody"


def test_each_protocol_has_its_tau_by_dose(study):
    chart, table = dict(page_of(study).sections)["Which scores can be trusted?"]
    assert isinstance(table, Table)
    assert [column.name for column in table.columns] == ["Protocol", "0 px", "8 px"]
    assert table.rows == (
        ("gt", Measured(1.0, (0.875, 1.25)), Measured(-0.5, (-0.625, -0.25))),
        ("input-aligned", None, None),
    )
    assert isinstance(chart, Curves)
    assert [(curve.label, curve.x, curve.y) for curve in chart.curves] == [
        ("gt", (0, 1), (1.0, -0.5))
    ], "a protocol without tau has no curve"
    assert chart.curves[0].errors == ((0.125, 0.25), (0.125, 0.25))
    assert "the reverse" in chart.note


def test_a_protocol_that_has_no_tau_at_a_dose_keeps_its_places():
    kept = by_dose(document())
    kept["doses"][0]["tau"]["gt"] = None
    (curve,) = trust_chart(kept).curves
    assert (curve.x, curve.y) == ((1,), (-0.5,))
    assert trust_chart(kept).places == ("0", "8")


def test_every_line_has_its_numbers_at_each_dose(study):
    folded = dict(page_of(study).sections)["Every line by dose"]
    assert [part.title for part in folded if isinstance(part, Folded)] == [
        "Dose 0 px",
        "Dose 8 px",
    ]
    (table,) = parts_inside(folded[1])
    assert isinstance(table, Table)
    assert [column.name for column in table.columns] == [
        "Line", "PSNR", "Gain over the input", "Gain over 1 plain loss", "Share of the gap",
        "Edges", "Moved", "Lines", "Bent", "Minutes",
    ]  # fmt: skip
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["JDRL"] == (
        25.5, Measured(0.5, (0.375, 0.75)), Measured(4.5, (4.375, 4.75)),
        Measured(0.0625, (-0.0625, 0.3125)), 2.5, Measured(1.0, (0.875, 1.25)),
        0.25, Measured(0.5, (0.375, 0.75)), 3.0,
    )  # fmt: skip
    assert rows["true pairs"][7] is None, "no scene shows a line in both"
    blurry = rows["blurry input"]
    assert (blurry[5], blurry[7], blurry[8]) == (None, None, None), (
        "nothing was trained"
    )
    assert rows["1 plain loss"][3] is None
    kept = document()
    del kept["doses"][0]["lines"][2]["means"]["line_px"]
    keep(study, kept)
    (table,) = parts_inside(dict(page_of(study).sections)["Every line by dose"][1])
    assert isinstance(table, Table)
    assert table.rows[2][7] is None
    del kept["doses"][0]["lines"][2]["moved_px"]
    keep(study, kept)
    (table,) = parts_inside(dict(page_of(study).sections)["Every line by dose"][1])
    assert isinstance(table, Table)
    assert table.rows[2][6] is None, "older files lack it"


def test_a_control_is_not_the_best_way_to_train(study):
    """Lines that are told a truth may gain most, but nobody can train so."""
    kept = document()
    for one in kept["doses"]:
        aligned = copy.deepcopy(one["lines"][-1])
        one["lines"].append(
            {**aligned, "label": "aligned before", "over_input": estimate(9.0)}
        )
    keep(study, {**kept, "controls": ["aligned before", "true pairs"]})
    best = page_of(study).summary.split("\n")[0]
    assert "aligned before" not in best
    assert "registered pairs at 8 px, +1.00 dB" in best
    keep(study, kept)  # a file from before that names no further control
    assert "aligned before at 8 px" in page_of(study).summary
    for one in kept["doses"]:
        one["lines"][-1]["label"] = "control: pre-aligned pairs"
    keep(study, kept)
    assert "pre-aligned pairs at 8 px" in page_of(study).summary, (
        "anybody can align pairs"
    )
    assert page_of(study).title == "What JDRL is worth: Defocus-S"


def test_a_study_in_which_nothing_learned_says_so(study):
    assert "none gains" not in page_of(study).summary
    assert "has not learned" not in page_of(study).summary
    kept = document()
    for line in kept["doses"][0]["lines"]:
        line["over_input"] = estimate(min(line["over_input"]["value"], -0.02))
    keep(study, kept)
    sentences = page_of(study).summary.split("\n")
    dose = kept["doses"][0]["dose_px"]
    assert re.search(rf"none gains: [a-zA-Z ]+ at {dose:g} px, −0\.02 dB", sentences[0])
    for one in kept["doses"]:
        one["lines"][-1]["over_input"] = estimate(0.1)
    keep(study, kept)
    assert page_of(study).summary.split("\n")[1] == (
        "Trained on true pairs: +0.10 dB (−0.02 to 0.35). The network has not learned to deblur: "
        "train it longer before you compare ways to train."
    )


def test_the_chart_has_every_gain_of_the_file(study):
    (chart,) = page_of(study).sections[0][1]
    assert isinstance(chart, Curves)
    assert chart.places == ("0", "8")
    for curve in chart.curves:
        assert curve.x == (0, 1)
        assert curve.y == (GAINS[0.0][curve.label], GAINS[8.0][curve.label])
        assert curve.errors == ((0.125, 0.25), (0.125, 0.25))
    assert {curve.label for curve in chart.curves} == TRAINED
    assert chart.floor == 0, "no line but the plain loss is below the input"
    assert chart.note.endswith("Below the chart: 1 plain loss, −4.00 dB at 8 px.")
    assert "40 test scenes, 300 training pairs per dose, seeds: 5" in chart.note
    keep(study, document() | {"network": "nafnet", "narrow": True})
    (chart,) = page_of(study).sections[0][1]
    assert "network: NAFNet, narrow copy." in chart.note


def test_the_chart_is_a_figure_for_a_paper(study, tmp_path):
    written = write_figures(study, tmp_path / "figures", "svg")
    assert written[0].name == "gain-by-dose-1.svg"


def test_a_line_that_is_below_the_chart_at_every_dose_is_only_told():
    kept = by_dose(document())
    kept["doses"] = kept["doses"][1:]
    chart = dose_chart(kept)
    assert {curve.label for curve in chart.curves} == TRAINED - {"1 plain loss"}
    assert chart.note.endswith("Below the chart: 1 plain loss, −4.00 dB at 8 px.")


def with_twelve_more_lines(kept: dict[str, Any]) -> dict[str, Any]:
    """Copies of the plain loss at each dose, before its own lines."""
    for one in kept["doses"]:
        (plain,) = (line for line in one["lines"] if line["label"] == "1 plain loss")
        others = [
            {**copy.deepcopy(plain), "label": f"part {number}"} for number in range(12)
        ]
        one["lines"] = [*others, *one["lines"]]
    return kept


def test_of_too_many_lines_the_central_ones_are_drawn():
    kept = with_twelve_more_lines(document())
    chart = dose_chart(kept)
    assert len(chart.curves) == 12
    assert {curve.label for curve in chart.curves} > TRAINED
    assert "Not shown: 4 further lines with less gain." in chart.note
    assert "part 11" not in {curve.label for curve in chart.curves}
    for one in kept["doses"]:
        one["lines"][11]["over_input"] = {"value": 9.0, "low": 8.0, "high": 10.0}
    assert "part 11" in {curve.label for curve in dose_chart(kept).curves}, (
        "the best is shown"
    )


PARTS = {
    "psnr_edges": 0.25, "psnr_flat": 0.5, "psnr_in_focus": 4.0, "psnr_coc_0_2": 4.0,
    "psnr_coc_2_4": 1.0, "psnr_coc_16_up": 2.0,
}  # fmt: skip
"""Part, and how many times the gain over the plain loss is planted in it."""


def by_dose(kept: dict[str, Any]) -> dict[str, Any]:
    kept["doses"].sort(key=lambda one: one["dose_px"])
    return kept


def document_with_parts() -> dict[str, Any]:
    kept = by_dose(document())
    for one in kept["doses"]:
        plain = GAINS[one["dose_px"]]["1 plain loss"]
        for line in one["lines"]:
            gain = line["over_input"]["value"] - plain
            line["over_plain"] |= {
                part: estimate(times * gain) for part, times in PARTS.items()
            }
            over = line["over_input"]["value"]
            line["parts_over_input"] = {
                part: estimate(n * over) for part, n in PARTS.items()
            }
    return kept


def test_the_gains_by_part_stand_at_their_parts():
    charts = part_charts(document_with_parts())
    assert list(charts) == [0.0, 8.0]
    assert charts[8.0].places == (
        "edges", "flat parts", "in focus", "2–4 px", "≥ 16 px",
    )  # fmt: skip
    assert charts[8.0].caption.endswith("dose 8 px")
    curves = {curve.label: curve for curve in charts[8.0].curves}
    assert set(curves) == {*TRAINED, "blurry input"}
    times = [0.25, 0.5, 4.0, 1.0, 2.0]
    for label, gain in (("1 plain loss", 0.0), ("JDRL", 4.5), ("blurry input", 4.0)):
        points = zip(
            curves[label].x, curves[label].y, curves[label].errors, strict=True
        )
        finite = [point for point in points if np.isfinite(point[0])]
        assert finite == [(n, one * gain, (0.125, 0.25)) for n, one in enumerate(times)]
    assert "Where a line lies below the blurry input" in charts[8.0].note


def test_only_circles_of_confusion_are_joined():
    (jdrl,) = (
        c for c in part_charts(document_with_parts())[8.0].curves if c.label == "JDRL"
    )
    number = list(jdrl.x)
    gaps = [place for place, x in enumerate(number) if not np.isfinite(x)]
    assert gaps == [1, 3], "after the edges and after the flat parts"
    curves = lines(drawn(part_charts(document_with_parts())[8.0]))
    assert [len(marks(line)) for line in curves] == [5] * 5


def test_the_gain_over_the_input_by_part_has_its_intervals():
    table = part_tables(document_with_parts())[8.0]
    assert [column.name for column in table.columns] == [
        "Line", "edges", "flat parts", "in focus (0–2 px)", "2–4 px", "≥ 16 px",
    ]  # fmt: skip
    rows = {row[0]: row[1:] for row in table.rows}
    assert set(rows) == TRAINED
    gain = GAINS[8.0]["JDRL"]
    assert rows["JDRL"] == tuple(
        Measured(times * gain, (times * gain - 0.125, times * gain + 0.25))
        for times in (0.25, 0.5, 4.0, 1.0, 2.0)
    )


def test_an_older_study_has_no_gains_over_the_input_by_part(study):
    kept = document_with_parts()
    for one in kept["doses"]:
        for line in one["lines"]:
            del line["parts_over_input"]
    (study / DOSES).write_text(json.dumps(kept))
    older = read_doses(study)
    assert older
    assert part_charts(older)
    assert part_tables(older) == {}


def test_a_part_that_a_line_lacks_is_left_open():
    kept = document_with_parts()
    for line in kept["doses"][1]["lines"]:
        if line["label"] == "JDRL":
            del (
                line["over_plain"]["psnr_coc_2_4"],
                line["parts_over_input"]["psnr_coc_2_4"],
            )
    (jdrl,) = (
        curve for curve in part_charts(kept)[8.0].curves if curve.label == "JDRL"
    )
    assert np.isnan(jdrl.y[jdrl.x.index(3)])
    rows = {row[0]: row[1:] for row in part_tables(kept)[8.0].rows}
    assert [one is None for one in rows["JDRL"]] == [False, False, False, True, False]


def test_each_dose_has_its_gains_by_part(study):
    sections = dict(dose_parts(study, document_with_parts()))
    (tabs,) = sections["Gain by part of the picture"]
    assert isinstance(tabs, Tabs)
    assert [name for name, _ in tabs.tabs] == ["0 px", "8 px"]
    assert [type(part) for part in tabs.tabs[0][1]] == [Curves, Table]
    assert not dict(dose_parts(study, document()))["Gain by part of the picture"]


def test_a_study_with_parts_has_them_in_its_report_and_figures(study, tmp_path):
    keep(study, document_with_parts())
    page = page_of(study)
    headings = [heading for heading, _ in page.sections]
    assert headings[4:6] == ["Gain by part of the picture", "Crops by dose"]
    (tabs,) = page.sections[4][1]
    chart, _ = parts_inside(tabs)[:2]
    assert isinstance(chart, Curves)
    assert repr(chart) == repr(part_charts(document_with_parts())[0.0]), (
        "nan equals nothing"
    )
    written = write_figures(study, tmp_path / "figures", "svg")
    assert [file.name for file in written[:3]] == [
        "gain-by-dose-1.svg", "gain-by-part-1.svg", "gain-by-part-2.svg",
    ]  # fmt: skip
    drawn = written[2].read_text(encoding="utf-8")
    assert "<!-- flat parts -->" in drawn
    assert "dose 8 px, dB" in drawn or "dose 0 px, dB" in drawn, "its dose is on it"


def test_of_too_many_lines_the_blurry_input_stays_among_the_parts():
    kept = with_twelve_more_lines(document_with_parts())
    chart = part_charts(kept)[8.0]
    assert len(chart.curves) == 12
    assert {curve.label for curve in chart.curves} > {*TRAINED, "blurry input"}
    assert "Not shown: 5 further lines with less gain." in chart.note


def test_the_claims_have_verdicts(study):
    (table,) = page_of(study).sections[1][1]
    assert isinstance(table, Table)
    assert [column.name for column in table.columns] == ["Claim", "Verdict", "8 px"]
    verdicts = {str(row[0]): row[1] for row in table.rows}
    assert verdicts == {
        "JDRL above 1 plain loss": "confirmed",
        "JDRL above blurry input": "confirmed",
        "registered pairs above JDRL": "confirmed",
    }
    differences = {str(row[0]): row[2] for row in table.rows}
    assert differences["JDRL above 1 plain loss"] == Measured(4.5, (4.375, 4.75))
    assert differences["registered pairs above JDRL"] == Measured(0.5, (0.25, 0.625))


def test_fewer_than_three_seeds_decide_nothing(study):
    keep(study, {**document(), "seeds": 2})
    (table,) = page_of(study).sections[1][1]
    assert isinstance(table, Table)
    assert {row[1] for row in table.rows} == {"not decided"}


def test_each_dose_has_its_crops(study):
    (tabs,) = dict(page_of(study).sections)["Crops by dose"]
    assert isinstance(tabs, Tabs)
    assert [name for name, _ in tabs.tabs] == ["0 px", "8 px"]
    pictures, lines = tabs.tabs[1][1]
    assert isinstance(pictures, Gallery)
    assert isinstance(lines, Gallery)
    assert pictures.caption.startswith(
        "test-3-8px: the test scene at which registered pairs"
    )
    assert "112 × 112 px at x 31, y 7" in pictures.note
    assert "error against the truth × 1, the same for all" in pictures.note, (
        "noise differs much"
    )
    assert [tile.label for tile in pictures.tiles] == LABELS
    *restored, truth = crops(0, 6)
    for tile, crop in zip(pictures.tiles, restored, strict=False):
        error = np.abs(crop.astype(int) - truth)
        assert np.array_equal(tile.picture, np.concatenate([crop, error]))
    assert np.array_equal(pictures.tiles[-1].picture, truth)
    assert [tile.line for tile in lines.tiles][1:4] == [
        "bend 0.22 px", "bend 0.33 px", "line is not seen",
    ]  # fmt: skip
    assert "beyond the blurry input by the median. Ticks beside the line" in lines.note
    assert len(tabs.tabs[0][1]) == 1, "no straight line there"
    kept = document()
    del kept["doses"][0]["strip"]["lines"]["ends_px"]
    keep(study, kept)
    (tabs,) = dict(page_of(study).sections)["Crops by dose"]
    _, lines = parts_inside(tabs)[1:]
    assert isinstance(lines, Gallery)
    assert "has its median bend of lines. Bend:" in lines.note, (
        "an older strip has no ticks"
    )


@pytest.mark.parametrize(
    ("error", "scale"), [(0, 20), (12, 20), (13, 15), (60, 4), (200, 1)]
)
def test_errors_are_made_as_bright_as_those_of_the_input_allow(error, scale):
    truth = np.full((32, 32, 3), 255, np.uint8)
    blurry = truth - np.uint8(error)
    blurry[0, 0] = 0  # one pixel in a thousand counts for nothing
    assert error_scale(blurry, truth) == scale
    shown = error_picture(blurry, truth, scale)
    assert (shown[1:] == min(scale * error, 255)).all()
    assert (shown[0, 0] == 255).all()


@pytest.mark.parametrize("stop", [(80.0, 61.0), (300.0, 40.0)])
def test_ticks_stand_beside_the_ends_of_a_line_and_leave_it_free(stop):
    """The second line leaves the crop."""
    grey = np.full((CROP_PX, CROP_PX, 3), 128, np.uint8)
    start, end = np.array([30.0, 40.0]), np.array(stop)
    marked = with_ticks(grey, start, end)
    assert (grey == 128).all()
    rows, columns = np.nonzero((marked != 128).any(axis=2))
    way = (end - start) / np.hypot(*(end - start))
    places = np.stack([columns, rows], axis=1) - start
    along, across = places @ way, places @ np.array([way[1], -way[0]])
    assert np.abs(across).min() > REACH_PX, "what is measured is not painted over"
    assert (across > 0).any()
    assert (across < 0).any()
    last = min(np.hypot(*(end - start)), CROP_PX - 2 - 30)
    assert (np.minimum(np.abs(along), np.abs(along - last)) < 4).all()
    assert (np.abs(along) < 4).any()
    assert (np.abs(along - last) < 4).any()


def test_print_begins_alike(study):
    with open_results(study / "results.sqlite") as results:
        printed = build_page(study, results, leaderboard(results), printed=True)
    page = page_of(study)
    assert printed.summary == page.summary
    assert printed.title == page.title
    headings = [[heading for heading, _ in one.sections[:6]] for one in (printed, page)]
    assert headings[0] == headings[1]


def test_no_label_is_markup(study):
    kept = document()
    hostile = '"><script>alert(1)</script>'
    text = json.dumps(kept).replace('"registered pairs"', json.dumps(hostile))
    text = text.replace('"test-3-8px"', json.dumps(hostile))
    keep(study, json.loads(text))
    shown = render_html(page_of(study))
    assert "<script>alert" not in shown
    assert shown.count("&lt;script&gt;alert(1)") >= 6


def test_the_report_follows_the_file_and_only_the_file(study):
    with open_results(study / "results.sqlite") as results:
        publish(study, results)
        first = (study / "report.html").read_text(encoding="utf-8")
        times = {path: path.stat().st_mtime_ns for path in study.glob("report.*")}
        assert len(times) == 2
        publish(study, results)
        assert {
            path: path.stat().st_mtime_ns for path in study.glob("report.*")
        } == times
        keep(study, {**document(), "seeds": 7})
        publish(study, results)
        assert "seeds: 7" in (study / "report.html").read_text(encoding="utf-8")
        keep(study, document())
        publish(study, results)
        assert (study / "report.html").read_text(encoding="utf-8") == first
        write_image(study / strip_name(0.0), 255 - strip(0.0))
        publish(study, results)
        assert (study / "report.html").read_text(encoding="utf-8") != first
    write_report(study)
    assert "Crops by dose" in (study / "report.html").read_text(encoding="utf-8")


def changed(place: str, value: object) -> dict[str, Any]:
    """The document with another value at a place such as ``doses.0.dose_px``."""
    kept = document()
    *names, last = [int(one) if one.isdigit() else one for one in place.split(".")]
    inner: Any = kept
    for name in names:
        inner = inner[name]
    inner[last] = value
    return kept


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ([], "damaged"),
        (changed("doses", []), "'doses': "),
        (changed("doses.0.dose_px", -1.0), "'doses.0.dose_px': "),
        (changed("doses.0.dose_px", "8"), "'doses.0.dose_px': "),
        (changed("doses.0.dose_px", 0.0), "a dose is listed twice"),
        (
            changed("doses.0.lines.1.over_input.low", None),
            "'doses.0.lines.1.over_input.low': ",
        ),
        (changed("doses.0.lines.1.whole_over", 1.0), "'doses.0.lines.1.whole_over': "),
        (
            changed("doses.0.lines.1.over_plain", {"psnr": 1}),
            "'doses.0.lines.1.over_plain.psnr': ",
        ),
        (changed("doses.0.tau.gt", 1.0), "'doses.0.tau.gt': "),
        (changed("doses.0.lines.1.share", 0.5), "'doses.0.lines.1.share': "),
        (
            changed("doses.0.lines.1.means.edge_px", "0.5"),
            "'doses.0.lines.1.means.edge_px': ",
        ),
        (changed("doses.0.lines.1.steps", -1), "'doses.0.lines.1.steps': "),
        (changed("doses.0.lines.1.seconds", None), "'doses.0.lines.1.seconds': "),
        (
            changed("doses.0.strip.lines.ends_px", 3.0),
            "'doses.0.strip.lines.ends_px': ",
        ),
        (changed("doses.0.strip.left", 1.5), "'doses.0.strip.left': "),
        (changed("doses.0.strip.lines.bends_px", [0.1]), "not one bend per label"),
        (changed("whole", "of nobody"), "no line 'of nobody' at 0 px"),
        (changed("whole", "true pairs"), "not three lines"),
        (changed("controls", ["1 plain loss"]), "plain or whole is among the controls"),
        (
            changed("doses.0.lines.1.over_input.low", float("nan")),
            "NaN is not a number of JSON",
        ),
        (changed("origins", "5"), "'origins': "),
        (changed("origins", 0), "its photographs and textures do not fit its scenes"),
        (changed("origins", 41), "its photographs and textures do not fit its scenes"),
    ],
)
def test_a_damaged_file_is_named_in_one_line(tmp_path, kept, said):
    (tmp_path / "dose.json").write_text(json.dumps(kept))
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        read_doses(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'dose.json'}: damaged (")
    assert str(caught.value).endswith(
        "; delete it, then use the same 'studies ablate' again"
    )
    assert "\n" not in str(caught.value)


def test_other_damage_leaves_the_section_out_by_name(study, capfd):
    def said() -> str:
        assert all(name != "Misalignment" for name, _ in page_of(study).sections)
        return capfd.readouterr().err

    (study / "dose.json").write_text('{"doses": [')
    assert "dose.json: damaged" in said()
    keep(study, document())
    write_image(study / strip_name(8.0), strip(0.0))
    assert "strip-8px.png: damaged (1374x480 px are not 6 col" in said()
    (study / strip_name(8.0)).unlink()
    assert "; delete dose.json, then use the same" in said()
    (study / "dose.json").unlink()
    assert page_of(study).sections[0][0] == "Leaderboard"
    os.mkfifo(study / "dose.json")
    assert "dose.json: a pipe, not a file" in said()


def test_a_file_without_strips_has_the_rest(study):
    kept = document()
    for one in kept["doses"]:
        del one["strip"]
    keep(study, kept)
    headings = [heading for heading, _ in page_of(study).sections[3:5]]
    assert headings == ["Every line by dose", "Leaderboards"]


@pytest.mark.parametrize(
    ("protocols", "first"),
    [
        (("gt", "input-aligned", "truth"), "truth"),
        (("gt", "input-aligned"), "input-aligned"),
        (("gt",), "gt"),
    ],
)
def test_rendered_pictures_are_compared_with_the_truth_first(
    tmp_path, protocols, first
):
    out = make_study(tmp_path, 2, 4, protocols=protocols)
    with open_results(out / "results.sqlite") as results:
        content = read_content(out, results, leaderboard(results))
        (board,) = read_boards(content)
        page = build_page(out, results, content.rows)
    assert board.conventions[0].protocol == first
    assert ("against the truth" in page.summary) is (first == "truth")
