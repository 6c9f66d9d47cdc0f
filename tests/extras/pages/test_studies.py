"""Studies that are shown live."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from defocus.benchmark.documents.publish import publish
from defocus.benchmark.leaderboard.columns import shown_gain
from defocus.benchmark.leaderboard.rows import leaderboard
from defocus.benchmark.results.store import Entry, open_results
from defocus.benchmark.study.standing import standing_of, stored_entries
from defocus.errors import InputError
from defocus.extras.pages.studies import studies
from defocus.extras.pages.studies.studies import (
    ServedStudy,
    best_gain,
    find_studies,
    index_live,
    index_page,
)
from defocus.reports.model import Folded, Paragraph, Table
from defocus.training.record.checkpoint import Checkpoint, save_checkpoint
from tests.benchmark.example_study import make_study
from tests.benchmark.test_page import ENTRY, fill, parts


@pytest.mark.parametrize("content", ["{", "[]", '{"runs": []}'])
def test_a_study_with_damaged_plans_says_so(tmp_path, content):
    fill(tmp_path)
    (tmp_path / "study.json").write_text(content)
    for asked in (ServedStudy(tmp_path, "damaged").live, lambda: standing_of(tmp_path)):
        with pytest.raises(InputError, match=r"study\.json: cannot be read"):
            asked()


def test_a_served_store_is_read_again_only_when_it_has_changed(tmp_path, monkeypatch):
    fill(tmp_path)
    facts = {"system": "net", "dataset": "made", "seed": 0}
    (tmp_path / "study.json").write_text(json.dumps({"runs": {"net-1": facts}}))
    read: list[Path] = []

    def counted_entries(folder: Path) -> dict[str, Entry]:
        read.append(folder)
        return stored_entries(folder)

    monkeypatch.setattr(studies, "stored_entries", counted_entries)
    served = ServedStudy(tmp_path, "study")
    first = served.live()
    assert served.live() == first
    assert read.count(tmp_path) == 1
    with open_results(tmp_path / "results.sqlite") as results:
        results.record(replace(ENTRY, status="failed: boom"))
    assert served.live()["said"].startswith("1 failed")
    assert read.count(tmp_path) == 2


def test_a_closed_folder_is_a_line_on_the_index(tmp_path, monkeypatch, refused):
    opened = tmp_path / "a" / "b" / "open"
    for folder in (opened, tmp_path / "closed"):
        folder.mkdir(parents=True)
    fill(opened)
    look = Path.iterdir

    def closed(
        folder: Path,
    ) -> Iterator[Path]:  # the tests may run as root, whom nothing closes
        if folder.name == "closed":
            raise PermissionError(13, "Permission denied", str(folder))
        return look(folder)

    monkeypatch.setattr(Path, "iterdir", closed)
    studies = find_studies(tmp_path)
    assert [study.name for study in studies.studies] == ["a/b/open"]
    said = [part.text for part in parts(index_page(tmp_path, studies), Paragraph)]
    assert f"Not looked into: {tmp_path / 'closed'}: Permission denied" in said
    with refused(InputError):
        find_studies(tmp_path / "closed")


def test_the_index_says_gain_state_progress_and_when_and_studies_once(tmp_path):
    for name in ("a", "b"):
        out = make_study(tmp_path / name, 3, 24, protocols=("gt", "truth"))
        with open_results(out / "results.sqlite") as results:
            publish(out, results, reports=False)
    page = index_page(tmp_path, find_studies(tmp_path))
    assert f"{page.title} {page.sections[0][0]}".lower().count("studies") == 2, (
        "title and count"
    )
    (table,) = parts(page, Table)
    names = [column.name for column in table.columns]
    assert names == [
        "Study",
        "Best gain",
        "State",
        "Progress",
        "Time left",
        "Last change",
    ]
    row = dict(zip(names, table.rows[0], strict=True))
    with open_results(tmp_path / "a" / "results.sqlite") as results:
        gains = {
            row.system: shown_gain(row)
            for row in leaderboard(results)
            if (row.metric, row.protocol) == ("psnr", "truth") and row.gain is not None
        }
    best = max(gains, key=lambda system: gains[system])
    assert row["Best gain"] == f"{gains[best]:+.2f} dB, {best}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", str(row["Last change"]))
    assert best_gain(tmp_path / "none.csv") == "none yet"


def train_in_part(out: Path, run: str, step: int, seconds: float) -> None:
    """A training of 100 steps that was saved after some of them."""
    folder = out / "runs" / run
    folder.mkdir(parents=True)
    save_checkpoint(
        folder / "checkpoint.safetensors", Checkpoint(run, step, 100, {}, "0.1.0")
    )
    (folder / "train.csv").write_text(f"step,seconds\n1,9\n{step},{seconds}\n")


def test_the_time_left_is_that_of_the_steps_to_come_where_the_pace_is_known(tmp_path):
    """A run that has not begun takes as long as another seed; what was never timed is n/a."""
    out = tmp_path / "a"
    out.mkdir()
    fill(out)
    schedule = {"steps": 100}
    runs = {"net-1": "net", "slow-1": "slow", "slow-2": "slow", "other-1": "other"}
    facts = {
        run: {"system": system, "dataset": "made", "seed": 0, "schedule": schedule}
        for run, system in runs.items()
    }
    (out / "study.json").write_text(json.dumps({"runs": facts}))
    train_in_part(out, "slow-1", 40, 120.0)
    served = ServedStudy(out, "a")
    left = {anchor: cells[2] for anchor, *cells in served.live()["rows"]}
    assert list(left.values()) == ["none", "3 min", "5 min", "n/a"]
    listing = find_studies(tmp_path)
    (row,) = index_live(listing)["rows"]
    assert row[4] == "at least 8 min"
    (table,) = parts(index_page(tmp_path, listing), Table)
    assert (
        dict(zip([one.name for one in table.columns], table.rows[0], strict=True))[
            "Time left"
        ]
        == "at least 8 min"
    )
    named = {one.caption: one for one in parts(served._page(), Table)}
    open_runs = named["Where the runs stand"]
    at = [one.name for one in open_runs.columns].index("Time left")
    assert [cells[at] for cells in open_runs.rows] == list(left.values())[1:]
    (finished,) = [
        one for one in parts(served._page(), Folded) if one.title == "Finished"
    ]
    assert finished.line == "1 run"
    assert [cells[0] for cells in finished.parts[0].rows] == ["net-1"]
    (out / "runs/slow-1/train.csv").write_text("step,seconds\n40,40\n")
    assert [cells[2] for _, *cells in served.live()["rows"]][1:3] == ["60 s", "2 min"]
