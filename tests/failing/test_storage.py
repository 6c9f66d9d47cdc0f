"""Every verb, with the n-th write, fsync, rename, open, mkdir, unlink or read of it failing.

Nothing is half-written under a final name, the exit code is right, one line says what is wrong, no
temporary file stays, and the next run gives the bytes of an undisturbed one. So it is where a
signal comes at the n-th operation. ``DEFOCUS_FAULTS`` is the number of trials of a verb, or
``all``.
"""

import errno
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.failing.trials import (
    IS_NOT_JUDGED,
    IS_RELEASED,
    READING,
    RESUMED,
    STORING,
    VERBS,
    Bench,
    Undisturbed,
    differences,
    faults_of,
    half_written,
    name_of,
    refuse_long_form,
    repeated_code,
    row_of,
    told,
    tried,
    undisturbed,
    unfinished,
    verb_called,
)
from tests.failing.warm_process import FAILS, IS_SHORT, KILLS, KINDS, Fault, Trial
from tests.verbs import Verb

pytestmark = [pytest.mark.full, pytest.mark.timeout(7200)]

ON_FILES = [kind for kind in KINDS if kind != "memory"]

TRIALS_OF_A_VERB = 2
"""As many, spread over its operations, make two minutes of all verbs on two cores."""

OF_CACHE = re.compile(r"^defocus-\w+: cannot write \S*/cache/", re.MULTILINE)
"""What a command says as its last word where only its cache cannot be written."""

STORES_IN_CACHE = {"bench weights add"}
"""What a person asks these to store is in the cache: they end where it cannot be written."""


@pytest.mark.parametrize("verb", VERBS, ids=str)
def test_a_fault_of_the_disk_is_told_and_the_same_command_goes_on(
    verb, trial_bench, record_property
):
    refuse_long_form(verb)
    whole = undisturbed(verb, trial_bench)
    faults = tried(verb, faults_of(whole.trial.counts, ON_FILES), TRIALS_OF_A_VERB)
    problems = []
    wrong: Counter[str] = Counter()
    for fault in faults:
        trial_bench.fresh()
        trial = trial_bench.run(verb, fault)
        wants_cache = str(verb) in STORES_IN_CACHE
        found = list(problems_of(trial, fault, whole.trial, wants_cache=wants_cache))
        found += left_behind(verb, trial_bench, fault, trial, whole)
        wrong[name_of(fault)] += bool(found)
        problems += told(fault, trial, found)
    record_property("verb", str(verb))
    record_property("trials", row_of(faults, wrong))
    assert not problems, "\n".join(problems)


def problems_of(
    trial: Trial, fault: Fault, whole: Trial, *, wants_cache: bool = False
) -> Iterator[str]:
    """What is wrong with how a command with a fault ended."""
    if "Traceback" in trial.said:
        yield "a traceback"
    killed = fault.fate == KILLS
    if killed and trial.code not in {-fault.value, 130, whole.code}:
        yield f"exit code {trial.code} after a signal"
    codes = {0, 1, 2, 5, whole.code}
    if fault.fate == IS_SHORT:
        codes = {whole.code}
    if not killed and trial.code not in codes:
        yield f"exit code {trial.code}"
    if trial.code == 5 and OF_CACHE.search(trial.said) and not wants_cache:
        yield "a cache that cannot be written ends the command"
    told = trial.code == 5 or "DEFOCUS_CACHE" in trial.said
    fails_to_store = fault.fate == FAILS and fault.kind in STORING
    if fails_to_store and trial.code != whole.code and not told:
        yield f"exit code {trial.code}, though nothing is wrong with what is read"


def left_behind(
    verb: Verb, bench: Bench, fault: Fault, trial: Trial, whole: Undisturbed
) -> Iterator[str]:
    """What is wrong with the files after a trial, and after the next run."""
    if str(verb) in RESUMED:
        yield from unfinished(bench, verb, whole.trial)
        return
    content, ended = bench.content(), trial.code == whole.trial.code
    if ended and not list(differences(trial, {trial.code}, content, whole)):
        return
    cannot_read = fault.kind in READING and fault.fate == FAILS
    if not cannot_read:
        yield from half_written(content, whole)
    elif IS_NOT_JUDGED in trial.said:
        return
    after = bench.run(verb)
    if (
        cannot_read
        and trial.code == 1
        and after.code == 2
        and IS_RELEASED in after.said
    ):
        return
    content, codes = bench.content(), {whole.trial.code}
    if ended and after.code not in codes:
        codes.add(repeated_code(verb, bench))
    yield from differences(after, codes, content, whole)


def test_an_operation_that_fails_does_fail(trial_bench):
    """The library lets what it counts fail: a trial with a full disk is no undisturbed one."""
    verb = verb_called("data package pairs:pairs")
    trial_bench.fresh()
    counts = trial_bench.run(verb).counts
    assert min(counts[kind] for kind in STORING) > 0
    trial_bench.fresh()
    trial = trial_bench.run(
        verb, Fault("fsync", counts["fsync"] // 2, FAILS, errno.EIO)
    )
    assert trial.code == 5
    assert "the disk reports a fault" in trial.said
    assert [path.name for path in (trial_bench.place / "world").glob("package*")] == []
