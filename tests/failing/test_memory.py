"""Every verb that works on pictures, with the n-th large array of it not to be had.

Its picture is left out and named, or the verb ends with one line that says so, or does its work in
smaller parts; the next run gives the bytes of an undisturbed one. ``DEFOCUS_FAULTS`` is the number
of trials of a verb, or ``all``.
"""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.failing.trials import (
    IS_RELEASED,
    RESUMED,
    VERBS,
    Bench,
    Undisturbed,
    differences,
    faults_of,
    half_written,
    name_of,
    refuse_long_form,
    row_of,
    told,
    tried,
    undisturbed,
    unfinished,
)
from tests.failing.warm_process import Trial
from tests.verbs import Verb

pytestmark = [pytest.mark.full, pytest.mark.timeout(7200)]

TRIALS_OF_A_VERB = 1
"""As many take half a minute of all verbs on two cores."""


@pytest.mark.parametrize("verb", VERBS, ids=str)
def test_memory_that_runs_out_is_told(verb, trial_bench, record_property):
    refuse_long_form(verb)
    whole = undisturbed(verb, trial_bench)
    faults = tried(verb, faults_of(whole.trial.counts, ["memory"]), TRIALS_OF_A_VERB)
    if not faults:
        pytest.skip("it has no large arrays")
    problems = []
    wrong: Counter[str] = Counter()
    for fault in faults:
        trial_bench.fresh()
        trial = trial_bench.run(verb, fault)
        found = [
            *problems_of(trial, whole.trial),
            *left_behind(verb, trial_bench, trial, whole),
        ]
        wrong[name_of(fault)] += bool(found)
        problems += told(fault, trial, found)
    record_property("verb", str(verb))
    record_property("trials", row_of(faults, wrong))
    assert not problems, "\n".join(problems)


def problems_of(trial: Trial, whole: Trial) -> Iterator[str]:
    """What is wrong with how a command without enough memory ended."""
    if "Traceback" in trial.said:
        yield "a traceback"
    if "please report" in trial.said:
        yield "a lack of memory is taken for a fault of the program"
    if trial.code == whole.code:
        return
    if trial.code not in {1, 2}:  # 2 where the only picture is left out
        yield f"exit code {trial.code}"
    if "memory" not in trial.said:
        yield f"exit code {trial.code}, and memory is not named"


def left_behind(
    verb: Verb, bench: Bench, trial: Trial, whole: Undisturbed
) -> Iterator[str]:
    """What is wrong with the files after a trial, and after the next run."""
    if str(verb) in RESUMED:
        yield from unfinished(bench, verb, whole.trial)
        return
    is_named = "memory" in trial.said  # what was left out, or not judged
    ended = trial.code == whole.trial.code
    if ended and is_named:
        return
    if ended:
        yield from differences(trial, {trial.code}, bench.content(), whole)
        return
    if "left out" not in trial.said:
        yield from half_written(bench.content(), whole)
    after = bench.run(verb)
    if not (after.code == 2 and IS_RELEASED in after.said):
        yield from differences(after, {whole.trial.code}, bench.content(), whole)
