"""Published numbers and the comparison with them."""

from dataclasses import replace

import pytest

from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.published.numbers import (
    all_published,
    compared,
    select_published,
)
from defocus.benchmark.results.store import NARROW, Cost, open_results
from defocus.errors import InputError
from tests.benchmark.example_study import entry, make_study


def test_every_row_is_whole_and_every_value_a_number():
    rows = all_published()
    assert len(rows) == 786
    assert all(row.system and row.dataset and row.metric and row.source for row in rows)
    assert {row.protocol for row in rows} == {"gt", "deformed-gt", "unspecified"}
    assert all(float(row.value) * row.scale > -1000 for row in rows)


def test_values_stay_as_printed_and_the_scale_makes_them_true():
    poster = [row for row in select_published("ifan", "dpdd", "mae") if row.scale != 1]
    assert poster
    assert {row.scale for row in poster} == {0.1}
    assert all(0.03 < row.true_value < 0.05 for row in poster)
    assert select_published("input", "dpdd", "psnr")[0].value == "23.890"


def test_a_printed_average_that_is_weighted_by_pictures_says_so():
    """The lines of CauSiam's README give its average over 76, 50, 725 and 22 pictures."""
    rows = {(one.system, one.dataset): one for one in select_published(metric="psnr")}
    pictures = {"dpdd": 76, "realdof": 50, "lfdof": 725, "rtf": 22}
    for system in ("causiam", "causiam-source"):
        whole = sum(
            rows[system, name].true_value * many for name, many in pictures.items()
        )
        average = rows[system, "dpdd+realdof+lfdof+rtf"]
        assert average.true_value == pytest.approx(whole / 873, abs=1e-3)
        assert "all 873 pictures" in average.note


def test_rows_of_realdof_at_another_size_say_that_they_cannot_be_compared():
    for system in ("mbsd", "p2ikt", "deddnet"):
        rows = select_published(system, "realdof")
        assert len(rows) == 7
        assert all("not comparable with its full size" in row.note for row in rows)
    copied = select_published("rddm")
    assert {row.metric for row in copied} == {"psnr", "ssim", "lpips"}
    assert all("copied by the authors of MBSD" in row.note for row in copied)


def test_names_of_ours_are_understood_and_unknown_ones_refused():
    assert select_published("wiener") == []
    for wrong in ({"system": "nope"}, {"dataset": "nope"}, {"metric": "nope"}):
        with pytest.raises(InputError, match="no table has"):
            select_published(**wrong)
    with pytest.raises(InputError, match="did you mean 'restormer"):
        select_published("restromer")


@pytest.mark.parametrize(
    "words",
    [
        "kpac --metric psnr --json",
        "kpac --dataset dpdd",
        "wiener",
        "ifan --against study",
        "ifan --against narrow",
    ],
)
def test_the_command(run, tmp_path, words, said, snapshot):
    make_study(tmp_path / "study")
    (tmp_path / "narrow").mkdir()
    with open_results(tmp_path / "narrow" / "results.sqlite") as results:
        results.record(
            replace(entry(4, "demo"), weights=NARROW), [], [Cost("params_m", 0.2)]
        )
    assert said(run("defocus-bench", "published", *words.split())) == snapshot


def row(**facts: object) -> Row:
    base = {
        "system": "kpac", "input": "single", "weights": "trained", "train_dataset": "dpdd:x",
        "dataset": "dpdd:x", "split": "test", "budget": "quick", "profile": "defocus-v1",
        "protocol": "gt", "flow": "", "metric": "ssim", "value": 0.8, "ci_low": None,
        "ci_high": None, "images": 76, "scenes": 76, "seeds": 1, "status": "ok",
    }  # fmt: skip
    return Row(**{**base, **facts})  # type: ignore[arg-type]


def test_a_difference_is_explained_by_what_is_known_to_differ():
    comparison = compared([row()], "kpac", ["dpdd"])
    assert comparison
    reasons = " ".join(comparison[0].reasons)
    assert comparison[0].difference == pytest.approx(0.8 - comparison[0].published)
    assert "weights: ours are trained (quick budget)" in reasons
    assert "upper 8 of 16 bits" in reasons
    assert "rounds the output to 8 bits" in reasons
    deformed = compared([row(protocol="deformed-gt", flow="dis")], "kpac", ["dpdd"])
    assert all("flow: not comparable" in " ".join(each.reasons) for each in deformed)
    same = compared([row(profile="png8", weights="official")], "kpac", ["dpdd"])
    assert not any("profile" in reason for each in same for reason in each.reasons)
    assert compared([row(dataset="folders:x")], "kpac", ["dpdd"]) == []


def test_weights_that_others_trained_are_told_from_the_authors():
    official = row(weights="official", train_dataset="cldefocus")
    theirs, unknown = ("dpdd", "lfdof"), ("unknown",)
    said = {
        trained_on: compared([official], "kpac", trained_on)[0].reasons[0]
        for trained_on in (theirs, unknown, ())
    }
    begin = "weights: trained on cldefocus; those of the authors on"
    assert said[theirs] == f"{begin} dpdd, lfdof"
    assert said[unknown] == said[()] == f"{begin} unknown"
    same = compared([replace(official, train_dataset="dpdd")], "kpac", theirs)
    assert not any("weights" in reason for one in same for reason in one.reasons)
