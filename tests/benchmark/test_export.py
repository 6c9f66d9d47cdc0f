"""``defocus-bench table leaderboard``: one study in four formats, read back."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from defocus.benchmark.documents.publish import export_study
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.results.store import Cost, open_results
from defocus.errors import InputError
from tests.benchmark.example_study import ENTRY


@pytest.fixture
def study(tmp_path):
    """Two systems on twelve scenes; one has a name that a spreadsheet would run."""
    with open_results(tmp_path / "results.sqlite") as results:
        for number, name in enumerate(("net_1", "=cmd()")):
            scores = [
                Score(
                    "defocus-v1",
                    "gt",
                    "psnr",
                    f"p{k:02}",
                    f"s{k:02}",
                    20.0 + k / 7 + number,
                )
                for k in range(12)
            ]
            scores.append(
                Score("defocus-v1", "gt", "lpips", "p00", "s00", None, "", "no weights")
            )
            entry = replace(
                ENTRY, run=f"run-{number}", system=name, grouping=f"{number}" * 16, budget="paper",
                data_hash="f" * 64, evaluation="e" * 16,
            )  # fmt: skip
            results.record(entry, scores, [Cost("params_m", 1.5)])
    return tmp_path


def exported(study: Path, name: str, *, images: bool = False) -> Path:
    with open_results(study / "results.sqlite") as results:
        export_study(results, study / name, images=images)
    return study / name


def test_json_has_every_version_and_the_tests(study):
    document = json.loads(exported(study, "all.json").read_text(encoding="utf-8"))
    rows = {(row["system"], row["metric"]): row for row in document["rows"]}
    row = rows["net_1", "psnr"]
    assert (row["data_revision"], row["recipe"]) == ("f" * 12, "0" * 12)
    assert (row["profile"], row["evaluation"]) == ("defocus-v1", "e" * 16)
    assert row["interval"].endswith(
        "one training: the variance of training is not included"
    )
    assert rows["net_1", "lpips"]["value"] is None
    (track,) = document["tracks"]
    assert [each["system"] for each in track["standings"]] == ["=cmd()", "net_1"]
    (difference,) = track["differences"]
    assert difference["significant"]
    assert difference["difference"] == pytest.approx(1.0)


def test_csv_and_parquet_hold_the_same_and_no_formula(study):
    import pandas as pd

    with exported(study, "all.csv").open(newline="", encoding="utf-8") as handle:
        lines = list(csv.DictReader(handle))
    frame = pd.read_parquet(exported(study, "all.parquet"))
    assert list(frame.columns) == list(lines[0])
    assert len(frame) == len(lines)
    assert {line["system"] for line in lines} == {"'=cmd()", "net_1"}
    assert set(frame["system"]) == {"=cmd()", "net_1"}
    values = frame.loc[frame["metric"] == "psnr", "value"].tolist()
    assert [
        float(line["value"]) for line in lines if line["metric"] == "psnr"
    ] == pytest.approx(values)


def test_scores_of_pictures_say_where_they_come_from(study):
    lines = json.loads(exported(study, "images.json", images=True).read_text())
    assert len(lines) == 26
    assert {line["run"] for line in lines} == {"run-0", "run-1"}
    assert all(line["data_revision"] == "f" * 12 and line["scene"] for line in lines)
    assert {line["reason"] for line in lines if line["value"] is None} == {"no weights"}


def test_latex_is_escaped_and_leaves_empty_cells_out(study):
    text = exported(study, "all.tex").read_text()
    assert r"net\_1" in text
    assert "lpips" not in text
    rows = [line for line in text.splitlines() if line.endswith(r" \\")]
    assert len({line.count(" & ") for line in rows}) == 1


@pytest.mark.parametrize(("name", "images"), [("all.xlsx", False), ("all.tex", True)])
def test_what_cannot_be_written_leaves_no_file(study, name, refused, *, images):
    with refused(InputError):
        exported(study, name, images=images)
    assert not (study / name).exists()


def test_the_command_writes_beside_the_study(run, study, tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "results.sqlite").write_bytes((study / "results.sqlite").read_bytes())
    before = kept.stat().st_mtime_ns
    rows = tmp_path / "made" / "rows.csv"
    result = run("defocus-bench", "table", "leaderboard", "--to", rows, "--out", kept)
    assert result.returncode == 0, result.stderr
    # a study that is only read needs not be writable
    assert kept.stat().st_mtime_ns == before
    assert rows.read_text().startswith("system,input,weights")
