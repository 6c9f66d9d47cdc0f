"""The report's page: filled from the store and the files of the runs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from defocus.benchmark import publish as module
from defocus.benchmark.leaderboard import leaderboard
from defocus.benchmark.page import build_page
from defocus.benchmark.publish import publish
from defocus.benchmark.results import Cost, Entry, Score, open_results
from defocus.benchmark.tables import score_tables
from defocus.images import write_image
from defocus.reports.model import Curves, Facts, Page, Slider, Table

ENTRY = Entry(
    run="net-1",
    grouping="g",
    evaluation="e",
    system="net",
    input="single",
    weights="trained",
    reconstruction=0,
    train_dataset="made",
    dataset="made",
    data_hash="0",
    split="test",
    budget="demo",
    seed=0,
    status="ok",
)


def fill(out: Path, budget: str = "demo") -> None:
    """A study of two systems and one test picture."""
    entries = [
        replace(ENTRY, budget=budget),
        replace(ENTRY, run="input-1", system="input", grouping="i", weights="none", budget=budget),
    ]
    with open_results(out / "results.sqlite") as results:
        for entry in entries:
            scores = [Score("default", "gt", "psnr", "cat", "cat", 20.0)]
            results.record(entry, scores, [Cost("seconds", 1.0)])
            folder = out / "runs" / entry.run / "images"
            folder.mkdir(parents=True)
            for number, state in enumerate(("blurry", "restored", "sharp")):
                picture = np.full((8, 12, 3), number, np.uint8)
                write_image(folder / f"cat.{state}.png", picture)
            document = {"run": entry.run, "schedule": {"steps": 4}, "device": "cpu"}
            (folder.parent / "run.json").write_text(json.dumps(document))
    lines = [f"{step},0,{step},0.1,{1 / step}" for step in range(1, 501)]
    text = "\n".join(["step,epoch,seconds,learning_rate,loss", *lines])
    (out / "runs" / "net-1" / "train.csv").write_text(text)


def page_of(out: Path) -> Page:
    with open_results(out / "results.sqlite") as results:
        return build_page(out, results, leaderboard(results))


def parts(page: Page, kind: type) -> list[object]:
    return [part for _, section in page.sections for part in section if isinstance(part, kind)]


def test_the_page_shows_tables_pictures_curves_and_provenance(tmp_path: Path) -> None:
    fill(tmp_path)
    page = page_of(tmp_path)
    assert page.notice == "demo budget, not a comparison"
    headings = [heading for heading, _ in page.sections]
    assert headings == ["Leaderboard", "Costs", "Pictures", "Training", "Settings and provenance"]
    tables = parts(page, Table)
    assert len(tables) == 2
    (slider,) = parts(page, Slider)
    assert isinstance(slider, Slider)
    assert [label for label, _ in slider.states] == ["blurry", "net", "sharp"]
    assert [int(picture[0, 0, 0]) for _, picture in slider.states] == [0, 1, 2]
    (curves,) = parts(page, Curves)
    assert isinstance(curves, Curves)
    assert curves.log_y
    assert len(curves.curves[0].x) <= 200
    assert curves.curves[0].x[-1] == 500
    facts = [fact for part in parts(page, Facts) if isinstance(part, Facts) for fact in part.facts]
    assert ("schedule.steps", "4") in facts


def test_thinning_keeps_the_mean(tmp_path: Path) -> None:
    fill(tmp_path)
    (curves,) = parts(page_of(tmp_path), Curves)
    assert isinstance(curves, Curves)
    assert curves.curves[0].y[0] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)


def test_a_paper_budget_carries_no_notice(tmp_path: Path) -> None:
    fill(tmp_path, "paper")
    assert page_of(tmp_path).notice == ""


def test_runs_without_files_still_have_a_page(tmp_path: Path) -> None:
    with open_results(tmp_path / "results.sqlite") as results:
        failed = replace(ENTRY, status="failed: boom")
        results.record(failed, [Score("default", "gt", "psnr", "", "", None, reason="boom")])
    page = page_of(tmp_path)
    (facts,) = parts(page, Facts)
    assert isinstance(facts, Facts)
    assert ("status", "failed: boom") in facts.facts
    assert not parts(page, Slider)


def test_reports_are_rendered_when_their_content_changes_and_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    rendered: list[int] = []

    def render(out: Path, results: object, rows: object) -> None:
        rendered.append(1)
        for name in ("report.html", "report.pdf"):
            (out / name).write_text(f"{len(rendered)}")

    monkeypatch.setattr(module, "_render", render)
    with open_results(tmp_path / "results.sqlite") as results:
        publish(tmp_path, results)
        publish(tmp_path, results)
        assert len(rendered) == 1
        (tmp_path / "report.pdf").write_text("scribble")
        publish(tmp_path, results)
        assert len(rendered) == 2
        (tmp_path / "report.html").unlink()
        publish(tmp_path, results)
        assert len(rendered) == 3
        (tmp_path / "runs" / "net-1" / "run.json").write_text('{"device": "cuda"}')
        publish(tmp_path, results)
        assert len(rendered) == 4
        results.record(replace(ENTRY, status="failed: x"))
        publish(tmp_path, results)
        assert len(rendered) == 5
        publish(tmp_path, results)
        assert len(rendered) == 5


def test_a_system_with_fewer_seeds_is_named(tmp_path: Path) -> None:
    with open_results(tmp_path / "results.sqlite") as results:
        for number, (system, seed) in enumerate((("net", 0), ("other", 0), ("other", 1))):
            entry = replace(ENTRY, run=f"r{number}", system=system, grouping=system, seed=seed)
            score = Score("default", "gt", "psnr", "cat", "cat", 20.0)
            results.record(entry, [score], [Cost("seconds", 1.0)])
        (table,) = score_tables(leaderboard(results))
    assert "net: 1 of 2 seeds" in table.note
    assert "other" not in table.note


def test_the_page_says_in_one_line_what_was_compared(tmp_path: Path) -> None:
    fill(tmp_path)
    assert page_of(tmp_path).summary == "2 systems on 1 pictures of 1 scenes: made; demo budget"
