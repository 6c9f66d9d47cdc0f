"""A changed test picture is scored anew and trains nothing; a training pair trains again."""

import json
import shutil
from dataclasses import replace

import cv2
import pytest

from defocus.benchmark.evaluation.kept_scores import KeptScores, ScoresOfPicture
from defocus.benchmark.results.run_folder import KEPT_SCORES
from defocus.benchmark.results.score_matrix import Score
from defocus.benchmark.study.plan import plan_runs
from defocus.datasets.pair import Pair
from tests.benchmark.conftest import make_pictures
from tests.benchmark.test_plan import DATASET, baseline


def test_a_training_is_known_by_training_and_validation_and_its_scores_by_the_test_too():
    system = baseline("net")
    here = replace(DATASET, learnt_hash="1" * 64)
    other_test = replace(here, content_hash="2" * 64)
    other_training = replace(here, learnt_hash="3" * 64)
    (run,), (scored_again,), (trained_again,) = (
        plan_runs([system], one, "demo") for one in (here, other_test, other_training)
    )
    assert scored_again.id == run.id
    assert scored_again.group != run.group
    assert trained_again.id != run.id


def test_where_the_test_chooses_the_checkpoint_it_decides_the_training():
    system = baseline("net")
    recipe = system.recipe().model_copy(update={})  # type: ignore[misc]
    chosen = recipe.model_copy(
        update={"training": recipe.training.model_copy(update={"select": "official"})}
    )
    by_test = replace(system, recipe=lambda: chosen)
    here = replace(DATASET, learnt_hash="1" * 64)
    (run,) = plan_runs([by_test], here, "demo")
    (other,) = plan_runs([by_test], replace(here, content_hash="2" * 64), "demo")
    assert run.id != other.id


def test_kept_scores_are_those_of_the_same_key_and_a_line_cut_short_is_none(tmp_path):
    pairs = [Pair(name, name, "test", tmp_path / name) for name in "ab"]
    picture = ScoresOfPicture(
        [Score("p", "gt", "psnr", "a", "a", 30.0)], (4, 5), 0.5, 0.01
    )
    keys = {"a": "key-a", "b": "key-b"}
    KeptScores(tmp_path, keys).add(pairs[0].id, picture)
    with (tmp_path / KEPT_SCORES).open("a") as file:
        file.write('{"key": "key-b", "scores": [[')
    kept = KeptScores(tmp_path, keys)
    assert kept.of(pairs[0]) == picture
    assert kept.of(pairs[1]) is None
    assert KeptScores(tmp_path, keys | {"a": "another"}).of(pairs[0]) is None


@pytest.mark.full
def test_one_changed_picture_is_scored_alone_and_what_changed_is_named(bench, tmp_path):
    pictures = make_pictures(tmp_path / "pictures", ("a", "b", "t1", "t2"))
    arguments = [
        "run",
        "--only",
        "tiny-conv",
        "--dataset",
        f"tiny:{pictures}",
        "--out",
        "out",
    ]
    assert bench(*arguments).returncode == 0
    (folder,) = (tmp_path / "out" / "runs").glob("tiny-conv-*")
    checkpoint = (folder / "checkpoint.safetensors").read_bytes()
    lines = (folder / KEPT_SCORES).read_text().splitlines()
    assert {json.loads(line)["pair"] for line in lines} == {"t1", "t2"}

    make_pictures(tmp_path / "new", ("t2",), first=9)
    shutil.copy(tmp_path / "new" / "t2" / "blurry.png", pictures / "t2" / "blurry.png")
    said = "tiny: 1 pair (t2) of the test changed: scored again, without training"
    plan = bench(*arguments, "--dry-run")
    assert said in plan.stderr
    assert "trained again" not in plan.stderr
    again = bench(*arguments)
    assert said in again.stderr
    assert list((tmp_path / "out" / "runs").glob("tiny-conv-*")) == [folder]
    assert (folder / "checkpoint.safetensors").read_bytes() == checkpoint
    added = (folder / KEPT_SCORES).read_text().splitlines()[len(lines) :]
    assert [json.loads(line)["pair"] for line in added] == ["t2"]
    assert "nothing is repeated" in bench(*arguments).stderr

    sharp = cv2.imread(str(pictures / "a" / "sharp.png"))
    cv2.imwrite(
        str(pictures / "a" / "sharp.png"), cv2.convertScaleAbs(sharp, alpha=0.9)
    )
    reason = "1 pair (a) of training or validation changed"
    assert f"tiny-conv: trained again: {reason}" in bench(*arguments).stderr
    assert reason in (tmp_path / "out" / "report.html").read_text()

    (tmp_path / "s.toml").write_text("[schedule]\nsteps = 3\n")
    assert bench(*arguments, "--settings", "s.toml").returncode == 0
    (tmp_path / "s.toml").write_text("[schedule]\nsteps = 4\n")
    plan = bench(*arguments, "--settings", "s.toml", "--dry-run")
    assert "schedule.steps was 3, is 4" in plan.stderr
