"""Verbs whose items go to several processes: an operation on files fails in one of these.

It is told as if there were one process, and the same command goes on, with one process as well."""

import errno
from collections import Counter
from dataclasses import replace
from signal import SIGKILL

import pytest

from tests.failing.test_storage import ON_FILES, left_behind, problems_of
from tests.failing.trials import (
    faults_of,
    name_of,
    row_of,
    told,
    tried,
    undisturbed,
    verb_called,
)
from tests.failing.warm_process import FAILS, KILLS, NO_FAULT, Fault, Trial

pytestmark = [pytest.mark.full, pytest.mark.timeout(3600)]

IN_PROCESSES = (
    "data audit pairs:.",
    "data compensate pairs:pairs",
    "data package pairs:pairs",
    "bench run --only",
)

TRIALS_OF_A_VERB = 3
"""Each starts processes, which takes seconds."""


@pytest.mark.parametrize("name", IN_PROCESSES)
def test_a_fault_of_the_disk_in_a_process_is_told_and_the_same_command_goes_on(
    name, trial_bench, record_property
):
    verb = verb_called(name)
    whole = undisturbed(verb, trial_bench)
    trial_bench.fresh()
    counted = trial_bench.run(verb, replace(NO_FAULT, in_children=True))
    assert counted.counts["write"] > 0, "a process has written"
    every = [
        replace(fault, in_children=True)
        for fault in faults_of(counted.counts, ON_FILES)
    ]
    faults = tried(verb, every, TRIALS_OF_A_VERB)
    problems = []
    wrong: Counter[str] = Counter()
    for fault in faults:
        trial_bench.fresh()
        trial = trial_bench.run(verb, fault)
        found = list(problems_of(as_of_command(trial, fault), fault, whole.trial))
        found += left_behind(verb, trial_bench, fault, trial, whole)
        wrong[name_of(fault)] += bool(found)
        problems += told(fault, trial, found)
    record_property("verb", f"{verb}, processes")
    record_property("trials", row_of(faults, wrong))
    assert not problems, "\n".join(problems)


def test_an_operation_that_fails_in_a_process_does_fail(trial_bench):
    verb = verb_called("data package pairs:pairs")
    trial_bench.fresh()
    fault = Fault("fsync", 1, FAILS, errno.EIO, in_children=True)
    trial = trial_bench.run(verb, fault)
    assert trial.code == 5
    assert "the disk reports a fault" in trial.said
    trial_bench.fresh()
    trial = trial_bench.run(verb, Fault("write", 1, KILLS, SIGKILL, in_children=True))
    assert trial.code == 1
    assert "a process was killed" in trial.said


def as_of_command(trial: Trial, fault: Fault) -> Trial:
    """A command whose process was killed says so and ends with 1, as one that was killed itself."""
    was_killed = fault.fate == KILLS and "a process was killed" in trial.said
    return replace(trial, code=130) if was_killed and trial.code == 1 else trial
