"""A test picture whose processes were killed is not unreadable: its run is not finished."""

import pytest

from defocus.baselines.registry import baseline
from defocus.benchmark.evaluation import picture_scores
from defocus.benchmark.leaderboard.terminal import say_incomplete
from defocus.benchmark.results.store import STORE, read_results
from defocus.benchmark.study.plan import Study, plan_runs
from defocus.benchmark.study.run import evaluate_study, run_studies
from defocus.datasets.api import open_dataset
from defocus.errors import KilledError
from defocus.processes.isolation import Killed
from tests.datasets.conftest import write_folder

pytestmark = pytest.mark.full
NAMES = [f"{letter}.png" for letter in "abc"]
REASON = "the processes that worked on it were killed; use machines with more memory"


@pytest.fixture
def study(tmp_path):
    write_folder(tmp_path / "noise" / "test", NAMES, bits=8)
    dataset = open_dataset(f"pairs:{tmp_path / 'noise'}")
    runs = plan_runs([baseline("input")], dataset, "demo")
    return Study(tmp_path / "out", dataset, runs)


@pytest.fixture
def killing(monkeypatch):
    """The processes of the second picture are killed."""
    each = picture_scores.each

    def disturbed(work, items, where):
        for number, (name, result) in enumerate(each(work, items, where)):
            yield name, Killed(name, REASON) if number == 1 else result

    with monkeypatch.context() as patch:
        patch.setattr(picture_scores, "each", disturbed)
        yield patch


def scores_of(study):
    with read_results(study.out / STORE) as results:
        (run,) = study.runs
        return [one for one in results.scores(run.id) if "seconds" not in one.metric]


def test_it_is_not_stored_and_the_same_command_goes_on(study, killing, capfd):
    outcome = run_studies([study], where=2)
    (run,) = study.runs
    assert list(outcome.unfinished) == [run.id]
    assert (outcome.failed, outcome.left_out, scores_of(study)) == ([], [], [])
    assert say_incomplete(outcome, [study]) == 1
    with pytest.raises(KilledError):
        outcome.require_complete()
    said = capfd.readouterr().err
    assert f"{REASON}; then give the same command again" in said
    assert f"{run.id} is not finished; give the same command again" in said
    killing.undo()
    again = run_studies([study], where=2)
    assert (again.unfinished, again.left_out) == ([], [])
    assert {one.pair for one in scores_of(study)} == {"test-a", "test-b", "test-c"}


def test_earlier_scores_stay_where_it_is_evaluated_again(study, killing):
    killing.undo()
    run_studies([study])
    before = scores_of(study)
    each = picture_scores.each

    def broken(work, items, where):
        yield next(iter(each(work, items, 1)))
        raise KilledError("a process was killed")

    killing.setattr(picture_scores, "each", broken)
    outcome = evaluate_study(study, 2)
    assert len(outcome.unfinished) == 1
    assert scores_of(study) == before
    assert say_incomplete(outcome, [study]) == 1
