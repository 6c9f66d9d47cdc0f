"""The page of an audit: its verdict, the pairs that fail, and a next command that works."""

import re
import shlex
from dataclasses import replace

import pytest

from defocus.align.motion_limits import MotionLimits
from defocus.datasets.audit.page import _pairs
from defocus.datasets.audit.page_parts import (
    COMMON_LIMIT_PX,
    checks_table,
    failing_parts,
    headline,
    next_parts,
    usable_parts,
)
from defocus.datasets.audit.pair_audit import AuditedPair, NearDuplicate
from defocus.datasets.audit.run import Audit
from defocus.datasets.audit.table import document, failing_pairs, failures
from defocus.datasets.commands.audit import _say_usable
from defocus.datasets.curation_rules import Rules, usable_pairs
from defocus.datasets.pair import step
from defocus.processes.isolation import LeftOut
from defocus.reports.model import Paragraph
from tests.datasets.test_audit import ALONE, add_pair, defocused, scene


def ok(name, size, split="train"):
    return AuditedPair(
        name, name, split, "ok", misalignment_px=size, misalignment_sigma_px=0.1
    )


def audit_of(*pairs: AuditedPair, leaks=()):
    return Audit("pairs:my set", "hash", "dis", pairs, leaks)


UNKNOWN = AuditedPair(
    "wall", "wall", "train", "unknown", "only 0 of 99 tiles show enough"
)
BROKEN = AuditedPair("broken", "broken", "train", "unreadable", "broken.png: cut short")
LEAK = NearDuplicate("good", "again", ("train", "test"), 0.99)
CURATE = "defocus-data curate 'pairs:my set' --out 'my set-curated'"
GOOD = ok("good", 0.1), ok("again", 0.2, "test")


def next_facts(audit, limit_px):
    (part,) = next_parts(
        audit, failures(audit, limit_px), limit_px, usable_pairs(audit)
    )
    return dict(part.facts)


def test_the_pairs_that_fail_are_named_worst_first_with_every_reason():
    audit = audit_of(
        BROKEN, ok("some", 1.002), *GOOD, UNKNOWN, ok("far", 3.0), leaks=(LEAK,)
    )
    reasons = failing_pairs(failures(audit, 1.0))
    assert list(reasons) == ["far", "some", "broken", "wall", "good", "again"]
    assert reasons["some"] == ["misaligned by 1.002 ± 0.100 px in the mean"]
    assert reasons["good"] == ["in two splits: nearly the same picture as again (test)"]
    assert reasons["again"] == [
        "in two splits: nearly the same picture as good (train)"
    ]
    assert headline(audit, failures(audit, 1.0), 1.0).startswith(
        "Failed: 6 of 6 pairs fail"
    )
    assert len(failing_pairs(failures(audit, 0.05))["good"]) == 2
    checks = checks_table(failures(audit, 1.0), 1.0, str)
    numbers, firsts = zip(*(row[1:] for row in checks.rows), strict=True)
    assert numbers == (2.0, 1.0, 1.0, 0.0, 1.0)
    assert firsts == ("far", "wall", "broken", "none", "good")


@pytest.mark.parametrize(
    ("pairs", "leaks"), [((UNKNOWN,), ()), ((BROKEN,), ()), ((), (LEAK,))], ids=str
)
def test_other_faults_fail(pairs, leaks):
    audit = audit_of(*GOOD, *pairs, leaks=leaks)
    faults = failures(audit, 1.0)
    assert faults.any
    assert headline(audit, faults, 1.0).startswith("Failed")
    assert not failures(audit_of(*GOOD), 1.0).any


def test_a_dataset_that_passes_and_one_without_limit_say_so():
    good, none = (
        audit_of(*GOOD),
        audit_of(AuditedPair("a", "a", "train", "no-sharp", "no sharp")),
    )
    assert headline(good, failures(good, 1.0), 1.0).startswith(
        "Passed: 2 pairs, none misaligned"
    )
    assert failing_parts(good, failures(good, 1.0), str) == ()
    repaired = next_parts(good, failures(good, 1.0), 1.0, usable_pairs(good))
    assert repaired == (Paragraph("Nothing has to be repaired."),)
    alike = replace(good, same_places=(LEAK,))
    (looked_at,) = next_parts(alike, failures(alike, 1.0), 1.0, usable_pairs(alike))
    assert "Look at 1 pair of pictures below: perhaps one place" in looked_at.text
    assert headline(good, failures(good, None), None).startswith(
        "Neither passed nor failed"
    )
    assert (
        next_facts(good, None)["run"]
        == "defocus-data audit 'pairs:my set' --fail-above 1px"
    )
    assert headline(none, failures(none, 1.0), 1.0).startswith(
        "Failed: none of 1 pair could be"
    )
    (text,) = next_parts(none, failures(none, 1.0), 1.0, usable_pairs(none))
    assert "nothing to align" in text.text


def test_the_next_command_is_that_of_the_gravest_failure():
    """What is misaligned is moved; what cannot be moved is left out; a person sees the unknown."""
    moved = next_facts(audit_of(*GOOD, ok("far", 3.0), UNKNOWN, BROKEN), 1.0)
    assert (
        moved["run"]
        == "defocus-data compensate 'pairs:my set' --out 'my set-compensated'"
    )
    assert "the files of broken: compensation leaves" in moved["first"]
    assert "unknown misalignment are left out" in moved["what it does"]
    seen = next_facts(audit_of(*GOOD, UNKNOWN), 2.0)
    assert "rules allow 1 px" in seen["what it does"]
    leaking = next_facts(audit_of(*GOOD, leaks=(LEAK,)), 1.0)
    assert leaking["run"] == seen["run"] == CURATE
    assert Rules().most_misalignment_px == COMMON_LIMIT_PX
    limits = MotionLimits.of("similarity", 8.0)
    limited = Audit("pairs:a", "hash", "pwcnet", (ok("far", 3.0),), (), limits=limits)
    words = shlex.split(next_facts(limited, 1.0)["run"])
    assert words[5:] == ["--estimator", "pwcnet", *limits.arguments]


def test_how_many_pairs_can_be_used_is_said_first_and_that_compensation_comes_before():
    audit = audit_of(*GOOD, ok("far", 3.0), ok("farther", 9.0), UNKNOWN)
    usable = usable_pairs(audit)
    assert (
        usable.words
        == "2 of 5 pairs can be used as they are, 2 only after compensation, 1 not"
    )
    facts = next_facts(audit, None)
    assert (
        facts["run"]
        == "defocus-data compensate 'pairs:my set' --out 'my set-compensated'"
    )
    assert (
        "curate 'manifest:my set-compensated' --out 'my set-curated'"
        in facts["what it does"]
    )
    (wrong,) = usable_parts(usable, str)
    assert wrong.rows == (
        ("wall", "its misalignment is unknown: only 0 of 99 tiles show enough"),
    )
    lacking = replace(audit, outside=(LeftOut("gone", "no file"),))
    aligned_facts = usable_pairs(lacking, [step("compensate")])
    assert not aligned_facts.compensated, (
        "what was compensated is not compensated again"
    )
    assert aligned_facts.words == "2 of 6 pairs can be used, 4 not"
    counts = document(lacking, None)["counts"]
    assert (counts["unreadable"], sum(counts.values())) == (1, 6), (
        "as what is said of all pairs"
    )


def test_why_measured_pairs_cannot_be_used_is_said_once_for_many_alike(capsys):
    bent = [replace(ok(f"bent{k}", 0.1), residual_p95_px=4.0 + k) for k in range(5)]
    audit = audit_of(*GOOD, *bent, UNKNOWN)
    _say_usable(audit.dataset, audit, usable_pairs(audit))
    reason = "residual flow 4 px, at most 1 is allowed"
    assert capsys.readouterr().err.splitlines() == [
        "2 of 8 pairs can be used, 6 not",
        f"cannot be used: 5 of 8 pairs, such as bent0: {reason}",
    ]


def test_many_failing_pairs_leave_the_next_step_near():
    audit = audit_of(*(ok(f"p{k}", 2.0 + k) for k in range(30)))
    (part,) = failing_parts(audit, failures(audit, 1.0), str)
    assert len(part.rows) == 20
    assert part.note.startswith("20 of 30;")


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (1, "The one measured pair;"),
        (17, "All 17 measured pairs;"),
        (201, "The 200 most misaligned of 201 measured pairs;"),
    ],
)
def test_the_table_says_which_pairs_it_has(measured, words):
    pairs = (*(ok(f"p{k}", 1.0) for k in range(measured)), UNKNOWN)
    anchors = {pair.id: f"pair-{number}" for number, pair in enumerate(pairs)}
    assert _pairs(pairs, anchors).note.startswith(words)


def test_the_next_command_of_the_page_makes_the_dataset_pass(tmp_path, run):
    """Both commands are run as they stand on the page, in the folder that has the dataset."""
    names = ("astronaut", "coffee")
    for name in names:
        add_pair(
            tmp_path / "set", "train", name, defocused(scene(name)), scene(name, 37, 42)
        )

    def page_of(out):
        return (tmp_path / out / "audit.html").read_text()

    result = run("defocus-data", "audit", "pairs:set", "--fail-above", "1px", *ALONE)
    assert result.returncode == 1
    command = "defocus-data compensate pairs:set --out set-compensated"
    usable = "0 of 2 pairs can be used as they are, 2 only after compensation"
    assert f"{usable}\ncompensate first, then curate: {command}\n" in result.stderr
    direct = run("defocus-data", "curate", "pairs:set", "--out", "direct", *ALONE)
    assert direct.returncode == 1, "no pair is accepted"
    assert f"{usable}; compensate first: {command}\n" in direct.stderr
    page = page_of("audit")
    assert "<dt>where</dt><dd>in the folder that holds set</dd>" in page
    assert "Failed: 2 of 2 pairs" in page
    assert (
        page.index("Next step")
        < page.index("why it fails")
        < page.index("What was checked")
    )
    assert page.index("What was checked") < page.index("SHA-256"), (
        "what identifies it comes last"
    )
    assert "<svg" not in page, "two pairs have no distribution"
    (first,) = re.findall(r"<dt>run</dt><dd>(.*?)</dd>", page)
    assert run(*shlex.split(first)).returncode == 0
    (then,) = re.findall(r"Then audit it: (.*?)</dd>", page)
    assert run(*shlex.split(then), *ALONE).returncode == 0
    assert "Passed: 2 pairs" in page_of("set-compensated-audit")

    add_pair(
        tmp_path / "set", "train", "rocket", defocused(scene("rocket")), scene("rocket")
    )
    one = run("defocus-data", "curate", "pairs:set", "--out", "one", *ALONE)
    assert one.returncode == 0, one.stderr
    assert one.stdout.startswith("one: 1 of 3 pairs kept\n")
    assert one.stderr.splitlines()[-1].endswith(f"; compensate first: {command}"), (
        "it comes last"
    )
